"""Ask: one question, one answer, and the conversation they belong to."""

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from retinue.app import App, build
from retinue.app.asking import ask_in_run
from retinue.errors import NotFound, RetinueError, ToolDenied, UsageError
from retinue.messages import Message
from retinue.messages.events import Event, RunEnded, RunStarted
from retinue.messages.history import MarkdownHistory
from retinue.promise import run as run_loop
from retinue.settings import Settings

from ._answering import Answering, host_of, limits_of, why
from ._asking import Asking, Unanswered
from ._cast import version_of
from ._exits import FAILED, STOPPED, code_of_signal
from ._follow import error_raised
from ._grammar import Ask
from ._history import open_history
from ._house import House, opened
from ._log import log_beside
from ._opening import open_settings
from ._question import question_of
from ._screen import Screen
from ._signals import Stop, stopping_on_signals
from ._thread import Question, Thread, keep_in, thread_of
from .output import Output, open_output

if TYPE_CHECKING:
    from retinue.models.budget import Purse


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
            app = build(settings, ask=ask_in_run())
            purse = app.purse()
            output.introduce(app.name, app.model.name, app.cost, purse)
            output.tell(RunStarted(agent=app.name))
            errand = _Errand(line, settings, app, purse, history, Asking(app, screen), screen, stop)

            async def work() -> str:
                with stopping_on_signals(stop, screen):
                    return await errand.ask(question, output)

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


class _Errand(NamedTuple):
    """A question that is to be asked, once its conversation is at hand."""

    line: Ask
    settings: Settings
    app: App
    purse: "Purse | None"
    history: MarkdownHistory | None
    asking: Asking
    screen: Screen
    stop: Stop

    async def ask(self, question: Message, output: Output) -> str:
        """Have it answered; the reason why that ended.

        Raises:
            Exception: What it failed with.
        """
        must_last = self.line.conversation is not None
        async with opened(self.settings, self.screen, must_last=must_last) as house:
            thread = await self._thread(house)
            await self._finish(thread)
            asked = Question(question, thread.messages)
            agent = await host_of(self.app, self.purse, messages=len(asked.after) + 1)
            version, limits = version_of(self.line.flags), limits_of(self.app)
            run = await thread.ask(agent, asked, version=version, limits=limits)
            answering = Answering(run, output.tell, self.asking.put, prepare=output.prepare)
            reason = await self._followed(answering, timeout=self.settings.timeout)
            said = await thread.ended(run, question, reason)
            if self.history is not None:
                await keep_in(self.history, house, thread, said)
            return reason

    async def _thread(self, house: House) -> Thread:
        """The conversation that was chosen.

        Raises:
            UsageError: There is none.
        """
        try:
            return await thread_of(house, self.line.conversation, self.history)
        except NotFound as error:
            raise UsageError(str(error), hint=error.hint) from error

    async def _finish(self, thread: Thread) -> None:
        """Wait for what was asked before and is not answered yet: the question comes after it."""
        for run, question in thread.unfinished:
            self.screen.remark("an answer of this conversation is not finished; it comes first")
            try:
                reason = await self._followed(
                    Answering(run, _nobody, self.asking.put), timeout=None
                )
            except Unanswered:
                raise
            except RetinueError as error:
                reason = "failed"
                self.screen.complain(error)
            await thread.ended(run, question, reason)

    async def _followed(self, answering: Answering, *, timeout: float | None) -> str:
        """Have it told to its end. Nothing goes on where nobody wants it any more; SIGTERM, and
        what nobody could answer, leave it to whoever comes next.
        """
        try:
            return await answering.follow(timeout=timeout)
        except Unanswered:
            raise
        except ToolDenied as error:
            raise self.asking.denied or error from None
        except BaseException:
            if not answering.is_over and self.stop.signal != signal.SIGTERM:
                await answering.stop()
            raise


def _nobody(_: Event) -> None:
    """It was asked by somebody else."""


def _tell_end(output: Output, *events: Event) -> None:
    """Say how it ended, as far as anybody still reads that."""
    with suppress(BrokenPipeError, RetinueError):
        for happened in events:
            output.tell(happened)
