"""Promise and StreamedPromise: a value, or pieces and then a value, on its way.

The work of a promise starts by itself, at the next tick of the loop, in a task and a context of its
own. Readers only ever wait on a future of theirs: a reader that is cancelled touches nobody else.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
from contextvars import copy_context
from typing import Any, Self, cast

from retinue.errors import (
    AppenderClosed,
    AppenderNotOpen,
    NothingToResolve,
    PromiseCancelled,
    PromiseError,
    StreamCut,
)

from ._hub import Work
from ._log import Failure, Log
from ._scope import Scope, scope_for_new_work

UNSET: Any = object()


class Promise[T]:
    """A value on its way: `await` it as often as you like, everybody gets the same object.

    Args:
        resolver: Called once with the promise; what it returns, or raises, is the outcome.
        value: The outcome, where it is known already; then there is no resolver.
        eager: Start by itself (at the next tick), or on the first `await`. Default: the scope's.
    """

    __slots__ = (
        "__weakref__",
        "_context",
        "_failure",
        "_queued",
        "_resolver",
        "_scope",
        "_started",
        "_task",
        "_value",
        "_waiters",
    )

    def __init__(
        self,
        resolver: Callable[[Self], Awaitable[T]] | None = None,
        *,
        value: T = UNSET,
        eager: bool | None = None,
    ) -> None:
        if resolver is not None and value is not UNSET:
            raise PromiseError("A promise has either a resolver or a value, not both")
        scope = self._open(value)
        self._resolver = resolver
        if value is not UNSET:
            if scope is not None and scope.hooks is not None:
                scope.hooks.resolved(self, value)
        elif (eager if eager is not None else scope is None or scope.eager) and scope is not None:
            scope._start(self)

    def _open(self, value: Any) -> Scope | None:
        """The fields every promise has; returns its scope, None where no loop runs yet."""
        scope = self._scope = scope_for_new_work()
        self._value = value
        self._failure: Failure | None = None
        self._waiters: list[asyncio.Future[None]] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._queued = False
        self._started = value is not UNSET
        self._context = None if self._started else copy_context()
        return scope

    @property
    def done(self) -> bool:
        """Whether there is a value or an error."""
        return self._value is not UNSET or self._failure is not None

    def failed_with(self, error: BaseException) -> bool:
        """Whether this ended with exactly this error."""
        return self._failure is not None and self._failure.error is error

    def __await__(self) -> Generator[Any, None, T]:
        if self._value is UNSET and self._failure is None:
            yield from self._wait()
        if self._failure is not None:
            self._failure.throw()
        return self._value

    async def aresolve(self) -> T:
        """The same as `await promise`, for where a coroutine is needed."""
        return await self

    def cancel(self) -> bool:
        """Stop the work and what it started; readers see PromiseCancelled. False if it was done."""
        if self.done:
            return False
        self._started = True
        task = self._working_task()
        if task is None:
            self._abort(PromiseCancelled("cancelled before it began"))
            if self._queued:
                self._adopted()._dequeued(self)
        else:
            task.cancel()
        return True

    # -- the work

    def _begin(self) -> None:
        """Called by the hub alone: never inside a constructor, never in a reader's stack."""
        if self._started and not self._queued:
            return
        scope = self._adopted()
        if not self._started:
            self._started = True
            if scope.closed:
                self._abort(StreamCut("the scope this belongs to was left before it began"))
            elif scope.stopping:
                self._abort(PromiseCancelled("cancelled before it began"))
            else:
                asyncio.Task(
                    self._run(scope), loop=scope.hub.loop, eager_start=True, context=self._context
                )
        if self._queued:
            scope._dequeued(self)

    async def _run(self, scope: Scope) -> None:
        task = self._task = scope._enter()
        try:
            await self._resolve()
        finally:
            scope._leave(task)

    async def _resolve(self) -> None:
        try:
            if self._resolver is None:
                raise NothingToResolve("This promise has no resolver and no value")
            value = await self._resolver(self)
        except BaseException as error:
            self._settle_failure(error)
        else:
            self._settle(value)

    def _abort(self, error: PromiseError) -> None:
        """There will be no work."""
        self._settle_failure(error)

    def _settle(self, value: T) -> None:
        if self.done:
            return
        self._value = value
        self._finish(value)

    def _settle_failure(self, error: BaseException | Failure) -> None:
        if self.done:
            return
        self._failure = error if isinstance(error, Failure) else self._fail(error)
        self._finish(self._failure.error)

    def _finish(self, outcome: Any) -> None:
        self._wake()
        scope = self._scope
        if scope is not None and scope.hooks is not None:
            scope.hooks.resolved(self, outcome)
        # What the work held may go at once, without waiting for a garbage collection.
        self._resolver = self._context = self._scope = None

    def _fail(self, error: BaseException) -> Failure:
        return fail(error, self._scope)

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, None
        for future in waiters or ():
            if not future.done():
                future.set_result(None)

    # -- the readers

    def _wait(self) -> Generator[Any, None, None]:
        scope = self._adopted()
        hub = scope.hub
        loop = asyncio.get_running_loop()
        if loop is not hub.loop:
            raise PromiseError(
                "This promise belongs to another event loop",
                hint="From another thread use `scope.call_from_thread(...)`.",
            )
        self._demand()
        if self.done:
            return
        future = loop.create_future()
        if self._waiters is None:
            self._waiters = [future]
        else:
            self._waiters.append(future)
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        hub.waiting(task, self, future)
        try:
            yield from future
        finally:
            hub.waits.pop(task, None)
            if self._waiters is not None and future in self._waiters:
                self._waiters.remove(future)

    def _demand(self) -> None:
        if not self._started:
            self._adopted().hub.start_first(self)

    def _adopted(self) -> Scope:
        """The scope; a promise made where no loop ran joins the scope of its first reader."""
        if self._scope is None:
            self._scope = scope_for_new_work()
            if self._scope is None:
                raise PromiseError(
                    "A promise needs a running event loop",
                    hint="Use `await`, or `retinue.run(promise)` from synchronous code.",
                )
        return self._scope

    # -- what the watch for circles asks

    def _working_task(self) -> "asyncio.Task[Any] | None":
        return self._task

    @property
    def main_task(self) -> "asyncio.Task[Any] | None":
        return self._working_task()

    @property
    def label(self) -> str:
        return f"a {type(self).__name__}"

    def _producers(self) -> tuple[Work, ...] | None:
        """Who can bring this on; None where anybody could."""
        return (self,)


