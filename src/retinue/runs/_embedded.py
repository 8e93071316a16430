"""Embedded: the engine that executes runs in this process, beside whatever else it does."""

import asyncio
import datetime
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from typing import Any, Final, Protocol, Self

from retinue.agents import Agent
from retinue.errors import RetinueError, StoreFailed
from retinue.storage import RunRecord, Store
from retinue.telemetry import event

from ._asked import asked
from ._execution import Execution

_LEASE: Final = 15.0
"""Seconds of silence after which others may conclude that this process is frozen or dead."""

_BEAT: Final = 3.0
"""Seconds between two signs of life, while there is anything to do."""

_FRESH: Final = 0.25
"""Seconds for which the last sign of life will do for what is taken up now."""

_LOOK: Final = 5.0
"""Seconds between two looks for runs that somebody else left, or whose bell was not heard."""

_FORGET: Final = 3_600.0
"""Seconds between two looks for conversations that were kept long enough."""

_RUN: Final = "retinue-run"


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _any(_: RunRecord) -> bool:
    return True


class Resolver(Protocol):
    """Finds what a run executes: a catalog."""

    def agent(self, name: str, version: str | None) -> Agent:
        """The agent of that name, in that version where it is given.

        Raises:
            RetinueError: There is none.
        """
        ...


