"""Finding: one line of what the doctor says; and how to look without being held up."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, Literal

PATIENCE: Final = 2.0
"""Seconds for whatever is looked at."""

type State = Literal["fine", "note", "warning", "wrong"]
"""Green, without colour, yellow, red."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found.

    Args:
        about: What was looked at, in a word or two.
        words: How it is.
        fix: What to do about it; what is wrong has always one.
    """

    about: str
    state: State
    words: str
    fix: str | None = None


async def aside[T](work: Callable[[], T]) -> T:
    """What `work` gives, which may wait for a disk, a pipe or a person.

    Raises:
        TimeoutError: It took too long; nobody waits for it any more, not even at the end.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # from here on it cannot be cancelled, only left alone

    def do() -> None:
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=do, daemon=True).start()
    async with asyncio.timeout(PATIENCE):
        return await asyncio.wrap_future(future)
