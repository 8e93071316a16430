"""Stores that break one sentence each: conversations, events, lists, transcripts."""

import asyncio
import fnmatch
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from retinue.errors import NotFound
from retinue.messages.events import MessageEnded
from retinue.storage import (
    Ends,
    Page,
)

from ._broken import broken

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


@broken("claims.write", "a run that is over leaves no tails")
async def leaves_all_tails(right: Any, store: Any, claim: Any, number: int, *ch: Any) -> Any:
    thread = store._tables.of("ann").thread(claim.run.conversation)
    before = dict(thread.tails)
    written = await right(claim, number, *ch)
    if any(isinstance(one, Ends) for one in ch):
        thread.tails.update(before)
    return written


@broken("runs.stop", "a run that is over leaves no tails")
async def leaves_the_tails_of_what_was_stopped(right: Any, store: Any, id: str) -> Any:
    thread = store._tables.of("ann").thread((await store.runs("ann").run(id)).conversation)
    before = dict(thread.tails)
    stopped = await right(id)
    thread.tails.update(before)
    return stopped


@broken("log.append", "long texts are kept")
async def cuts_long_texts(right: Any, _: Any, id: str, *events: Any) -> Any:
    short = [
        replace(event, message=event.message.replaced(text=event.message.text[:1000]))
        if len(event.message.text) > 1000
        else event
        for event in events
    ]
    return await right(id, *short)


# -- lists


@broken("log.conversations", "the conversation that changed last comes first")
async def sorts_by_name(right: Any, _: Any, **asked: Any) -> Any:
    page = await right(**asked)
    return replace(page, items=tuple(sorted(page.items, key=lambda one: one.created_at)))


def by_offset(item: Callable[[Any], Any], *, exact: bool = True) -> Callable[..., Any]:
    """Pages whose cursor is a number of rows; perhaps there is one after the last row."""

    async def listed(
        right: Any, _: Any, *words: Any, cursor: str | None = None, limit: int = 50, **asked: Any
    ) -> Any:
        start = int(cursor or 0)
        rows = (await right(*words, limit=1000, **asked)).items
        more = str(start + limit) if len(rows) >= start + limit + exact else None
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


def cursor_at_the_end(_: Any) -> None: ...


broken("runs.runs", "there is no page after the last")(by_offset(cursor_at_the_end, exact=False))


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


@broken("runs.replies", "what a run replied is known")
async def replies_what_anybody_showed(right: Any, store: Any, id: str) -> Any:
    run = await store.runs("ann").run(id)
    return (await store.log("ann").messages(run.conversation)).items
