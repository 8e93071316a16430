"""Budget: how much of each purse is taken. What is reserved counts as taken until it is known."""

from collections import ChainMap
from collections.abc import Iterable, MutableMapping

from retinue.storage import Change, Ends, Reserved, RunRecord, Spent
from retinue.storage._purses import Held, Purse, reserve, spend


class Budget:
    """Settling a reservation at its maximum is to forget it: that much is taken already."""

    def __init__(self) -> None:
        self._taken: MutableMapping[Purse, float] = {}
        self._held: dict[str, dict[str, Held]] = {}

    def take(self, run: RunRecord, changes: Iterable[Change]) -> None:
        """Do all that these changes do to it, or nothing.

        Raises:
            BudgetExceeded: Something in there is more than is left.
        """
        taken = ChainMap[Purse, float]({}, self._taken)
        held = {address: dict(of) for address, of in self._held.get(run.id, {}).items()}
        for change in changes:
            match change:
                case Reserved():
                    reserve(run.owner, change, taken, held)
                case Spent():
                    spend(run.owner, change, taken, held)
                case Ends():
                    held.clear()
                case _:
                    pass
        self._taken.update(taken.maps[0])
        self._held[run.id] = held

    def forget(self, run: str) -> None:
        """Settle all that is reserved for this run at its maximum."""
        self._held.pop(run, None)
