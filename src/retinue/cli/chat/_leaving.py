"""Leaving: signals end a talk quietly, with the terminal as it was before."""

import asyncio
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final, Protocol

from retinue.cli._signals import Stop

_LEAVING: Final = (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))


class Left(Protocol):
    """What can be left."""

    def interrupt(self) -> None: ...

    def leave(self) -> None: ...


@contextmanager
def leaving_on_signals(terminal: Left, stop: Stop) -> Generator[None]:
    """Interrupt on Ctrl-C, wherever it comes from; leave on SIGTERM, and when the terminal goes.

    What made it leave is told `stop`.
    A second signal to leave breaks off whatever takes so long, by KeyboardInterrupt. Outside of the
    main thread, no signal ever comes.
    """
    loop = asyncio.get_running_loop()

    def heed(number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT:
            loop.call_soon_threadsafe(terminal.interrupt)
            return
        again, stop.signal = stop.signal is not None, number
        if again:
            raise KeyboardInterrupt
        loop.call_soon_threadsafe(terminal.leave)

    is_main = threading.current_thread() is threading.main_thread()
    heeded = {signal.SIGINT, *_LEAVING} if is_main else ()
    before = {number: signal.signal(number, heed) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
