"""Who waits for whom, and whether it goes round in a circle.

Each wait of a task is noted, which costs one dict entry. A wait that has grown old is followed,
once: that is quick, and errs on the side of suspicion. Only suspects are judged, with all that
asyncio knows of their tasks. While every wait is old and nobody is suspect, no timer runs.
"""

import asyncio
import gc
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, ContextVar
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, Protocol, cast
from weakref import WeakKeyDictionary, WeakSet

from retinue.errors import CircularWait

if TYPE_CHECKING:
    from ._scope import Scope

current: "ContextVar[Scope | None]" = ContextVar("retinue.scope", default=None)
"""The scope that whatever is started here belongs to."""

_LOOK = 0.25
"""Seconds between two looks at new waits; a wait is followed when it is older than that.

Longer than it takes a model to write the next token, so that few waits are ever followed.
"""

_PATIENCE = 5.0
"""Seconds, at most, until suspects that were not guilty are judged again."""


class Work(Protocol):
    """Something that runs in one task of its own and that others may wait for."""

    @property
    def main_task(self) -> "asyncio.Task[Any] | None": ...

    @property
    def label(self) -> str: ...


type Producers = Callable[[], tuple[Work, ...] | None]
"""Who can end a wait: any of these works; None: anybody could; (): only somebody who reads."""

type Wait = tuple[Producers, int, asyncio.Future[None] | None]
"""Who can end it, in which round it began, what to fail when nobody can (None: not this one)."""

type Task = asyncio.Task[Any]


