"""Answering: one answer on its way, what is told of it, and what is said if it ends too soon."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from retinue.agents import Agent
from retinue.app import App
from retinue.errors import RetinueError
from retinue.messages import Message
from retinue.messages.events import Event, MessageEnded, ModelAnswered, ToolAnswered, ToolAsked
from retinue.messages.history import MarkdownHistory
from retinue.telemetry import event

from ._asking import Asking
from ._follow import follow

if TYPE_CHECKING:
    from retinue.models.budget import Purse

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
}
"""What is said about an answer that ended before it was done, and what to do next."""


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


async def _at_once(_: Event) -> None:
    """Nothing has to be prepared."""


class Answering:
    """One answer on its way; `said` is what is whole of it.

    Args:
        tell: Is told what happens.
        asking: Is told which calls have been.
        prepare: Is awaited before what happens is told.
        purse: What the answer may take, if there is a limit.
    """

    def __init__(
        self,
        app: App,
        tell: Callable[[Event], None],
        asking: Asking,
        *,
        prepare: Callable[[Event], Awaitable[None]] = _at_once,
        purse: "Purse | None" = None,
    ) -> None:
        self._app = app
        self._tell = tell
        self._asking = asking
        self._prepare = prepare
        self._purse = purse
        self.said: list[Message] = []

    async def answer(self, messages: Sequence[Message], *, timeout: float | None) -> str:
        """Ask the host and tell what happens; the reason why it ended."""
        host, model = await self._host(), self._app.model
        began = time.monotonic()
        event(logging.INFO, "asked", agent=host.name, model=model.name, messages=len(messages))
        replies = host.inquire(messages)
        deadline = asyncio.timeout(timeout)
        try:
            async with deadline, aclosing(follow(replies)) as happening:
                async for happened in happening:
                    await self._prepare(happened)
                    self._tell(happened)
                    self._heed(happened)
        except TimeoutError:
            if not deadline.expired():
                raise
            replies.cancel()
            return "expired"
        reason = str(self.said[-1].metadata.get("stop_reason", "done")) if self.said else "done"
        took = round(time.monotonic() - began, 3)
        event(logging.INFO, "answered", agent=host.name, stop=reason, took=took)
        return reason

    async def _host(self) -> Agent:
        """Who answers; for a limit in money prices are looked up, which may load their table."""
        make, purse = self._app.host, self._purse
        if purse is None or purse.cost is None:
            return make(purse)
        return await asyncio.to_thread(make, purse)

    def _heed(self, happened: Event) -> None:
        match happened:
            case ToolAsked(call=call):
                self._asking.shown(call)
                event(logging.DEBUG, "tool asked", tool=call.name, id=call.id)
            case ToolAnswered(result=result):
                words = "tool failed" if result.error else "tool used"
                event(logging.DEBUG, words, tool=result.name, id=result.call_id)
            case ModelAnswered(model=model, usage=usage):
                tokens = {kind: usage.get(kind, 0) for kind in ("input", "output")}
                event(logging.INFO, "model answered", error=None, model=model, **tokens)
            case MessageEnded(message=message):
                self.said.append(message)
            case _:
                pass


async def store(history: MarkdownHistory, *messages: Message) -> None:
    """Add an exchange that is whole to the history.

    Raises:
        RetinueError: It cannot be written.
    """
    try:
        await history.append(*messages)
    except RetinueError as error:
        raise RetinueError(
            f"The answer is whole, but it is not stored: {error}", hint=error.hint
        ) from error
