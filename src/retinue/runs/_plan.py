"""Where a run is kept, and how one that is over is executed once more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from retinue.messages import FrozenDict
from retinue.messages.events import Event
from retinue.storage import Change, Claim, Interrupt, Journal, Written


class Place(Protocol):
    """Where a run is kept, as far as its execution is concerned; see `retinue.storage.Claims`."""

    async def journal(self, claim: Claim) -> Journal: ...

    async def answers(self, claim: Claim) -> dict[str, Interrupt]: ...

    async def stop_asked(self, claim: Claim) -> bool: ...

    async def write(self, claim: Claim, number: int, *changes: Change) -> Written: ...

    def tell(self, claim: Claim, *pieces: Event) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a run that is over is executed once more.

    Args:
        journal: What is remembered of it.
        offline: Whether nothing else may be done than what is remembered.
        changes: Arguments of turns, by address.
    """

    journal: Journal
    offline: bool = False
    changes: Mapping[str, Mapping[str, Any]] = FrozenDict()
