"""What may be spent: set aside before, given back after, never more than there is."""

import asyncio

from retinue.errors import BudgetExceeded
from retinue.storage import Amount, Ends, Reserved, Spent, Yields

from ._bench import Bench, Pen, check, equal, refused


def _of(amount: float, limit: float, *, purse: str = "day", unit: str = "usd") -> Amount:
    return Amount(purse=purse, unit=unit, amount=amount, limit=limit)


async def _reserve(pen: Pen, address: str, *amounts: Amount) -> bool:
    """Whether that much could be set aside."""
    try:
        await pen.write(Reserved(address=address, amounts=amounts))
    except BudgetExceeded:
        return False
    return True


@check()
async def no_more_is_reserved_than_there_is(bench: Bench) -> None:
    """Reserved: All of these amounts are set aside, or BudgetExceeded is raised."""
    pen, other = await bench.pen(), await bench.pen()
    equal(await _reserve(pen, "a", _of(6.0, 10.0)), True, "six of ten")
    equal(await _reserve(other, "b", _of(5.0, 10.0)), False, "five more by another run")
    equal(await _reserve(other, "b", _of(4.0, 10.0)), True, "four more")
    equal(await _reserve(pen, "c", _of(0.5, 10.0)), False, "more than all")
    equal(await _reserve(pen, "c", _of(0.5, 11.0)), True, "more, with a higher limit")
    equal(await _reserve(pen, "d", _of(9.0, 10.0, unit="tokens")), True, "another unit")
    equal(await _reserve(pen, "e", _of(9.0, 10.0, purse="week")), True, "another purse")
    equal(await _reserve(pen, "f", _of(0.0, 0.0, purse="none")), True, "nothing of nothing")


@check()
async def all_amounts_are_reserved_or_none(bench: Bench) -> None:
    """Reserved: All of these amounts are set aside for the step, or BudgetExceeded is raised."""
    pen = await bench.pen()
    both = (_of(6.0, 10.0), _of(6.0, 5.0, purse="week"))
    equal(await _reserve(pen, "a", *both), False, "six of ten and six of five")
    equal(await _reserve(pen, "b", _of(10.0, 10.0)), True, "all ten are there still")
    equal(await _reserve(pen, "c", _of(5.0, 5.0, purse="week")), True, "all five, too")
    twice = (_of(3.0, 5.0, purse="year"), _of(3.0, 5.0, purse="year"))
    equal(await _reserve(pen, "d", *twice), False, "three of five, twice")


@check()
async def what_was_not_spent_is_there_again(bench: Bench) -> None:
    """Spent: What the step took, of what was reserved; by (purse, unit)."""
    pen = await bench.pen()
    await _reserve(pen, "a", _of(8.0, 10.0), _of(80.0, 100.0, unit="tokens"))
    await pen.write(Spent(address="a", amounts=(_of(2.0, 10.0), _of(30.0, 100.0, unit="tokens"))))
    equal(await _reserve(pen, "b", _of(8.5, 10.0)), False, "more than the eight that are left")
    equal(await _reserve(pen, "b", _of(8.0, 10.0)), True, "the eight that are left")
    equal(await _reserve(pen, "c", _of(70.0, 100.0, unit="tokens")), True, "the tokens left")
    await pen.write(Spent(address="b", amounts=(_of(9.0, 10.0),)))
    equal(await _reserve(pen, "d", _of(0.5, 10.0)), False, "more was spent than was reserved")
    equal(await _reserve(pen, "d", _of(0.5, 11.5)), True, "of what is above it")


@check()
async def many_at_once_get_no_more_than_there_is(bench: Bench) -> None:
    """Reserved: All of these amounts are set aside, or BudgetExceeded is raised."""
    pens = [await bench.pen() for _ in range(8)]

    async def take(pen: Pen) -> int:
        return sum([await _reserve(pen, f"s{n}", _of(1.0, 10.0)) for n in range(4)])

    taken = await asyncio.gather(*[take(pen) for pen in pens])
    equal(sum(taken), 10, "ten of ten, of 32 that eight runs wanted at once")


@check()
async def what_is_open_counts_in_full_when_a_run_is_taken_up(bench: Bench) -> None:
    """claim: Open reservations are settled at their maximum, in the same transaction."""
    pen = await bench.pen()
    await _reserve(pen, "a", _of(6.0, 10.0))
    heir = await bench.again(pen)
    equal(await _reserve(heir, "b", _of(5.0, 10.0)), False, "the six are spent")
    equal(await _reserve(heir, "b", _of(4.0, 10.0)), True, "four are left")
    await heir.write(Spent(address="b", amounts=(_of(1.0, 10.0),)), Yields())
    last = await bench.pen(await heir.record())
    equal(await _reserve(last, "c", _of(3.5, 10.0)), False, "the six stay spent")
    equal(await _reserve(last, "c", _of(3.0, 10.0)), True, "three are left")


@check()
async def what_is_open_counts_in_full_when_a_run_ends(bench: Bench) -> None:
    """Ends: The run is over; its reservations settled."""
    pen, other = await bench.pen(), await bench.pen()
    await _reserve(pen, "a", _of(6.0, 10.0))
    await pen.write(Reserved(address="b", amounts=(_of(1.0, 10.0),)), Ends(reason="done"))
    equal(await _reserve(other, "c", _of(3.5, 10.0)), False, "the seven are spent")
    equal(await _reserve(other, "c", _of(3.0, 10.0)), True, "three are left")


@check()
async def the_purses_of_two_owners_are_two(bench: Bench) -> None:
    """Store: Each face is opened for one owner, so no query can forget whose things it asks for."""
    pen, theirs = await bench.pen(), await bench.pen(owner="bob")
    await _reserve(pen, "a", _of(10.0, 10.0))
    equal(await _reserve(theirs, "a", _of(10.0, 10.0)), True, "ten of ten in a purse of that name")
    error = await refused(
        pen.write(Reserved(address="b", amounts=(_of(1.0, 10.0),))), "it is empty", BudgetExceeded
    )
    equal("day" in str(error), True, "an error that names the purse")
