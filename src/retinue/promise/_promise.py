"""Promise: a value on its way.

The work of a promise starts by itself, at the next tick of the loop, in a task and a context of its
own. Readers only ever wait on a future of theirs: a reader that is cancelled touches nobody else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextvars import copy_context
from typing import Any, Self

from retinue.errors import NothingToResolve, PromiseCancelled, PromiseError, StreamCut

from ._circles import Work, current
from ._hub import Hub
from ._log import Failure, fail
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
        ready = value is not UNSET
        if ready and resolver is not None:
            raise value_or_resolver()
        scope = self._open(value, ready)
        self._resolver = resolver
        if ready:
            if scope is not None and scope.hooks is not None:
                scope.hooks.resolved(self, value)
        elif scope is not None and (scope.eager if eager is None else eager):
            scope._start(self)

    def _open(self, value: Any, ready: bool) -> Scope | None:
        """The fields every promise has; returns its scope, None where no loop runs yet."""
        scope = self._scope = scope_for_new_work()
        self._value = value
        self._failure: Failure | None = None
        self._waiters: list[asyncio.Future[None]] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._queued = False
        self._started = ready
        self._context = None if ready else copy_context()
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
        """Stop the work; readers see `PromiseCancelled`. False if it was done.

        What the work started belongs to the scope; work that should take it along opens its own.
        """
        if self._is_over():
            return False
        self._started = True
        scope, task = self._scope, self._working_task()
        if task is not None:
            task.cancel()
            return True
        self._abort(PromiseCancelled("cancelled before it began"))
        if self._queued and scope is not None:
            scope._dequeued(self)
        return True

    def _is_over(self) -> bool:
        return self.done

    # -- the work

    def _begin(self) -> None:
        """Called by the hub alone: never inside a constructor, never in a reader's stack."""
        if self._started and not self._queued:
            return  # demanded twice, or cancelled meanwhile
        scope = self._adopted()
        try:
            if not self._started:
                self._started = True
                if scope.closed:
                    self._abort(StreamCut("the scope this belongs to was left before it began"))
                elif scope.stopping:
                    self._abort(PromiseCancelled("cancelled before it began"))
                else:
                    asyncio.Task(
                        self._run(scope),
                        loop=scope.hub.loop,
                        eager_start=True,
                        context=self._context,
                    )
        finally:
            if self._queued:
                scope._dequeued(self)

    async def _run(self, scope: Scope) -> None:
        task = self._task = scope._enter()
        try:
            await self._resolve(scope)
        finally:
            self._task = None
            scope._leave(task)

    async def _resolve(self, scope: Scope) -> None:
        try:
            if self._resolver is None:
                raise NothingToResolve(
                    "This promise has neither a resolver nor a value",
                    hint="Give it one: `Promise(resolver)`, or `Promise(value=...)`.",
                )
            value = await self._resolver(self)
        except BaseException as error:
            leave_if_abandoned(scope)
            self._settle_failure(error)
        else:
            self._settle(value)

    def _abort(self, error: PromiseError) -> None:
        """There will be no work."""
        self._settle_failure(error)

    def _settle(self, value: T) -> None:
        if self._value is not UNSET or self._failure is not None:
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
        hub = self._here()
        self._demand()
        if self.done:
            return
        future: asyncio.Future[None] = hub.loop.create_future()
        if self._waiters is None:
            self._waiters = [future]
        else:
            self._waiters.append(future)
        task = hub.watch.begin(self._makers, future)
        try:
            yield from future
        finally:
            hub.watch.end(task)
            self._forget_waiter(future)

    def _forget_waiter(self, future: "asyncio.Future[None]") -> None:
        if self._waiters is not None and future in self._waiters:
            self._waiters.remove(future)

    def _demand(self) -> None:
        if not self._started:
            self._adopted()._start_first(self)

    def _adopted(self) -> Scope:
        """The scope; a promise made where no loop ran joins the scope of its first reader."""
        if self._scope is None:
            scope = scope_for_new_work()
            if scope is None:
                raise PromiseError(
                    "A promise needs a running event loop",
                    hint="Use `await`, or `retinue.run(promise)` from synchronous code.",
                )
            self._scope = scope
            if self._context is not None:
                self._context.run(current.set, scope)
        return self._scope

    def _here(self) -> Hub:
        """The hub, for a reader, who must be in the same loop."""
        hub = self._adopted().hub
        if asyncio._get_running_loop() is not hub.loop:
            raise PromiseError(
                "This promise belongs to another event loop",
                hint="From another thread use `scope.call_from_thread(...)`.",
            )
        return hub

    # -- what the watch for circles asks

    def _working_task(self) -> "asyncio.Task[Any] | None":
        return self._task

    @property
    def main_task(self) -> "asyncio.Task[Any] | None":
        return self._working_task()

    @property
    def label(self) -> str:
        return f"{type(self).__name__}({getattr(self._work(), '__qualname__', '...')})"

    def _work(self) -> Any:
        return self._resolver

    def _makers(self) -> tuple[Work, ...] | None:
        """Who can bring the value; None where anybody could."""
        return (self,)


def value_or_resolver() -> PromiseError:
    return PromiseError(
        "A promise has either a resolver or a value, not both",
        hint="Drop the value to have the resolver make it, or the other way round.",
    )


def leave_if_abandoned(scope: Scope) -> None:
    """When a task is thrown away with its loop, Python closes it, and nobody is left to tell."""
    if asyncio._get_running_loop() is not scope.hub.loop:
        raise GeneratorExit
