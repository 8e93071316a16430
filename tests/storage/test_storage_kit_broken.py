"""Stores that break one sentence of the contract each; the kit finds every one by name."""

import asyncio
import datetime
import fnmatch
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from retinue.errors import AlreadyAnswered, BudgetExceeded, Busy, Fenced, NotFound, TooLarge
from retinue.messages.events import (
    MessageEnded,
    TextAdded,
    ThinkingAdded,
)
from retinue.storage import (
    Asked,
    Ends,
    Entry,
    Grown,
    Happens,
    Kept,
    Page,
    Reserved,
    Shown,
    Spent,
    Waits,
    Written,
    Yields,
)
from retinue.storage.memory import MemoryStore
from retinue.testing import Place, StoreCheckFailed, check_store

type Break = Callable[[MemoryStore], None]

BROKEN: dict[str, tuple[Break, tuple[str, ...]]] = {}
"""How it is broken, and by which checks that is found."""


def broken(where: str, *checks: str) -> Callable[[Callable[..., Any]], None]:
    """Another method for a face: it gets the right one, the store, and the arguments."""
    face, _, method = where.partition(".")

    def add(wrong: Callable[..., Any]) -> None:
        def put(store: MemoryStore, one: Any) -> Any:
            setattr(one, method, partial(wrong, getattr(one, method), store))
            return one

        def apply(store: MemoryStore) -> None:
            if face == "claims":
                put(store, store.claims)
            else:
                right: Any = getattr(store, face)
                setattr(store, face, lambda owner: put(store, right(owner)))

        BROKEN[wrong.__name__] = apply, checks

    return add


def without(*lost: type[Any]) -> Callable[..., Any]:
    """A write that leaves changes of these kinds out."""

    async def write(right: Any, _: Any, claim: Any, number: int, *changes: Any) -> Any:
        return await right(claim, number, *[c for c in changes if not isinstance(c, lost)])

    write.__name__ = f"loses_{'_'.join([one.__name__ for one in lost])}"
    return write


# -- conversations and their events


@broken("log.begin", "a conversation is what it was begun with", "the conversations of a folder")
async def forgets_the_folder(right: Any, _: Any, *, folder: Any = None, **given: Any) -> Any:
    return await right(**given)


@broken("log.conversation", "a conversation that is not there is not found")
async def finds_what_is_not_there(right: Any, store: Any, id: str) -> Any:
    with suppress(NotFound):
        return await right(id)
    return await store.log("ann").begin(id=id)


@broken("log.find", "a conversation is found by the beginning of its id")
async def takes_percent_for_anything(right: Any, store: Any, prefix: str) -> Any:
    for one in (await store.log("ann").conversations()).items:
        if fnmatch.fnmatch(one.id, prefix.replace("%", "*")):
            return one
    return await right(prefix)


@broken("log.change", "a change leaves what is not given")
async def forgets_what_is_not_given(right: Any, store: Any, id: str, **given: Any) -> Any:
    thread = store._tables.of("ann").thread(id)
    thread.record = replace(thread.record, **{"keep_days": None, **given})
    return thread.record


@broken(
    "log.append", "events come back as they were", "what was appended and ordered is the transcript"
)
async def appends_backwards(right: Any, _: Any, id: str, *events: Any) -> Any:
    return await right(id, *reversed(events))


@broken("log.append", "seq counts from 1 without gaps")
async def tells_how_many(right: Any, _: Any, id: str, *events: Any) -> Any:
    await right(id, *events)
    return len(events)


@broken("log.append", "eight writers leave no gap and mix nothing")
async def appends_one_by_one(right: Any, _: Any, id: str, *events: Any) -> Any:
    seq = await right(id)
    for event in events:
        seq = await right(id, event)
        await asyncio.sleep(0)
    return seq


@broken("log.events", "events come in pages")
async def knows_no_limit(right: Any, _: Any, id: str, *, after: int = 0, limit: int = 0) -> Any:
    return await right(id, after=after)


