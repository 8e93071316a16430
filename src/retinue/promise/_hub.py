"""What the promises of one event loop share: a start batch, a trampoline, a watch for circles."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any, Protocol

from retinue.errors import CircularWait

if TYPE_CHECKING:
    from ._promise import Promise
    from ._scope import Scope

current: "ContextVar[Scope | None]" = ContextVar("retinue.scope", default=None)
"""The scope that whatever is started here belongs to."""

_SLICE = 0.005
"""Seconds of starting work before the loop may look at its sockets again."""

_WATCH = 0.05
"""Seconds between two looks for circles; a wait is looked at once, when it is older than this."""

_PATIENCE = 5.0
"""Seconds, at most, between two looks at a wait that only looks like part of a circle."""


class Work(Protocol):
    """Something that runs in one task of its own and that others may wait for."""

    @property
    def main_task(self) -> "asyncio.Task[None] | None": ...

    @property
    def label(self) -> str: ...


class Startable(Protocol):
    """Something the hub begins, once: a promise, a turn."""

    _queued: bool

    def _begin(self) -> None: ...


type Wait = tuple["Promise[Any]", int, asyncio.Future[None]]


class Hub:
    """Belongs to one loop; made by the outermost scope in it."""

    __slots__ = (
        "_checked",
        "_context",
        "_generation",
        "_relaying",
        "_relays",
        "_scheduled",
        "_starts",
        "_suspects",
        "_timer",
        "_watch_after",
        "loop",
        "waits",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.waits: dict[asyncio.Task[Any], Wait] = {}
        self._context = copy_context()
        self._starts: deque[Startable] = deque()
        self._scheduled = False
        self._relays: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._relaying = False
        self._timer: asyncio.TimerHandle | None = None
        self._watch_after = _WATCH
        self._generation = 0
        self._checked = -1
        self._suspects: set[asyncio.Future[None]] = set()

    # -- starting: one callback for everything born in one tick, so that no start nests in another

    def start(self, work: Startable) -> None:
        self._starts.append(work)
        if not self._scheduled:
            self._schedule()

    def start_first(self, work: Startable) -> None:
        """Demand moves work to the front; starting it twice is harmless."""
        self._starts.appendleft(work)
        if not self._scheduled:
            self._schedule()

    def _schedule(self) -> None:
        self._scheduled = True
        self.loop.call_soon(self._start_batch, context=self._context)

    def _start_batch(self) -> None:
        starts = self._starts
        until = self.loop.time() + _SLICE
        # What the started work itself starts waits for the next tick; demand still moves ahead.
        for _ in range(len(starts)):
            starts.popleft()._begin()
            if self.loop.time() > until:
                break
        self._scheduled = False
        if starts:
            self._schedule()

    # -- relaying: a chain of listeners of any length uses one stack frame

    def relay(self, tell: Callable[[Any], None], what: Any) -> None:
        relays = self._relays
        relays.append((tell, what))
        if self._relaying:
            return
        self._relaying = True
        try:
            while relays:
                tell, what = relays.popleft()
                tell(what)
        finally:
            self._relaying = False

    # -- watching: who waits for whom, looked at only when somebody has waited for a while

    def waiting(
        self, task: "asyncio.Task[Any]", promise: "Promise[Any]", future: "asyncio.Future[None]"
    ) -> None:
        self.waits[task] = (promise, self._generation, future)
        if self._timer is None:
            self._timer = self.loop.call_later(_WATCH, self._watch, context=self._context)
        elif self._watch_after > _WATCH:
            self._timer.cancel()
            self._watch_after = _WATCH
            self._timer = self.loop.call_later(_WATCH, self._watch, context=self._context)

    def _watch(self) -> None:
        self._timer = None
        fresh = False
        for task, (_, generation, future) in reversed(self.waits.items()):
            if generation <= self._checked:
                break
            if generation == self._generation:
                fresh = True
            elif self._leads_to_itself(task):
                self._suspects.add(future)
        self._checked = self._generation - 1
        self._generation += 1
        if self._suspects:
            self._judge()
        if fresh:
            self._watch_after = _WATCH
        elif self._suspects:
            # Nothing new began: only the end of some task could still close the circle.
            self._watch_after = min(_PATIENCE, 2 * self._watch_after)
        else:
            self._watch_after = _WATCH
            return
        self._timer = self.loop.call_later(self._watch_after, self._watch, context=self._context)

    def _leads_to_itself(self, task: "asyncio.Task[Any]") -> bool:
        """The cheap look: does following main tasks from here come back, or leave our sight?"""
        path: set[asyncio.Task[Any]] = set()
        todo = [task]
        while todo:
            here = todo.pop()
            if here in path:
                return True
            path.add(here)
            wait = self.waits.get(here)
            if wait is None:
                if here is not task and _gathered(here):
                    return True
                continue
            for work in wait[0]._producers() or ():
                if work.main_task is not None:
                    todo.append(work.main_task)
        return False

    def _judge(self) -> None:
        """The exact look, at suspects only: which works can never go on?

        Greatest fixpoint: assume that every work all of whose tasks wait is stuck, then free
        whoever waits for something that somebody outside can still produce, until nothing changes.
        """
        tasks = _tasks_by_work(self.loop)
        stuck: dict[Work, list[Wait]] = {}
        for promise, _, _ in self.waits.values():
            for work in promise._producers() or ():
                waits = self._all_waits(work, tasks.get(work, set()))
                if waits:
                    stuck[work] = waits
        changed = True
        while changed:
            changed = False
            for work, waits in list(stuck.items()):
                if any(not _only(promise._producers(), stuck) for promise, _, _ in waits):
                    del stuck[work]
                    changed = True
        live = {wait[2] for wait in self.waits.values()}
        self._suspects &= live
        for work, waits in stuck.items():
            for _, _, future in waits:
                if future in self._suspects and not future.done():
                    self._suspects.clear()
                    future.set_exception(
                        CircularWait(
                            f"These wait for each other and none can go on: {_circle(work, stuck)}",
                            hint="Let one of them reply, or read, without waiting for the next.",
                        )
                    )
                    return

    def _all_waits(self, work: Work, others: "set[asyncio.Task[Any]]") -> list[Wait]:
        """What each task of `work` waits for; empty if any of them may still go on by itself."""
        if work.main_task is None or work.main_task.done():
            return []
        found: list[Wait] = []
        for task in {work.main_task, *others}:
            wait = self.waits.get(task)
            if wait is not None:
                found.append(wait)
            elif not _gathered(task):
                return []
        return found


def _only(producers: "tuple[Work, ...] | None", stuck: dict[Work, list[Wait]]) -> bool:
    return bool(producers) and all(work in stuck for work in producers or ())


def _circle(first: Work, stuck: dict[Work, list[Wait]]) -> str:
    path: list[Work] = []
    work = first
    while work not in path:
        path.append(work)
        work = (stuck[work][0][0]._producers() or (first,))[0]
    names = [w.label for w in path[path.index(work) :]]
    return " -> ".join([*names, names[0]])


def _gathered(task: "asyncio.Task[Any]") -> bool:
    """Whether `task` waits in asyncio.gather; its children are then tasks of the same work.

    asyncio offers no public way to see this before Python 3.14 (asyncio.capture_call_graph).
    """
    return hasattr(getattr(task, "_fut_waiter", None), "_children")


def _tasks_by_work(loop: asyncio.AbstractEventLoop) -> "dict[Any, set[asyncio.Task[Any]]]":
    """All unfinished tasks, by the turn in whose context they run."""
    found: dict[Any, set[asyncio.Task[Any]]] = {}
    for task in asyncio.all_tasks(loop):
        scope = task.get_context().get(current)
        while scope is not None and not scope.is_turn:
            scope = scope.parent
        if scope is not None:
            found.setdefault(scope, set()).add(task)
    return found
