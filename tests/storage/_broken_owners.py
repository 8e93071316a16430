"""Stores that break one sentence of the contract each: files, notes, deleting, owners."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

from retinue.errors import Busy, TooLarge
from retinue.storage import Page
from retinue.storage.memory import MemoryStore

from ._broken import BROKEN, broken

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
    own.notes = type("Late", (dict,), {"get": lambda notes, name, _: json.dumps(value)})()


@broken("notes.names", "names of notes begin as asked")
async def has_all_names(right: Any, _: Any, prefix: str = "") -> Any:
    return await right()


@broken("notes.get", "nobody sees the notes of others")
async def shares_notes(right: Any, store: Any, name: str) -> Any:
    for own in store._tables.everybody():
        if name in own.notes:
            return json.loads(own.notes[name])
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
