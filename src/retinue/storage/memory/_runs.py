"""The runs of one owner, and what they ask, in memory."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from retinue.errors import AlreadyAnswered
from retinue.messages import Message, new_id
from retinue.messages.events import MessageEnded
from retinue.storage import Interrupt, Order, Page, RunRecord, RunStatus

from ._log import only
from ._tables import Belongings, Tables, Work, copied, found, now, paged, place


class MemoryRuns:
    """See `Runs`."""

    def __init__(self, tables: Tables, owner: str) -> None:
        self._tables = tables
        self._owner = owner

    @property
    def _own(self) -> Belongings:
        return self._tables.of(self._owner)

    async def order(self, order: Order) -> RunRecord:
        own = self._own
        id = order.id or new_id()
        if id in own.runs:
            return own.runs[id].record
        thread = own.thread(order.conversation)
        self._tables.check_free(id, "run")
        for message in order.messages:
            logged = self._tables.log(own, thread, MessageEnded(message=message))
            thread.show(message)
            self._tables.bell.tell(order.conversation, *logged)
        at = now()
        record = RunRecord(
            id=id,
            owner=self._owner,
            conversation=order.conversation,
            agent=order.agent,
            version=order.version,
            status="queued",
            reason=None,
            epoch=0,
            attempts=0,
            seq=thread.record.seq,
            created_at=at,
            changed_at=at,
            options=order.options,
            background=order.background,
        )
        work = Work(record, self._tables.tick(), holder=order.holder)
        own.runs[id] = thread.runs[id] = self._tables.unfinished[id] = work
        self._tables.bell.ring(id)
        return record

    async def run(self, id: str) -> RunRecord:
        return self._own.run(id).record

    async def find(self, prefix: str) -> RunRecord:
        return self._own.runs[only(self._own.runs, prefix, "run")].record

    async def runs(
        self,
        *,
        conversation: str | None = None,
        status: Sequence[RunStatus] = (),
        background: bool | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[RunRecord]:
        own = self._own
        runs = own.runs if conversation is None else own.thread(conversation).runs
        before = place(cursor, 1 << 62)
        return paged(
            (
                (work.place, work.record)
                for work in reversed(runs.values())
                if work.place < before
                and (not status or work.record.status in status)
                and background in (None, work.record.background)
            ),
            limit,
        )

    async def replies(self, id: str) -> tuple[Message, ...]:
        return tuple(self._own.run(id).shown)

    async def stop(self, id: str) -> RunRecord:
        own = self._own
        work = own.run(id)
        match work.record.status:
            case "queued" | "waiting":
                self._tables.stop(own, work)
            case "running":
                work.set(stop_asked=True)
                self._tables.bell.ring(id)
            case _:
                pass
        return work.record

    async def inbox(
        self, *, run: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Interrupt]:
        own = self._own
        ids = own.interrupts if run is None else own.run(run).interrupts
        after = place(cursor, 0)
        return paged(
            (
                (at, _own_copy(asked))
                for at, asked in (own.interrupts[id] for id in ids)
                if at > after and asked.status == "open"
            ),
            limit,
        )

    async def interrupt(self, id: str) -> Interrupt:
        return _own_copy(found(self._own.interrupts, id, "interrupt")[1])

    async def answer(self, interrupt: str, answer: Any, *, by: str | None = None) -> Interrupt:
        own = self._own
        _, asked = found(own.interrupts, interrupt, "interrupt")
        if asked.status != "open":
            raise AlreadyAnswered(f"Interrupt {interrupt!r} is {asked.status} already")
        return _own_copy(self._tables.answer(own, interrupt, answer, by=by, status="answered"))


def _own_copy(asked: Interrupt) -> Interrupt:
    """What nobody can change the store by."""
    return replace(
        asked,
        question=copied(asked.question),
        default=copied(asked.default),
        answer=copied(asked.answer),
    )
