"""The conversations of one owner, in PostgreSQL."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from retinue.messages import Message, new_id
from retinue.messages.events import Event, LogEvent, MessageEnded
from retinue.storage import Conversation, Found, Page, Tail
from retinue.storage._follow import follow
from retinue.storage._lines import event_of, lines
from retinue.storage._records import CONVERSATION, conversation_of, paged, places

from ._database import Database
from ._erase import CLEANED, erase
from ._rows import END, find_conversation, find_id
from ._scribe import place_in, tails_of, write_lines
from ._words import words_of
from ._work import NOW, Row, Work


class PostgresLog:
    """See `Log`."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def begin(
        self, *, title: str | None = None, folder: str | None = None, id: str | None = None
    ) -> Conversation:
        known = id or new_id()

        async def job(work: Work) -> Conversation:
            await work.send(
                "INSERT INTO conversations (owner, id, title, folder, created, changed)"
                f" SELECT %s, %s, %s, %s, at, at FROM (SELECT {NOW} AS at) AS now"
                " ON CONFLICT DO NOTHING",
                (self._owner, known, title, folder),
            )
            return conversation_of(await find_conversation(work, self._owner, known))

        return await self._database.write(job)

    async def conversation(self, id: str) -> Conversation:
        async def job(work: Work) -> Conversation:
            return conversation_of(await find_conversation(work, self._owner, id))

        return await self._database.read(job)

    async def find(self, prefix: str) -> Conversation:
        async def job(work: Work) -> Conversation:
            id = await find_id(work, "conversations", self._owner, prefix)
            return conversation_of(await find_conversation(work, self._owner, id))

        return await self._database.read(job)

    async def conversations(
        self, *, folder: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Conversation]:
        before = places(cursor, END, END)
        where, values = ("", []) if folder is None else (" AND c.folder = %s", [folder])

        async def job(work: Work) -> Page[Conversation]:
            rows = await work.rows(
                f"SELECT {CONVERSATION} FROM conversations c"
                f" WHERE c.owner = %s AND (c.changed, c.n) < (%s, %s){where}"
                " ORDER BY c.changed DESC, c.n DESC LIMIT %s",
                (self._owner, *before, *values, limit + 1),
            )
            return paged((((row[7], row[0]), conversation_of(row)) for row in rows), limit)

        return await self._database.read(job)

    async def change(
        self, conversation: str, *, title: str | None = None, keep_days: float | None = None
    ) -> Conversation:
        async def job(work: Work) -> Conversation:
            await work.send(
                "UPDATE conversations SET title = coalesce(%s, title),"
                " keep_days = coalesce(%s, keep_days) WHERE owner = %s AND id = %s",
                (title, keep_days, self._owner, conversation),
            )
            return conversation_of(await find_conversation(work, self._owner, conversation))

        return await self._database.write(job)

    async def delete(self, conversation: str) -> None:
        await self._database.write(lambda work: erase(work, self._owner, conversation))
        await self._database.vacuum(*CLEANED)

    async def search(
        self, words: str, *, cursor: str | None = None, limit: int = 20
    ) -> Page[Found]:
        (before,) = places(cursor, END)
        wanted = words_of(words)
        if not wanted:
            return Page(items=())

        async def job(work: Work) -> Page[Found]:
            rows = await work.rows(
                f"SELECT {CONVERSATION}, m.n, e.seq, e.body FROM messages m"
                " JOIN conversations c ON c.n = m.conversation"
                " JOIN events e ON e.conversation = m.conversation AND e.seq = m.event"
                " WHERE m.words @> %s::text[] AND m.n < %s AND c.owner = %s"
                " ORDER BY m.n DESC LIMIT %s",
                (wanted, before, self._owner, limit + 1),
            )
            return paged((((row[-3],), _found(row)) for row in rows), limit)

        return await self._database.read(job)

    async def append(self, conversation: str, *events: LogEvent) -> int:
        if not events:
            return (await self.conversation(conversation)).seq
        kept = lines(events)
        said = sum(isinstance(event, MessageEnded) for event in events)

        async def job(work: Work) -> int:
            place = await place_in(work, self._owner, conversation, events=len(kept), said=said)
            return await write_lines(work, place, kept, said=True)

        return await self._database.write(job)

    async def events(
        self, conversation: str, *, after: int = 0, limit: int = 500
    ) -> tuple[LogEvent, ...]:
        async def job(work: Work) -> tuple[LogEvent, ...]:
            rows = await work.rows(
                "SELECT e.body, e.seq FROM events e JOIN conversations c ON c.n = e.conversation"
                " WHERE c.owner = %s AND c.id = %s AND e.seq > %s ORDER BY e.seq LIMIT %s",
                (self._owner, conversation, after, limit),
            )
            if not rows:
                await find_conversation(work, self._owner, conversation)
            return tuple([event_of(body, seq) for body, seq in rows])

        return await self._database.read(job)

    async def tails(self, conversation: str) -> tuple[Tail, ...]:
        return await self._database.read(lambda work: tails_of(work, self._owner, conversation))

    async def messages(
        self,
        conversation: str,
        *,
        until: int | None = None,
        cursor: str | None = None,
        limit: int = 200,
    ) -> Page[Message]:
        end = (END if until is None else until + 1), 0
        before = min(places(cursor, *end), end)

        async def job(work: Work) -> Page[Message]:
            row = await find_conversation(work, self._owner, conversation)
            rows = await work.rows(
                "SELECT t.at, t.place, e.body FROM transcript t"
                " JOIN events e ON e.conversation = t.conversation AND e.seq = t.event"
                " WHERE t.conversation = %s AND (t.at, t.place) < (%s, %s)"
                " ORDER BY t.at DESC, t.place DESC LIMIT %s",
                (row[0], *before, limit + 1),
            )
            page = paged(
                (((at, place), event_of(body, 0).message) for at, place, body in rows), limit
            )
            return Page(items=page.items[::-1], cursor=page.cursor)

        return await self._database.read(job)

    def follow(
        self, conversation: str, *, after: int = 0
    ) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        return self._followed(conversation, after)

    @asynccontextmanager
    async def _followed(
        self, conversation: str, after: int
    ) -> AsyncGenerator[AsyncIterator[Event]]:
        async with (
            self._database.listening() as bells,
            follow(self, bells.of(self._owner), conversation, after=after) as events,
        ):
            yield events


def _found(row: Row) -> Found:
    seq, body = row[-2:]
    message: Any = event_of(body, seq).message
    return Found(conversation=conversation_of(row), seq=seq, message=message)
