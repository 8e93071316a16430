"""The engine's face, in memory."""

import datetime
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from itertools import islice

from retinue.errors import Fenced, NotFound
from retinue.messages import new_id
from retinue.messages.events import Event, MessageEnded
from retinue.storage import (
    Asked,
    Change,
    Claim,
    Ends,
    Entry,
    Grown,
    Happens,
    Interrupt,
    Journal,
    Kept,
    RunRecord,
    Shown,
    Waits,
    Written,
    Yields,
)
from retinue.storage._bell import news

from ._tables import Belongings, Tables, Thread, Work, copied


class MemoryClaims:
    """See `Claims`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def join(self) -> str:
        self._tables.check_open()
        holder = new_id()
        self._tables.holders[holder] = time.monotonic()
        return holder

    async def leave(self, holder: str) -> None:
        self._tables.check_open()
        self._tables.holders.pop(holder, None)
        for work in self._tables.unfinished.values():
            if work.holder == holder and work.record.status == "running":
                self._tables.bell.ring(work.record.id)

    async def beat(self, holder: str) -> None:
        self._tables.check_open()
        if holder in self._tables.holders:
            self._tables.holders[holder] = time.monotonic()

    async def due(self, holder: str, *, lease: float, limit: int = 100) -> tuple[RunRecord, ...]:
        self._tables.check_open()
        return tuple(
            islice(
                (
                    work.record
                    for work in self._tables.unfinished.values()
                    if self._free(work, holder, lease)
                ),
                limit,
            )
        )

    async def claim(self, run: RunRecord, holder: str, *, lease: float) -> Claim | None:
        work = self._tables.of(run.owner).runs.get(run.id)
        if work is None or work.record.epoch != run.epoch or not self._free(work, holder, lease):
            return None
        self._tables.budget.forget(run.id)
        work.holder, work.number, work.answered = holder, 0, False
        before = work.record
        lost = before.status == "running"
        attempts = before.attempts + 1 if lost else 0
        work.set(status="running", epoch=before.epoch + 1, attempts=attempts)
        return Claim(run=work.record, holder=holder)

    def _free(self, work: Work, holder: str, lease: float) -> bool:
        """Whether this holder may take the run up."""
        last = self._tables.holders.get(work.holder or "")
        gone = last is None or time.monotonic() - last > lease
        match work.record.status:
            case "queued":
                return gone or work.holder == holder
            case "running":
                return gone and work.holder != holder
            case _:
                return False

    async def journal(self, claim: Claim) -> Journal:
        work = self._tables.claimed(claim)
        return Journal(
            entries=tuple(work.entries.values()),
            events=tuple(work.events),
            answers=await self.answers(claim),
        )

    async def answers(self, claim: Claim) -> dict[str, Interrupt]:
        work = self._tables.claimed(claim)
        asked = self._tables.of(claim.run.owner).interrupts
        given = [asked[id][1] for id in work.interrupts]
        return {one.address: one for one in given if one.status != "open"}

    async def stop_asked(self, claim: Claim) -> bool:
        return self._tables.claimed(claim).record.stop_asked

    async def write(self, claim: Claim, number: int, *changes: Change) -> Written:
        work = self._tables.claimed(claim)
        own = self._tables.of(claim.run.owner)
        thread = own.threads[work.record.conversation]
        if work.record.epoch != claim.epoch or work.holder not in (claim.holder, None):
            raise Fenced(f"Run {claim.run.id!r} was taken up by another process")
        if number > work.number:
            if work.record.status != "running":
                raise Fenced(f"Run {claim.run.id!r} was given up already")
            _check_shown(thread, changes)
            self._tables.budget.take(work.record, changes)
            first = thread.record.seq + 1
            for change in changes:
                self._apply(change, own, thread, work)
            work.number = number
            self._tables.bell.tell(thread.record.id, *news(changes, first=first))
        return Written(seq=thread.record.seq, stop_asked=work.record.stop_asked)

    def _apply(self, change: Change, own: Belongings, thread: Thread, work: Work) -> None:
        """Do what cannot fail any more."""
        match change:
            case Entry():
                work.entries[change.address] = change
                if change.state == "done":
                    work.set(attempts=0)
            case Happens(event=event):
                self._tables.log(own, thread, event)
            case Shown(messages=ids):
                messages = [thread.ended[id] for id in ids]
                thread.show(*messages)
                work.shown += messages
            case Grown():
                thread.grow(change)
            case Asked(interrupt=asked):
                self._ask(own, work, asked)
            case Kept(name=name, value=value):
                own.keep_note(name, value)
            case Waits():
                again = work.answered or work.record.stop_asked
                self._tables.settle(work, "queued" if again else "waiting")
            case Ends(reason=reason):
                self._tables.settle(work, "ended", reason)
            case Yields():
                work.holder = None
                self._tables.settle(work, "queued")
            case _:
                pass  # reserved, spent: done with before

    def _ask(self, own: Belongings, work: Work, asked: Interrupt) -> None:
        if asked.id not in own.interrupts:
            kept = replace(asked, question=copied(asked.question), default=copied(asked.default))
            work.interrupts[asked.id] = self._tables.tick()
            own.interrupts[asked.id] = work.interrupts[asked.id], kept

    def tell(self, claim: Claim, *pieces: Event) -> None:
        self._tables.bell.tell(claim.run.conversation, *pieces)

    async def expire(self, now: datetime.datetime) -> int:
        expired = list(_expired(self._tables.everybody(), now))
        for own, asked in expired:
            self._tables.answer(own, asked.id, asked.default, by=None, status="expired")
        return len(expired)

    async def forget(self, now: datetime.datetime, *, keep_days: float | None) -> int:
        count = 0
        for own in self._tables.everybody():
            for thread in list(own.threads.values()):
                if _is_old(thread, now, keep_days) and not self._tables.held(thread):
                    self._tables.delete(own, thread)
                    count += 1
        return count

    def bell(self) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        return self._tables.bell.runs()


def _check_shown(thread: Thread, changes: Sequence[Change]) -> None:
    ended: set[str] = set()
    for change in changes:
        match change:
            case Happens(event=MessageEnded(message=message)):
                ended.add(message.id)
            case Shown(messages=ids):
                for id in ids:
                    if id not in ended and id not in thread.ended:
                        raise NotFound(f"There is no message {id!r} that has ended")
            case _:
                pass


def _expired(
    everybody: list[Belongings], now: datetime.datetime
) -> Iterator[tuple[Belongings, Interrupt]]:
    for own in everybody:
        for _, asked in own.interrupts.values():
            if asked.status == "open" and asked.expires_at is not None and asked.expires_at <= now:
                yield own, asked


def _is_old(thread: Thread, now: datetime.datetime, keep_days: float | None) -> bool:
    days = keep_days if thread.record.keep_days is None else thread.record.keep_days
    return days is not None and thread.record.changed_at + datetime.timedelta(days=days) < now
