"""How a store is broken on purpose: one method of one face is another one."""

from collections.abc import Callable
from functools import partial
from typing import Any

from retinue.storage.memory import MemoryStore

type Break = Callable[[MemoryStore], None]

BROKEN: dict[str, tuple[Break, tuple[str, ...]]] = {}
"""How it is broken, and by which checks that is found."""


def broken(where: str, *checks: str) -> Callable[[Callable[..., Any]], None]:
    """Another method for a face: it gets the right one, the store, and the arguments."""
    face, _, method = where.partition(".")

    def add(wrong: Callable[..., Any]) -> None:
        def put(store: MemoryStore, one: Any) -> Any:
            setattr(one, method, partial(wrong, getattr(one, method), store))
            return one

        def apply(store: MemoryStore) -> None:
            if face == "claims":
                put(store, store.claims)
            else:
                right: Any = getattr(store, face)
                setattr(store, face, lambda owner: put(store, right(owner)))

        BROKEN[wrong.__name__] = apply, checks

    return add


def without(*lost: type[Any]) -> Callable[..., Any]:
    """A write that leaves changes of these kinds out."""

    async def write(right: Any, _: Any, claim: Any, number: int, *changes: Any) -> Any:
        return await right(claim, number, *[c for c in changes if not isinstance(c, lost)])

    write.__name__ = f"loses_{'_'.join([one.__name__ for one in lost])}"
    return write
