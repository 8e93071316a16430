"""One run of the program, through the deaths of the processes that execute it, and what has to be
true of it then."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from retinue.errors import AlreadyAnswered, StoreFailed
from retinue.messages import Message
from retinue.messages.events import (
    Event,
    InterruptAsked,
    LogEvent,
    MessageEnded,
    RunEnded,
    TurnEnded,
    TurnStarted,
)
from retinue.runs import Run
from retinue.runs._records import StepRecord
from retinue.storage import Claim, Entry, Order, Store, open_store

from ._program import TURNS, answer_to, answers_in, check_conductor, nonces_in, noted, split
from ._reader import Reader
from ._worker import Job, Point
from ._workers import Worker, Workers


@asynccontextmanager
async def opened(address: str) -> AsyncGenerator[Store]:
    store = await open_store(address)
    try:
        yield store
    finally:
        await store.close()


async def ordered(store: Store, agent: str, words: str = "Go") -> Run:
    """A run of that agent, in a conversation of its own."""
    conversation = await store.log("ann").begin()
    question = Message(words, role="user")
    order = Order(conversation=conversation.id, agent=agent, messages=(question,))
    return Run(store, await store.runs("ann").order(order))


class Person:
    """Follows a run from another process than those that execute it, and answers what it asks.

    Args:
        run: Which.
        folder: Where they can look whether an effect happened.
        looks_after: Seconds: who was only cut off may be doing it still.
    """

    def __init__(self, run: Run, folder: Path, *, looks_after: float = 0.0) -> None:
        self._run = run
        self._folder = folder
        self._looks_after = looks_after
        self.reader = Reader()

    async def attend(self) -> None:
        """Until it is over; where the store was away, from the last that they saw."""
        while not await self._is_over():
            self.reader.cut()
            await asyncio.sleep(0.05)

    async def _is_over(self) -> bool:
        with suppress(StoreFailed):
            async with self._run.events(after=self.reader.seq) as events:
                async for event in events:
                    self.reader.hear(event)
                    if isinstance(event, InterruptAsked):
                        await self._answer()
                    if isinstance(event, RunEnded):
                        return True
        return False

    async def _answer(self) -> None:
        for asked in await patiently(self._run.questions):
            if asked.kind == "unknown_outcome":
                await asyncio.sleep(self._looks_after)
            with suppress(AlreadyAnswered):
                await patiently(self._run.answer, asked.id, answer_to(asked, self._folder))


async def patiently[T](do: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Try until the store can take it, as a person would; there is a limit around it."""
    while True:
        try:
            return await do(*args)
        except StoreFailed:
            await asyncio.sleep(0.05)


