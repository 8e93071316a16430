"""Budget: how much of each purse is taken. What is reserved counts as taken until it is known."""

from collections.abc import Sequence
from typing import Any

from retinue.storage import Reserved, Spent
from retinue.storage._purses import reserve, spend

from ._work import Work, columns

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
    """What one write of a run reserves and spends, in its order."""

    def __init__(self, owner: str, run: str, changes: Sequence[Reserved | Spent]) -> None:
        self._owner = owner
        self._run = run
        self._changes = changes
        self._addresses = list(dict.fromkeys([change.address for change in changes]))

    async def lock(self, work: Work) -> None:
        """Queue what has the purses to ourselves until the end of the transaction."""
        if not self._changes:
            return
        amounts = [one for change in self._changes for one in change.amounts]
        values: dict[str, Any] = {
            "owner": self._owner,
            "run": self._run,
            "addresses": self._addresses,
            "purses": [one.purse for one in amounts],
            "units": [one.unit for one in amounts],
        }
        self._taken = await work.send(_LOCK, values)
        self._held = await work.send(_HELD, values)

    async def change(self, work: Work, run: int) -> None:
        """Queue what is done to them, once they are locked.

        Args:
            work: The transaction.
            run: The `n` of the run.

        Raises:
            BudgetExceeded: Something in there is more than is left.
        """
        if not self._changes:
            return
        taken = {(self._owner, *row[:2]): row[2] for row in await self._taken.fetchall()}
        held: dict[str, dict[tuple[str, str, str], float]] = {}
        for address, purse, unit, amount in await self._held.fetchall():
            held.setdefault(address, {})[self._owner, purse, unit] = amount
        for change in self._changes:
            match change:
                case Reserved():
                    reserve(self._owner, change, taken, held)
                case Spent():
                    spend(self._owner, change, taken, held)
        rows = [(purse, unit, amount) for (_, purse, unit), amount in taken.items()]
        await work.send(_TAKE, (*columns(rows, 3), self._owner))
        await work.send(
            "DELETE FROM reservations WHERE run = %s AND address = ANY(%s)", (run, self._addresses)
        )
        kept = [
            (address, purse, unit, amount)
            for address, amounts in held.items()
            for (_, purse, unit), amount in amounts.items()
        ]
        if kept:
            await work.send(_HOLD, (run, *columns(kept, 4)))