def fail(error: BaseException, scope: Scope | None) -> Failure:
    """The failure that readers see for `error`; tells the root scope of an exit signal."""
    if isinstance(error, asyncio.CancelledError):
        cancelled = PromiseCancelled(str(error) or "cancelled")
        return Failure(cancelled.with_traceback(error.__traceback__))
    failure = Failure(error, scope.trace() if scope is not None else ())
    if scope is not None and isinstance(error, KeyboardInterrupt | SystemExit):
        failure.seen = True  # raised again by the root scope, never only logged
        scope.root._exit_by(failure)
    return failure


class Reader[P]:
    """One reader's place in a stream."""

    __slots__ = ("_log", "_next", "_source")

    def __init__(self, source: "StreamedPromise[P, Any]") -> None:
        self._source = source
        self._log = source._log
        self._next = 0

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
                    cast(Failure, piece).throw()
                return cast(P, piece)
            if log.closed:
                raise StopAsyncIteration
            future = self._wait_for(at)
            try:
                await future
            finally:
                self._stop_waiting(future)

    def _wait_for(self, at: int) -> "asyncio.Future[None]":
        source = self._source
        hub = source._adopted().hub
        source._want(at)
        future = self._log.reader(hub.loop)
        hub.waiting(cast("asyncio.Task[Any]", asyncio.current_task()), source, future)
        return future

    def _stop_waiting(self, future: "asyncio.Future[None]") -> None:
        hub = self._source._adopted().hub
        hub.waits.pop(cast("asyncio.Task[Any]", asyncio.current_task()), None)
        if not future.done() or future.cancelled():
            self._log.leave(future)


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
            raise PromiseError("A stream has either a streamer or its pieces, not both")
        if resolver is not None and value is not UNSET:
            raise PromiseError("A promise has either a resolver or a value, not both")
        scope = self._open(value)
        self._resolver = resolver
        self._streamer: Callable[[Self], AsyncIterator[P]] | None = None
        self._origin: StreamedPromise[P, Any] | None = None
        self._log: Log[P]
        self._ahead: int | None = None
        self._wanted = 0
        self._gate: asyncio.Future[None] | None = None
        self._cut = False
        starts = eager if eager is not None else scope is None or scope.eager
        if isinstance(streamer, StreamAppender):
            self._log = streamer.log
        elif isinstance(streamer, StreamedPromise):
            self._log = streamer._log
            self._origin = streamer._origin or streamer
        elif pieces is not None or streamer is None:
            self._log = Log(pieces or (), closed=True)
        else:
            self._log = Log()
            self._streamer = streamer
            self._ahead = read_ahead if starts else 0
        self._begin_stream(scope, starts)

    def _begin_stream(self, scope: Scope | None, starts: bool) -> None:
        if self._streamer is None and self._resolver is None:
            # Nothing to run: the value follows from the pieces once the log is closed.
            self._started = True
            self._context = None
            if scope is not None:
                self._scope = scope.home
                if scope.hooks is not None:
                    self._log.when_closed(self._conclude)
        elif starts and scope is not None:
            scope._start(self)

    def __await__(self) -> Generator[Any, None, T]:
        if self._value is UNSET and self._failure is None:
            if self._log.closed and self._resolver is None:
                self._conclude()
        return super().__await__()

    def __aiter__(self) -> Reader[P]:
        source = self._origin or self
        return Reader(source) if source._ahead is None else CountingReader(source)

    # -- the work

    async def _run(self, scope: Scope) -> None:
        task = self._task = scope._enter()
        try:
            whole = self._streamer is None or await self._drive(self._streamer, scope, task)
            if whole and self._resolver is not None:
                await self._resolve()
            else:
                self._conclude()
        finally:
            scope._leave(task)

    async def _drive(
        self,
        streamer: Callable[[Self], AsyncIterator[P]],
        scope: Scope,
        task: "asyncio.Task[Any]",
    ) -> bool:
        """Run the streamer to its end; False if it was stopped before that."""
        log = self._log
        stopped = False
        try:
            stream = streamer(self)
            if not hasattr(stream, "__anext__"):
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
            stopped = isinstance(error, asyncio.CancelledError)
            log.push(
                Failure(StreamCut("the scope was left before this stream was read to its end"))
                if stopped and self._cut
                else self._fail(error)
            )
        log.close()
        return not stopped

    async def _room(self, scope: Scope, task: "asyncio.Task[Any]") -> None:
        """Wait until a reader wants more than there is; such a wait keeps no scope open."""
        while self._ahead is not None and len(self._log.pieces) >= self._wanted + self._ahead:
            self._gate = scope.hub.loop.create_future()
            scope._park(self, task)
            try:
                await self._gate
            finally:
                scope._unpark(self, task)
                self._gate = None

    def _release(self) -> None:
        """The scope is being left: what runs ahead may finish, what waits for demand is cut."""
        if self._ahead == 0:
            self._cut = True
            task = self._task
            if task is not None:
                task.cancel()
        else:
            self._ahead = None
            self._open_gate()

    def _open_gate(self) -> None:
        if self._gate is not None and not self._gate.done():
            self._gate.set_result(None)

    def _want(self, at: int) -> None:
        """A reader has come to piece `at`."""
        if at >= self._wanted:
            self._wanted = at + 1
            self._open_gate()
        if not self._started:
            self._adopted().hub.start_first(self)

    def _demand(self) -> None:
        source = self._origin or self
        source._ahead = None  # whoever wants the whole wants every piece
        source._open_gate()
        if not source._started:
            source._adopted().hub.start_first(source)
        if not self._started:
            self._adopted().hub.start_first(self)
        elif self._streamer is None and self._resolver is None:
            self._log.when_closed(self._conclude)

    def _conclude(self) -> None:
        """Make the value from the closed log."""
        if self.done:
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
        for failure in cast("list[Failure]", failures):
            if not isinstance(failure.error, PromiseCancelled | StreamCut):
                return failure
        return cast("Failure", failures[0]) if failures else None

    def _whole(self, pieces: list[P]) -> T:
        return cast(T, tuple(pieces))

    def cancel(self) -> bool:
        """Stop the work and what it started; after the last piece readers see PromiseCancelled."""
        if self._log.closed and self._resolver is None:
            return False
        return super().cancel()

    def _abort(self, error: PromiseError) -> None:
        if not self._log.closed and self._origin is None:
            self._log.push(Failure(error))
            self._log.close()
        super()._abort(error)

    def failed_with(self, error: BaseException) -> bool:
        if self._log.closed and self._resolver is None:
            self._conclude()
        return super().failed_with(error)

    def _producers(self) -> tuple[Work, ...] | None:
        if self._origin is not None:
            return self._origin._producers()
        if self._streamer is None and self._task is None:
            return None  # whoever holds the appender
        return (self,)


