"""Purses: what reserving and spending does to them. What is reserved counts as taken until it is
known how much it was."""

from collections.abc import MutableMapping

from retinue.errors import BudgetExceeded

from . import Reserved, Spent

type Purse = tuple[str, str, str]
"""Its owner, its name, and the unit."""

type Held = dict[Purse, float]


def reserve(
    owner: str, wanted: Reserved, taken: MutableMapping[Purse, float], held: dict[str, Held]
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
    owner: str, spent: Spent, taken: MutableMapping[Purse, float], held: dict[str, Held]
) -> None:
    for purse, amount in held.pop(spent.address, {}).items():
        taken[purse] = taken.get(purse, 0.0) - amount
    for one in spent.amounts:
        purse = owner, one.purse, one.unit
        taken[purse] = taken.get(purse, 0.0) + one.amount
