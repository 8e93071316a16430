"""Plain: a terminal that can do no more than write one line after the other."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, TextIO

from retinue.cli._screen import Screen

from ._approval import Answer
from ._session import Session
from ._transcript import mark

try:
    import termios
except ImportError:  # Windows
    termios = None

_ANSWERS: Final[Mapping[str, Answer]] = {
    "y": "yes",
    "yes": "yes",
    "a": "always",
    "always": "always",
}
_WIDTH: Final = 80
"""Columns, where nobody knows how many there are."""


class Plain:
    """A `Terminal` that edits a line by itself, and tells us when it is whole.

    Args:
        reads: Where lines come from.
        screen: Where they go.
    """

    def __init__(self, reads: TextIO, screen: Screen) -> None:
        self.screen = screen
        self._reads = reads
        self._rest = b""  # what was read beyond the last line
        self._waiting: asyncio.Task[str | None] | None = None
        self._stop: Callable[[], object] | None = None
        self._leave: Callable[[], object] | None = None
        self._left = False
        self._notes: list[str] = []

    @asynccontextmanager
    async def open(self, session: Session) -> AsyncGenerator[None]:
        yield

    @property
    def width(self) -> int:
        try:
            return os.get_terminal_size(self._reads.fileno()).columns or _WIDTH
        except OSError:
            return _WIDTH

    def note(self, line: str) -> None:
        self._notes.append(line)  # a line that is being typed must not be torn

    def show(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.screen.write(f"{line}\n")
        self.screen.flush()

    async def line(self) -> str | None:
        if self._left:
            return None
        notes, self._notes = self._notes, []
        self.show(notes)
        self._write(mark(self.screen.look))
        self._waiting = asyncio.ensure_future(self._next())
        await asyncio.wait({self._waiting})
        line = None if self._waiting.cancelled() else self._waiting.result()
        if line is None:
            self._write("\n")
        return line

    @contextmanager
    def showing(
        self, live: Callable[[], list[str]], stop: Callable[[], object], leave: Callable[[], object]
    ) -> Generator[None]:
        self._stop, self._leave = stop, leave
        try:
            yield
        finally:
            self._stop = self._leave = None

    async def ask(self, question: str) -> Answer:
        if termios is not None:
            with suppress(OSError):
                termios.tcflush(self._reads, termios.TCIFLUSH)
        self._rest = b""  # what was typed before is no answer
        self._write(f"{question} [y]es, [N]o, [a]lways: ")
        said = (await self._next() or "").strip().lower()
        return _ANSWERS.get(said, "no")

    async def reply(self, question: str) -> str:
        self._write(f"{question}: ")
        said = await self._next()
        if said is None:  # the end of input is no answer
            self.leave()
            await asyncio.Event().wait()
        return said or ""

    def interrupt(self) -> None:
        if self._stop is not None:
            self._stop()
        else:
            # The terminal has cleared the line already.
            self._write(f"\n  Ctrl-D leaves\n{mark(self.screen.look)}")

    def leave(self) -> None:
        self._left = True
        for leave in filter(None, (self._leave, self._waiting and self._waiting.cancel)):
            leave()

    def _write(self, words: str) -> None:
        self.screen.write(words)
        self.screen.flush()

    async def _next(self) -> str | None:
        """The next line; None at the end of input, or once the terminal has gone."""
        while b"\n" not in self._rest:
            more = await self._more()
            if not more and not self._rest:
                return None
            self._rest += more or b"\n"
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode(self._reads.encoding or "utf-8", "replace").removesuffix("\r")

    async def _more(self) -> bytes:
        loop = asyncio.get_running_loop()
        number = self._reads.fileno()
        ready = asyncio.Event()
        try:
            loop.add_reader(number, ready.set)
        except NotImplementedError:  # Windows; there the line is waited for to its end
            return (await asyncio.to_thread(self._reads.readline)).encode(self._reads.encoding)
        try:
            await ready.wait()
            return os.read(number, 4096)
        except OSError:
            return b""
        finally:
            loop.remove_reader(number)


def open_terminal(screen: Screen) -> Plain:
    """The terminal of this process."""
    return Plain(sys.stdin, screen)
