"""The engine's face, in SQLite."""

import asyncio
import datetime
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from retinue.errors import Fenced, StoreFailed
from retinue.messages.events import Event
from retinue.storage import Change, Claim, Entry, Interrupt, Journal, RunRecord, Written
from retinue.storage._lines import event_of
from retinue.storage._records import INTERRUPT, INTERRUPTS, RUN, RUNS, Row, interrupt_of, run_of
from retinue.storage._values import from_json, moment, now, text_of

from ._budget import settle
from ._changes import Held, prepared
from ._database import Database
from ._erase import erase, is_held
from ._interrupts import answered
from ._readers import Execute
from ._rows import Standing, standing
from ._values import text
from ._writer import Work

_MICROSECONDS_A_DAY = 86_400_000_000


class SqliteClaims:
    """See `Claims`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def join(self) -> str:
        return await self._at_holders(self._database.holders.join)

    async def leave(self, holder: str) -> None:
        def job(work: Work) -> None:
            held = work.execute(
                "SELECT id FROM runs WHERE status <> 'ended' AND status = 'running' AND holder = ?",
                (text(holder),),
            )
            work.runs += [text_of(id) for (id,) in held]

        await self._at_holders(lambda: self._database.holders.leave(holder))
        await self._database.write(job)

    async def beat(self, holder: str) -> None:
        await self._at_holders(lambda: self._database.holders.beat(holder))

    async def _at_holders[T](self, job: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(job)
        except OSError as error:
            raise StoreFailed(
                f"{self._database.name}: {error.strerror} ({error.filename})",
                hint="Make its folder writable, and look whether the disk is full.",
            ) from error

    async def due(self, holder: str, *, lease: float, limit: int = 100) -> tuple[RunRecord, ...]:
        def job(execute: Execute) -> tuple[RunRecord, ...]:
            gone: dict[str | None, bool] = {None: True}
            due: list[RunRecord] = []
            for row in execute(
                f"SELECT {RUN}, r.holder FROM {RUNS} WHERE r.status <> 'ended'"
                " AND r.status IN ('queued', 'running') ORDER BY r.n"
            ):
                run, other = run_of(row), row[-1]
                if other not in gone:
                    gone[other] = self._database.holders.gone(other, lease=lease)
                ours = other == holder
                if (ours or gone[other]) if run.status == "queued" else gone[other] and not ours:
                    due.append(run)
                if len(due) == limit:
                    break
            return tuple(due)

        return await self._database.read(job)

    async def claim(self, run: RunRecord, holder: str, *, lease: float) -> Claim | None:
        def job(work: Work) -> Claim | None:
            row = standing(work.execute, run)
            if row is None or row.epoch != run.epoch or not self._is_free(row, holder, lease):
                return None
            work.execute(
                "UPDATE runs SET status = 'running', holder = ?, epoch = epoch + 1,"
                " attempts = CASE status WHEN 'running' THEN attempts + 1 ELSE 0 END,"
                " written = 0, answered = 0, changed = ? WHERE n = ?",
                (text(holder), now(), row.n),
            )
            settle(work.execute, row.n)
            taken = work.execute(f"SELECT {RUN} FROM {RUNS} WHERE r.n = ?", (row.n,)).fetchone()
            return Claim(run=run_of(taken), holder=holder)

        return await self._database.write(job)

    def _is_free(self, row: Standing, holder: str, lease: float) -> bool:
        """Whether this holder may take the run up."""
        gone = row.holder is None or self._database.holders.gone(row.holder, lease=lease)
        match row.status:
            case "queued":
                return gone or row.holder == holder
            case "running":
                return gone and row.holder != holder
            case _:
                return False

    async def journal(self, claim: Claim) -> Journal:
        def job(execute: Execute) -> Journal:
            row = _known(execute, claim)
            entries = execute(
                "SELECT address, kind, turn, state, body FROM journal WHERE run = ? ORDER BY place",
                (row.n,),
            )
            events = execute(
                "SELECT body, seq FROM events WHERE conversation = ? AND seq > ? AND run = ?"
                " ORDER BY seq",
                (row.conversation, claim.run.seq, row.n),
            )
            return Journal(
                entries=tuple([_entry_of(entry) for entry in entries]),
                events=tuple([event_of(body, seq) for body, seq in events]),
                answers=_answers(execute, row.n),
            )

        return await self._database.read(job)

    async def answers(self, claim: Claim) -> dict[str, Interrupt]:
        return await self._database.read(
            lambda execute: _answers(execute, _known(execute, claim).n)
        )

    async def stop_asked(self, claim: Claim) -> bool:
        return await self._database.read(lambda execute: bool(_known(execute, claim).stop_asked))

    async def write(self, claim: Claim, number: int, *changes: Change) -> Written:
        ready = list(prepared(changes))

        def job(work: Work) -> Written:
            row = _known(work.execute, claim)
            if row.epoch != claim.epoch or row.holder not in (claim.holder, None):
                raise Fenced(f"Run {claim.run.id!r} was taken up by another process")
            if number <= row.written:
                return Written(seq=row.end, stop_asked=bool(row.stop_asked))
            if row.status != "running":
                raise Fenced(f"Run {claim.run.id!r} was given up already")
            held = Held(work, claim, row)
            for change in ready:
                held.apply(change)
            return Written(seq=held.done(number), stop_asked=bool(row.stop_asked))

        return await self._database.write(job)

    def tell(self, claim: Claim, *pieces: Event) -> None:
        self._database.tell(claim.run.owner, claim.run.conversation, *pieces)

    async def expire(self, now: datetime.datetime) -> int:
        at = moment(now)

        def find(execute: Execute) -> list[Row]:
            return execute(
                "SELECT n, otherwise FROM interrupts WHERE status = 'open' AND expires <= ?"
                " ORDER BY expires, n",
                (at,),
            ).fetchall()

        def job(work: Work) -> int:
            expired = find(work.execute)
            for n, otherwise in expired:
                answered(work, n, from_json(otherwise), by=None, status="expired")
            return len(expired)

        return await self._database.write(job) if await self._database.read(find) else 0

    async def forget(self, now: datetime.datetime, *, keep_days: float | None) -> int:
        at = moment(now)

        def find(execute: Execute) -> list[int]:
            rows = execute(
                "SELECT n FROM conversations WHERE changed + coalesce(keep_days, ?) * ? < ?",
                (keep_days, _MICROSECONDS_A_DAY, at),
            ).fetchall()
            return [n for (n,) in rows if not is_held(execute, self._database, n)]

        def job(work: Work) -> int:
            old = find(work.execute)
            erase(work, self._database, old)
            return len(old)

        return await self._database.write(job) if await self._database.read(find) else 0

    def bell(self) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        return self._database.bells().runs.runs()


def _known(execute: Execute, claim: Claim) -> Standing:
    """The run of a claim, which may be an old one.

    Raises:
        Fenced: It was deleted.
    """
    row = standing(execute, claim.run)
    if row is None:
        raise Fenced(f"Run {claim.run.id!r} was deleted")
    return row


def _entry_of(row: Row) -> Entry:
    address, kind, turn, state, body = row
    return Entry(
        address=text_of(address), kind=kind, turn=text_of(turn), state=state, body=text_of(body)
    )


def _answers(execute: Execute, run: int) -> dict[str, Interrupt]:
    rows = execute(
        f"SELECT {INTERRUPT} FROM {INTERRUPTS} WHERE i.run = ? AND i.status <> 'open' ORDER BY i.n",
        (run,),
    )
    given = [interrupt_of(row) for row in rows]
    return {one.address: one for one in given}