@broken("log.events", "a reader of a long log misses nothing")
async def skips_a_page(right: Any, _: Any, id: str, *, after: int = 0, limit: int = 500) -> Any:
    return await right(id, after=after if after != 500 else 1000, limit=limit)


@broken("log.tails", "a message that has not ended has a tail", "live pieces are told once")
async def has_no_empty_tail(right: Any, _: Any, id: str) -> Any:
    return tuple([tail for tail in await right(id) if tail.text])


# -- lists


@broken("log.conversations", "the conversation that changed last comes first")
async def sorts_by_name(right: Any, _: Any, **asked: Any) -> Any:
    page = await right(**asked)
    return replace(page, items=tuple(sorted(page.items, key=lambda one: one.created_at)))


def by_offset(item: Callable[[Any], Any]) -> Callable[..., Any]:
    """Pages whose cursor is a number of rows."""

    async def listed(
        right: Any, _: Any, *words: Any, cursor: str | None = None, limit: int = 50, **asked: Any
    ) -> Any:
        start = int(cursor or 0)
        rows = (await right(*words, limit=1000, **asked)).items
        more = str(start + limit) if len(rows) > start + limit else None
        return Page(items=rows[start : start + limit], cursor=more)

    listed.__name__ = item.__name__
    return listed


def counts_conversations(_: Any) -> None: ...
def counts_runs(_: Any) -> None: ...
def counts_what_it_found(_: Any) -> None: ...


broken("log.conversations", "pages of conversations are stable")(by_offset(counts_conversations))
broken("runs.runs", "pages of runs are stable")(by_offset(counts_runs))
broken("log.search", "pages of what was found are stable")(by_offset(counts_what_it_found))


@broken("log.search", "messages are found by all their words")
async def finds_any_word(right: Any, _: Any, words: str, **asked: Any) -> Any:
    pages = [await right(word, **asked) for word in words.split()]
    return max(pages, key=lambda page: len(page.items))


@broken("log.search", "words that mean something to a query are words")
async def takes_words_for_a_query(right: Any, _: Any, words: str, **asked: Any) -> Any:
    if '"' in words:
        raise ValueError("unterminated string")
    return await right(words, **asked)


@broken("log.search", "what an agent said is found too")
async def finds_users_only(right: Any, _: Any, words: str, **asked: Any) -> Any:
    page = await right(words, **asked)
    return replace(page, items=tuple([one for one in page.items if not one.message.agent]))


# -- transcripts


@broken("log.messages", "what an agent says is shown when it says so", "a transcript can be had as")
async def shows_all_that_ended(right: Any, store: Any, id: str, **asked: Any) -> Any:
    events = await store.log("ann").events(id)
    return Page(items=tuple([e.message for e in events if isinstance(e, MessageEnded)]))


@broken("log.messages", "a transcript can be had as it was")
async def knows_only_now(right: Any, _: Any, id: str, *, until: Any = None, **asked: Any) -> Any:
    return await right(id, **asked)


@broken("log.messages", "pages of a transcript go back from its end")
async def begins_at_the_beginning(
    right: Any, _: Any, id: str, *, limit: int = 200, **asked: Any
) -> Any:
    page = await right(id, **{**asked, "cursor": None, "limit": 1000})
    return Page(items=page.items[:limit])


@broken("log.messages", "a transcript without messages is empty")
async def has_always_more(right: Any, _: Any, id: str, **asked: Any) -> Any:
    return replace(await right(id, **asked), cursor="0")


# -- following


def follows(wrong: Callable[..., Any]) -> Callable[..., Any]:
    """A follow that changes what the right one tells."""

    @asynccontextmanager
    async def follow(right: Any, store: Any, id: str, *, after: int = 0) -> Any:
        async with right(id, after=after) as events:
            yield wrong(events, store, id, after)

    follow.__name__ = wrong.__name__
    return follow