class StreamAppender[P]:
    """The writing end of a stream: open it, append pieces, close it. Use it in a `with` block.

    Args:
        capture_errors: Whether an error that leaves the block becomes the last piece, for the
            readers, instead of being raised. Default: the scope's.
    """

    __slots__ = ("_capture", "_scope", "log", "was_open")

    def __init__(self, *, capture_errors: bool | None = None) -> None:
        scope = self._scope = scope_for_new_work()
        if capture_errors is None:
            capture_errors = scope is not None and scope.capture_errors
        self._capture = capture_errors
        self.log: Log[P] = Log()
        self.was_open = False

    @property
    def is_open(self) -> bool:
        return self.was_open and not self.log.closed

    def open(self) -> Self:
        if self.log.closed:
            raise AppenderClosed("This appender was closed; it cannot be opened again")
        self.was_open = True
        return self

    def append(self, piece: P | BaseException) -> Self:
        """Add a piece; an exception becomes an error at its place."""
        if not self.was_open:
            raise AppenderNotOpen("Appended to an appender that is not open yet")
        if self.log.closed:
            raise AppenderClosed("Appended to an appender that is closed")
        self.log.push(fail(piece, self._scope) if isinstance(piece, BaseException) else piece)
        return self

    def close(self) -> None:
        """No more pieces; closing twice is harmless."""
        self.log.close()

    __enter__ = open

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        captured = error is not None and self._capture and not isinstance(error, AppenderClosed)
        if error is not None and not self.log.closed:
            # A writer that leaves by an error has not finished, whoever handles that error.
            failure = fail(error, self._scope)
            failure.seen = failure.seen or not captured
            self.log.push(failure)
        self.log.close()
        return captured
