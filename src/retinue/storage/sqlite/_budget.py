"""Budget: how much of each purse is taken. What is reserved counts as taken until it is known."""

from retinue.errors import BudgetExceeded
from retinue.storage import Amount, Reserved, Spent

from ._readers import Execute
from ._values import text


def reserve(execute: Execute, owner: str, run: int, wanted: Reserved) -> None:
    """Take all of the amounts for this step.

    Raises:
        BudgetExceeded: One is more than is left; whoever calls takes back what was done.
    """
    for one in wanted.amounts:
        purse = (text(owner), text(one.purse), text(one.unit))
        execute("INSERT INTO purses VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING", purse)
        taken = execute(
            "UPDATE purses SET taken = taken + ?"
            " WHERE owner = ? AND purse = ? AND unit = ? AND taken + ? <= ?",
            (one.amount, *purse, one.amount, one.limit),
        )
        if not taken.rowcount:
            raise _exceeded(execute, purse, one)
        execute(
            "INSERT INTO reservations VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET amount = amount + excluded.amount",
            (run, text(wanted.address), *purse[1:], one.amount),
        )


def spend(execute: Execute, owner: str, run: int, spent: Spent) -> None:
    """Give back what the step reserved, and take what it took."""
    held = execute(
        "DELETE FROM reservations WHERE run = ? AND address = ? RETURNING purse, unit, amount",
        (run, text(spent.address)),
    ).fetchall()
    for purse, unit, amount in held:
        _take(execute, (text(owner), purse, unit), -amount)
    for one in spent.amounts:
        _take(execute, (text(owner), text(one.purse), text(one.unit)), one.amount)


def settle(execute: Execute, run: int) -> None:
    """What is reserved for this run stays taken."""
    execute("DELETE FROM reservations WHERE run = ?", (run,))


type _Purse = tuple[str | bytes, str | bytes, str | bytes]


def _take(execute: Execute, purse: _Purse, amount: float) -> None:
    execute(
        "INSERT INTO purses VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET taken = taken + excluded.taken",
        (*purse, amount),
    )


def _exceeded(execute: Execute, purse: _Purse, one: Amount) -> BudgetExceeded:
    (taken,) = execute(
        "SELECT taken FROM purses WHERE owner = ? AND purse = ? AND unit = ?", purse
    ).fetchone()
    return BudgetExceeded(
        f"{one.amount:g} {one.unit} would be more than is left of {one.purse!r}: "
        f"{taken:g} of {one.limit:g} are taken",
        hint="Raise the limit, or wait until it begins anew.",
    )