async def tells_only_what_was(events: Any, store: Any, id: str, after: int) -> Any:
    for event in await store.log("ann").events(id, after=after):
        yield event
    await asyncio.sleep(3600)


async def begins_where_it_likes(events: Any, store: Any, id: str, after: int) -> Any:
    for event in await store.log("ann").events(id):
        yield event
    async for event in events:
        yield event


async def tells_no_pieces(events: Any, store: Any, id: str, after: int) -> Any:
    async for event in events:
        if not isinstance(event, TextAdded | ThinkingAdded):
            yield event


async def tells_pieces_as_they_come(events: Any, store: Any, id: str, after: int) -> Any:
    with store._tables.bell.hear(id) as ear:
        for event in await store.log("ann").events(id, after=after):
            yield event
        while True:
            for event in (await ear.heard())[0]:
                yield event


async def tells_the_first_attempt(events: Any, store: Any, id: str, after: int) -> Any:
    async for event in events:
        yield replace(event, attempt=1) if isinstance(event, TextAdded) else event


broken("log.follow", "a reader is told what was and what comes")(follows(tells_only_what_was))
broken("log.follow", "a reader goes on after any seq")(follows(begins_where_it_likes))
broken(
    "log.follow",
    "live pieces are told once and kept nowhere",
    "pieces wait for the start of their message",
    "who comes in the middle is told what there is",
    "a message that is begun anew begins at 0",
)(follows(tells_no_pieces))
broken(
    "log.follow",
    "live pieces are told once and kept nowhere",
    "pieces wait for the start of their message",
    "nothing is told of a message after its end",
    "a slow reader misses no event",
)(follows(tells_pieces_as_they_come))
broken("log.follow", "a message that is begun anew begins at 0")(follows(tells_the_first_attempt))


@broken(
    "log.follow",
    "a reader finds no conversation that is not there",
    "a reader learns that its conversation was deleted",
    "nobody sees the conversations of others",
)
@asynccontextmanager
async def follows_nothing_for_ever(right: Any, store: Any, id: str, *, after: int = 0) -> Any:
    async def events() -> Any:
        with suppress(NotFound):
            async with right(id, after=after) as told:
                async for event in told:
                    yield event
        await asyncio.sleep(3600)

    yield events()


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


@broken("claims.write", "an answer to a run that goes on is seen by it")
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
    Happens: ("a write tells the seq of the last event",),
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


# -- files and notes


@broken("blobs.keep", "a file is kept by its content", "nobody sees the files of others")
async def forgets_the_name(right: Any, _: Any, id: str, data: bytes, **given: Any) -> Any:
    return await right(id, data, media_type=given["media_type"])


@broken("blobs.data", "a file that is not there is not found", "nobody sees the files of others")
async def has_any_file(right: Any, store: Any, hash: str) -> Any:
    for own in store._tables.everybody():
        if hash in own.data:
            return own.data[hash]
    return b""


@broken("blobs.keep", "files are limited")
async def keeps_any_size(right: Any, store: Any, id: str, data: bytes, **given: Any) -> Any:
    with suppress(TooLarge):
        return await right(id, data, **given)
    return await right(id, data[:1], **given)


@broken("notes.get", "a note is kept under its name")
async def has_no_zero(right: Any, _: Any, name: str) -> Any:
    return (await right(name)) or {}


@broken("notes.put", "what was kept is a copy")
async def keeps_the_thing_itself(right: Any, store: Any, name: str, value: Any) -> None:
    own = store._tables.of("ann")
    own.notes = type(
        "Late", (dict,), {"get": lambda notes, name, _: __import__("json").dumps(value)}
    )()


@broken("notes.names", "names of notes begin as asked")
async def has_all_names(right: Any, _: Any, prefix: str = "") -> Any:
    return await right()


@broken("notes.get", "nobody sees the notes of others")
async def shares_notes(right: Any, store: Any, name: str) -> Any:
    for own in store._tables.everybody():
        if name in own.notes:
            return __import__("json").loads(own.notes[name])
    return None


