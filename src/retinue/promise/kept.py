"""Kept: values that were made before, in memory, for who asks for the same again."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

ENTRY: Final = 512
"""Bytes that are counted for each value besides its own: its key, and its place among the rest."""


@dataclass(frozen=True, slots=True)
class _Entry[V]:
    value: V
    size: int
    at: float


class Kept[K: Hashable, V]:
    """Values under their keys: those used last, bounded by size and by age.

    Args:
        max_bytes: Of all of them together. One that is larger alone is not kept.
        max_age: Seconds; None: any.
        clock: Tells the time, in seconds.
    """

    def __init__(
        self,
        *,
        max_bytes: int = 64 * 2**20,
        max_age: float | None = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_bytes = max_bytes
        self.max_age = max_age
        self.size = 0
        """Bytes that are kept now."""
        self._clock = clock
        self._by_age: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._by_use: OrderedDict[K, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_age)

    def find(self, key: K) -> V | None:
        """What is kept under that key, if it is not too old."""
        self._forget_old()
        entry = self._by_age.get(key)
        if entry is None:
            return None
        self._by_use.move_to_end(key)
        return entry.value

    def keep(self, key: K, value: V, *, size: int) -> None:
        """Keep it, in the place of what was there; what was used longest ago makes room.

        Args:
            key: What it is found by.
            value: Nothing that can change.
            size: How many bytes it is.
        """
        self._forget_old()
        if key in self._by_age:
            self._drop(key)
        size += ENTRY
        if size > self.max_bytes:
            return
        while self.size + size > self.max_bytes:
            self._drop(next(iter(self._by_use)))
        self._by_age[key] = _Entry(value, size, self._clock())
        self._by_use[key] = None
        self.size += size

    def _forget_old(self) -> None:
        if self.max_age is None:
            return
        latest = self._clock() - self.max_age
        while self._by_age:
            key, entry = next(iter(self._by_age.items()))
            if entry.at > latest:
                return
            self._drop(key)

    def _drop(self, key: K) -> None:
        del self._by_use[key]
        self.size -= self._by_age.pop(key).size
