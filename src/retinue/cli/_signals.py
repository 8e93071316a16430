"""Signals: Ctrl-C and SIGTERM stop an answer quietly, and everything that was started for it."""

import asyncio
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from ._screen import Screen

_STOPPING: Final = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """What a signal asked for."""

    signal: int | None = None
    """The last one that came."""


@contextmanager
def stopping_on_signals(stop: Stop, screen: Screen) -> Generator[None]:
    """Cancel the current task on the first signal, and tell `stop`.

    A second signal, or one that comes while we wait for whoever reads our output, breaks off
    whatever goes on by KeyboardInterrupt. Outside of the main thread, no signal ever comes.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None

    def heed(number: int, _: FrameType | None) -> None:
        again = stop.signal is not None
        stop.signal = number
        if again or screen.writing:
            raise KeyboardInterrupt
        loop.call_soon_threadsafe(task.cancel)

    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, heed) for number in _STOPPING if is_main}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