async def until(fits: Callable[[], Awaitable[Any]]) -> None:
    """Wait until this is so; there is a limit around it."""
    while not await fits():
        await asyncio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is there when a worker has died: journal entries that are done, and calls of models."""

    done: dict[str, Entry]
    calls: frozenset[str]

    @property
    def steps(self) -> set[str]:
        """The nonces of calls of models whose answer is in the journal."""
        nonces: set[str] = set()
        for entry in self.done.values():
            if entry.kind == "step":
                record = StepRecord.from_json(entry.body)
                if record.name == "model_call":
                    nonces.add(_nonce(record.result))
        return nonces


async def kept(store: Store, run: Run, folder: Path) -> Kept:
    record = await run.record()
    journal = await store.claims.journal(Claim(run=record, holder="nobody"))
    done = {entry.address: entry for entry in journal.entries if entry.state == "done"}
    return Kept(done, frozenset(noted(folder / "calls")))


class Inside:
    """A reader in the very process that is killed, which goes on in the next one."""

    def __init__(self, conversation: str) -> None:
        self.conversation = conversation
        self.reader = Reader()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def hear(self, _: str, event: Event) -> None:
        if self._over.done():
            return
        try:
            self.reader.hear(event)
        except AssertionError as error:
            self._over.set_exception(error)
        else:
            if isinstance(event, RunEnded):
                self._over.set_result(None)

    def follow(self) -> tuple[tuple[str, int], ...]:
        """What the next process has to follow for it."""
        self.reader.cut()
        return ((self.conversation, self.reader.seq),)

    async def over(self) -> None:
        """Wait until it has seen the end.

        Raises:
            AssertionError: Something it was told does not fit.
        """
        await self._over


class Life:
    """A run, through the deaths of its workers.

    Args:
        store, run: Which; the store is open.
        job: Of each worker.
    """

    def __init__(self, store: Store, run: Run, job: Job) -> None:
        self._store = store
        self._run = run
        self._job = job
        self.person = Person(run, Path(job.folder))
        self.inside = Inside(run.conversation)
        self.deaths = [Kept({}, frozenset())]

    async def live(self, workers: Workers, points: Sequence[Point | float]) -> int:
        """Kill a worker at each of these points in turn, and have another come to the end.

        Args:
            workers: Where they come from.
            points: Where they stand still then; or how many seconds after a message has ended,
                wherever that is.

        Returns:
            How many of the points were reached: it may be over before.
        """
        async with asyncio.TaskGroup() as tasks:
            attending = tasks.create_task(self.person.attend())
            for point in [*points, None]:
                stop_at = point if isinstance(point, Point) else None
                job = replace(self._job, stop_at=stop_at, follow=self.inside.follow())
                async with workers.start(job, hear=self.inside.hear) as worker:
                    if not await self._comes_to(point, worker, attending):
                        await self.inside.over()
                        break
                    await worker.kill()
                self.deaths.append(await kept(self._store, self._run, Path(self._job.folder)))
        return len(self.deaths) - 1

    async def _comes_to(
        self, point: Point | float | None, worker: Worker, over: "asyncio.Task[None]"
    ) -> bool:
        """Whether the worker comes to its point, before the run is over."""
        match point:
            case Point():
                reaching = asyncio.create_task(worker.reaches())
            case None:
                await over
                return False
            case _:
                reaching = asyncio.create_task(self._goes_on_for(point))
        try:
            await asyncio.wait({reaching, over}, return_when=asyncio.FIRST_COMPLETED)
            return not over.done()
        finally:
            reaching.cancel()
            await asyncio.gather(reaching, return_exceptions=True)

    async def _goes_on_for(self, seconds: float) -> None:
        """It is no crash loop: something was finished."""
        before = len(self.person.reader.whole)
        while len(self.person.reader.whole) == before:
            await asyncio.sleep(0.005)
        await asyncio.sleep(seconds)


async def survive(workers: Workers, job: Job, points: Sequence[Point | float]) -> int:
    """Have a run of the conductor survive these deaths, and check it; how many there were."""
    async with asyncio.timeout(40), opened(job.store) as store:
        run = await ordered(store, "conductor")
        life = Life(store, run, job)
        died = await life.live(workers, points)
        await check(store, run, Path(job.folder), life.deaths)
        log = await log_of(store, run)
        check_reader(life.inside.reader, log)
        check_reader(life.person.reader, log, seen=0)  # who is slow sees what is whole already
    assert noted(Path(job.folder) / "stderr") == []
    return died


async def check(store: Store, run: Run, folder: Path, deaths: Sequence[Kept] = ()) -> None:
    """What has to be true of a run of the conductor that is over."""
    record = await run.record()
    assert (record.status, record.reason) == ("ended", "done")
    replies = tuple(await run.replies())
    check_conductor(replies, folder)
    log = await log_of(store, run)
    check_turns(log)
    said = [event.message for event in log if isinstance(event, MessageEnded)]
    answers = answers_in([message for message in said if message.agent])
    own = [split(text)[0] for text in answers]
    assert len(set(own)) == len(own), "two messages are one answer of a model"
    for text in answers:  # all that was repeated to anybody was said
        assert nonces_in(text) <= set(own)
    assert {reply.id for reply in replies} <= {message.id for message in said}
    assert await store.log("ann").tails(run.conversation) == ()
    if deaths:
        check_journal(await kept(store, run, folder), deaths)


def check_turns(log: Sequence[LogEvent]) -> None:
    """Every turn was begun and completed exactly once."""
    assert [event.seq for event in log] == list(range(1, len(log) + 1))
    started = [event.turn for event in log if isinstance(event, TurnStarted)]
    ended = [event.turn for event in log if isinstance(event, TurnEnded)]
    assert len(set(started)) == len(started)
    assert len(set(ended)) == len(ended) == TURNS
    assert set(ended) <= set(started)
    # What a reader asked that stopped early, of letters that were void after a crash, is void, too.
    over = set(ended)
    begun = [event for event in log if isinstance(event, TurnStarted)]
    assert {event.agent for event in begun if event.turn not in over} <= {"worker"}


def check_journal(end: Kept, deaths: Sequence[Kept]) -> None:
    """What was finished before a death stands, and was not done again.

    Args:
        end: Of the run that is over.
        deaths: What there was at the beginning, and at each death.
    """
    assert end.steps <= end.calls
    for before, after in zip(deaths, [*deaths[1:], end], strict=True):
        for address, entry in before.done.items():
            assert after.done[address] == entry
        new = after.calls - before.calls
        assert new >= after.steps - before.steps
        if after is end:
            assert new == after.steps - before.steps, "a call was made that need not have been"


def check_reader(reader: Reader, log: Sequence[LogEvent], *, seen: int = 10) -> None:
    """Whoever joined what it was told has just what is there.

    Args:
        reader: Who was told of the end.
        log: What is there.
        seen: So many messages it saw being written, at least: the test means something.
    """
    assert reader.seq == len(log)
    whole = [event.message for event in log if isinstance(event, MessageEnded)]
    assert reader.whole == {message.id: message.text for message in whole}
    assert len(reader.joined) >= seen, "hardly anything was seen being written"


async def log_of(store: Store, run: Run) -> tuple[LogEvent, ...]:
    return await store.log("ann").events(run.conversation, limit=10_000)


def _nonce(answer: Any) -> str:
    """Of a call of a model, by its answer."""
    if answer.tool_calls:
        return answer.tool_calls[0].id.removeprefix("call-")
    return split(answer.text)[0]
