"""StreamedPromise: pieces on their way, and then a value made of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable
from typing import Any, NoReturn, Self, cast

from retinue.errors import PromiseCancelled, PromiseError, StreamCut

from ._appender import StreamAppender
from ._circles import Producers, Work
from ._hub import Hub
from ._log import Failure, Log
from ._promise import UNSET, Promise, leave_if_abandoned, value_or_resolver
from ._scope import Scope


class Reader[P]:
    """One reader's place in a stream."""

    __slots__ = ("_hub", "_log", "_next", "_producers", "_source")

    _hub: Hub
    _producers: Producers | None

    def __init__(self, source: "StreamedPromise[P, Any]") -> None:
        self._source = source
        self._log = source._log
        self._next = 0
        self._producers = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> P:
        log = self._log
        while True:
            at = self._next
            if at < len(log.pieces):
                self._next = at + 1
                piece = log.pieces[at]
                if piece.__class__ is Failure:
                    self._source._raise(cast(Failure, piece))
                return cast(P, piece)
            if log.closed:
                raise StopAsyncIteration
            future, task = self._wait_for(at)
            try:
                await future
            except BaseException:
                self._log.leave(future)  # else the log has let it go already
                raise
            finally:
                self._went_on(task)

    def _wait_for(self, at: int) -> "tuple[asyncio.Future[None], asyncio.Task[Any] | None]":
        """What wakes the reader, and the task that waits; `_went_on` must follow."""
        source = self._source
        if self._producers is None:
            self._hub = source._here()
            self._producers = source._producers
        future = self._log.reader(self._hub.loop)
        task = self._hub.watch.begin(self._producers, future)
        try:
            source._want(at)  # last: a piece that comes of it at once wakes this reader, too
        except BaseException:
            self._went_on(task)
            self._log.leave(future)
            raise
        return future, task

    def _went_on(self, task: "asyncio.Task[Any] | None") -> None:
        self._hub.watch.end(task)


class CountingReader[P](Reader[P]):
    """A reader of a stream that runs only so far ahead: says how far it has come."""

    __slots__ = ()

    async def __anext__(self) -> P:
        self._source._want(self._next)
        return await super().__anext__()


