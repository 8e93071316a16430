"""Stores that break one sentence of the contract each: writes and budgets."""

import asyncio
from dataclasses import replace
from typing import Any

from retinue.errors import BudgetExceeded, Fenced
from retinue.storage import (
    Asked,
    Ends,
    Entry,
    Grown,
    Happens,
    Kept,
    Reserved,
    Shown,
    Spent,
    Waits,
    Yields,
)

from ._broken import broken, without

# -- writes


@broken("claims.write", "a write tells the seq of the last event")
async def tells_how_many_it_wrote(right: Any, _: Any, claim: Any, number: int, *ch: Any) -> Any:
    return replace(await right(claim, number, *ch), seq=number)


@broken("claims.write", "a write that is sent again changes nothing")
async def knows_no_number(right: Any, store: Any, claim: Any, number: int, *ch: Any) -> Any:
    store._tables.claimed(claim).number = 0
    return await right(claim, number, *ch)


@broken("claims.write", "a last write that is sent again changes nothing")
async def forgets_the_last_number(right: Any, store: Any, claim: Any, number: int, *ch: Any) -> Any:
    if store._tables.claimed(claim).record.status != "running":
        raise Fenced("it was given up")
    return await right(claim, number, *ch)


@broken("claims.write", "a write is all or nothing", "a bad write harms no other")
async def writes_what_it_can(right: Any, store: Any, claim: Any, number: int, *ch: Any) -> Any:
    try:
        return await right(claim, number, *ch)
    except BudgetExceeded:
        await right(claim, number, *[one for one in ch if not isinstance(one, Reserved | Ends)])
        raise


@broken("claims.write", "later changes see earlier ones", "what an agent says is shown when")
async def shows_before_all_else(right: Any, store: Any, claim: Any, number: int, *ch: Any) -> Any:
    return await right(claim, number, *sorted(ch, key=lambda one: not isinstance(one, Shown)))


@broken(
    "claims.journal",
    "a journal has what a run did",
    "who was replaced writes nothing",
    "an id that was deleted begins",
)
async def has_a_journal_for_all(right: Any, store: Any, claim: Any) -> Any:
    journal = await right(claim)
    entry = Entry(address="x", kind="step", turn="t", state="done", body="{}")
    return replace(journal, entries=(*journal.entries, entry))


@broken("claims.journal", "a journal has what a run did")
async def has_the_events_of_all(right: Any, store: Any, claim: Any) -> Any:
    events = await store.log("ann").events(claim.run.conversation)
    return replace(await right(claim), events=events)


@broken("claims.write", "many runs write in one conversation")
async def writes_one_by_one(right: Any, store: Any, claim: Any, number: int, *ch: Any) -> Any:
    written = await right(claim, number, *ch[:1])
    await asyncio.sleep(0)
    if ch[1:]:
        store._tables.claimed(claim).number = number - 1
        written = await right(claim, number, *ch[1:])
    return written


for lost, checks in {
    Grown: ("a message that has not ended has a tail", "who comes in the middle"),
    Kept: ("a note is kept with a write",),
    Asked: ("a question comes back as it was asked",),
    Ends: ("a run that has ended stays as it ended", "what is under way is not deleted"),
    Waits: ("an answer is kept logged and starts the run",),
    Yields: ("what is given up may be taken up", "a claim is to what was read"),
    Happens: ("a write tells the seq of the last event", "events that a run writes come back"),
    Reserved: ("no more is reserved than there is", "many at once get no more than there is"),
    Spent: ("what was not spent is there again",),
}.items():
    broken("claims.write", *checks)(without(lost))


# -- budgets


@broken("claims.write", "all amounts are reserved or none")
async def reserves_one_by_one(right: Any, store: Any, claim: Any, number: int, *ch: Any) -> Any:
    written = await right(claim, number)
    for one in ch:
        if not isinstance(one, Reserved):
            return await right(claim, number, *ch)
        for amount in one.amounts:
            store._tables.claimed(claim).number = number - 1
            written = await right(claim, number, replace(one, amounts=(amount,)))
    return written


@broken("claims.claim", "what is open counts in full when a run is taken up")
async def gives_back_what_is_open(right: Any, store: Any, run: Any, *who: Any, **lease: Any) -> Any:
    budget = store._tables.budget
    for held in budget._held.get(run.id, {}).values():
        for purse, amount in held.items():
            budget._taken[purse] -= amount
    return await right(run, *who, **lease)


@broken("claims.write", "what is open counts in full when a run ends")
async def gives_back_at_the_end(right: Any, store: Any, claim: Any, number: int, *ch: Any) -> Any:
    if any(isinstance(one, Ends) for one in ch):
        budget = store._tables.budget
        for held in budget._held.get(claim.run.id, {}).values():
            for purse, amount in held.items():
                budget._taken[purse] -= amount
    return await right(claim, number, *ch)


@broken("claims.write", "the purses of two owners are two")
async def has_one_purse_for_all(right: Any, store: Any, claim: Any, number: int, *ch: Any) -> Any:
    work = store._tables.claimed(claim)
    own = work.record
    take = store._tables.budget.take
    store._tables.budget.take = lambda run, changes: take(replace(run, owner="all"), changes)
    try:
        return await right(claim, number, *ch)
    finally:
        store._tables.budget.take = take
        assert work.record.owner == own.owner
