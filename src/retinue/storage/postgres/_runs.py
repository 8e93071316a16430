"""The runs of one owner, and what they ask, in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

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

from ._database import Database
from ._interrupts import answered, over
from ._rows import END, find_conversation, find_id, find_interrupt, find_run, found
from ._scribe import place_in, write_lines
from ._work import NOW, Work


class PostgresRuns:
    """See `Runs`."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def order(self, order: Order) -> RunRecord:
        id = order.id or new_id()
        said = lines([MessageEnded(message=message) for message in order.messages])

        async def job(work: Work) -> RunRecord:
            if order.id is None or not await self._is_known(work, order):
                await self._order(work, id, order, said)
            return run_of(await find_run(work, self._owner, id))

        return await self._database.write(job)

    async def _is_known(self, work: Work, order: Order) -> bool:
        """Whether it was ordered before; two who order it at once take turns to ask."""
        await work.send(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", (f"{self._owner} {order.id}",)
        )
        known = await work.row(
            "SELECT 1 FROM runs WHERE owner = %s AND id = %s", (self._owner, order.id)
        )
        return known is not None

    async def _order(self, work: Work, id: str, order: Order, said: list[Line]) -> None:
        place = await place_in(
            work, self._owner, order.conversation, events=len(said), said=len(said)
        )
        seq = await write_lines(work, place, said, said=True)
        await work.send(
            "INSERT INTO runs (owner, id, conversation, agent, version, status, seq, created,"
            " changed, options, background, holder)"
            " SELECT %s, %s, %s, %s, %s, 'queued', %s, at, at, %s, %s, %s"
            f" FROM (SELECT {NOW} AS at) AS now",
            (
                self._owner,
                id,
                place.conversation,
                order.agent,
                order.version,
                seq,
                order.options,
                order.background,
                order.holder,
            ),
        )
        work.runs.append(id)

    async def run(self, id: str) -> RunRecord:
        async def job(work: Work) -> RunRecord:
            return run_of(await find_run(work, self._owner, id))

        return await self._database.read(job)

    async def find(self, prefix: str) -> RunRecord:
        async def job(work: Work) -> RunRecord:
            id = await find_id(work, "runs", self._owner, prefix)
            return run_of(await find_run(work, self._owner, id))

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
        (before,) = places(cursor, END)

        async def job(work: Work) -> Page[RunRecord]:
            where = "r.owner = %s AND r.n < %s"
            values: list[Any] = [self._owner, before]
            if conversation is not None:
                where += " AND r.conversation = %s"
                values.append((await find_conversation(work, self._owner, conversation))[0])
            if status:
                where += " AND r.status = ANY(%s)"
                values.append(list(status))
            if background is not None:
                where += " AND r.background = %s"
                values.append(background)
            rows = await work.rows(
                f"SELECT {RUN} FROM {RUNS} WHERE {where} ORDER BY r.n DESC LIMIT %s",
                (*values, limit + 1),
            )
            return paged((((row[0],), run_of(row)) for row in rows), limit)

        return await self._database.read(job)

    async def replies(self, id: str) -> tuple[Message, ...]:
        async def job(work: Work) -> tuple[Message, ...]:
            row = await find_run(work, self._owner, id)
            bodies = await work.rows(
                "SELECT e.body FROM runs r"
                " JOIN transcript t ON t.conversation = r.conversation AND t.run = r.id"
                " JOIN events e ON e.conversation = t.conversation AND e.seq = t.event"
                " WHERE r.n = %s ORDER BY t.at, t.place",
                (row[0],),
            )
            return tuple([event_of(body, 0).message for (body,) in bodies])

        return await self._database.read(job)

    async def stop(self, id: str) -> RunRecord:
        async def job(work: Work) -> RunRecord:
            row = await work.row(
                "SELECT r.n, r.status, EXISTS (SELECT 1 FROM living l WHERE l.id = r.holder)"
                " FROM runs r WHERE r.owner = %s AND r.id = %s FOR NO KEY UPDATE OF r",
                (self._owner, id),
            )
            n, status, alive = found(row, "run", id)
            if status == "running" and alive:
                await work.send(
                    f"UPDATE runs SET stop_asked = true, changed = {NOW} WHERE n = %s", (n,)
                )
            elif status != "ended":
                await self._end(work, run_of(await find_run(work, self._owner, id)), n)
            if status != "ended":
                work.runs.append(id)
            return run_of(await find_run(work, self._owner, id))

        return await self._database.write(job)

    async def _end(self, work: Work, run: RunRecord, n: int) -> None:
        await work.send(
            f"UPDATE runs SET status = 'ended', reason = 'stopped', changed = {NOW} WHERE n = %s",
            (n,),
        )
        await over(work, n)
        place = await place_in(work, self._owner, run.conversation, events=1)
        await write_lines(
            work, place, lines([RunEnded(run=run.id, agent=run.agent, reason="stopped")])
        )

    async def inbox(
        self, *, run: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Interrupt]:
        (after,) = places(cursor, 0)

        async def job(work: Work) -> Page[Interrupt]:
            where, values = "i.owner = %s AND i.n > %s AND i.status = 'open'", [self._owner, after]
            if run is not None:
                where += " AND i.run = %s"
                values.append((await find_run(work, self._owner, run))[0])
            rows = await work.rows(
                f"SELECT {INTERRUPT} FROM {INTERRUPTS} WHERE {where} ORDER BY i.n LIMIT %s",
                (*values, limit + 1),
            )
            return paged((((row[0],), interrupt_of(row)) for row in rows), limit)

        return await self._database.read(job)

    async def interrupt(self, id: str) -> Interrupt:
        async def job(work: Work) -> Interrupt:
            return interrupt_of(await find_interrupt(work, self._owner, id))

        return await self._database.read(job)

    async def answer(self, interrupt: str, answer: Any, *, by: str | None = None) -> Interrupt:
        return await self._database.write(
            lambda work: answered(work, self._owner, interrupt, answer, by=by, status="answered")
        )
