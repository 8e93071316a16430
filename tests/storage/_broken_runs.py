"""Stores that break one sentence of the contract each: runs, interrupts, claims."""

import asyncio
import datetime
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from retinue.errors import AlreadyAnswered, Fenced, NotFound
from retinue.storage import (
    Entry,
    Page,
    Written,
)

from ._broken import broken

# -- runs


@broken(
    "runs.order",
    "an order logs its messages and waits",
    "an order without words",
    "the same order again",
)
async def orders_from_the_start(right: Any, store: Any, order: Any) -> Any:
    return replace(await right(order), seq=0, epoch=0, status="queued")


@broken("runs.order", "an order for no conversation is not found")
async def begins_what_is_not_there(right: Any, store: Any, order: Any) -> Any:
    with suppress(NotFound):
        return await right(order)
    conversation = await store.log("ann").begin()
    return await right(replace(order, conversation=conversation.id))


@broken("runs.find", "a run is found by the beginning of its id")
async def finds_the_first(right: Any, store: Any, prefix: str) -> Any:
    for one in (await store.runs("ann").runs()).items:
        if one.id.startswith(prefix):
            return one
    return await right(prefix)


@broken("runs.runs", "runs are listed by what is asked for")
async def lists_any_status(right: Any, _: Any, *, status: Any = (), **asked: Any) -> Any:
    return await right(**asked)


@broken("claims.bell", "the bell rings for what there is to do")
@asynccontextmanager
async def never_rings(right: Any, _: Any) -> Any:
    async def silence() -> Any:
        await asyncio.sleep(3600)
        yield

    yield silence()


@broken("runs.stop", "a run that nobody holds stops at once", "a run that has ended stays")
async def stops_without_a_word(right: Any, store: Any, id: str) -> Any:
    work = store._tables.of("ann").run(id)
    if work.record.status != "running":
        store._tables.settle(work, "ended", "stopped")
        return work.record
    return await right(id)


@broken(
    "runs.stop", "a run that is held is asked to stop", "a stop is not lost when a run is unloaded"
)
async def asks_nobody_to_stop(right: Any, store: Any, id: str) -> Any:
    work = store._tables.of("ann").run(id)
    return work.record if work.record.status == "running" else await right(id)


# -- interrupts


@broken("runs.interrupt", "a question comes back as it was asked")
async def forgets_the_call(right: Any, _: Any, id: str) -> Any:
    return replace(await right(id), call=None)


@broken("runs.inbox", "an inbox has the open questions the oldest first")
async def has_the_newest_first(right: Any, _: Any, **asked: Any) -> Any:
    page = await right(**asked)
    return replace(page, items=page.items[::-1])


@broken("runs.answer", "an answer is kept logged and starts the run")
async def answers_without_a_word(
    right: Any, store: Any, id: str, answer: Any, *, by: Any = None
) -> Any:
    given = await right(id, answer, by=by)
    store._tables.of("ann").thread(given.conversation).events.pop()
    return given


@broken("runs.answer", "a question is answered once", "what expires is answered with its default")
async def answers_again(right: Any, store: Any, id: str, answer: Any, *, by: Any = None) -> Any:
    try:
        return await right(id, answer, by=by)
    except AlreadyAnswered:
        own = store._tables.of("ann")
        return store._tables.answer(own, id, answer, by=by, status="answered")


@broken(
    "claims.write",
    "an answer to a run that goes on is seen by it",
    "an answer and a wait never miss each other",
)
async def waits_whatever_came(right: Any, store: Any, claim: Any, number: int, *ch: Any) -> Any:
    store._tables.claimed(claim).answered = False
    return await right(claim, number, *ch)


@broken("claims.claim", "an answer to a run that goes on is seen by it")
async def remembers_old_answers(right: Any, store: Any, run: Any, holder: str, **asked: Any) -> Any:
    claim = await right(run, holder, **asked)
    if claim is not None:
        work = store._tables.claimed(claim)
        work.answered = bool(await store.claims.answers(claim))
    return claim


@broken("runs.inbox", "a run that ends withdraws its questions", "a run that nobody holds stops")
async def keeps_all_questions(right: Any, store: Any, **asked: Any) -> Any:
    rows = store._tables.of("ann").interrupts.values()
    return Page(items=tuple([one for _, one in rows]))


@broken("claims.expire", "what expires is answered with its default")
async def knows_the_time_itself(right: Any, _: Any, now: datetime.datetime) -> Any:
    return await right(datetime.datetime.now(datetime.UTC))


# -- claims


@broken("runs.order", "a run is left to its holder")
async def orders_for_anybody(right: Any, _: Any, order: Any) -> Any:
    return await right(replace(order, holder=None))


@broken("claims.claim", "what is queued is due and taken up once", "a claim is to what was read")
async def claims_anything(right: Any, store: Any, run: Any, holder: str, **asked: Any) -> Any:
    with suppress(NotFound):
        run = store._tables.of(run.owner).run(run.id).record
        if run.status == "running":
            store._tables.settle(store._tables.of(run.owner).run(run.id), "queued")
        return await right(run, holder, **asked)
    return None


@broken("claims.due", "what is queued is due and taken up once", "what is given up may be taken up")
async def finds_nothing_due(right: Any, _: Any, holder: str, **asked: Any) -> Any:
    return ()


@broken("claims.leave", "who left holds nothing")
async def cannot_be_left(right: Any, _: Any, holder: str) -> None: ...


@broken("claims.beat", "who is silent is gone")
async def hears_no_beat(right: Any, _: Any, holder: str) -> None: ...


@broken("claims.due", "who is silent is gone")
async def knows_no_lease(right: Any, _: Any, holder: str, *, lease: float, **asked: Any) -> Any:
    return await right(holder, lease=1e9, **asked)


@broken("claims.write", "attempts count since something was finished")
async def resets_with_any_entry(right: Any, store: Any, claim: Any, number: int, *ch: Any) -> Any:
    written = await right(claim, number, *ch)
    if any(isinstance(one, Entry) for one in ch):
        store._tables.claimed(claim).set(attempts=0)
    return written


@broken(
    "claims.write",
    "who was replaced writes nothing",
    "who gave a run up writes nothing more",
    "a bad write harms no other",
)
async def fences_nobody(right: Any, store: Any, claim: Any, number: int, *ch: Any) -> Any:
    try:
        return await right(claim, number, *ch)
    except Fenced:
        work = store._tables.claimed(claim)
        work.set(status="running")
        heir = replace(claim, run=work.record, holder=work.holder)
        return await right(heir, work.number + 1, *ch)


@broken("claims.write", "who still writes in what was deleted is fenced")
async def writes_in_what_is_gone(right: Any, store: Any, claim: Any, number: int, *ch: Any) -> Any:
    if claim.run.id not in store._tables.of(claim.run.owner).runs:
        return Written(seq=0, stop_asked=False)
    return await right(claim, number, *ch)
