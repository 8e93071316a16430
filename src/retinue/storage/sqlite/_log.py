"""The conversations of one owner, in SQLite."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from retinue.messages import Message, new_id
from retinue.messages.events import Event, LogEvent
from retinue.storage import Conversation, Found, Page, Tail
from retinue.storage._follow import follow
from retinue.storage._lines import event_of, lines
from retinue.storage._records import CONVERSATION, Row, conversation_of, paged, places
from retinue.storage._values import now

from ._database import Database
from ._erase import erase
from ._readers import Execute
from ._rows import find_conversation, find_id
from ._scribe import Scribe, tails_of
from ._values import text, text_or_none
from ._writer import Work

_END = (1 << 63) - 1


class SqliteLog:
    """See `Log`."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def begin(
        self, *, title: str | None = None, folder: str | None = None, id: str | None = None
    ) -> Conversation:
        known = id or new_id()

        def job(work: Work) -> Conversation:
            at = now()
            work.execute(
                "INSERT INTO conversations (owner, id, title, folder, created, changed)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    text(self._owner),
                    text(known),
                    text_or_none(title),
                    text_or_none(folder),
                    at,
                    at,
                ),
            )
            return conversation_of(find_conversation(work.execute, self._owner, known))

        return await self._database.write(job)

    async def conversation(self, id: str) -> Conversation:
        return await self._database.read(
            lambda execute: conversation_of(find_conversation(execute, self._owner, id))
        )

    async def find(self, prefix: str) -> Conversation:
        def job(execute: Execute) -> Conversation:
            id = find_id(execute, "conversations", self._owner, prefix)
            return conversation_of(find_conversation(execute, self._owner, id))

        return await self._database.read(job)

    async def conversations(
        self, *, folder: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Conversation]:
        before = places(cursor, _END, _END)
        where, values = ("", []) if folder is None else (" AND c.folder = ?", [text(folder)])

        def job(execute: Execute) -> Page[Conversation]:
            rows = execute(
                f"SELECT {CONVERSATION} FROM conversations c"
                f" WHERE c.owner = ? AND (c.changed, c.n) < (?, ?){where}"
                " ORDER BY c.changed DESC, c.n DESC LIMIT ?",
                (text(self._owner), *before, *values, limit + 1),
            )
            return paged((((row[7], row[0]), conversation_of(row)) for row in rows), limit)

        return await self._database.read(job)

    async def change(
        self, conversation: str, *, title: str | None = None, keep_days: float | None = None
    ) -> Conversation:
        def job(work: Work) -> Conversation:
            row = find_conversation(work.execute, self._owner, conversation)
            work.execute(
                "UPDATE conversations SET title = coalesce(?, title),"
                " keep_days = coalesce(?, keep_days) WHERE n = ?",
                (text_or_none(title), keep_days, row[0]),
            )
            return conversation_of(find_conversation(work.execute, self._owner, conversation))

        return await self._database.write(job)

    async def delete(self, conversation: str) -> None:
        def job(work: Work) -> None:
            row = find_conversation(work.execute, self._owner, conversation)
            erase(work, self._database, [row[0]])

        await self._database.write(job)

    async def search(
        self, words: str, *, cursor: str | None = None, limit: int = 20
    ) -> Page[Found]:
        (before,) = places(cursor, _END)
        condition = self._database.index.condition(words)
        if condition is None:
            return Page(items=())
        where, value = condition

        def job(execute: Execute) -> Page[Found]:
            rows = execute(
                f"SELECT {CONVERSATION}, e.n, e.seq, e.body FROM words"
                " JOIN events e ON e.n = words.rowid"
                " JOIN conversations c ON c.n = e.conversation"
                f" WHERE {where} AND words.rowid < ? AND c.owner = ?"
                " ORDER BY words.rowid DESC LIMIT ?",
                (value, before, text(self._owner), limit + 1),
            )
            return paged((((row[-3],), _found(row)) for row in rows), limit)

        if await self._database.read(self._database.index.is_behind):
            while await self._database.write(
                lambda work: self._database.index.catch_up(work.execute)
            ):
                pass
        return await self._database.read(job)

    async def append(self, conversation: str, *events: LogEvent) -> int:
        kept = lines(events)

        def job(work: Work) -> int:
            row = find_conversation(work.execute, self._owner, conversation)
            scribe = Scribe(work, row[0])
            for line in kept:
                scribe.append(line, said=True)
            scribe.done()
            return scribe.seq

        return await self._database.write(job)

    async def events(
        self, conversation: str, *, after: int = 0, limit: int = 500
    ) -> tuple[LogEvent, ...]:
        def job(execute: Execute) -> tuple[LogEvent, ...]:
            row = find_conversation(execute, self._owner, conversation)
            rows = execute(
                "SELECT body, seq FROM events WHERE conversation = ? AND seq > ?"
                " ORDER BY seq LIMIT ?",
                (row[0], after, limit),
            )
            return tuple([event_of(body, seq) for body, seq in rows])

        return await self._database.read(job)

    async def tails(self, conversation: str) -> tuple[Tail, ...]:
        return await self._database.read(
            lambda execute: tails_of(
                execute, find_conversation(execute, self._owner, conversation)[0]
            )
        )

    async def messages(
        self,
        conversation: str,
        *,
        until: int | None = None,
        cursor: str | None = None,
        limit: int = 200,
    ) -> Page[Message]:
        end = (_END if until is None else until + 1), 0
        before = min(places(cursor, *end), end)

        def job(execute: Execute) -> Page[Message]:
            row = find_conversation(execute, self._owner, conversation)
            rows = execute(
                "SELECT t.at, t.place, e.body FROM transcript t JOIN events e ON e.n = t.event"
                " WHERE t.conversation = ? AND (t.at, t.place) < (?, ?)"
                " ORDER BY t.at DESC, t.place DESC LIMIT ?",
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
        return follow(self, self._database.bells().of(self._owner), conversation, after=after)


def _found(row: Row) -> Found:
    seq, body = row[-2:]
    return Found(conversation=conversation_of(row), seq=seq, message=event_of(body, seq).message)
