"""The one data structure under every stream: pieces, a closed flag, and who is waiting.

Appender, promise and sequence share one `Log`; nothing is copied between them. There is no queue,
no lock and no task in here.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from retinue import telemetry
from retinue.errors import PromiseCancelled, StreamCut

if TYPE_CHECKING:
    from ._hub import Hub


class Failure:
    """An error at its place: every reader gets the same object, with its first traceback."""

    __slots__ = ("_traceback", "error", "seen", "trace")

    def __init__(self, error: BaseException, trace: tuple[str, ...] = ()) -> None:
        self.error = error
        self.trace = trace
        self.seen = isinstance(error, PromiseCancelled | StreamCut)  # deliberate: nothing to report
        self._traceback = error.__traceback__

    def throw(self) -> NoReturn:
        self.seen = True
        # A raise appends the reader's frames to the error; left there, they would keep the reader
        # alive for as long as the stream, so they are dropped again once the reader has them.
        asyncio.get_running_loop().call_soon(self._forget_the_reader)
        raise self.error.with_traceback(self._traceback)

    def _forget_the_reader(self) -> None:
        self.error.__traceback__ = self._traceback

    def __del__(self) -> None:
        if not self.seen:
            telemetry.event(
                logging.ERROR, "error nobody read", error=self.error, agents=" <- ".join(self.trace)
            )


class Listener(Protocol):
    """Somebody whose own log grows from another: told of each piece, then of the end."""

    hub: "Hub"

    def hear(self, piece: Any) -> None: ...

    def hear_end(self) -> None: ...


class Log[P]:
    """Pieces in the order they came; closed once, for good."""

    __slots__ = ("closed", "enders", "listeners", "pieces", "readers")

    def __init__(self, pieces: Iterable[P] = (), *, closed: bool = False) -> None:
        self.pieces: list[P | Failure] = list(pieces)
        self.closed = closed
        self.readers: list[asyncio.Future[None]] | None = None
        self.listeners: list[Listener] | None = None
        self.enders: list[Callable[[], None]] | None = None

    def push(self, piece: P | Failure) -> None:
        self.pieces.append(piece)
        if self.readers is not None:
            self._wake()
        if self.listeners is not None:
            for listener in self.listeners:
                listener.hub.relay(listener.hear, piece)

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self.readers is not None:
            self._wake()
        if self.enders is not None:
            enders, self.enders = self.enders, None
            for ender in enders:
                ender()
        if self.listeners is not None:
            listeners, self.listeners = self.listeners, None
            for listener in listeners:
                listener.hub.relay(_end, listener)

    def listen(self, listener: Listener) -> None:
        """Tell `listener` what is here already, and from now on what comes."""
        for piece in self.pieces:
            listener.hub.relay(listener.hear, piece)
        if self.closed:
            listener.hub.relay(_end, listener)
        elif self.listeners is None:
            self.listeners = [listener]
        else:
            self.listeners.append(listener)

    def when_closed(self, ender: Callable[[], None]) -> None:
        if self.closed:
            ender()
        elif self.enders is None:
            self.enders = [ender]
        else:
            self.enders.append(ender)

    def reader(self, loop: asyncio.AbstractEventLoop) -> "asyncio.Future[None]":
        """A future of the next piece or the end; private to one reader."""
        future: asyncio.Future[None] = loop.create_future()
        if self.readers is None:
            self.readers = [future]
        else:
            self.readers.append(future)
        return future

    def leave(self, future: "asyncio.Future[None]") -> None:
        """A reader that stops waiting is forgotten at once."""
        if self.readers is not None and future in self.readers:
            self.readers.remove(future)

    def _wake(self) -> None:
        readers, self.readers = self.readers, None
        for future in readers or ():
            if not future.done():
                future.set_result(None)


def _end(listener: Listener) -> None:
    listener.hear_end()
