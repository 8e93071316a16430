"""human: a person at a console as an agent; reads what others say, and answers with a line."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

from retinue.steps import ask

from ._agent import Agent
from ._turn import Turn

_CHUNK: Final = 65_536


def human(
    name: str = "user",
    *,
    prompt: str = "YOU: ",
    read: Callable[[str], Awaitable[str]] | None = None,
    write: Callable[[str], Any] | None = None,
) -> Agent:
    """An agent that is a person: shows the messages while they come, then asks for a line.

    Of a long dialog only what came after the person's own last line is shown.

    Args:
        name: How others call them.
        prompt: Shown before the line.
        read: Where the line comes from; default: standard input. Raises EOFError at its end.
        write: Where the words go; default: standard output.
    """
    read = read or Console().read
    write = write or _write

    async def person(turn: Turn) -> None:
        await _show(turn, write)
        line = await ask({"kind": "input", "prompt": prompt}, lambda: read(prompt))
        turn.reply({"text": line, "role": "user", "agent": name})

    return Agent(person, name=name, description="A person at the console.")


class Console:
    """Lines of standard input, read without stopping the loop and without a thread to wait for."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = b""  # what was read beyond the last line

    async def read(self, prompt: str) -> str:
        """The next line, without its end.

        Raises:
            EOFError: The input has ended.
        """
        _write(prompt)
        while b"\n" not in self._left:
            more = await _next_bytes()
            if not more and not self._left:
                raise EOFError("The input has ended")
            self._left += more or b"\n"
        line, _, self._left = self._left.partition(b"\n")
        return line.decode("utf-8", "replace").removesuffix("\r")


async def _next_bytes() -> bytes:
    """Whatever comes next on standard input; empty at its end."""
    loop = asyncio.get_running_loop()
    try:
        number = sys.stdin.fileno()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(number, lambda: ready.done() or ready.set_result(None))
    except PermissionError:  # a plain file: it never makes anybody wait
        return os.read(sys.stdin.fileno(), _CHUNK)
    except (OSError, NotImplementedError):  # no real file, or a loop (Windows) that cannot watch it
        return (await asyncio.to_thread(sys.stdin.readline)).encode()
    try:
        await ready
        return os.read(number, _CHUNK)
    finally:
        loop.remove_reader(number)


async def _show(turn: Turn, write: Callable[[str], Any]) -> None:
    """Write what is new: what came after the person's own last words."""
    own = [at for at, said in enumerate(turn.messages.so_far) if said.agent == turn.agent.name]
    old = own[-1] + 1 if own else 0
    at = shown = 0
    async for promise in turn.messages:
        at += 1
        if at <= old:
            continue
        async for token in promise:
            write(token if shown else f"\n{token}")
            shown += 1
    if shown:
        write("\n\n")


def _write(words: str) -> None:
    sys.stdout.write(words)
    sys.stdout.flush()
