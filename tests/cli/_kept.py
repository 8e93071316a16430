"""A home in whose store there is something, and commands that run in this process."""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from retinue.agents import Agent
from retinue.app.retinue import Agents, Retinue
from retinue.messages import Message
from retinue.messages.events import MessageEnded
from retinue.runs import Embedded
from retinue.storage import open_store

PATIENCE = 30.0


def store_of(home: Path) -> Path:
    """Where the commands of that home keep what was said."""
    return home / ".local" / "share" / "retinue" / "retinue.db"


def in_store[T](home: Path, work: Callable[[Retinue], Awaitable[T]]) -> T:
    """Do this with what is kept there."""

    async def visit() -> T:
        async with await Retinue.visit(store_of(home)) as retinue:
            return await work(retinue)

    return asyncio.run(visit())


def kept(
    home: Path, *said: Message | str, title: str | None = None, folder: Path | None = None
) -> str:
    """The id of a conversation in which a person and an agent said this in turn."""

    async def keep(retinue: Retinue) -> str:
        thread = await retinue.log.begin(title=title, folder=os.fspath(folder or home))
        roles = ("user", "assistant")
        messages = [
            one if isinstance(one, Message) else Message(one, role=roles[number % 2])
            for number, one in enumerate(said)
        ]
        await retinue.log.append(thread.id, *[MessageEnded(message=one) for one in messages])
        return thread.id

    return in_store(home, keep)


@asynccontextmanager
async def working(home: Path, *agents: Agent) -> AsyncGenerator[Retinue]:
    """What is kept there, and an engine in this process that unloads at once what waits."""
    known = Agents()
    for agent in agents:
        known.add(agent.name, agent)
    store = await open_store(store_of(home))
    try:
        async with Embedded(store, known, unload_after=0) as engine:
            yield Retinue(store, engine, known)
    finally:
        await store.close()


async def until(state: Callable[[], Awaitable[Any]]) -> Any:
    """Wait until that is true of what is kept; what it was."""
    async with asyncio.timeout(PATIENCE):
        while not (found := await state()):
            await asyncio.sleep(0.01)
    return found


def left(home: Path, *agents: Agent, questions: int) -> list[str]:
    """The ids of tasks that these agents were given and left, with so many questions open."""

    async def leave() -> list[str]:
        async with working(home, *agents) as retinue:
            runs = [
                await retinue.start(each.name, f"Do it, {each.name}", background=True)
                for each in agents
            ]

            async def asked() -> bool:
                page = await retinue.runs.inbox()
                states = [(await run.record()).status for run in runs]
                return len(page.items) == questions and not {"queued", "running"} & {*states}

            await until(asked)
            return [run.id for run in runs]

    return asyncio.run(leave())


def words(lines: Iterable[str]) -> list[list[str]]:
    return [line.split() for line in lines]
