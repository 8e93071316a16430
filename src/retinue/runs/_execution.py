"""Execution: one run, taken up by this process, until it ends or this process gives it up."""

import asyncio
import json
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from contextvars import Context
from dataclasses import replace
from typing import Any, Final, Literal

from retinue.agents import Agent
from retinue.errors import RetinueError, RunError
from retinue.messages import Message
from retinue.messages.events import (
    ErrorRaised,
    LivePiece,
    LogEvent,
    Restarted,
    RunEnded,
    RunStarted,
    TurnEnded,
)
from retinue.promise import Hub, Scope, hub_of
from retinue.steps import recorder
from retinue.storage import (
    Change,
    Claim,
    Ends,
    Happens,
    Interrupt,
    Journal,
    Notes,
    Shown,
    Waits,
    Yields,
)

from ._asking import Divergence
from ._past import Past
from ._plan import Place, Plan
from ._quiet import is_quiet
from ._recorder import TurnRecorder
from ._speech import Speech
from ._spoken import Stream
from ._telling import told
from ._writer import Writer

type Outcome = Literal["ended", "waits", "yielded", "lost"]
"""How a process came to the end of its work on a run."""

_KEEP_EVERY: Final = 0.05
"""Seconds between two times that a message in progress is kept."""

_CRASHES: Final = 3
"""So many times a run may be taken over without anything being finished in it."""


