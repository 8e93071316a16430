"""Answering: one run on its way, what is told of it, and what is said if it ends too soon."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from retinue.agents import Agent
from retinue.app import App
from retinue.errors import AlreadyAnswered, RetinueError, RunError
from retinue.messages.codecs.errors import error_from_dict
from retinue.messages.events import (
    ErrorRaised,
    Event,
    InterruptAnswered,
    InterruptAsked,
    ModelAnswered,
    RunEnded,
    ToolAnswered,
    ToolAsked,
)
from retinue.runs import Run
from retinue.storage import Interrupt
from retinue.telemetry import event

from ._follow import Follower

if TYPE_CHECKING:
    from retinue.models.budget import Purse

type Put = Callable[[Interrupt], Awaitable[Any]]
"""Asks a person; what they answered."""

_WHY: Final = {
    "max_steps": ("It stopped at the limit of steps", "Allow more with --max-steps."),
    "max_tokens": ("The answer was cut at the limit of tokens", "Allow more with --answer-tokens."),
    "no_progress": ("It stopped: it did the same again and again", "Say more about what you need."),
    "refused": ("The model refused", "Ask in another way, or another --model."),
    "context_full": ("This is more than the model can read", "Pass less, or begin a new history."),
    "budget": (
        "It stopped before it could take more than it may",
        "Allow more with --max-cost or --max-tokens.",
    ),
    "expired": ("The time was up before the answer was whole", "Allow more with --timeout."),
    "stopped": ("It was stopped from somewhere else", "Ask again."),
}
"""What is said about an answer that ended before it was done, and what to do next."""

_PATIENCE: Final = 10.0
"""Seconds in which a run must have stopped that was asked to."""


def why(reason: str, purse: "Purse | None") -> tuple[str, str] | None:
    """What is said about an answer that ended so, and what to do next; None where it was done.

    Args:
        reason: Why it ended.
        purse: What it was paid from; an answer may have been cut because little was left there.
    """
    if reason in ("max_tokens", "budget") and purse is not None and purse.short:
        words, _ = _WHY[reason]
        return words, f"Allow more with {' and '.join(f'--max-{limit}' for limit in purse.short)}."
    return _WHY.get(reason)


async def host_of(app: App, purse: "Purse | None", *, messages: int) -> Agent:
    """Who answers one question, paid from this purse.

    Args:
        app: What was chosen.
        purse: For a limit in money prices are looked up, which may load their table.
        messages: How many there are, with the question.

    Raises:
        SettingsError, MissingExtra: As of `App.host`.
    """
    event(logging.INFO, "asked", agent=app.name, model=app.model.name, messages=messages)
    if purse is None or purse.cost is None:
        return app.host(purse)
    return await asyncio.to_thread(app.host, purse)


def limits_of(app: App) -> dict[str, float]:
    """What one run may take, in the units of the store."""
    limits = {"usd": app.max_cost, "tokens": app.max_tokens}
    return {unit: float(limit) for unit, limit in limits.items() if limit is not None}


async def _at_once(_: Event) -> None:
    """Nothing has to be prepared."""


def _nobody(_: Event) -> None:
    """Nobody watches."""


class Answering:
    """One run on its way.

    Args:
        run: Which.
        tell: Is told of its replies.
        put: Asks a person what it wants to know.
        prepare: Is awaited before what happens is told.
        watch: Is told of each tool the moment it begins, and the moment it is done. The replies
            tell of both as well, of the results when the last of several is there.
    """

    def __init__(
        self,
        run: Run,
        tell: Callable[[Event], None],
        put: Put,
        *,
        prepare: Callable[[Event], Awaitable[None]] = _at_once,
        watch: Callable[[Event], None] = _nobody,
    ) -> None:
        self.run = run
        self._tell = tell
        self._put = put
        self._prepare = prepare
        self._watch = watch
        self._follower = Follower(run.id)
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._error: ErrorRaised | None = None
        self.is_over = False

    async def follow(self, *, timeout: float | None) -> str:
        """Tell what happens, until the run is over; the reason why it ended.

        Whoever breaks this off leaves the run to itself. Where the time is up, it is stopped.

        Raises:
            Exception: What the run failed with, or what `tell` or `put` did.
        """
        began = time.monotonic()
        deadline = asyncio.timeout(timeout)
        try:
            async with deadline:
                reason = await self._to_the_end()
        except TimeoutError:
            if not deadline.expired():
                raise
            await self.stop()
            return "expired"
        self._raise_if_failed(reason)
        took = round(time.monotonic() - began, 3)
        event(logging.INFO, "answered", agent=self.run.agent, stop=reason, took=took)
        return reason

    async def stop(self) -> None:
        """Stop the run, and wait until it has, as far as the store can be asked."""
        with suppress(TimeoutError, RetinueError):
            await self.run.stop()
            async with asyncio.timeout(_PATIENCE):
                await self.run.ended()

    async def _to_the_end(self) -> str:
        try:
            async with asyncio.TaskGroup() as asking:
                reason = await self._followed(asking)
                for task in self._asking.values():
                    task.cancel()
            return reason
        except ExceptionGroup as group:
            raise group.exceptions[0] from None  # whatever else went wrong followed from it

    async def _followed(self, asking: asyncio.TaskGroup) -> str:
        async with self.run.events() as events:
            async for happened in events:
                for told in self._follower.hear(happened):
                    await self._prepare(told)
                    self._tell(told)
                    _log(told)
                if isinstance(happened, RunEnded) and happened.run == self.run.id:
                    self.is_over = True
                    return happened.reason
                self._heed(happened, asking)
        raise AssertionError("a conversation is followed for ever")

    def _heed(self, happened: Event, asking: asyncio.TaskGroup) -> None:
        if getattr(happened, "run", None) != self.run.id:
            return
        match happened:
            case ToolAsked() | ToolAnswered():
                self._watch(happened)
            case InterruptAsked(interrupt=id):
                self._asking[id] = asking.create_task(self._ask(id))
            case InterruptAnswered(interrupt=id) if id in self._asking:
                self._asking.pop(id).cancel()
            case ErrorRaised():
                self._error = happened
            case _:
                pass

    async def _ask(self, id: str) -> None:
        known = next((each for each in await self.run.questions() if each.id == id), None)
        if known is None:  # it was answered before we came
            return
        answer = await self._put(known)
        self._asking.pop(id, None)
        with suppress(AlreadyAnswered):
            await self.run.answer(id, answer)

    def _raise_if_failed(self, reason: str) -> None:
        raised = self._error
        if raised is not None and reason in ("failed", "denied", "budget"):
            fields = {"type": raised.error, "message": raised.text, "hint": raised.hint}
            raise error_from_dict({name: each for name, each in fields.items() if each is not None})
        if reason in ("failed", "denied"):
            raise RunError(f"It ended: {reason}", hint="Ask again.")
        if reason == "crash_loop":
            raise RunError(
                "It was given up: again and again the process that answered was gone",
                hint="Ask again, with -v to see how far it comes.",
            )


def _log(told: Event) -> None:
    match told:
        case ToolAsked(call=call):
            event(logging.DEBUG, "tool asked", tool=call.name, id=call.id)
        case ToolAnswered(result=result):
            words = "tool failed" if result.error else "tool used"
            event(logging.DEBUG, words, tool=result.name, id=result.call_id)
        case ModelAnswered(model=model, usage=usage):
            tokens = {kind: usage.get(kind, 0) for kind in ("input", "output")}
            event(logging.INFO, "model answered", error=None, model=model, **tokens)
        case _:
            pass
