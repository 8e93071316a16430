"""The engine's face, in PostgreSQL."""

import datetime
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from retinue.errors import AlreadyAnswered, Busy, Fenced, NotFound
from retinue.messages import new_id
from retinue.messages.events import Event
from retinue.storage import Change, Claim, Entry, Interrupt, Journal, RunRecord, Written
from retinue.storage._lines import event_of
from retinue.storage._records import INTERRUPT, INTERRUPTS, RUN, RUNS, interrupt_of, run_of
from retinue.storage._values import from_json, moment

from ._changes import Batch
from ._database import Database
from ._erase import CLEANED, erase
from ._errors import translated
from ._interrupts import answered
from ._work import NOW, Row, Work

_MICROSECONDS_A_DAY = 86_400_000_000

# A run may be had by this holder: a queued one that is nobody else's, one that somebody left.
_FREE = """
CASE r.status
    WHEN 'queued' THEN r.holder IS NULL OR r.holder = %(holder)s OR NOT EXISTS (
        SELECT 1 FROM living l WHERE l.id = r.holder AND l.silence <= %(lease)s
    )
    WHEN 'running' THEN r.holder <> %(holder)s AND NOT EXISTS (
        SELECT 1 FROM living l WHERE l.id = r.holder AND l.silence <= %(lease)s
    )
    ELSE false
END
"""
_DUE = f"""
SELECT {RUN} FROM {RUNS} WHERE r.status IN ('queued', 'running') AND {_FREE}
ORDER BY r.n LIMIT %(limit)s
"""
_CLAIM = f"""
UPDATE runs r SET status = 'running', holder = %(holder)s, epoch = epoch + 1,
attempts = CASE status WHEN 'running' THEN attempts + 1 ELSE 0 END,
written = 0, answered = false, changed = {NOW}
WHERE r.owner = %(owner)s AND r.id = %(id)s AND r.epoch = %(epoch)s AND {_FREE}
RETURNING r.n
"""


