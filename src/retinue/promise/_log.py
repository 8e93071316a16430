"""The one data structure under every stream: pieces, a closed flag, and who is waiting.

Appender, promise and sequence share one `Log`; nothing is copied between them. There is no queue,
no lock and no task in here.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from retinue import telemetry
from retinue.errors import PromiseCancelled, PromiseError, StreamCut

from ._hub import hub_of

if TYPE_CHECKING:
    from ._hub import Hub
    from ._scope import Scope


class Failure:
    """An error at its place: every reader gets the same object, with its first traceback."""

    __slots__ = ("__weakref__", "_context", "_traceback", "error", "seen", "trace")

    def __init__(self, error: BaseException, trace: tuple[str, ...] = ()) -> None:
        self.error = error
        self.trace = trace
        self.seen = isinstance(error, PromiseCancelled | StreamCut)  # deliberate: nothing to report
        self._traceback = error.__traceback__
        self._context = error.__context__

    def throw(self) -> NoReturn:
        """Raise the error, for a reader."""
        self.seen = True
        self.raise_unread()

    def raise_unread(self) -> NoReturn:
        """Raise the error for somebody who only passes it on."""
        loop = asyncio._get_running_loop()  # `str(promise)` may be asked for without one
        if loop is not None:
            hub_of(loop).raising(self)
        raise self.error.with_traceback(self._traceback)

    def forget_the_reader(self) -> None:
        """Drop what raising added: the reader's frames, and what the reader was handling."""
        self.error.__traceback__ = self._traceback
        self.error.__context__ = self._context

    def __del__(self) -> None:
        if not self.seen:
            self.forget_the_reader()  # it may have been raised elsewhere, too
            try:  # noqa: SIM105 - contextlib may be gone, too: see below
                telemetry.event(
                    logging.ERROR,
                    "error nobody read",
                    error=self.error,
                    agents=" <- ".join(self.trace),
                )
            except Exception:
                pass  # the interpreter ends, and half of it is gone already


def fail(error: BaseException, scope: "Scope | None") -> Failure:
    """The failure that readers see for `error`; tells the root scope of an exit signal."""
    match error:
        case asyncio.CancelledError():
            told = PromiseCancelled(str(error) or "cancelled")
        case GeneratorExit():
            told = StreamCut("what brought this on was closed before its end")
        case StopIteration() | StopAsyncIteration():
            # It would end the reader's own iteration, and look like the end of the stream.
            told = PromiseError(
                f"{type(error).__name__} was raised where a promise was to be kept",
                hint="To end a stream, return from the streamer.",
            )
            told.__cause__ = error
        case _:
            failure = Failure(error, scope.trace() if scope is not None else ())
            if scope is not None and isinstance(error, KeyboardInterrupt | SystemExit):
                failure.seen = True  # raised again by the root scope, never only logged
                scope.root._exit_by(failure)
            return failure
    return Failure(
        told.with_traceback(error.__traceback__), scope.trace() if scope is not None else ()
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
            # A copy: who begins to listen while we tell the others hears this piece from `listen`.
            for listener in tuple(self.listeners):
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
