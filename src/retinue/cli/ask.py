"""Ask: one question, one answer, and the conversation they belong to."""

import asyncio
import signal
from contextlib import suppress

from retinue.app import build
from retinue.errors import RetinueError, ToolDenied
from retinue.messages.events import Event, RunEnded, RunStarted
from retinue.promise import run as run_loop

from ._answering import Answering, store, why
from ._asking import Asking
from ._exits import FAILED, STOPPED, code_of_signal
from ._follow import error_raised
from ._grammar import Ask
from ._history import open_history
from ._log import log_beside
from ._opening import open_settings
from ._question import question_of
from ._screen import Screen
from ._signals import Stop, stopping_on_signals
from .output import Output, open_output


def run(line: Ask, screen: Screen) -> int:
    """Answer the question; the exit code."""
    output = open_output(line.output, screen)
    stop = Stop()
    try:
        settings = open_settings(line.flags, screen)
        with log_beside(settings, line.verbosity, screen):
            question = question_of(line.question, screen, line.files)
            history = open_history(line.history)
            screen.expect_reader()
            asking = Asking()
            app = build(settings, ask=asking.ask)
            purse = app.purse()
            output.introduce(app.name, app.model.name, app.cost, purse)
            output.tell(RunStarted(agent=app.name))

            async def work() -> str:
                with stopping_on_signals(stop, screen):
                    past = await history.load() if history is not None else ()
                    answering = Answering(
                        app, output.tell, asking, prepare=output.prepare, purse=purse
                    )
                    reason = await answering.answer((*past, question), timeout=settings.timeout)
                    if history is not None and reason != "expired":
                        await store(history, question, *answering.said)
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
    if remark := why(reason, purse):
        screen.warn(*remark)
    return STOPPED.get(reason, FAILED)


def _tell_end(output: Output, *events: Event) -> None:
    """Say how it ended, as far as anybody still reads that."""
    with suppress(BrokenPipeError, RetinueError):
        for happened in events:
            output.tell(happened)