class Execution:
    """One run in this process.

    Args:
        claims, claim: The right to write in it.
        notes: What agents of its owner keep.
        plan: What differs from a first execution, if it is none.
        held_until: Tells until when, by the monotonic clock, nobody else can take the run over.
    """

    hub: Hub
    past: Past
    speech: Speech

    def __init__(
        self,
        claims: Place,
        claim: Claim,
        *,
        notes: Notes,
        held_until: Callable[[], float],
        plan: Plan | None = None,
    ) -> None:
        self.plan = plan
        self.notes = notes
        self.claim = claim
        self.id = claim.run.id
        self.conversation = claim.run.conversation
        self.attempt = claim.epoch
        self.held_until = held_until
        self.writer = Writer(claims, claim, stop=self.stop, fail=self._cannot_write)
        self.turns: set[TurnRecorder] = set()
        """Those that are going on."""
        self.halted = False
        """Nothing is recorded any more; what is going on will be done again by whoever comes."""
        self.asking: set[asyncio.Task[Any]] = set()
        """Tasks that wait for a person."""
        self._claims = claims
        self._options: dict[str, Any] = json.loads(claim.run.options)
        self._reservations = 0
        self._scope: Scope | None = None
        self._unloads = False
        self._interrupted: str | None = None
        self.stops = False
        """Somebody wants it to end: whatever ends now, was stopped."""
        self.reason = ""
        """Why its first turn ended, once it has."""
        self._error: RetinueError | None = None
        self._answers: dict[str, asyncio.Future[Interrupt]] = {}
        self._growing: set[Stream] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._divergences: dict[str, Divergence] = {}

    async def run(self, agent: Agent, messages: Iterable[Message]) -> Outcome:
        """Have the agent answer, until it is done, waits for a person, or is given up."""
        self.hub = hub_of(asyncio.get_running_loop())
        self.past = Past(await self._journal())
        self.speech = Speech(self.past)
        try:
            return await self._run(agent, messages)
        finally:
            self._forget()

    async def _run(self, agent: Agent, messages: Iterable[Message]) -> Outcome:
        if self.plan is not None:
            self.past.accept_all()
        if self.claim.run.attempts >= _CRASHES:
            return await self._leave(Ends(reason="crash_loop"))
        self._begin()
        if not self.halted:
            await self._ask(agent, tuple(messages))
        if self.writer.error is not None:
            return "lost"
        if self._unloads:
            return await self._leave(Waits())
        if self._interrupted is not None:
            self._error = RunError(
                f"{self._interrupted!r} was cancelled by nobody who may do that",
                hint="Cancel its replies, not the task of its turn.",
            )
        elif self.halted:
            return await self._leave(Yields())
        if not (self.reason or self.stops or self._error):
            self._error = RunError(
                "The run has come to its end, and its first turn has not",
                hint="This is a fault of Retinue; please report it with the log of the run.",
            )
        return await self._leave(Ends(reason=self.reason))

    async def _journal(self) -> Journal:
        """What was done in it; nothing, where it is taken up for the first time."""
        if self.attempt == 1 and self.plan is None:
            return Journal(entries=(), events=(), answers={})
        return await self._claims.journal(self.claim)

    def stop(self) -> None:
        """End it, and all that it does, now; that is its outcome."""
        if not self.stops:  # once is enough: what is stopped may have to clean up
            self.stops = True
            self._cancel()

    def halt(self) -> None:
        """Leave it as it is, for whoever takes it up."""
        if not self.halted:
            self.halted = True
            self._cancel()

    def interrupt(self, agent: str) -> None:
        """A turn was cancelled, and not by the program: most likely the process is going down."""
        self._interrupted = agent
        self.halt()

    def _forget(self) -> None:
        """Hold nothing any more, so that nothing holds itself."""
        if self._timer is not None:
            self._timer.cancel()
        for turn in tuple(self.turns):
            turn.settled()
        self.speech.forget()
        for kept in (self._growing, self._answers, self._divergences):
            kept.clear()
        self.writer.close()

    async def give_back(self) -> None:
        """After the store had failed: let somebody go on with it.

        Raises:
            StoreError: It still does; somebody else goes on already.
        """
        await self._claims.write(self.claim, self.writer.number + 2, Yields())

    def _cancel(self) -> None:
        if self._scope is not None:
            self._scope.cancel()

    def unload(self) -> bool:
        """The same, where all of it waits for a person, and need not take memory; if it does."""
        if self.asking and not self.halted and is_quiet(self):
            self._unloads = True
            self.halt()
        return self._unloads

    def fail(self, error: RetinueError) -> None:
        """It cannot go on."""
        self._error = error
        self.stop()

    def _begin(self) -> None:
        run = self.claim.run
        if not self.past.begun:
            self.put(Happens(event=RunStarted(run=run.id, agent=run.agent, version=run.version)))
        for message, turn in self.past.open_messages():
            event = Restarted(message=message, attempt=self.attempt, run=run.id, turn=turn)
            self.put(Happens(event=event))

    async def _ask(self, agent: Agent, messages: tuple[Message, ...]) -> None:
        root = TurnRecorder(self, "", self.claim.run.agent, None)
        token = recorder.set(root)
        try:
            async with Scope() as scope:
                self._scope = scope
                replies = agent.inquire(messages, key="root")
                if self.claim.run.stop_asked:
                    self.stop()
                elif self.stops:  # while the journal was read
                    scope.cancel()
                try:
                    await replies
                except asyncio.CancelledError:
                    self.halt()  # the process is going down
                    raise
                except Exception:
                    pass  # it is in the record of its turn
        except RetinueError as error:
            if not self.halted:
                self._error = error
        finally:
            self._scope = None
            recorder.reset(token)
            root.forget()

    async def _leave(self, change: Change) -> Outcome:
        if isinstance(change, Ends):
            if self._error is not None:
                self.writer.put(Happens(event=self._raised(self._error)))
                change = Ends(reason="failed")
            elif self.stops:
                change = Ends(reason="stopped")
            self.writer.put(Happens(event=RunEnded(run=self.id, reason=change.reason)))
        self.writer.put(change)
        try:
            await self.writer.durable()
        except RetinueError:
            return "lost"
        match change:
            case Ends():
                return "ended"
            case Waits():
                return "waits"
            case _:
                return "yielded"

    def purses(self, agent: str) -> dict[str, dict[str, float]]:
        """What the steps of an agent are paid from: the limit of each unit, by purse.

        Of the run, of this agent in it, and of whatever else the run was ordered with.
        """
        options = self._options
        purses: dict[str, dict[str, float]] = dict(options.get("purses", {}))
        if limits := options.get("limits"):
            purses[f"run:{self.id}"] = limits
        if limits := options.get("agents", {}).get(agent):
            purses[f"run:{self.id}/{agent}"] = limits
        return purses

    def new_reservation(self, turn: TurnRecorder) -> str:
        """The address of one: of this attempt, for what an attempt before took is settled."""
        self._reservations += 1
        return f"{turn.address}.{self.attempt}.{self._reservations}"

    # -- what is put down

    def put(self, *changes: Change) -> None:
        """This happened."""
        if not self.halted:
            self.writer.put(*changes)

    def happens(self, turn: TurnRecorder, event: LogEvent) -> None:
        """Readers of the log want to know this of a turn."""
        self.put(
            Happens(event=replace(event, run=self.id, turn=turn.address or None, agent=turn.agent))
        )

    def tell(self, turn: TurnRecorder, kind: str, fields: dict[str, Any]) -> None:
        """The same, in the words of `steps.emit`; what is in the log is not told again."""
        event = told(kind, fields)
        if event is not None:
            event = replace(event, run=self.id, turn=turn.address, agent=turn.agent)
            if not self.past.was_told(event):
                self.put(Happens(event=event))

    def show(self, piece: LivePiece) -> None:
        """A piece of a message in progress, for whoever follows in this process."""
        if not self.halted:
            self._claims.tell(self.claim, piece)

    def keep_soon(self, stream: Stream) -> None:
        """What came of this stream is to be kept, with the next of all."""
        self._growing.add(stream)
        if self._timer is None:
            # In a context of its own: that of a turn would hold the turn.
            loop, context = self.hub.loop, Context()
            self._timer = loop.call_later(_KEEP_EVERY, self._keep, context=context)

    def _keep(self) -> None:
        self._timer = None
        growing, self._growing = self._growing, set()
        for stream in growing:
            stream.keep()

    def _cannot_write(self, error: RetinueError) -> None:
        self.halt()

    # -- turns

    def turn_ended(
        self, turn: TurnRecorder, reason: str, error: BaseException | None, said: list[str]
    ) -> None:
        """A turn is over, for good: by which new error, and the messages it replied with."""
        if error is not None:
            self.happens(turn, self._raised(error))
        self.happens(turn, TurnEnded(reason=reason))
        if turn.is_first:
            self.reason = reason
            self.put(Shown(messages=tuple(said)))

    def _raised(self, error: BaseException) -> ErrorRaised:
        name, hint = type(error).__name__, getattr(error, "hint", None)
        return ErrorRaised(error=name, text=str(error), hint=hint, run=self.id)

    # -- people

    async def answer_to(self, address: str) -> Interrupt:
        """What a person answers to the interrupt at that address."""
        future = self._answers.get(address)
        if future is None:
            future = self._answers[address] = self.hub.loop.create_future()
        await self.writer.durable()
        with suppress(RetinueError):
            await self.look_for_answers()  # the bell may have rung before we listened to it
        with self.waiting():
            return await asyncio.shield(future)

    @contextmanager
    def waiting(self) -> Generator[None]:
        """The task that is in this block waits for a person."""
        task = asyncio.current_task()
        assert task is not None
        self.asking.add(task)
        try:
            yield
        finally:
            self.asking.discard(task)

    async def look_for_answers(self) -> None:
        """Somebody may have answered, or want it to stop."""
        if await self._claims.stop_asked(self.claim):
            self.stop()
        if not self._answers:
            return
        for address, interrupt in (await self._claims.answers(self.claim)).items():
            self.past.answers[address] = interrupt
            future = self._answers.pop(address, None)
            if future is not None and not future.done():
                future.set_result(interrupt)

    def diverged(self, turn: TurnRecorder, words: str, go_on: Callable[[], None]) -> None:
        """A turn that began anew did not do what it had done; a person decides what becomes of it.

        Args:
            turn: Which turn.
            words: What it does now.
            go_on: Called if that is right so.
        """
        known = self._divergences.get(turn.address)
        if known is None:
            known = self._divergences[turn.address] = Divergence(turn, words)
            if self._scope is not None:
                self._scope.start(self._decide(known))
        known.go_on.append(go_on)

    async def _decide(self, divergence: Divergence) -> None:
        if await divergence.is_accepted():
            self.past.accept(divergence.turn.address)
            del self._divergences[divergence.turn.address]
            for go_on in divergence.go_on:
                go_on()
        else:
            self.fail(
                RunError(
                    f"{divergence.turn.agent!r} {divergence.words} after a restart",
                    hint="Put what depends on time or chance into `turn.step(...)`.",
                )
            )