# -- deleting


@broken("log.delete", "what is under way is not deleted")
async def deletes_what_is_under_way(right: Any, store: Any, id: str) -> None:
    try:
        await right(id)
    except Busy:
        own = store._tables.of("ann")
        store._tables.delete(own, own.thread(id))


@broken("log.delete", "what is deleted is gone", "a reader learns that its conversation")
async def deletes_nothing(right: Any, store: Any, id: str) -> None:
    store._tables.of("ann").thread(id)


@broken("log.delete", "what is deleted is gone")
async def deletes_shared_files(right: Any, store: Any, id: str) -> None:
    hashes = [blob.hash for blob in await store.blobs("ann").blobs(id)]
    await right(id)
    for hash in hashes:
        store._tables.of("ann").data.pop(hash, None)


@broken("claims.forget", "what is old is forgotten")
async def knows_one_age(right: Any, store: Any, now: Any, *, keep_days: Any) -> Any:
    for own in store._tables.everybody():
        for thread in own.threads.values():
            thread.record = replace(thread.record, keep_days=None)
    return await right(now, keep_days=keep_days)


@broken("claims.forget", "what is under way is not forgotten")
async def forgets_what_is_under_way(right: Any, store: Any, now: Any, *, keep_days: Any) -> Any:
    store._tables.holders.clear()
    return await right(now, keep_days=keep_days)


# -- owners


@broken("log.conversation", "nobody sees the conversations of others")
async def shows_it_to_anybody(right: Any, store: Any, id: str) -> Any:
    for own in store._tables.everybody():
        if id in own.threads:
            return own.threads[id].record
    return await right(id)


@broken("runs.run", "nobody sees the runs of others")
async def shows_a_run_to_anybody(right: Any, store: Any, id: str) -> Any:
    for own in store._tables.everybody():
        if id in own.runs:
            return own.runs[id].record
    return await right(id)


@broken("runs.runs", "nobody lists the runs of a conversation of others")
async def lists_the_runs_of_anybody(right: Any, store: Any, **asked: Any) -> Any:
    for own in store._tables.everybody():
        if asked.get("conversation") in own.threads:
            return Page(items=tuple([work.record for work in own.runs.values()]))
    return await right(**asked)


@broken("runs.order", "an id of others gives nothing of theirs")
async def returns_the_order_of_anybody(right: Any, store: Any, order: Any) -> Any:
    for own in store._tables.everybody():
        if order.id in own.runs:
            return own.runs[order.id].record
    return await right(order)


def _one_owner(store: MemoryStore) -> None:
    right = store.log
    store.log = lambda owner: right(owner.strip().lower())  # type: ignore[method-assign]


BROKEN["folds_the_names_of_owners"] = _one_owner, ("an owner may have any name",)


# -- the proof

CASES = [(how, check) for how, (_, checks) in BROKEN.items() for check in checks]


def opened(at: Place) -> MemoryStore:
    return MemoryStore(blob_limit=at.blob_limit, owner_limit=at.owner_limit)


@pytest.mark.parametrize(("how", "check"), CASES, ids=[f"{how}-{check}" for how, check in CASES])
async def test_a_broken_store_is_found_by_the_check_of_that_name(how: str, check: str) -> None:
    def open_store(at: Place) -> MemoryStore:
        store = opened(at)
        BROKEN[how][0](store)
        return store

    with pytest.raises(StoreCheckFailed) as caught:
        await check_store(open_store, without={"durable", "shared"}, only=[check], patience=0.2)
    (failure,) = caught.value.report.failures
    assert check in failure.name
    assert f"contract: {failure.contract}" in str(caught.value)


async def test_there_is_a_broken_store_for_every_check() -> None:
    report = await check_store(opened, without={"durable", "shared"})
    unproven = [
        one.name for one in report.outcomes if not any(check in one.name for _, check in CASES)
    ]
    assert unproven == []
