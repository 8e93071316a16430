"""Ask: one question, one answer, and the conversation they belong to."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import Final

from retinue.app import App, build
from retinue.errors import RetinueError, ToolDenied
from retinue.messages import Message
from retinue.messages.events import (
    Event,
    MessageEnded,
    ModelAnswered,
    RunEnded,
    RunStarted,
    ToolAnswered,
    ToolAsked,
)
from retinue.messages.history import MarkdownHistory
from retinue.promise import run as run_loop
from retinue.settings import Settings, current_folder, load
from retinue.telemetry import event

from ._asking import Asking
from ._exits import FAILED, STOPPED, code_of_signal
from ._follow import error_raised, follow
from ._grammar import Ask
from ._history import open_history
from ._log import log_beside
from ._question import question_of
from ._screen import Screen
from ._signals import Stop, stopping_on_signals
from .output import Output, open_output

_WHY: Final = {
    "max_steps": ("It stopped at the limit of steps", "Allow more with --max-steps."),
    "max_tokens": ("The answer was cut at the limit of tokens", "Allow more with --max-tokens."),
    "no_progress": ("It stopped: it did the same again and again", "Say more about what you need."),
    "refused": ("The model refused", "Ask in another way, or another --model."),
    "context_full": ("This is more than the model can read", "Pass less, or begin a new history."),
    "expired": ("The time was up before the answer was whole", "Allow more with --timeout."),
}
"""What is said about an answer that ended before it was done, and what to do next."""


def run(line: Ask, screen: Screen) -> int:
    """Answer the question; the exit code."""
    output = open_output(line.output, screen)
    stop = Stop()
    try:
        settings = load(flags=line.flags, environ=os.environ, folder=current_folder())
        screen.secrets = settings.secrets()
        screen.debug = screen.debug or settings.debug
        _hint(settings, screen)
        with log_beside(settings, line.verbosity, screen):
            question = question_of(line.question, screen)
            history = open_history(line.history)
            screen.expect_reader()
            asking = Asking()
            app = build(settings, ask=asking.ask)
            output.introduce(app.host.name, app.model.name)
            output.tell(RunStarted(agent=app.host.name))

            async def work() -> str:
                with stopping_on_signals(stop, screen):
                    past = await history.load() if history is not None else ()
                    answering = _Answering(app, output, asking)
                    reason = await answering.answer((*past, question), timeout=settings.timeout)
                    if history is not None and reason != "expired":
                        await _store(history, question, *answering.said)
                    return reason

            reason = run_loop(work)
        output.tell(RunEnded(reason=reason))
    except (KeyboardInterrupt, asyncio.CancelledError):
        if stop.signal is not None:  # from here it takes no time, and a second one would be noise
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        if not screen.given_up:
            _tell_end(output, RunEnded(reason="stopped"))
        return code_of_signal(stop.signal or signal.SIGINT)
    except BrokenPipeError:
        raise
    except Exception as error:
        reason = "denied" if isinstance(error, ToolDenied) else "failed"
        _tell_end(output, error_raised(error, screen.secrets), RunEnded(reason=reason))
        raise
    if reason in _WHY:
        screen.warn(*_WHY[reason])
    return STOPPED.get(reason, FAILED)


class _Answering:
    """One answer on its way; `said` is what is whole of it."""

    def __init__(self, app: App, output: Output, asking: Asking) -> None:
        self._app = app
        self._output = output
        self._asking = asking
        self.said: list[Message] = []

    async def answer(self, messages: Sequence[Message], *, timeout: float | None) -> str:
        """Ask the host and tell what happens; the reason why it ended."""
        host, model = self._app.host, self._app.model
        began = time.monotonic()
        event(logging.INFO, "asked", agent=host.name, model=model.name, messages=len(messages))
        replies = host.inquire(messages)
        deadline = asyncio.timeout(timeout)
        try:
            async with deadline, aclosing(follow(replies)) as happening:
                async for happened in happening:
                    self._output.tell(happened)
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


async def _store(history: MarkdownHistory, *messages: Message) -> None:
    try:
        await history.append(*messages)
    except RetinueError as error:
        raise RetinueError(
            f"The answer is whole, but it is not stored: {error}", hint=error.hint
        ) from error


def _hint(settings: Settings, screen: Screen) -> None:
    """Say what was not read: files that are not trusted, variables that are misspelt."""
    program = screen.program
    for source in settings.sources:
        match source.state:
            case "unknown":
                what = f"{source.path} is not trusted"
            case "changed":
                what = f"{source.path.parent} has changed since you trusted it"
            case _:
                continue
        screen.remark(f"{what}, so it is not read. Look at it, then: {program} trust")
        break
    for variable in settings.ignored:
        screen.remark(f"{variable} is no variable of mine. See: {program} config")


def _tell_end(output: Output, *events: Event) -> None:
    """Say how it ended, as far as anybody still reads that."""
    with suppress(BrokenPipeError, RetinueError):
        for happened in events:
            output.tell(happened)
