"""The conversations of one owner, in memory."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from retinue.errors import Ambiguous, Busy, NotFound
from retinue.messages import Message, new_id
from retinue.messages.events import Event, LogEvent, MessageEnded
from retinue.storage import Conversation, Found, Page, Tail
from retinue.storage._follow import follow
from retinue.storage._words import words_in

from ._tables import Belongings, Tables, Thread, now, paged, place

_END = 1 << 62


class MemoryLog:
    """See `Log`."""

    def __init__(self, tables: Tables, owner: str) -> None:
        self._tables = tables
        self._owner = owner

    @property
    def _own(self) -> Belongings:
        return self._tables.of(self._owner)

    async def begin(
        self, *, title: str | None = None, folder: str | None = None, id: str | None = None
    ) -> Conversation:
        own = self._own
        id = id or new_id()
        if id not in own.threads:
            self._tables.check_free(id, "conversation")
            at = now()
            record = Conversation(
                id=id,
                owner=self._owner,
                title=title,
                folder=folder,
                seq=0,
                created_at=at,
                changed_at=at,
            )
            own.threads[id] = Thread(record, self._tables.tick())
        return own.threads[id].record

    async def conversation(self, id: str) -> Conversation:
        return self._own.thread(id).record

    async def find(self, prefix: str) -> Conversation:
        return self._own.threads[only(self._own.threads, prefix, "conversation")].record

    async def conversations(
        self, *, folder: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Conversation]:
        before = place(cursor, _END)
        threads = sorted(self._own.threads.values(), key=lambda one: one.touched, reverse=True)
        return paged(
            (
                (one.touched, one.record)
                for one in threads
                if one.touched < before and folder in (None, one.record.folder)
            ),
            limit,
        )

    async def change(
        self, conversation: str, *, title: str | None = None, keep_days: float | None = None
    ) -> Conversation:
        thread = self._own.thread(conversation)
        given = {"title": title, "keep_days": keep_days}
        changes: dict[str, Any] = {name: v for name, v in given.items() if v is not None}
        thread.record = replace(thread.record, **changes)
        return thread.record

    async def delete(self, conversation: str) -> None:
        thread = self._own.thread(conversation)
        if self._tables.held(thread):
            raise Busy(
                f"A run of conversation {conversation!r} is under way",
                hint="Stop it first, or wait for its end.",
            )
        self._tables.delete(self._own, thread)

    async def search(
        self, words: str, *, cursor: str | None = None, limit: int = 20
    ) -> Page[Found]:
        before = place(cursor, _END)
        rows = sorted(self._having(words), key=lambda row: row[0], reverse=True)
        return paged((row for row in rows if row[0] < before), limit)

    def _having(self, wanted: str) -> Iterator[tuple[int, Found]]:
        looked_for = set(words_in(wanted))
        if not looked_for:
            return
        for thread in self._own.threads.values():
            for tick, event in thread.said:
                if looked_for <= set(words_in(event.message.text)):
                    yield (
                        tick,
                        Found(
                            conversation=thread.record, seq=event.seq or 0, message=event.message
                        ),
                    )

    async def append(self, conversation: str, *events: LogEvent) -> int:
        thread = self._own.thread(conversation)
        if events:
            for event in events:
                logged = self._tables.log(self._own, thread, event)
                if isinstance(event, MessageEnded):
                    thread.show(event.message)
                self._tables.bell.tell(conversation, *logged)
        return thread.record.seq

    async def events(
        self, conversation: str, *, after: int = 0, limit: int = 500
    ) -> tuple[LogEvent, ...]:
        after = max(after, 0)
        return tuple(self._own.thread(conversation).events[after : after + limit])

    async def tails(self, conversation: str) -> tuple[Tail, ...]:
        return tuple(self._own.thread(conversation).tails.values())

    async def messages(
        self,
        conversation: str,
        *,
        until: int | None = None,
        cursor: str | None = None,
        limit: int = 200,
    ) -> Page[Message]:
        thread = self._own.thread(conversation)
        end = place(cursor, thread.shown_until(until))
        start = max(end - limit, 0)
        return Page(items=tuple(thread.shown[start:end]), cursor=str(start) if start else None)

    def follow(
        self, conversation: str, *, after: int = 0
    ) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        return follow(self, self._tables.bell, conversation, after=after)


def only(things: dict[str, Any], prefix: str, kind: str) -> str:
    """The one id that begins so; an id that is there as it is given is meant itself.

    Raises:
        NotFound, Ambiguous: There is none, or are several.
    """
    if prefix in things:
        return prefix
    ids = [id for id in things if id.startswith(prefix)]
    if not ids:
        raise NotFound(f"There is no {kind} whose id begins with {prefix!r}")
    if len(ids) > 1:
        raise Ambiguous(f"{len(ids)} ids of a {kind} begin with {prefix!r}")
    return ids[0]
