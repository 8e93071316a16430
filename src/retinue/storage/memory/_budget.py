"""Budget: how much of each purse is taken. What is reserved counts as taken until it is known."""

from collections import ChainMap
from collections.abc import Iterable, MutableMapping

from retinue.errors import BudgetExceeded
from retinue.storage import Change, Ends, Reserved, RunRecord, Spent

type _Purse = tuple[str, str, str]
"""Its owner, its name, and the unit."""

type _Held = dict[_Purse, float]


class Budget:
    """Settling a reservation at its maximum is to forget it: that much is taken already."""

    def __init__(self) -> None:
        self._taken: MutableMapping[_Purse, float] = {}
        self._held: dict[str, dict[str, _Held]] = {}

    def take(self, run: RunRecord, changes: Iterable[Change]) -> None:
        """Do all that these changes do to it, or nothing.

        Raises:
            BudgetExceeded: Something in there is more than is left.
        """
        taken = ChainMap[_Purse, float]({}, self._taken)
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


def reserve(
    owner: str, wanted: Reserved, taken: MutableMapping[_Purse, float], held: dict[str, _Held]
) -> None:
    mine = held.setdefault(wanted.address, {})
    for one in wanted.amounts:
        purse = owner, one.purse, one.unit
        before = taken.get(purse, 0.0)
        if before + one.amount > one.limit:
            raise BudgetExceeded(
                f"{one.amount:g} {one.unit} would be more than is left of {one.purse!r}: "
                f"{before:g} of {one.limit:g} are taken",
                hint="Raise the limit, or wait until it begins anew.",
            )
        taken[purse] = before + one.amount
        mine[purse] = mine.get(purse, 0.0) + one.amount


def spend(
    owner: str, spent: Spent, taken: MutableMapping[_Purse, float], held: dict[str, _Held]
) -> None:
    for purse, amount in held.pop(spent.address, {}).items():
        taken[purse] = taken.get(purse, 0.0) - amount
    for one in spent.amounts:
        purse = owner, one.purse, one.unit
        taken[purse] = taken.get(purse, 0.0) + one.amount
