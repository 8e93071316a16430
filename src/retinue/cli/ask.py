"""Ask: one question, one answer, and the conversation they belong to."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections import defaultdict
from contextlib import AbstractContextManager, aclosing, suppress
from pathlib import Path
from typing import Final

from retinue.app import App, build
from retinue.errors import RetinueError, ToolDenied, UsageError
from retinue.messages import Message, Text, ToolCall
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
from retinue.telemetry.listening import ForMachines, ForPeople, listening
from retinue.tools import Tool, ask_on_console

from ._exits import STOPPED, code_of_signal
from ._follow import error_raised, follow
from ._grammar import Ask
from ._screen import Beside, Screen
from ._signals import Stop, stopping_on_signals
from ._stdin import read_input
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
        with _log(settings, line.verbosity, screen):
            question = _question(line.question, screen)
            history = _history(line.history)
            screen.expect_reader()
            asking = _Asking()
            app = build(settings, ask=asking.ask)
            output.introduce(app.host.name, app.model.name)
            output.tell(RunStarted(agent=app.host.name))

            async def work() -> str:
                with stopping_on_signals(stop, screen):
                    return await _answer(
                        app, question, history, output, asking, timeout=settings.timeout
                    )

            reason = run_loop(work)
        output.tell(RunEnded(reason=reason))
    except (KeyboardInterrupt, asyncio.CancelledError):
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
    return STOPPED[reason]


async def _answer(
    app: App,
    question: Message,
    history: MarkdownHistory | None,
    output: Output,
    asking: "_Asking",
    *,
    timeout: float | None,
) -> str:
    """Ask, tell what happens, and store the turn once it is whole; the reason why it ended."""
    past = await history.load() if history is not None else ()
    began = time.monotonic()
    event(logging.INFO, "asked", agent=app.host.name, model=app.model.name, before=len(past))
    replies = app.host.inquire(*past, question)
    said: list[Message] = []
    deadline = asyncio.timeout(timeout)
    try:
        async with deadline, aclosing(follow(replies)) as happening:
            async for happened in happening:
                output.tell(happened)
                _narrate(happened)
                match happened:
                    case MessageEnded(message=message):
                        said.append(message)
                    case ToolAsked(call=call):
                        asking.shown(call)
                    case _:
                        pass
    except TimeoutError:
        if not deadline.expired():
            raise
        replies.cancel()
        return "expired"
    reason = str(said[-1].metadata.get("stop_reason", "done")) if said else "done"
    took = round(time.monotonic() - began, 3)
    event(logging.INFO, "answered", agent=app.host.name, stop=reason, took=took)
    if history is not None:
        try:
            await history.append(question, *said)
        except RetinueError as error:
            raise RetinueError(
                f"The answer is whole, but it is not stored: {error}", hint=error.hint
            ) from error
    return reason


class _Asking:
    """Asks a person about a call once they have seen what leads to it."""

    _PATIENCE = 0.2  # seconds; a call deep down in a team is never shown

    def __init__(self) -> None:
        self._shown: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def shown(self, call: ToolCall) -> None:
        """This call is on the screen."""
        self._shown[call.id].set()

    async def ask(self, call: ToolCall, tool: Tool) -> bool:
        """As `ask_on_console` does."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._PATIENCE):
                await self._shown[call.id].wait()
        return await ask_on_console(call, tool)


def _narrate(happened: Event) -> None:
    match happened:
        case ToolAsked(call=call):
            event(logging.DEBUG, "tool asked", tool=call.name, id=call.id)
        case ToolAnswered(result=result):
            words = "tool failed" if result.error else "tool used"
            event(logging.DEBUG, words, tool=result.name, id=result.call_id)
        case ModelAnswered(model=model, usage=usage):
            tokens = {"input": usage.get("input", 0), "output": usage.get("output", 0)}
            event(logging.INFO, "model answered", error=None, model=model, **tokens)
        case _:
            pass


def _question(asked: str | None, screen: Screen) -> Message:
    """What was asked, with what was piped in beside it; or what was piped in, alone.

    Raises:
        UsageError: Nothing was asked.
        RetinueError: What was piped in is no text, or too much.
    """
    piped = read_input(
        sys.stdin,
        waiting=lambda: screen.note(
            f"{screen.program}: waiting for standard input to end; without any: </dev/null"
        ),
    )
    document = piped if piped and not piped.isspace() else None
    if asked and not asked.isspace():
        parts = [Text(text=asked, source="user")]
        if document is not None:
            parts.append(Text(text=f"\n\n{framed(document)}", source="stdin"))
        return Message(parts=parts)
    if document is None:
        what = "Standard input is empty, and n" if piped is not None else "N"
        raise UsageError(
            f"{what}othing was asked", hint=f'To ask: {screen.program} -p "your question"'
        )
    return Message(parts=[Text(text=document.strip("\n"), source="user")])


def framed(document: str, name: str = "stdin") -> str:
    """The document between tags that a model cannot take for the question, nor the document end."""
    tag = "document"
    while f"</{tag}" in document:
        tag += "_"
    return f'<{tag} name="{name}">\n{document.strip("\n")}\n</{tag}>'


def _history(path: str | None) -> MarkdownHistory | None:
    """The conversation in this file, once it is sure that it can be added to.

    Raises:
        UsageError: There can be no such file.
        RetinueError: It cannot be written.
    """
    if path is None:
        return None
    file = Path(path)
    if file.is_dir():
        raise UsageError(f"{path} is a folder", hint=f"Name a file: --history {file / 'CHAT.md'}")
    if not file.parent.is_dir():
        raise UsageError(f"There is no folder {file.parent}", hint=f"mkdir -p {file.parent}")
    try:
        if file.exists():
            file.open("ab").close()
        elif not os.access(file.parent, os.W_OK):
            raise PermissionError(0, "its folder may not be written")
    except OSError as error:
        raise RetinueError(
            f"The history {path} cannot be written: {error.strerror}",
            hint="Nothing was asked. Make it writable, or choose another --history.",
        ) from error
    return MarkdownHistory(file)


def _log(settings: Settings, verbosity: int, screen: Screen) -> AbstractContextManager[None]:
    """Log lines go beside the answer: to a person with colours, to a machine as JSON."""
    wanted = (logging.CRITICAL, logging.INFO, logging.DEBUG)[min(verbosity, 2)]
    if settings.debug:
        wanted = logging.DEBUG
    level = min(wanted, logging.getLevelNamesMapping()[settings.log_level.upper()])
    look = screen.err_look
    for_machines = settings.log == "json" or (settings.log == "auto" and not look.person)
    formatter = ForMachines() if for_machines else ForPeople(look, tracebacks=screen.debug)
    return listening(Beside(screen), level=level, formatter=formatter, secrets=screen.secrets)


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
        screen.note(f"{program}: {what}, so it is not read. Look at it, then: {program} trust")
        break
    for variable in settings.ignored:
        screen.note(f"{program}: {variable} is no variable of mine. See: {program} config")


def _tell_end(output: Output, *events: Event) -> None:
    """Say how it ended, as far as anybody still reads that."""
    with suppress(BrokenPipeError, RetinueError):
        for happened in events:
            output.tell(happened)