class Embedded:
    """Executes the runs of a store in this process; also those that a dead process left.

        async with Embedded(store, resolver) as engine: ...

    Args:
        store: Whose runs.
        resolver: Finds their agents.
        lease: Seconds of silence after which others may take over what it does.
        unload_after: Seconds after which a run is unloaded that waits for a person.
        keep_days: How long conversations are kept that nobody changes and that have no time of
            their own; None: for ever.
        takes: Which runs it takes up; by default all whose agents are found.
        clock: The time, with its zone; for questions that expire, and for what is kept too long.
    """

    def __init__(
        self,
        store: Store,
        resolver: Resolver,
        *,
        lease: float = _LEASE,
        unload_after: float = 30.0,
        keep_days: float | None = None,
        takes: Callable[[RunRecord], bool] = _any,
        clock: Callable[[], datetime.datetime] = _now,
    ) -> None:
        self._store = store
        self._claims = store.claims
        self._resolver = resolver
        self._lease = lease
        self._beats = min(_BEAT, lease / 5)
        self._unload_after = unload_after
        self._keep_days = keep_days
        self._takes = takes
        self._clock = clock
        self._forget_at = 0.0
        self._executions: dict[str, Execution] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._asked_since: dict[str, float] = {}
        self._unknown: set[str] = set()
        self._beat_at = 0.0
        self._holder = ""
        self._look_again = asyncio.Event()
        self._idle = asyncio.Event()
        self._closing = False

    async def __aenter__(self) -> Self:
        self._holder = await self._claims.join()
        self._beat_at = time.monotonic()
        self._start(self._listen())
        self._start(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give up what is going on; whoever comes next goes on with it."""
        self._closing = True
        for execution in tuple(self._executions.values()):
            execution.halt()
        running = [task for task in self._tasks if task.get_name() == _RUN]
        if running:
            await asyncio.wait(running)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(RetinueError):
            await self._claims.leave(self._holder)

    @property
    def holder(self) -> str:
        """As whom it takes runs up."""
        return self._holder

    def look(self) -> None:
        """Look at once for what is to be done: there may be more that it takes up."""
        self._look_again.set()

    async def idle(self, *, within: float | None = None) -> None:
        """Wait until nothing is being executed here, nor about to be.

        Raises:
            TimeoutError: Something still is, after `within` seconds.
        """
        self._idle.clear()
        self._look_again.set()  # something may be to do that nobody has told us of
        async with asyncio.timeout(within):
            await self._idle.wait()

    # -- what is to be done

    async def _listen(self) -> None:
        """Somebody has queued a run, answered one, or wants one to stop."""
        while True:
            try:
                async with self._claims.bell() as runs:
                    async for run in runs:
                        self._heard(run)
            except RetinueError as error:
                event(logging.WARNING, "the bell of the store cannot be heard", error=error)
            await asyncio.sleep(_LOOK)  # until then, looking every few seconds has to do

    def _heard(self, run: str) -> None:
        execution = self._executions.get(run)
        if execution is None:
            self._look_again.set()
        else:
            self._start(self._look_after(execution))

    async def _look_after(self, execution: Execution) -> None:
        with suppress(RetinueError):
            await execution.look_for_answers()

    async def _watch(self) -> None:
        """Look what there is to do; and, while there is anything, show that this process lives."""
        look_at = 0.0
        while True:
            try:
                now = time.monotonic()
                if now >= look_at or self._look_again.is_set():
                    self._look_again.clear()
                    if now >= look_at:
                        look_at = now + _LOOK
                        await self._claims.expire(self._clock())
                        await self._forget(now)
                        for execution in self._executions.values():  # the bell may have been lost
                            self._start(self._look_after(execution))
                    await self._take_up()
                    if not self._executions:
                        self._idle.set()
                if self._executions:
                    await self._beat(after=self._beats)
                self._unload_the_quiet(now)
            except Exception as error:  # whatever it is: what is going on here needs the beat
                event(logging.WARNING, "the store cannot be asked for work", error=error)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._look_again.wait()

    async def _forget(self, now: float) -> None:
        """Now and then delete what is kept too long."""
        if now >= self._forget_at:
            self._forget_at = now + _FORGET
            count = await self._claims.forget(self._clock(), keep_days=self._keep_days)
            if count:
                event(logging.INFO, "conversations deleted", count=count)

    def _pause(self) -> float:
        if not self._executions:
            return _LOOK
        return min(self._beats, max(0.05, self._unload_after / 2))

    async def _take_up(self) -> None:
        if self._closing:
            return
        found: list[tuple[RunRecord, Agent]] = []
        for run in await self._claims.due(self._holder, lease=self._lease):
            if run.id in self._executions or not self._takes(run):
                continue
            agent = self._agent_of(run)
            if agent is not None:
                found.append((run, agent))
        if found:
            await self._beat(after=_FRESH)
        claims = [self._claim(run, agent) for run, agent in found]  # at once: they share a commit
        for error in await asyncio.gather(*claims, return_exceptions=True):
            if error is not None:
                raise error

    async def _claim(self, run: RunRecord, agent: Agent) -> None:
        claim = await self._claims.claim(run, self._holder, lease=self._lease)
        if claim is not None:
            self._idle.clear()
            notes = self._store.notes(run.owner)
            execution = Execution(self._claims, claim, notes=notes, held_until=self._held_until)
            self._executions[run.id] = execution
            if self._closing:
                execution.halt()
            self._start(self._execute(execution, agent), name=_RUN)

    async def _beat(self, *, after: float) -> None:
        """Show that this process lives, if it last did so longer ago than that."""
        now = time.monotonic()
        if now - self._beat_at >= after:
            await self._claims.beat(self._holder)
            self._beat_at = now

    def _agent_of(self, run: RunRecord) -> Agent | None:
        """What it executes; None, where that is for another process, which knows such an agent."""
        try:
            agent = self._resolver.agent(run.agent, run.version)
        except RetinueError as error:
            if run.id not in self._unknown:
                self._unknown.add(run.id)
                event(logging.WARNING, "a run is left to others", run=run.id, error=error)
            return None
        self._unknown.discard(run.id)
        return agent

    async def _execute(self, execution: Execution, agent: Agent) -> None:
        run = execution.claim.run
        try:
            outcome = await execution.run(agent, await asked(self._store.log(run.owner), run))
            event(logging.INFO, "run left", run=run.id, agent=run.agent, outcome=outcome)
            if outcome == "lost":
                self._start(self._give_back(execution))
        except StoreFailed as error:
            event(logging.WARNING, "a run cannot be read", run=run.id, error=error)
            self._start(self._give_back(execution))
        finally:
            self._executions.pop(run.id, None)
            self._asked_since.pop(run.id, None)
            self._look_again.set()

    async def _give_back(self, execution: Execution) -> None:
        """The store had failed: once it can be had again, whoever is there goes on."""
        while True:
            await asyncio.sleep(_LOOK)
            try:
                await execution.give_back()
            except StoreFailed:
                continue
            except RetinueError:
                pass  # somebody else goes on already
            return

    def _unload_the_quiet(self, now: float) -> None:
        for id, execution in tuple(self._executions.items()):
            if not execution.asking:
                self._asked_since.pop(id, None)
            elif now - self._asked_since.setdefault(id, now) >= self._unload_after:
                execution.unload()

    def _held_until(self) -> float:
        """When others may conclude that this process is gone, if it does not show otherwise."""
        return self._beat_at + self._lease * 0.8

    def _start(self, work: Any, *, name: str | None = None) -> None:
        # In a context of its own: a run belongs to nobody's turn.
        task = asyncio.get_running_loop().create_task(work, name=name, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            event(logging.ERROR, "the engine failed", error=task.exception())
