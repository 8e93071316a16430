"""Scope: owns everything started in it; nothing outlives it."""

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from retinue.errors import PromiseError

from ._circles import Work, current
from ._hooks import Hooks
from ._hub import Hub, Startable, hub_of

if TYPE_CHECKING:
    from ._log import Failure
    from ._stream import StreamedPromise


class Scope:
    """Leaving the block waits for what was started in it; leaving by an error cancels that first.

    Args:
        eager: Whether promises made in here start by themselves. Default: the outer scope's, True.
        errors_as_messages: Whether an agent's error is handed on as an ErrorMessage instead of
            being raised at the reader. Default: the outer scope's, False.
        capture_errors: What appenders do by default with an error of their block. Default: the
            outer scope's, False.
        hooks: Who is told of promises and messages; see `Hooks`. Outer scopes' hooks go on.
    """

    __slots__ = (
        "__weakref__",
        "_active",
        "_before_leaving",
        "_exit_signal",
        "_host",
        "_idle",
        "_inner",
        "_interrupted",
        "_outer",
        "_parked",
        "_tasks",
        "_waiting_to_start",
        "capture_errors",
        "closed",
        "eager",
        "errors_as_messages",
        "home",
        "hooks",
        "hub",
        "parent",
        "stopping",
    )

    is_turn = False
    hub: Hub

    def __init__(
        self,
        *,
        eager: bool | None = None,
        errors_as_messages: bool | None = None,
        capture_errors: bool | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        self._set_up(_enclosing())
        if eager is not None:
            self.eager = eager
        if errors_as_messages is not None:
            self.errors_as_messages = errors_as_messages
        if capture_errors is not None:
            self.capture_errors = capture_errors
        if hooks is not None:
            hooks.join(self)
            self.hooks = hooks

    def _set_up(self, parent: "Scope | None") -> None:
        """Everything but the options; a turn, made for every inquiry, uses this directly."""
        self.parent = parent
        # The nearest scope that is a block: what runs nothing itself belongs there, not to a turn
        # whose replies would hold it, and be held by it.
        self.home: Scope = parent.home if self.is_turn and parent is not None else self
        self._tasks: set[asyncio.Task[Any]] | None = None
        self._parked: set[StreamedPromise[Any, Any]] | None = None
        self._inner: set[Scope] | None = None
        self._waiting_to_start = 0
        self._idle: asyncio.Future[None] | None = None
        self._host: asyncio.Task[Any] | None = None
        self._outer: Scope | None = None
        self._exit_signal: Failure | None = None
        self._before_leaving: dict[Callable[[], object], None] | None = None
        self._active = self._interrupted = False
        self.stopping = False
        self.closed = False
        if parent is None:
            self.eager, self.errors_as_messages, self.capture_errors = True, False, False
            self.hooks: Hooks | None = None
        else:
            self.eager = parent.eager
            self.errors_as_messages = parent.errors_as_messages
            self.capture_errors = parent.capture_errors
            self.hooks = parent.hooks

    # -- the block

    async def __aenter__(self) -> Self:
        if self._active or self.closed:
            raise RuntimeError("A scope can be entered once; make a new one")
        self.hub = hub_of(asyncio.get_running_loop())
        self._host = asyncio.current_task()
        self._active = True
        if self.parent is not None:
            if self.parent._inner is None:
                self.parent._inner = set()
            self.parent._inner.add(self)
        self._outer = current.get()
        current.set(self)
        return self

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._host = None  # it leaves already, nobody needs to interrupt it
        try:
            self._say_farewell()
            if error is not None and not self.stopping:
                self.cancel()
        finally:
            await self._wind_up()

    async def _wind_up(self) -> None:
        try:
            await self._settle_down()
        finally:
            try:
                if self.hooks is not None and self.hooks.scope is self:
                    await self._finish(self.hooks)
            finally:
                self._close()

    async def _finish(self, hooks: Hooks) -> None:
        try:
            await hooks.finish()
        finally:
            await self._settle_down()  # what that started

    def _close(self) -> None:
        self.closed = True
        self._active = False
        self.hub.watch.rest()
        if self.parent is not None and self.parent._inner is not None:
            self.parent._inner.discard(self)
        if current.get() is self:
            current.set(self._outer)
        self._outer = None
        if self._exit_signal is not None and not self._forgives(self._exit_signal):
            if self._interrupted:
                cast("asyncio.Task[Any]", asyncio.current_task()).uncancel()
            self._exit_signal.throw()

    def cancel(self) -> None:
        """Stop everything that was started in here, and what that started."""
        todo: list[Scope] = [self]  # scopes may be nested as deep as you like
        while todo:
            scope = todo.pop()
            scope.stopping = True
            for task in tuple(scope._tasks or ()):
                task.cancel()
            for stream in tuple(scope._parked or ()):
                stream.cancel()
            todo.extend(scope._inner or ())

    def before_leaving(self, farewell: Callable[[], object]) -> None:
        """Call this when the scope ends, before waiting for what is still going on in it."""
        if self._before_leaving is None:
            self._before_leaving = {}
        self._before_leaving[farewell] = None

    def not_before_leaving(self, farewell: Callable[[], object]) -> None:
        """Do not; it was done already."""
        if self._before_leaving is not None:
            self._before_leaving.pop(farewell, None)

    def _say_farewell(self) -> None:
        for farewell in tuple(self._before_leaving or ()):
            farewell()

    def call_from_thread[R](
        self, work: Callable[..., Coroutine[Any, Any, R]], *args: Any
    ) -> "concurrent.futures.Future[R]":
        """From another thread: run `work(*args)` in this scope, and get a future of its result.

        Raises:
            PromiseError: The scope was left, or not entered yet.
        """
        if self.closed or not hasattr(self, "hub"):
            raise PromiseError(
                "Work from another thread came to a scope that is not open",
                hint="Let the thread end before the scope does.",
            )

        async def inside() -> R:
            current.set(self)
            return await self.start(work(*args))

        return asyncio.run_coroutine_threadsafe(inside(), self.hub.loop)

    # -- what is going on in here

    def start[R](self, work: Coroutine[Any, Any, R]) -> "asyncio.Task[R]":
        """Run a coroutine in a task of this scope.

        Raises:
            PromiseError: The scope was left.
        """
        if self.closed:
            work.close()
            raise PromiseError(
                "Nothing can start in a scope that was left",
                hint="Start it before the block ends, or in an outer scope.",
            )
        context = copy_context()
        context.run(current.set, self)
        task = self.hub.loop.create_task(work, context=context)
        if self._tasks is None:
            self._tasks = set()
        self._tasks.add(task)
        task.add_done_callback(self._leave)
        return task

    def _start(self, work: Startable) -> None:
        """Have `work` begin at the next tick; until then this scope is not idle."""
        work._queued = True
        self._waiting_to_start += 1
        self.hub.start(work)

    def _start_first(self, work: Startable) -> None:
        """Somebody waits for `work`: have it begin before all others."""
        if not work._queued:
            work._queued = True
            self._waiting_to_start += 1
        self.hub.start_first(work)

    def _dequeued(self, work: Startable) -> None:
        work._queued = False
        self._waiting_to_start -= 1
        if self._idle is not None:
            self._tell_if_idle()

    def _enter(self) -> "asyncio.Task[Any]":
        """The current task is work of this scope."""
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        if self._tasks is None:
            self._tasks = {task}
        else:
            self._tasks.add(task)
        return task

    def _leave(self, task: "asyncio.Task[Any]") -> None:
        if self._tasks is not None:
            self._tasks.discard(task)
        if self._idle is not None:
            self._tell_if_idle()

    def _park(self, stream: "StreamedPromise[Any, Any]", task: "asyncio.Task[Any]") -> None:
        if self._parked is None:
            self._parked = set()
        self._parked.add(stream)
        self._leave(task)

    def _unpark(self, stream: "StreamedPromise[Any, Any]", task: "asyncio.Task[Any]") -> None:
        if self._parked is not None:
            self._parked.discard(stream)
        if self._tasks is not None:
            self._tasks.add(task)

    def _tell_if_idle(self) -> None:
        idle = self._idle
        if idle is not None and not (self._tasks or self._waiting_to_start or idle.done()):
            idle.set_result(None)

    async def _settle_down(self) -> None:
        """Wait until nothing runs in here; if cancelled meanwhile, stop that, and still wait."""
        cancelled: asyncio.CancelledError | None = None
        watch = self.hub.watch
        while self._tasks or self._waiting_to_start or self._parked:
            if not self._tasks and not self._waiting_to_start:
                for stream in tuple(self._parked or ()):
                    stream._release()
            self._idle = self.hub.loop.create_future()
            task = watch.begin(self._still_going_on, None)
            try:
                await self._idle
            except asyncio.CancelledError as error:
                cancelled = error
                if not self.stopping:  # once is enough: what is stopped may have to clean up
                    self.cancel()
            finally:
                watch.end(task)
                self._idle = None
        if cancelled is not None:
            raise cancelled

    def _still_going_on(self) -> tuple[Work, ...] | None:
        if self._waiting_to_start:
            return None
        return tuple([_Started(task) for task in self._tasks or ()]) or None

    # -- exit signals: KeyboardInterrupt and SystemExit are raised at the root, read or not

    @property
    def root(self) -> "Scope":
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def _exit_by(self, failure: "Failure") -> None:
        if self._exit_signal is not None:
            return
        self._exit_signal = failure
        self.hub.loop.call_soon(self._stop_for_exit)

    def _stop_for_exit(self) -> None:
        self.cancel()
        self._interrupt_host()

    def _interrupt_host(self) -> None:
        """Whatever the block itself waits for could last for ever."""
        if self._host is None or self._exit_signal is None or self._forgives(self._exit_signal):
            return
        wait = self.hub.watch.waits.get(self._host)
        if wait is not None and wait[2] is not None and wait[2].done():
            # It is just being told something, perhaps this very error: that comes first.
            self.hub.loop.call_soon(self._interrupt_host)
        else:
            self._interrupted = True
            self._host.cancel()

    def _forgives(self, signal: "Failure") -> bool:
        """Whether an exit signal is over once it was handled; it is not."""
        return False

    # -- who we are

    @property
    def name(self) -> str | None:
        """What to call this in a trace; a turn has the name of its agent."""
        return None

    def trace(self) -> tuple[str, ...]:
        """The names from here outwards: who was asked by whom."""
        names: list[str] = []
        scope: Scope | None = self
        while scope is not None:
            if scope.name is not None:
                names.append(scope.name)
            scope = scope.parent
        return tuple(names)


class _Started(NamedTuple):
    """A task that a scope waits for before it is left."""

    main_task: "asyncio.Task[Any]"
    label: str = "what was started"


class _Ambient(Scope):
    """What owns work that was started in a running loop, but in no scope: the loop itself."""

    __slots__ = ()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._set_up(None)
        self.hub = hub_of(loop)

    def _stop_for_exit(self) -> None:
        if self._exit_signal is not None:
            self._exit_signal.throw()  # out of the loop, as asyncio does for any task


def _enclosing() -> Scope | None:
    """The scope around the caller, if it is one of the running loop that can be left."""
    scope = current.get()
    if scope is None or isinstance(scope, _Ambient):
        return None
    return scope if scope.hub.loop is asyncio._get_running_loop() else None


def scope_for_new_work() -> Scope | None:
    """The scope new work belongs to; None where no loop runs yet (its first reader adopts it)."""
    scope = current.get()
    loop = asyncio._get_running_loop()  # the public one raises where there is none
    if loop is None:
        return None
    if scope is None or scope.hub.loop is not loop:
        scope = _Ambient(loop)
        current.set(scope)
    return scope