class PostgresClaims:
    """See `Claims`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def join(self) -> str:
        holder = new_id()
        async with self._database.listening():
            with translated(self._database.name):
                await self._database.line.hold(holder)
        return holder

    async def leave(self, holder: str) -> None:
        async def job(work: Work) -> None:
            held = await work.rows(
                "SELECT id FROM runs WHERE status IN ('queued', 'running') AND holder = %s",
                (holder,),
            )
            work.runs += [id for (id,) in held]

        async with self._database.listening():
            with translated(self._database.name):
                await self._database.line.let_go(holder)
        await self._database.write(job)

    async def beat(self, holder: str) -> None:
        async with self._database.listening():
            with translated(self._database.name):
                await self._database.line.beat(holder)

    async def due(self, holder: str, *, lease: float, limit: int = 100) -> tuple[RunRecord, ...]:
        async def job(work: Work) -> tuple[RunRecord, ...]:
            rows = await work.rows(_DUE, {"holder": holder, "lease": lease, "limit": limit})
            return tuple([run_of(row) for row in rows])

        return await self._database.read(job)

    async def claim(self, run: RunRecord, holder: str, *, lease: float) -> Claim | None:
        values = {
            "holder": holder,
            "owner": run.owner,
            "id": run.id,
            "epoch": run.epoch,
            "lease": lease,
        }

        async def job(work: Work) -> Claim | None:
            taken = await work.row(_CLAIM, values)
            if taken is None:
                return None
            await work.send("DELETE FROM reservations WHERE run = %s", taken)
            (row,) = await work.rows(f"SELECT {RUN} FROM {RUNS} WHERE r.n = %s", taken)
            return Claim(run=run_of(row), holder=holder)

        return await self._database.write(job)

    async def journal(self, claim: Claim) -> Journal:
        async def job(work: Work) -> Journal:
            n, conversation, _ = await _known(work, claim)
            entries = await work.send(
                "SELECT address, kind, turn, state, body FROM journal WHERE run = %s"
                " ORDER BY place",
                (n,),
            )
            events = await work.send(
                "SELECT body, seq FROM events WHERE conversation = %s AND run = %s AND seq > %s"
                " ORDER BY seq",
                (conversation, claim.run.id, claim.run.seq),
            )
            answers = await _answers(work, n)
            return Journal(
                entries=tuple([_entry_of(row) for row in await entries.fetchall()]),
                events=tuple([event_of(body, seq) for body, seq in await events.fetchall()]),
                answers=answers,
            )

        return await self._database.read(job)

    async def answers(self, claim: Claim) -> dict[str, Interrupt]:
        async def job(work: Work) -> dict[str, Interrupt]:
            n, _, _ = await _known(work, claim)
            return await _answers(work, n)

        return await self._database.read(job)

    async def stop_asked(self, claim: Claim) -> bool:
        async def job(work: Work) -> bool:
            _, _, stop_asked = await _known(work, claim)
            return stop_asked

        return await self._database.read(job)

    async def write(self, claim: Claim, number: int, *changes: Change) -> Written:
        batch = Batch(changes)
        return await self._database.write(lambda work: batch.write(work, claim, number))

    def tell(self, claim: Claim, *pieces: Event) -> None:
        self._database.bells.tell(claim.run.owner, claim.run.conversation, *pieces)

    async def expire(self, now: datetime.datetime) -> int:
        async def find(work: Work) -> list[Row]:
            return await work.rows(
                "SELECT owner, id, otherwise FROM interrupts"
                " WHERE status = 'open' AND expires <= %s ORDER BY n",
                (moment(now),),
            )

        return sum([await self._expire(*row) for row in await self._database.read(find)])

    async def _expire(self, owner: str, id: str, otherwise: str) -> bool:
        default = from_json(otherwise)
        try:
            await self._database.write(
                lambda work: answered(work, owner, id, default, by=None, status="expired")
            )
        except (AlreadyAnswered, NotFound):  # just now
            return False
        return True

    async def forget(self, now: datetime.datetime, *, keep_days: float | None) -> int:
        async def find(work: Work) -> list[Row]:
            return await work.rows(
                "SELECT owner, id FROM conversations"
                " WHERE changed + coalesce(keep_days, %s::float8) * %s < %s",
                (keep_days, _MICROSECONDS_A_DAY, moment(now)),
            )

        old = await self._database.read(find)
        count = sum([await self._forget(owner, id) for owner, id in old])
        if count:
            await self._database.vacuum(*CLEANED)
        return count

    async def _forget(self, owner: str, id: str) -> bool:
        try:
            await self._database.write(lambda work: erase(work, owner, id))
        except (Busy, NotFound):
            return False
        return True

    def bell(self) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        return self._bell()

    @asynccontextmanager
    async def _bell(self) -> AsyncGenerator[AsyncIterator[str]]:
        async with self._database.listening() as bells, bells.runs.runs() as ids:
            yield ids


async def _known(work: Work, claim: Claim) -> tuple[int, int, bool]:
    """The run of a claim, which may be an old one: its `n`, its conversation's, `stop_asked`.

    Raises:
        Fenced: It was deleted.
    """
    row = await work.row(
        "SELECT n, conversation, stop_asked FROM runs WHERE owner = %s AND id = %s",
        (claim.run.owner, claim.run.id),
    )
    if row is None:
        raise Fenced(f"Run {claim.run.id!r} was deleted")
    return row[0], row[1], row[2]


def _entry_of(row: Row) -> Entry:
    address, kind, turn, state, body = row
    return Entry(address=address, kind=kind, turn=turn, state=state, body=body)


async def _answers(work: Work, run: int) -> dict[str, Interrupt]:
    rows = await work.rows(
        f"SELECT {INTERRUPT} FROM {INTERRUPTS} WHERE i.run = %s AND i.status <> 'open'"
        " ORDER BY i.n",
        (run,),
    )
    given = [interrupt_of(row) for row in rows]
    return {one.address: one for one in given}
