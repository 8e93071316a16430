"""In which order what happened becomes a fact: nothing does before all that it depends on.

A turn that read a message depends on it, and so does whatever it says or does afterwards. Facts may
depend on each other in a circle, when two agents read one another live; these become facts together
or not at all.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from retinue.promise import Work, hub_of


class Fact:
    """Something that happens in a run, until it is written: a message, the end of a turn, ...

    Args:
        owner: The turn in which it happens; for the error that names a circle.
    """

    __slots__ = ("_dependents", "_missing", "_write", "committed", "needs", "owner", "ready")

    def __init__(self, owner: Any = None) -> None:
        self.owner = owner
        self._write: Callable[[], None] | None = None
        self._dependents: dict[Fact, None] | None = None  # in the order in which they came
        self._missing: Fact | None = None  # the one that it was found to wait for
        self.needs: frozenset[Fact] | set[Fact] = _NONE
        self.ready = False
        self.committed = False

    def happened(self, write: Callable[[], None], needs: Iterable["Fact"] = ()) -> None:
        """It is whole, and depends on these; it becomes a fact when all of them can.

        Args:
            write: Called once, when it does; puts down what is to be kept. All that is put down in
                one go of the event loop is written together.
            needs: What it depends on.
        """
        self._is_whole(write, needs)
        _commit((self,))

    def available(self, write: Callable[[], None], needs: Iterable["Fact"] = ()) -> None:
        """The same, but it becomes a fact only together with something that depends on it."""
        self._is_whole(write, needs)
        _commit(self._dependents or ())

    def known(self) -> None:
        """It was a fact before the run was taken up."""
        self.happened(lambda: None)

    def _is_whole(self, write: Callable[[], None], needs: Iterable["Fact"]) -> None:
        self._write = write
        self.needs = {fact for fact in needs if not fact.committed and fact is not self}
        self.ready = True

    def _closure(self) -> "list[Fact] | Fact":
        """All that must become facts with this one, in their order; or one that is missing."""
        order: list[Fact] = []
        seen: set[Fact] = {self}
        path: list[tuple[Fact, Iterator[Fact]]] = [(self, iter(self.needs))]
        while path:
            fact, needs = path[-1]
            for need in needs:
                if need.committed:
                    continue
                if not need.ready:
                    return need
                if need._missing is not None and not need._missing.ready:
                    return need._missing  # known: so a long row is not followed for each of it
                if need not in seen:
                    seen.add(need)
                    path.append((need, iter(need.needs)))
                    break
            else:
                path.pop()
                order.append(fact)
        return order

    def _await_with(self, dependent: "Fact") -> None:
        dependent._missing = self
        if self._dependents is None:
            self._dependents = {}
        self._dependents[dependent] = None

    def _become(self) -> None:
        self.committed = True
        write = self._write
        self.forget()
        if write is not None:
            write()

    def forget(self) -> None:
        """Hold nothing any more, so that nothing holds itself."""
        self._write = self._missing = self.owner = None
        self.needs = _NONE


_NONE: Final[frozenset[Fact]] = frozenset()


def _commit(some: Iterable[Fact]) -> None:
    """These become facts if they can, and so does what waited for nothing else."""
    todo = deque(some)
    while todo:
        fact = todo.popleft()
        if not fact.ready or fact.committed:
            continue
        order = fact._closure()
        if isinstance(order, Fact):  # it has to wait for this one
            order._await_with(fact)
            continue
        for one in order:
            one._become()
        for one in order:
            dependents, one._dependents = one._dependents, None
            todo.extend(dependents or ())


async def all_facts(some: Iterable[Fact]) -> None:
    """Wait until all of these are facts; turns that wait so for each other get an error."""
    missing = {fact for fact in some if not fact.committed}
    if not missing:
        return
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    last = Fact()
    last.happened(lambda: _wake(done), missing)
    if last.committed:
        return
    watch = hub_of(loop).watch
    task = watch.begin(lambda: _owners(last), done)
    try:
        await done
    finally:
        watch.end(task)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _owners(fact: Fact) -> tuple[Work, ...] | None:
    """Whose doing is awaited: the turns of what is missing behind this fact."""
    seen: set[Fact] = set()
    todo = [fact]
    owners: list[Work] = []
    while todo:
        one = todo.pop()
        if one.committed or one in seen:
            continue
        seen.add(one)
        todo.extend(one.needs)
        if not one.ready:
            work = getattr(one.owner, "turn", None)
            if work is None:
                return None
            owners.append(work)
    return tuple(owners) or None
