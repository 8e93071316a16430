"""What the promises of one event loop share: a start batch, a trampoline, a watch for circles."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

from ._circles import Watch

if TYPE_CHECKING:
    from ._log import Failure

_SLICE = 0.005
"""Seconds of starting work before the loop may look at its sockets again."""


_PLACE = "_retinue_hub"


class Startable(Protocol):
    """Something the hub begins, once: a promise, a turn."""

    _queued: bool

    def _begin(self) -> None: ...


class Hub:
    """Belongs to one loop, and lives as long as that."""

    __slots__ = (
        "_context",
        "_raised",
        "_relaying",
        "_relays",
        "_scheduled",
        "_starts",
        "loop",
        "watch",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._context = Context()  # nobody's: what is started brings its own
        self.watch = Watch(loop, self._context)
        self._starts: deque[Startable] = deque()
        self._scheduled = False
        self._relays: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._relaying = False
        self._raised: WeakKeyDictionary[asyncio.Task[Any], WeakSet[Failure]] = WeakKeyDictionary()

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
        try:
            # What the started work itself starts waits for the next tick; demand still moves ahead.
            for _ in range(len(starts)):
                starts.popleft()._begin()
                if self.loop.time() > until:
                    break
        finally:  # also when a second Ctrl-C hits right here: the rest must still come to its end
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

    # -- raising: a stored error must not keep those who read it

    def raising(self, failure: "Failure") -> None:
        """The current task is about to be given this error."""
        self.loop.call_soon(failure.forget_the_reader, context=self._context)
        # On its way out through an `await` (of a `finally`, of an `async with`) the error picks up
        # the reader's frames again, so it forgets them once more when the reader is done.
        task = asyncio.current_task(self.loop)
        if task is not None:
            failures = self._raised.get(task)
            if failures is None:
                failures = self._raised[task] = WeakSet()
                task.add_done_callback(self._forget, context=self._context)
            failures.add(failure)

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        for failure in self._raised.pop(task, ()):
            failure.forget_the_reader()


def hub_of(loop: asyncio.AbstractEventLoop) -> Hub:
    """The one hub of a loop, kept on the loop itself: there is no global state to clean up."""
    hub = getattr(loop, _PLACE, None)
    if hub is None:
        hub = Hub(loop)
        setattr(loop, _PLACE, hub)  # not by loop.__dict__, which would slow the whole loop down
    return hub
