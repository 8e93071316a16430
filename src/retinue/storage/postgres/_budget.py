"""Budget: how much of each purse is taken. What is reserved counts as taken until it is known."""

from collections.abc import Sequence
from typing import Any

from retinue.storage import Reserved, Spent
from retinue.storage.memory._budget import reserve, spend

from ._work import Work

# In one order in all transactions, so that none waits for another that waits for it.
_LOCK = """
INSERT INTO purses (owner, purse, unit)
SELECT %(owner)s, purse, unit FROM (
    SELECT * FROM unnest(%(purses)s::text[], %(units)s::text[]) AS wanted (purse, unit)
    UNION
    SELECT h.purse, h.unit FROM reservations h JOIN runs r ON r.n = h.run
    WHERE r.owner = %(owner)s AND r.id = %(run)s AND h.address = ANY(%(addresses)s::text[])
) AS touched
ORDER BY purse COLLATE "C", unit COLLATE "C"
ON CONFLICT (owner, purse, unit) DO UPDATE SET taken = purses.taken
RETURNING purse, unit, taken
"""
_HELD = """
SELECT h.address, h.purse, h.unit, h.amount FROM reservations h JOIN runs r ON r.n = h.run
WHERE r.owner = %(owner)s AND r.id = %(run)s AND h.address = ANY(%(addresses)s::text[])
"""
_TAKE = """
UPDATE purses p SET taken = now.taken
FROM unnest(%s::text[], %s::text[], %s::float8[]) AS now (purse, unit, taken)
WHERE p.owner = %s AND p.purse = now.purse AND p.unit = now.unit
"""
_HOLD = """
INSERT INTO reservations (run, address, purse, unit, amount)
SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::float8[])
"""


class Purses:
    """What one write reserves and spends, in its order."""

    def __init__(self, owner: str, run: str, changes: Sequence[Reserved | Spent]) -> None:
        self._changes = changes
        self._owner = owner
        self._run = run
        self._addresses = list(dict.fromkeys([change.address for change in changes]))

    async def lock(self, work: Work) -> "Locked":
        """Queue what locks the purses and gets what is in them."""
        amounts = [one for change in self._changes for one in change.amounts]
        values: dict[str, Any] = {
            "owner": self._owner,
            "run": self._run,
            "addresses": self._addresses,
            "purses": [one.purse for one in amounts],
            "units": [one.unit for one in amounts],
        }
        taken = await work.send(_LOCK, values)
        held = await work.send(_HELD, values)
        return Locked(self._owner, self._changes, taken.fetchall, held.fetchall)


class Locked:
    """Purses that nobody else changes before the end of the transaction."""

    def __init__(
        self, owner: str, changes: Sequence[Reserved | Spent], taken: Any, held: Any
    ) -> None:
        self._owner = owner
        self._changes = changes
        self._taken = taken
        self._held = held

    async def change(self, work: Work, run: int) -> None:
        """Queue what the changes do.

        Raises:
            BudgetExceeded: Something in there is more than is left.
        """
        owner = self._owner
        taken = {(owner, purse, unit): amount for purse, unit, amount in await self._taken()}
        held: dict[str, dict[tuple[str, str, str], float]] = {}
        for address, purse, unit, amount in await self._held():
            held.setdefault(address, {})[owner, purse, unit] = amount
        for change in self._changes:
            match change:
                case Reserved():
                    reserve(owner, change, taken, held)
                case Spent():
                    spend(owner, change, taken, held)
        await self._keep(work, run, taken, held)

    async def _keep(self, work: Work, run: int, taken: Any, held: Any) -> None:
        purses = [[purse for _, purse, _ in taken], [unit for _, _, unit in taken]]
        await work.send(_TAKE, (*purses, list(taken.values()), owner_of(taken)))