class StreamedPromise[P, T](Promise[T]):
    """Pieces on their way, and then a value made of them.

    Every reader starts at the first piece, whenever it comes. An error is a piece at its place.

    Args:
        streamer: Where the pieces come from: an async generator function that gets the promise,
            an appender, or another stream (then both share their pieces).
        resolver: Makes the value, after the last piece. Default: the tuple of all pieces.
        pieces: All of them, where they are known already; then there is no streamer.
        value: The value, where it is known already; then there is no resolver.
        eager: Run by itself, or piece by piece on demand. Default: the scope's.
        read_ahead: How many pieces an eager stream may be ahead of its fastest reader.
    """

    __slots__ = ("_ahead", "_cut", "_gate", "_log", "_origin", "_streamer", "_wanted")

    def __init__(
        self,
        streamer: "Callable[[Self], AsyncIterator[P]] | StreamAppender[P] | StreamedPromise[P, Any] | None" = None,  # noqa: E501
        resolver: Callable[[Self], Awaitable[T]] | None = None,
        *,
        pieces: Iterable[P] | None = None,
        value: T = UNSET,
        eager: bool | None = None,
        read_ahead: int | None = None,
    ) -> None:
        if streamer is not None and pieces is not None:
            raise PromiseError(
                "A stream has either a streamer or its pieces, not both",
                hint="Yield the pieces from the streamer, or leave the streamer out.",
            )
        if value is not UNSET and resolver is not None:
            raise value_or_resolver()
        if read_ahead is not None and read_ahead < 0:
            raise PromiseError(
                f"A stream cannot run {read_ahead} pieces ahead",
                hint="0 makes every piece on demand, None does not limit it.",
            )
        self._log: Log[P]
        self._streamer: Callable[[Self], AsyncIterator[P]] | None = None
        self._origin: StreamedPromise[P, Any] | None = None
        match streamer:
            case None:
                self._log = Log(pieces or (), closed=True)
            case StreamAppender():
                self._log = streamer.log
            case StreamedPromise():
                self._log = streamer._log
                self._origin = streamer._origin or streamer
            case _:
                self._log = Log()
                self._streamer = streamer
        ready = self._streamer is None and resolver is None  # the value follows from the pieces
        scope = self._open(value, ready)
        starts = eager if eager is not None else scope is None or scope.eager
        self._resolver = resolver
        self._ahead = None if self._streamer is None else read_ahead if starts else 0
        self._wanted = 0
        self._gate: asyncio.Future[None] | None = None
        self._cut = False
        if ready:
            if scope is not None:
                self._scope = scope.home
                if scope.hooks is not None:
                    self._log.when_closed(self._conclude)
        elif starts and scope is not None:
            scope._start(self)

    def __aiter__(self) -> Reader[P]:
        source = self._origin or self
        return Reader(source) if source._ahead is None else CountingReader(source)

    def __await__(self) -> Generator[Any, None, T]:
        if self._value is UNSET and self._log.closed and self._resolver is None:
            self._conclude()
        return super().__await__()

    def failed_with(self, error: BaseException) -> bool:
        if self._log.closed and self._resolver is None:
            self._conclude()
        return super().failed_with(error)

    def _is_over(self) -> bool:
        if self._streamer is not None:
            return False
        return self.done or (self._log.closed and self._resolver is None)

    # -- the work

    async def _run(self, scope: Scope) -> None:
        task = self._task = scope._enter()
        try:
            whole = self._streamer is None or await self._drive(self._streamer, scope, task)
            if whole and self._resolver is not None:
                await self._resolve(scope)
            else:
                self._conclude()
        finally:
            self._task = None
            scope._leave(task)

    async def _drive(
        self,
        streamer: Callable[[Self], AsyncIterator[P]],
        scope: Scope,
        task: "asyncio.Task[Any]",
    ) -> bool:
        """Run the streamer to its end; False if it was stopped before that."""
        log = self._log
        whole = True
        try:
            stream = streamer(self)
            if not hasattr(stream, "__anext__"):
                if isinstance(stream, Coroutine):
                    stream.close()
                raise TypeError(
                    f"A streamer must return an async iterator, not {type(stream).__name__}"
                )
            try:
                push, step = log.push, stream.__anext__
                while True:
                    if self._ahead is not None:
                        await self._room(scope, task)
                    try:
                        piece = await step()
                    except StopAsyncIteration:
                        break
                    push(piece)
            finally:
                close = getattr(stream, "aclose", None)
                if close is not None:
                    await close()
        except BaseException as error:
            leave_if_abandoned(scope)
            whole = task.cancelling() == 0
            if self._cut and isinstance(error, asyncio.CancelledError):
                error = StreamCut("the scope was left before this stream was read to its end")
            log.push(self._fail(error))
        self._streamer = None  # what it held may go
        log.close()
        return whole

    async def _room(self, scope: Scope, task: "asyncio.Task[Any]") -> None:
        """Wait until a reader wants more than there is; such a wait keeps no scope open."""
        watch = scope.hub.watch
        while self._ahead is not None and len(self._log.pieces) >= self._wanted + self._ahead:
            gate = self._gate = scope.hub.loop.create_future()
            scope._park(self, task)
            waiting = watch.begin(_any_reader, None)
            try:
                await gate
            finally:
                watch.end(waiting)
                self._gate = None
                scope._unpark(self, task)

    def _release(self) -> None:
        """The scope is being left: what runs ahead may finish, what waits for demand is cut."""
        if self._gate is None or self._gate.done():
            return  # it goes on already, or was cancelled
        if self._ahead == 0:
            self._cut = True
            cast("asyncio.Task[Any]", self._task).cancel()
        else:
            self._ahead = None
            self._open_gate()

    def _open_gate(self) -> None:
        if self._gate is not None and not self._gate.done():
            self._gate.set_result(None)
            # It counts as going on from now, not from when its task gets round to it.
            self._adopted()._unpark(self, cast("asyncio.Task[Any]", self._task))

    def _want(self, at: int) -> None:
        """A reader has come to piece `at`."""
        if at >= self._wanted:
            self._wanted = at + 1
            self._open_gate()
        if not self._started:
            self._adopted()._start_first(self)

    def _demand(self) -> None:
        source = self._origin
        if source is not None:
            source._demand_all()
        self._demand_all()
        if self._streamer is None and self._resolver is None and self._waiters is None:
            self._log.when_closed(self._conclude)

    def _demand_all(self) -> None:
        """Whoever wants the whole wants every piece."""
        self._ahead = None
        self._open_gate()
        if not self._started:
            self._adopted()._start_first(self)

    def _conclude(self) -> None:
        """Make the value from the closed log."""
        if self._value is not UNSET or self._failure is not None:
            return
        try:
            failure = self._first_failure()
            if failure is not None:
                self._settle_failure(failure)
            else:
                self._settle(self._whole(cast("list[P]", self._log.pieces)))
        except BaseException as error:
            self._settle_failure(error)

    def _first_failure(self) -> Failure | None:
        """The failure that tells most: a cancellation is seldom the cause."""
        failures = [p for p in self._log.pieces if p.__class__ is Failure]
        if not failures:
            return None
        for failure in cast("list[Failure]", failures):
            if not isinstance(failure.error, PromiseCancelled | StreamCut):
                return failure
        return cast("Failure", failures[0])

    def _whole(self, pieces: list[P]) -> T:
        return cast(T, tuple(pieces))

    def _abort(self, error: PromiseError) -> None:
        self._streamer = None
        if not self._log.closed and self._origin is None:
            self._log.push(Failure(error))
            self._log.close()
        super()._abort(error)

    # -- errors

    def _raise(self, failure: Failure) -> NoReturn:
        """Give a reader the error; our own resolver only passes it on."""
        if asyncio.current_task() is self._task:
            failure.raise_unread()
        failure.throw()

    def _fail(self, error: BaseException) -> Failure:
        """An error that the resolver let through is that of the stream: read once, it is read."""
        for piece in self._log.pieces:
            if piece.__class__ is Failure and cast(Failure, piece).error is error:
                return cast(Failure, piece)
        return super()._fail(error)

    # -- what the watch for circles asks

    def _work(self) -> Any:
        return self._streamer or self._resolver

    def _producers(self) -> tuple[Work, ...] | None:
        """Who can bring the next piece; None where anybody could who holds the appender."""
        if self._origin is not None:
            return self._origin._producers()
        return None if self._streamer is None else (self,)

    def _makers(self) -> tuple[Work, ...] | None:
        works = self._task is not None or not self._started
        return (self,) if works else self._producers()


def _any_reader() -> tuple[Work, ...]:
    return ()
