"""Shell: one line after the other, whatever terminal they come from."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Final, Protocol

from retinue.cli._answering import why
from retinue.cli._screen import Screen
from retinue.messages.events import Event

from ._approval import Answer
from ._cells import wrapped
from ._commands import is_command, message_of, obey
from ._desk import Desk, GoOn, Inbox, Leave
from ._inbox import answer_all
from ._news import News
from ._session import Question, Session
from ._transcript import files_of, question_of
from ._view import View

type Tell = Callable[[Event], None]

_LOOK: Final = 5.0
"""Seconds between two looks at what tasks in the background have come to."""


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

    def note(self, line: str) -> None:
        """Write what has nothing to do with what goes on here, as soon as that disturbs nobody."""
        ...

    def showing(
        self, live: Callable[[], list[str]], stop: Callable[[], object], leave: Callable[[], object]
    ) -> AbstractContextManager[None]:
        """While in here, show what `live` says now; call `stop` when it is to stop, and `leave`
        when the person leaves.
        """
        ...

    def open(self, session: Session) -> AbstractAsyncContextManager[None]:
        """While in here, the terminal is ours; what is typed there is about this session."""
        ...

    async def ask(self, question: str) -> Answer:
        """Have the person answer yes, no, or always."""
        ...

    async def reply(self, question: str) -> str:
        """Have the person answer in a line."""
        ...

    def interrupt(self) -> None:
        """Stop what goes on; or do what else one expects of Ctrl-C."""
        ...

    def leave(self) -> None:
        """Leave; what goes on is left to itself."""
        ...


def _cannot() -> bool:
    """It has no end of its own."""
    return False


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
        self._has_left = False

    async def talk(self) -> None:
        """Until the person leaves. No error ends it."""
        watching = asyncio.ensure_future(self._watch())
        try:
            await self._go_on()
            goes_on = True
            while goes_on and (line := await self._terminal.line()) is not None:
                if line.strip():
                    goes_on = await self._heed(line)
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    async def _watch(self) -> None:
        """Tell what comes of tasks in the background."""
        news = News(self._session.house.retinue.runs)
        while True:
            for line in await news.look():
                self._terminal.note(self._told(line))
            await asyncio.sleep(_LOOK)

    async def _go_on(self) -> None:
        """With what was asked here before, and is not answered yet."""
        for unfinished in self._session.unfinished:
            if not self._has_left:
                self._show(question_of(unfinished.question, self._screen.look))
                await self._answer(lambda tell, it=unfinished: self._session.go_on(it, tell))

    async def _heed(self, line: str) -> bool:
        """Do what a line asks for; whether to go on after it."""
        terminal, session, look = self._terminal, self._session, self._screen.look
        if not is_command(line):
            question = session.question(message_of(line))
            terminal.show(files_of(question.message, look))
            await self._ask(question)
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
                    await self._ask(question)
                case GoOn(lines=lines):
                    self._show(["", *lines, *([""] if lines else [])])
                    await self._go_on()
                case Inbox():
                    await self._open_inbox()
                case lines:
                    self._show([*lines, ""])
        return True

    async def _ask(self, question: Question) -> None:
        await self._answer(lambda tell: self._session.answer(question, tell))

    async def _answer(self, work: Callable[[Tell], Coroutine[Any, Any, str]]) -> None:
        terminal, host = self._terminal, self._session.app.name
        view = View(self._screen.look, lambda: terminal.width, host=host)

        def tell(event: Event) -> None:
            terminal.show(view.tell(event))

        def live() -> list[str]:
            return [*view.live(), ""]

        answering = await self._until_stopped(work(tell), live, self._session.stop)
        terminal.show([*view.end(), ""])
        if answering.cancelled():
            words = "not finished; --continue goes on with it" if self._has_left else "stopped"
            terminal.show([self._dim(words), ""])
        elif (error := answering.exception()) is not None:
            self._complain(error)
        elif answering.result() == "stopped":
            terminal.show([self._dim("stopped; /retry asks again"), ""])
        elif remark := why(answering.result(), self._session.purse):
            self._screen.warn(*remark)
            terminal.show([""])

    async def _open_inbox(self) -> None:
        """Put every question that a task in the background asks."""
        session = self._session
        inbox = answer_all(session.house.retinue, session.settings, self._terminal, session.person)
        answering = await self._until_stopped(inbox, list)
        if not answering.cancelled() and (error := answering.exception()) is not None:
            self._complain(error)
        self._terminal.show([""])

    async def _until_stopped[T](
        self,
        work: Coroutine[Any, Any, T],
        live: Callable[[], list[str]],
        stop: Callable[[], bool] = _cannot,
    ) -> asyncio.Task[T]:
        """Do this work until it ends, or the person stops it or leaves; it has ended then, too.

        Args:
            work: What is done.
            live: How it looks now.
            stop: Has it come to its end; where it says that it cannot, the work is broken off.
        """
        doing = asyncio.ensure_future(work)

        def leave() -> None:
            self._has_left = True
            doing.cancel()

        try:
            with self._terminal.showing(live, lambda: stop() or doing.cancel(), leave):
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

    def _told(self, words: str) -> str:
        look = self._screen.look
        return look.paint(f"  {look.sign('🔔 ', '* ')}{words}", "dim")

    def _dim(self, words: str) -> str:
        sign = self._screen.look.sign("■ ")
        return self._screen.look.paint(f"  {sign}{words}", "dim")
