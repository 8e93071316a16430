"""human: a person at a console as an agent; reads what others say, and answers with a line."""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from retinue.steps import ask

from ._agent import Agent
from ._turn import Turn


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
    read = read or read_line
    write = write or _write

    async def person(turn: Turn) -> None:
        await _show(turn, write)
        line = await ask({"kind": "input", "prompt": prompt}, lambda: read(prompt))
        turn.reply({"text": line, "role": "user", "agent": name})

    return Agent(person, name=name, description="A person at the console.")


async def read_line(prompt: str) -> str:
    """One line of standard input, without stopping the loop; cancelling does not wait for Enter.

    Raises:
        EOFError: The input has ended.
    """
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def settle(text: str | None, error: BaseException | None) -> None:
        if line.done():
            return
        if error is not None:
            line.set_exception(error)
        else:
            line.set_result(text or "")

    def wait_for_it() -> None:
        try:
            text, error = input(prompt), None
        except BaseException as raised:
            text, error = None, raised
        try:
            loop.call_soon_threadsafe(settle, text, error)
        except RuntimeError:
            pass  # the loop is closed: nobody waits for this line any more

    # A daemon: a thread of the executor would be waited for at exit, until somebody presses Enter.
    threading.Thread(target=wait_for_it, daemon=True, name="retinue-console").start()
    return await line


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
