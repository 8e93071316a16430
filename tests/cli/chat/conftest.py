"""The shell from outside: a process on a terminal of its own, and a screen that shows it."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

pexpect = pytest.importorskip("pexpect")
pyte = pytest.importorskip("pyte")

PATIENCE = 30.0
"""Seconds that nothing here may take."""

ESCAPE, ENTER, TAB, UP = "\x1b", "\r", "\t", "\x1b[A"
CTRL_C, CTRL_D, CTRL_R = "\x03", "\x04", "\x12"


class Seat:
    """A place at a terminal where `retinue` runs, and somebody can type and look."""

    def __init__(self, process: Any, rows: int, columns: int) -> None:
        self.process = process
        self.raw = b""
        """Everything it wrote."""
        self._screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=0.01)
        self._stream = pyte.ByteStream(self._screen)
        self._gone = False

    @property
    def screen(self) -> list[str]:
        """The rows that are seen, without spaces at their end, up to the last that is not empty."""
        return _trimmed([row.rstrip() for row in self._screen.display])

    @property
    def page(self) -> list[str]:
        """What was scrolled away, and the screen."""
        above = ["".join([row[x].data for x in sorted(row)]) for row in self._screen.history.top]
        return [row.rstrip() for row in above] + self.screen

    @property
    def text(self) -> str:
        """The page as one text."""
        return "\n".join(self.page)

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column, from 0."""
        return self._screen.cursor.y, self._screen.cursor.x

    @property
    def typed(self) -> str:
        """The row in which somebody types."""
        return self.screen[self.cursor[0]] if self.cursor[0] < len(self.screen) else ""

    def type(self, *keys: str) -> None:
        for some in keys:
            self.process.send(some.encode())

    async def until(self, condition: Callable[[], Any]) -> None:
        """Look until this is so.

        Raises:
            AssertionError: It never was; with what was seen instead.
        """
        end = time.monotonic() + PATIENCE
        while not self._now(condition):
            assert time.monotonic() < end, f"never seen:\n{self.text}"
            assert self.process.isalive() or self._now(condition), f"it has ended:\n{self.text}"
            await asyncio.sleep(0.01)

    async def sees(self, words: str) -> None:
        """Look until these words are on the page."""
        await self.until(lambda: words in self.text)

    async def ready(self) -> None:
        """Look until somebody can type, and nothing else goes on."""
        await self.until(lambda: self.typed in ("\u203a", ">"))

    async def ask(self, question: str, answer: str) -> None:
        """Type a line, and look until it was answered so, and something else can be typed."""
        self.type(question, ENTER)
        await self.sees(answer)
        await self.ready()

    def resize(self, rows: int, columns: int) -> None:
        self._screen.resize(rows, columns)
        self.process.setwinsize(rows, columns)

    async def end(self) -> int:
        """Look until the process has ended; its exit code, or minus the signal that ended it."""
        await self.until(lambda: not self.process.isalive())
        self._look()
        status, number = self.process.exitstatus, self.process.signalstatus
        return -number if number is not None else status

    def hang_up(self) -> None:
        """Close the terminal; nothing more is seen."""
        self._gone = True
        self.process.ptyproc.fileobj.close()

    def close(self) -> None:
        """Get up."""
        if self.process.isalive():
            self.process.kill(signal.SIGKILL)
            self.process.wait()
        if not self._gone:
            self.process.close(force=True)

    def _now(self, condition: Callable[[], Any]) -> bool:
        self._look()
        return bool(condition())

    def _look(self) -> None:
        """Draw what has come."""
        while not self._gone:
            try:
                some = self.process.read_nonblocking(1 << 16, timeout=0)
            except (pexpect.TIMEOUT, pexpect.EOF):
                return
            self.raw += some
            self._stream.feed(some)


def _trimmed(rows: list[str]) -> list[str]:
    while rows and not rows[-1]:
        rows = rows[:-1]
    return rows


class Sit(Protocol):
    def __call__(
        self,
        *arguments: str,
        command: str = ...,
        program: str = ...,
        rows: int = ...,
        columns: int = ...,
        **more: str,
    ) -> Seat: ...


@pytest.fixture
def sit(home: Path, environ: Mapping[str, str]) -> Iterator[Sit]:
    """Sits down at a terminal and calls `retinue`; the environment as keywords."""
    seats: list[Seat] = []

    def sit(
        *arguments: str,
        command: str = "chat",
        program: str = "",
        rows: int = 30,
        columns: int = 80,
        **more: str,
    ) -> Seat:
        line = [program] if program else ["-m", "retinue"]
        process = pexpect.spawn(
            sys.executable,
            [*line, *filter(None, [command]), *arguments],
            env={**environ, **more},
            cwd=os.fspath(home),
            timeout=PATIENCE,
            dimensions=(rows, columns),
        )
        process.delaybeforesend = None
        seats.append(Seat(process, rows, columns))
        return seats[-1]

    yield sit
    for seat in seats:
        seat.close()