class Watch:
    """Finds works of one loop that wait for each other, and makes an error of it.

    A timeout around a wait does not count: the circle is there all the same, and is named at once.
    """

    __slots__ = (
        "_alert",
        "_context",
        "_judge_at",
        "_loop",
        "_members",
        "_patience",
        "_round",
        "_suspects",
        "_timer",
        "waits",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, context: Context) -> None:
        self.waits: dict[Task, Wait] = {}
        self._loop = loop
        self._context = context
        self._timer: asyncio.TimerHandle | None = None
        self._alert = False  # whether the timer was set for new waits, not only for suspects
        self._round = 0
        self._suspects: dict[Task, Wait] = {}
        self._patience = _LOOK
        self._judge_at = 0.0
        self._members: WeakKeyDictionary[Task, WeakSet[Task]] = WeakKeyDictionary()

    def begin(self, producers: Producers, future: "asyncio.Future[None] | None") -> Task | None:
        """The current task, about to wait; a `try` must follow, with `end` of it at the end."""
        task = asyncio.current_task(self._loop)
        if task is not None:  # a coroutine may also be driven by hand; nobody can follow that
            self.waits[task] = (producers, self._round, future)
            if not self._alert:
                self._set_timer(_LOOK)
                self._alert = True
        return task

    def end(self, task: Task | None) -> None:
        """The task goes on."""
        self.waits.pop(cast(Task, task), None)

    def awaited(self, task: Task) -> list[Task] | None:
        """The tasks that `task` waits for: those that make a promise, where they are known.

        None: it does not wait, or for something that nobody here knows.
        """
        wait = self.waits.get(task)
        if wait is None:
            return _awaited(task) or None
        producers, _, future = wait
        if future is not None and future.done():
            return None
        return [work.main_task for work in producers() or () if work.main_task is not None]

    def rest(self) -> None:
        """A scope was left: if nobody waits any more, leave no timer behind."""
        if self._timer is not None and not self.waits:
            self._timer.cancel()
            self._timer = None
            self._alert = False
            self._suspects.clear()

    def _set_timer(self, after: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(after, self._look, context=self._context)

    def _look(self) -> None:
        self._timer = None
        self._alert = False
        fresh, caught = self._follow_the_old()
        self._round += 1
        now = self._loop.time()
        if caught or (self._suspects and now >= self._judge_at):
            guilty = self._judge()
            self._patience = _LOOK if caught or guilty else min(_PATIENCE, 2 * self._patience)
            self._judge_at = now + self._patience
        self._alert = fresh
        if fresh:
            self._set_timer(_LOOK)
        elif self._suspects:  # nothing new began, but the end of some task could close a circle
            self._set_timer(max(_LOOK, self._judge_at - now))

    # -- the quick look, at what has waited for a while

    def _follow_the_old(self) -> tuple[bool, bool]:
        """Whether there are newer waits, and whether there are new suspects."""
        fresh = False
        old: list[Task] = []
        for task, (_, began, _) in reversed(self.waits.items()):
            if began < self._round - 1:
                break  # it and all before it were followed
            if began == self._round:
                fresh = True
            else:
                old.append(task)
                self._note_member(task)
        cleared: set[Task] = set()
        suspect: set[Task] = set()
        for task in old:
            if task not in cleared and task not in suspect:
                suspect.update(self._way_round(task, cleared, suspect))
        for task in suspect:
            if task in self.waits:
                self._suspects[task] = self.waits[task]
        return fresh, bool(suspect)

    def _note_member(self, task: Task) -> None:
        """A turn that does not wait itself may still come to wait for a task of its own."""
        turn = _turn_of(task)
        main = turn.main_task if turn is not None else None
        if main is not None and main is not task:
            if main not in self._members:
                self._members[main] = WeakSet()
            self._members[main].add(task)

    def _way_round(self, start: Task, cleared: set[Task], suspect: set[Task]) -> Iterable[Task]:
        """Follow who is waited for: the tasks on the way if it comes round, else clear them."""
        path: dict[Task, Iterator[Task]] = {start: iter(self._leads_to(start))}
        while path:
            here = next(reversed(path))
            for there in path[here]:
                if there in path or there in suspect:
                    return path
                if there not in cleared:
                    path[there] = iter(self._leads_to(there))
                    break
            else:
                path.popitem()
                cleared.add(here)
        return ()

    def _leads_to(self, task: Task) -> Iterable[Task]:
        wait = self.waits.get(task)
        if wait is None:
            found = _awaited(task)
        else:
            found = [w.main_task for w in wait[0]() or () if w.main_task is not None]
        members = self._members.get(task)
        return found if members is None else (*found, *members)

    # -- the exact look, at suspects only

    def _judge(self) -> bool:
        """Fail one wait of each circle all of whose tasks are suspended in it; False if none is."""
        waits = self.waits
        self._suspects = {t: wait for t, wait in self._suspects.items() if waits.get(t) is wait}
        stuck = self._stuck()
        guilty = False
        for task in self._suspects:
            circle = _circle(task, stuck)
            guilty = self._break(circle) or guilty
            for member in circle:
                del stuck[member]
        return guilty

    def _stuck(self) -> dict[Task, list[Task]]:
        """The tasks that nobody can free, each with the tasks any of which would have to.

        Whatever may go on by itself is free, and frees whoever waits for it; the rest is stuck.
        """
        members = _tasks_by_turn(self._loop)
        awaited: dict[Task, list[Task]] = {}
        waiters: dict[Task, list[Task]] = {}
        free: list[Task] = []
        todo = list(self._suspects)
        while todo:
            task = todo.pop()
            if task in awaited:
                continue
            found = self._all_awaited(task, members)
            awaited[task] = found or []
            if found is None:
                free.append(task)
                continue
            todo.extend(found)
            for other in found:
                waiters.setdefault(other, []).append(task)
        freed = set(free)
        while free:
            for waiter in waiters.get(free.pop(), ()):
                if waiter not in freed:
                    freed.add(waiter)
                    free.append(waiter)
        return {task: found for task, found in awaited.items() if task not in freed}

    def _all_awaited(self, task: Task, members: dict[Any, list[Task]]) -> list[Task] | None:
        """Any of which tasks must go on before `task` can; None if it can by itself."""
        wait = self.waits.get(task)
        if wait is None:
            return _awaited(task) or None
        producers, _, future = wait
        works = producers()
        if works is None or (future is not None and future.done()):
            return None
        found: list[Task] = []
        for work in works:
            main = work.main_task
            if main is None or main.done():
                return None
            found += [main, *members.get(work, ())]
        return found

    def _break(self, circle: list[Task]) -> bool:
        waits = [self.waits[task] for task in circle if task in self.waits]
        names = [work.label for producers, _, _ in waits for work in (producers() or ())[:1]]
        for _, _, future in waits:
            if future is not None:
                future.set_exception(
                    CircularWait(
                        "These wait for each other and none can go on: "
                        + " -> ".join([*names, *names[:1]]),
                        hint="Let one of them reply, or read, without waiting for the next.",
                    )
                )
                future.exception()  # should its reader be cancelled just now, that is no news
                return True
        return False


def _circle(start: Task, stuck: dict[Task, list[Task]]) -> list[Task]:
    """The circle that following the stuck leads to; empty if it was broken already."""
    path: list[Task] = []
    here: Task | None = start
    while here in stuck and here not in path:
        path.append(here)
        here = next((task for task in stuck[here] if stuck.get(task)), None)
    return path[path.index(here) :] if here in path else []


def _turn_of(task: Task) -> Any:
    """The turn in whose context `task` runs, if any."""
    scope = task.get_context().get(current)
    while scope is not None and not scope.is_turn:
        scope = scope.parent
    return scope


def _tasks_by_turn(loop: asyncio.AbstractEventLoop) -> dict[Any, list[Task]]:
    found: dict[Any, list[Task]] = {}
    for task in asyncio.all_tasks(loop):
        turn = _turn_of(task)
        if turn is not None:
            found.setdefault(turn, []).append(task)
    return found


# asyncio has no public way to see what a task waits for before Python 3.14 (capture_call_graph).

_WAIT = getattr(getattr(asyncio.tasks, "_wait", None), "__code__", object())
_DRIVEN: tuple[type[Any], ...] = (CoroutineType, GeneratorType, AsyncGeneratorType)
_GROUP = getattr(asyncio.TaskGroup, "_aexit", asyncio.TaskGroup.__aexit__).__code__


def _awaited(task: Task) -> list[Task]:
    """The tasks that `task` waits for, by `await`, gather, wait or a TaskGroup.

    Empty if it does not wait, or for something else, too.
    """
    waiter = getattr(task, "_fut_waiter", None)
    if waiter is None:
        return []
    tasks: list[Task] = []
    todo: list[Any] = [waiter]
    if type(waiter) is asyncio.Future:
        todo = [*_grouped(task.get_coro())] or todo
    while todo:
        future = todo.pop()
        if isinstance(future, asyncio.Task):
            if not future.done():
                tasks.append(cast(Task, future))
        elif children := getattr(future, "_children", None):  # of a gather
            todo += children
        elif not future.done():
            return []
    return tasks


def _grouped(step: Any) -> Iterable[asyncio.Future[Any]]:
    """What the coroutine waits for, if that is asyncio.wait or the end of a TaskGroup."""
    while step is not None:
        code = getattr(step, "cr_code", None)
        if code is _WAIT:
            names = step.cr_frame.f_locals
            return names["fs"] if names.get("timeout_handle") is None else ()
        if code is _GROUP:
            return step.cr_frame.f_locals["self"]._tasks
        step = _next_step(step)
    return ()


def _next_step(step: Any) -> Any:
    """What a coroutine or a generator is suspended in."""
    for name in ("cr_await", "ag_await", "gi_yieldfrom"):
        if hasattr(step, name):
            return getattr(step, name)
    # `anext(generator)`, suspended, shows what it drives to the collector alone.
    return next((part for part in gc.get_referents(step) if type(part) in _DRIVEN), None)
