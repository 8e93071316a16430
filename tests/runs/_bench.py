"""What the tests of runs share: agents by name, a run of one of them, and crashes at any write."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from retinue.agents import Agent
from retinue.errors import RetinueError, UnknownModel
from retinue.messages import Message
from retinue.messages.events import LogEvent
from retinue.runs import Embedded, Run
from retinue.storage import Interrupt, Order, Store
from retinue.storage.memory import MemoryStore

from ..chaos._crashing import CrashingStore  # noqa: TID252 - one crash for all tests

PATIENCE = 20.0
"""Seconds that anything in these tests may take."""

type Answering = Callable[[Interrupt], Any]
"""What a person answers."""


class Agents:
    """A catalog of agents that are made anew in every process: `make` gives them."""

    def __init__(self, *agents: Agent) -> None:
        self._agents = {agent.name: agent for agent in agents}

    def agent(self, name: str, version: str | None) -> Agent:
        if name not in self._agents:
            raise UnknownModel(f"No agent {name!r}")
        return self._agents[name]


class Notebook:
    """Keeps count of what happens outside of any store, and so outlives every process."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> int:
        """Write it down; how many times it was written by now."""
        self.lines.append(line)
        return self.lines.count(line)

    def count(self, line: str) -> int:
        return self.lines.count(line)


async def order(store: Store, agent: str, words: str = "Go", **fields: Any) -> Run:
    """A run that waits for an engine, in a conversation of its own."""
    conversation = await store.log("ann").begin()
    question = Message(words, role="user")
    wanted = Order(conversation=conversation.id, agent=agent, messages=(question,), **fields)
    return Run(store, await store.runs("ann").order(wanted))


def nobody(asked: Interrupt) -> Any:
    """No question is expected; one that comes is a failure of the test."""
    raise AssertionError(f"{asked.kind}: {asked.question}")


def answering(book: Notebook) -> Answering:
    """Somebody who agrees, and who can look in the book whether an effect happened."""

    def answer(asked: Interrupt) -> Any:
        if asked.kind == "input":
            return "yes"
        assert asked.kind == "unknown_outcome", f"{asked.kind}: {asked.question}"
        what = asked.question["args"][1]["what"]
        return {"happened": book.count(f"effect {what}") > 0, "result": f"bumped {what}"}

    return answer


@asynccontextmanager
async def person(run: Run, answer: Answering) -> AsyncGenerator[None]:
    """Somebody who answers what the run asks, as soon as it does."""
    async with asyncio.TaskGroup() as tasks:
        answering = tasks.create_task(_answer_all(run, answer))
        try:
            yield
        finally:
            answering.cancel()


async def _answer_all(run: Run, answer: Answering) -> None:
    while True:
        for asked in await run.questions():
            with suppress(RetinueError):
                await run.answer(asked.id, answer(asked))
        await asyncio.sleep(0.005)


async def question(run: Run) -> Interrupt:
    """The first question that the run asks."""
    async with asyncio.timeout(PATIENCE):
        while not (asked := await run.questions()):
            await asyncio.sleep(0.002)
    return asked[0]


async def status(run: Run, wanted: str) -> None:
    """Wait until the run stands there."""
    async with asyncio.timeout(PATIENCE):
        while (await run.record()).status != wanted:
            await asyncio.sleep(0.002)


async def replies(run: Run) -> list[str]:
    """The texts of what it replied."""
    async with asyncio.timeout(PATIENCE):
        return [message.text for message in await run.replies()]


async def log_of(store: Store, run: Run) -> tuple[LogEvent, ...]:
    return await store.log("ann").events(run.conversation, limit=10_000)


async def execute(make: Callable[[], Agents], agent: str, answer: Answering) -> list[str]:
    """What the agent replies in a run that nothing disturbs."""
    async with MemoryStore() as store:
        run = await order(store, agent)
        async with Embedded(store, make()), person(run, answer):
            return await replies(run)


type Check = Callable[[Store, Run], Awaitable[None]]


async def crash_everywhere(
    make: Callable[[], Agents],
    agent: str,
    check: Check,
    *,
    answer: Answering = nobody,
    opens: Callable[[], Any] = MemoryStore,
) -> int:
    """Lose the process at each write in turn, arrived or not; another one goes on.

    Returns how many crashes were tried.
    """
    tried = 0
    for at in range(1, 500):
        for arrives in (True, False):
            with _telling(f"write {at}, arrived: {arrives}"):
                async with opens() as store:
                    run = await order(store, agent)
                    dying = CrashingStore(store, at, arrives=arrives)
                    async with person(run, answer):
                        async with Embedded(dying, make(), unload_after=0.05) as engine:
                            await engine.idle(within=PATIENCE)
                        async with Embedded(store, make(), unload_after=0.05):
                            async with asyncio.timeout(PATIENCE):
                                await run.ended()
                    await check(store, run)
            tried += 1
            if dying.claims.writes < at:
                return tried
    raise AssertionError("it never comes to an end")


async def crash_again_and_again(
    make: Callable[[], Agents], agent: str, check: Check, *, every: int, answer: Answering
) -> None:
    """Lose each process at that write of its own, until one comes to the end."""
    async with MemoryStore() as store:
        run = await order(store, agent)
        async with person(run, answer), asyncio.timeout(PATIENCE):
            while (await run.record()).status != "ended":
                dying = CrashingStore(store, every, arrives=True)
                async with Embedded(dying, make(), unload_after=0.05) as engine:
                    await engine.idle(within=PATIENCE)
        await check(store, run)


@contextmanager
def _telling(where: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        error.add_note(where)
        raise
