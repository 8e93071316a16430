"""In which order what happened becomes a fact: nothing does before all that it depends on.

A turn that read a message depends on it, and so does whatever it says or does afterwards. Facts may
depend on each other in a circle, when two agents read one another live; these become facts together
or not at all.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from retinue.promise import Work, hub_of


class Fact:
    """Something that happens in a run, until it is written: a message, the end of a turn, ...

    Args:
        owner: The turn in which it happens; for the error that names a circle.
    """

    __slots__ = ("_dependents", "_write", "committed", "needs", "owner", "ready")

    def __init__(self, owner: Any = None) -> None:
        self.owner = owner
        self._write: Callable[[], None] | None = None
        self._dependents: set[Fact] | None = None
        self.needs: set[Fact] = set()
        self.ready = False
        self.committed = False

    def happened(self, write: Callable[[], None], needs: Iterable["Fact"] = ()) -> None:
        """It is whole, and depends on these; it becomes a fact when all of them can.

        Args:
            write: Called once, when it does; puts down what is to be kept. All that is put down in
                one go of the event loop is written together.
            needs: What it depends on.
        """
        self._write = write
        self.needs.update([fact for fact in needs if not fact.committed])
        self.needs.discard(self)
        self.ready = True
        self.commit()

    def available(self, write: Callable[[], None], needs: Iterable["Fact"] = ()) -> None:
        """The same, but it becomes a fact only together with something that depends on it."""
        self._write = write
        self.needs.update([fact for fact in needs if not fact.committed])
        self.needs.discard(self)
        self.ready = True
        for dependent in tuple(self._dependents or ()):
            dependent.commit()

    def known(self) -> None:
        """It was a fact before the run was taken up."""
        self.happened(lambda: None)

    def commit(self) -> None:
        """Become a fact if that is possible now, with all that it depends on."""
        if not self.ready or self.committed:
            return
        order = self._closure()
        if isinstance(order, Fact):  # it has to wait for this one
            order._await_with(self)
            return
        for fact in order:
            fact._become()
        for fact in order:
            dependents, fact._dependents = fact._dependents, None
            for dependent in dependents or ():
                dependent.commit()

    def _closure(self) -> "list[Fact] | Fact":
        """All that must become facts with this one, in their order; or one that is missing."""
        order: list[Fact] = []
        seen: set[Fact] = {self}
        path: list[tuple[Fact, Any]] = [(self, iter(tuple(self.needs)))]
        while path:
            fact, needs = path[-1]
            for need in needs:
                if need.committed:
                    fact.needs.discard(need)
                elif not need.ready:
                    return need
                elif need not in seen:
                    seen.add(need)
                    path.append((need, iter(tuple(need.needs))))
                    break
            else:
                path.pop()
                order.append(fact)
        return order

    def _await_with(self, dependent: "Fact") -> None:
        if self._dependents is None:
            self._dependents = set()
        self._dependents.add(dependent)

    def _become(self) -> None:
        self.committed = True
        self.needs = set()
        write, self._write = self._write, None
        if write is not None:
            write()


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
