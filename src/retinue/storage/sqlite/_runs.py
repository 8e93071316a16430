"""The runs of one owner, and what they ask, in SQLite."""

from collections.abc import Sequence
from typing import Any

from retinue.errors import AlreadyAnswered
from retinue.messages import Message, new_id
from retinue.messages.events import MessageEnded, RunEnded
from retinue.storage import Interrupt, Order, Page, RunRecord, RunStatus
from retinue.storage._lines import Line, event_of, lines
from retinue.storage._records import (
    INTERRUPT,
    INTERRUPTS,
    RUN,
    RUNS,
    interrupt_of,
    paged,
    places,
    run_of,
)
from retinue.storage._values import now

from ._database import Database
from ._ending import over
from ._interrupts import answered
from ._readers import Execute
from ._rows import find_conversation, find_id, find_interrupt, find_run
from ._scribe import Scribe
from ._values import text, text_or_none
from ._writer import Work

_END = (1 << 63) - 1


class SqliteRuns:
    """See `Runs`."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def order(self, order: Order) -> RunRecord:
        id = order.id or new_id()
        said = lines([MessageEnded(message=message) for message in order.messages])

        def job(work: Work) -> RunRecord:
            known = work.execute(
                f"SELECT {RUN} FROM {RUNS} WHERE r.owner = ? AND r.id = ?",
                (text(self._owner), text(id)),
            ).fetchone()
            if known is not None:
                return run_of(known)
            self._order(work, id, order, said)
            return run_of(find_run(work.execute, self._owner, id))

        return await self._database.write(job)

    def _order(self, work: Work, id: str, order: Order, said: list[Line]) -> None:
        conversation = find_conversation(work.execute, self._owner, order.conversation)[0]
        scribe = Scribe(work, conversation)
        for line in said:
            scribe.append(line, said=True)
        scribe.done()
        at = now()
        work.execute(
            "INSERT INTO runs (owner, id, conversation, agent, version, status, seq, created,"
            " changed, options, background, holder)"
            " VALUES (?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?)",
            (
                text(self._owner),
                text(id),
                conversation,
                text(order.agent),
                text_or_none(order.version),
                scribe.seq,
                at,
                at,
                text(order.options),
                order.background,
                text_or_none(order.holder),
            ),
        )
        work.runs.append(id)

    async def run(self, id: str) -> RunRecord:
        return await self._database.read(lambda execute: run_of(find_run(execute, self._owner, id)))

    async def find(self, prefix: str) -> RunRecord:
        def job(execute: Execute) -> RunRecord:
            id = find_id(execute, "runs", self._owner, prefix)
            return run_of(find_run(execute, self._owner, id))

        return await self._database.read(job)

    async def runs(
        self,
        *,
        conversation: str | None = None,
        status: Sequence[RunStatus] = (),
        background: bool | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[RunRecord]:
        (before,) = places(cursor, _END)

        def job(execute: Execute) -> Page[RunRecord]:
            where, values = "r.owner = ? AND r.n < ?", [text(self._owner), before]
            if conversation is not None:
                where += " AND r.conversation = ?"
                values.append(find_conversation(execute, self._owner, conversation)[0])
            if status:
                where += f" AND r.status IN ({', '.join('?' * len(status))})"
                values.extend(status)
            if background is not None:
                where += " AND r.background = ?"
                values.append(background)
            rows = execute(
                f"SELECT {RUN} FROM {RUNS} WHERE {where} ORDER BY r.n DESC LIMIT ?",
                (*values, limit + 1),
            )
            return paged((((row[0],), run_of(row)) for row in rows), limit)

        return await self._database.read(job)

    async def replies(self, id: str) -> tuple[Message, ...]:
        def job(execute: Execute) -> tuple[Message, ...]:
            row = find_run(execute, self._owner, id)
            bodies = execute(
                "SELECT e.body FROM runs r JOIN transcript t ON t.conversation = r.conversation"
                " AND t.at >= r.seq AND t.run = r.n JOIN events e ON e.n = t.event"
                " WHERE r.n = ? ORDER BY t.at, t.place",
                (row[0],),
            )
            return tuple([event_of(body, 0).message for (body,) in bodies])

        return await self._database.read(job)

    async def stop(self, id: str) -> RunRecord:
        def job(work: Work) -> RunRecord:
            row = find_run(work.execute, self._owner, id)
            self._stop(work, row[0], run_of(row))
            return run_of(find_run(work.execute, self._owner, id))

        return await self._database.write(job)

    def _stop(self, work: Work, n: int, run: RunRecord) -> None:
        if run.status == "ended":
            return
        holder, conversation = work.execute(
            "SELECT holder, conversation FROM runs WHERE n = ?", (n,)
        ).fetchone()
        work.runs.append(run.id)
        if run.status == "running" and self._database.holders.alive(holder):
            work.execute("UPDATE runs SET stop_asked = 1, changed = ? WHERE n = ?", (now(), n))
            return
        work.execute(
            "UPDATE runs SET status = 'ended', reason = 'stopped', changed = ? WHERE n = ?",
            (now(), n),
        )
        over(work.execute, n)
        scribe = Scribe(work, conversation)
        for line in lines([RunEnded(run=run.id, agent=run.agent, reason="stopped")]):
            scribe.append(line, run=n)
        scribe.done()

    async def inbox(
        self, *, run: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Interrupt]:
        (after,) = places(cursor, 0)

        def job(execute: Execute) -> Page[Interrupt]:
            where, values = (
                "i.owner = ? AND i.n > ? AND i.status = 'open'",
                [text(self._owner), after],
            )
            if run is not None:
                where += " AND i.run = ?"
                values.append(find_run(execute, self._owner, run)[0])
            rows = execute(
                f"SELECT {INTERRUPT} FROM {INTERRUPTS} WHERE {where} ORDER BY i.n LIMIT ?",
                (*values, limit + 1),
            )
            return paged((((row[0],), interrupt_of(row)) for row in rows), limit)

        return await self._database.read(job)

    async def interrupt(self, id: str) -> Interrupt:
        return await self._database.read(
            lambda execute: interrupt_of(find_interrupt(execute, self._owner, id))
        )

    async def answer(self, interrupt: str, answer: Any, *, by: str | None = None) -> Interrupt:
        def job(work: Work) -> Interrupt:
            row = find_interrupt(work.execute, self._owner, interrupt)
            asked = interrupt_of(row)
            if asked.status != "open":
                raise AlreadyAnswered(f"Interrupt {interrupt!r} is {asked.status} already")
            return answered(work, row[0], answer, by=by, status="answered")

        return await self._database.write(job)
