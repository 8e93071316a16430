"""Above: what is written anywhere while a line is being typed appears above that line."""

import asyncio
import io
import threading
from collections.abc import Callable
from typing import cast

from retinue.cli._screen import Screen


class Above(io.TextIOBase):
    """A stream whose whole lines are shown; it may be written to by any thread.

    Args:
        show: Shows them, in the thread of the running loop.
    """

    encoding = "utf-8"

    def __init__(self, show: Callable[[list[str]], None]) -> None:
        self._show = show
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._begun = ""

    def writable(self) -> bool:
        return True

    def write(self, s: str, /) -> int:
        *lines, self._begun = (self._begun + s).split("\n")
        if lines and threading.get_ident() == self._thread:
            self._show(lines)
        elif lines:
            self._loop.call_soon_threadsafe(self._show, lines)
        return len(s)


def screen_above(screen: Screen, above: Above) -> Screen:
    """The same screen; what is beside the answer goes above the line."""
    out = screen.expect_reader()
    other = Screen(
        out,
        cast("io.TextIOWrapper", above),
        look=screen.look,
        err_look=screen.look,
        program=screen.program,
        debug=screen.debug,
    )
    other.secrets = screen.secrets
    return other
