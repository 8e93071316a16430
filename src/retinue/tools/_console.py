"""Asking a person at the terminal whether a tool may be used."""

import asyncio
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import TextIO
from weakref import WeakKeyDictionary

from retinue.errors import ToolDenied
from retinue.messages import ToolCall

from . import Tool
from ._json import as_json

try:
    import termios
except ImportError:  # Windows
    termios = None

_MOST = 2_000
"""Characters shown of one argument; that there are more is said."""
_MOST_ARGUMENTS = 20


async def ask_on_console(call: ToolCall, tool: Tool) -> bool:
    """Asks on the terminal: yes, no (also at the end of input), or always; one call at a time.

    "Always" is for this very tool, and lasts as long as the event loop.

    Raises:
        ToolDenied: stdin or stderr is no terminal; it never waits for what cannot come.
    """
    console = _CONSOLES.setdefault(asyncio.get_running_loop(), _Console())
    async with console.one_at_a_time:
        return tool in console.always or await console.ask(call, tool)


class _Console:
    def __init__(self) -> None:
        self.always: list[Tool] = []
        self.one_at_a_time = asyncio.Lock()

    async def ask(self, call: ToolCall, tool: Tool) -> bool:
        reads, writes = sys.stdin, sys.stderr
        if not (_is_terminal(reads) and _is_terminal(writes)):
            raise ToolDenied(
                f"{call.name!r} needs approval, and there is no terminal to ask on",
                hint="Start it in a terminal, or allow the call beforehand: "
                f"Rule(verdict='allow', tool={call.name!r}).",
            )
        if termios is not None:  # what was typed before the question is no answer to it
            termios.tcflush(reads, termios.TCIFLUSH)
        writes.write("".join([f"\n{line}" for line in question_about(call, tool)]))
        writes.write(f"\nUse {_visible(call.name)}? [y]es, [N]o, [a]lways: ")
        writes.flush()
        answer = (await line_of(reads)).strip().lower()
        if not answer:
            with suppress(OSError):  # the terminal may be gone
                print(file=writes, flush=True)
        if answer in ("a", "always"):
            self.always.append(tool)
        return answer in ("y", "yes", "a", "always")


_CONSOLES: WeakKeyDictionary[asyncio.AbstractEventLoop, _Console] = WeakKeyDictionary()
"""A process has one terminal; questions of different agents must not run into one another."""


def question_about(call: ToolCall, tool: Tool) -> Iterable[str]:
    """What a person must know to say yes or no to this call, line by line, safe to be shown."""
    yield f"{_visible(call.name)}, which may {tool.risk}, is to be used with"
    for argument, value in islice(call.args.items(), _MOST_ARGUMENTS):
        yield f"  {_visible(argument)}: {_visible(as_json(value))}"
    if len(call.args) > _MOST_ARGUMENTS:
        yield f"  and {len(call.args) - _MOST_ARGUMENTS:,} arguments more that are not shown"


def _visible(text: str) -> str:
    """With all that could move the cursor, colour or reorder text written as an escape."""
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[:_MOST]
    )
    left_out = len(text) - _MOST
    return f"{shown} ... and {left_out:,} characters more not shown" if left_out > 0 else shown


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


async def line_of(reads: TextIO) -> str:
    """The next line that is typed; "" at the end of input. Can be cancelled."""
    loop = asyncio.get_running_loop()
    fd = reads.fileno()
    typed = bytearray()
    line: asyncio.Future[str] = loop.create_future()

    def more() -> None:
        try:
            got = os.read(fd, 4096)
        except OSError:  # the terminal is gone
            got = b""
        typed.extend(got)
        if not line.done() and (not got or got.endswith(b"\n")):
            line.set_result(typed.decode(errors="replace"))

    try:
        loop.add_reader(fd, more)
    except NotImplementedError:  # Windows; there the line is waited for to its end
        return await asyncio.to_thread(reads.readline)
    try:
        return await line
    finally:
        loop.remove_reader(fd)
