"""Shell: one line after the other, whatever terminal they come from."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol

from retinue.cli._answering import why
from retinue.cli._screen import Screen
from retinue.messages.events import Event

from ._approval import Answer
from ._cells import wrapped
from ._commands import Desk, Leave, is_command, message_of, obey
from ._session import Question, Session
from ._transcript import files_of, question_of
from ._view import View


class Terminal(Protocol):
    """Where a person sits."""

    @property
    def screen(self) -> Screen:
        """Where errors and log lines go; they appear on the terminal."""
        ...

    @property
    def width(self) -> int:
        """Columns, now."""
        ...

    def show(self, lines: Iterable[str]) -> None:
        """Write lines that never change any more."""
        ...

    async def line(self) -> str | None:
        """What was typed next, of one line or more, and is on the screen now; None at the end."""
        ...

    def showing(
        self, live: Callable[[], list[str]], stop: Callable[[], object]
    ) -> AbstractContextManager[None]:
        """While in here, show what `live` says now, and call `stop` when it is to stop."""
        ...

    def open(self, session: Session) -> AbstractAsyncContextManager[None]:
        """While in here, the terminal is ours; what is typed there is about this session."""
        ...

    async def ask(self, question: str) -> Answer:
        """Have the person answer yes, no, or always."""
        ...

    def interrupt(self) -> None:
        """Stop what goes on; or do what else one expects of Ctrl-C."""
        ...

    def leave(self) -> None:
        """Stop what goes on, and leave."""
        ...


class Shell:
    """Talks with a person until they leave.

    Args:
        session: What about.
        terminal: Where they sit.
    """

    def __init__(self, session: Session, terminal: Terminal) -> None:
        self._session = session
        self._terminal = terminal
        self._screen = terminal.screen

    async def talk(self) -> None:
        """Until the person leaves. No error ends it."""
        goes_on = True
        while goes_on and (line := await self._terminal.line()) is not None:
            if line.strip():
                goes_on = await self._heed(line)

    async def _heed(self, line: str) -> bool:
        """Do what a line asks for; whether to go on after it."""
        terminal, session, look = self._terminal, self._session, self._screen.look
        if not is_command(line):
            question = session.question(message_of(line))
            terminal.show(files_of(question.message, look))
            await self._answer(question)
            return True
        desk = Desk(session, look, terminal.width)
        obeying = await self._until_stopped(obey(line, desk), list)
        if obeying.cancelled():
            terminal.show([self._dim("stopped"), ""])
        elif (error := obeying.exception()) is not None:
            self._complain(error)
        else:
            match obeying.result():
                case Leave():
                    return False
                case Question() as question:
                    self._show(["", *question_of(question.message, look)])
                    await self._answer(question)
                case lines:
                    self._show([*lines, ""])
        return True

    async def _answer(self, question: Question) -> None:
        terminal, host = self._terminal, self._session.app.name
        view = View(self._screen.look, lambda: terminal.width, host=host)

        def tell(event: Event) -> None:
            terminal.show(view.tell(event))

        work = self._session.answer(question, tell)
        answering = await self._until_stopped(work, lambda: [*view.live(), ""])
        terminal.show([*view.end(), ""])
        if answering.cancelled():
            terminal.show([self._dim("stopped; /retry asks again"), ""])
        elif (error := answering.exception()) is not None:
            self._complain(error)
        elif remark := why(answering.result(), self._session.purse):
            self._screen.warn(*remark)
            terminal.show([""])

    async def _until_stopped[T](
        self, work: Coroutine[Any, Any, T], live: Callable[[], list[str]]
    ) -> asyncio.Task[T]:
        """Do this work until it ends, or the person stops it; it has ended then, too."""
        doing = asyncio.ensure_future(work)
        try:
            with self._terminal.showing(live, doing.cancel):
                await asyncio.wait({doing})
        finally:
            if not doing.done():
                doing.cancel()
                await asyncio.wait({doing})
        return doing

    def _show(self, lines: Iterable[str]) -> None:
        """Show these lines, broken where the terminal ends."""
        self._terminal.show(wrapped(lines, self._terminal.width))

    def _complain(self, error: BaseException) -> None:
        self._screen.complain(error)
        self._terminal.show([""])

    def _dim(self, words: str) -> str:
        sign = self._screen.look.sign("■ ")
        return self._screen.look.paint(f"  {sign}{words}", "dim")
