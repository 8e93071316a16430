"""A store whose engine dies at a chosen write, in this process: any crash can be tried, quickly."""

from typing import Any

from retinue.errors import Fenced
from retinue.storage import Change, Claim, Claims, Written


class Crashing:
    """Claims that are lost at the n-th write; whether that one arrived is chosen, too.

    Args:
        inner: The claims of a store.
        at: The write, from 1, counted over all runs.
        arrives: Whether it is in the store, though nobody is told.
    """

    def __init__(self, inner: Claims, at: int, *, arrives: bool) -> None:
        self._inner = inner
        self._at = at
        self._arrives = arrives
        self.writes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def write(self, claim: Claim, number: int, *changes: Change) -> Written:
        self.writes += 1
        if self.writes < self._at:
            return await self._inner.write(claim, number, *changes)
        if self.writes == self._at and self._arrives:
            await self._inner.write(claim, number, *changes)
        raise Fenced("The process is dead")


class CrashingStore:
    """A store as a process sees it that will die at a chosen write."""

    def __init__(self, inner: Any, at: int, *, arrives: bool) -> None:
        self._inner = inner
        self.claims = Crashing(inner.claims, at, arrives=arrives)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
