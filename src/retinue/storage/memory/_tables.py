"""What a memory store keeps: one `Belongings` for each owner, so that nobody's things get mixed.

Nothing in here waits, so whatever happens between two awaits is one transaction.
"""

import datetime
import json
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import count, islice
from typing import Any

from retinue.errors import Fenced, NotFound, StoreError, StoreFailed
from retinue.messages import Message
from retinue.messages.events import (
    InterruptAnswered,
    LogEvent,
    MessageEnded,
    MessageStarted,
    Restarted,
    RunEnded,
)
from retinue.storage import (
    Blob,
    Claim,
    Conversation,
    Entry,
    Grown,
    Interrupt,
    InterruptStatus,
    Page,
    RunRecord,
    RunStatus,
    Tail,
)
from retinue.storage._bell import Bell

from ._budget import Budget


@dataclass(slots=True)
class Thread:
    """A conversation; `ended` are its messages by id, `shown` those of its transcript."""

    record: Conversation
    touched: int
    events: list[LogEvent] = field(default_factory=list[LogEvent])
    ended: dict[str, Message] = field(default_factory=dict[str, Message])
    tails: dict[str, Tail] = field(default_factory=dict[str, Tail])
    shown: list[Message] = field(default_factory=list[Message])
    shown_at: list[int] = field(default_factory=list[int])
    said: list[tuple[int, MessageEnded]] = field(default_factory=list[tuple[int, MessageEnded]])
    runs: dict[str, "Work"] = field(default_factory=dict[str, "Work"])
    blobs: dict[str, Blob] = field(default_factory=dict[str, Blob])

    def show(self, *messages: Message) -> None:
        """They come next in the transcript, at the place where the log is now."""
        self.shown += messages
        self.shown_at += [len(self.events)] * len(messages)

    def shown_until(self, seq: int | None) -> int:
        """How long the transcript was when the event of this seq was the last."""
        return len(self.shown) if seq is None else bisect_right(self.shown_at, seq)

    def grow(self, grown: Grown) -> None:
        tail = self.tails.get(grown.message)
        if tail is None or grown.attempt < tail.attempt:
            return
        if grown.attempt > tail.attempt:
            tail = Tail(message=grown.message, attempt=grown.attempt)
        before = tail.text if grown.kind == "text" else tail.thinking
        now = before[: grown.offset] + grown.text
        self.tails[grown.message] = (
            replace(tail, text=now) if grown.kind == "text" else replace(tail, thinking=now)
        )


@dataclass(slots=True)
class Work:
    """A run; `holder` has taken it up last, and has written to `number` under that claim.

    `answered`: an interrupt was, since it was taken up.
    """

    record: RunRecord
    place: int
    holder: str | None = None
    number: int = 0
    answered: bool = False
    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    events: list[LogEvent] = field(default_factory=list[LogEvent])
    shown: list[Message] = field(default_factory=list[Message])
    interrupts: dict[str, int] = field(default_factory=dict[str, int])

    def set(self, **changes: Any) -> None:
        self.record = replace(self.record, changed_at=now(), **changes)


@dataclass(slots=True)
class Belongings:
    """Everything of one owner; interrupts by id with their place, notes as JSON text."""

    threads: dict[str, Thread] = field(default_factory=dict[str, Thread])
    runs: dict[str, Work] = field(default_factory=dict[str, Work])
    interrupts: dict[str, tuple[int, Interrupt]] = field(
        default_factory=dict[str, tuple[int, Interrupt]]
    )
    data: dict[str, bytes] = field(default_factory=dict[str, bytes])
    notes: dict[str, str] = field(default_factory=dict[str, str])

    def thread(self, id: str) -> Thread:
        return found(self.threads, id, "conversation")

    def run(self, id: str) -> Work:
        return found(self.runs, id, "run")

    def keep_note(self, name: str, value: Any) -> None:
        if value is None:
            self.notes.pop(name, None)
        else:
            self.notes[name] = json.dumps(value)


class Tables:
    """What all faces of one store share."""

    def __init__(self) -> None:
        self.bell = Bell()
        self.budget = Budget()
        self.holders: dict[str, float] = {}
        self.unfinished: dict[str, Work] = {}
        self._owners: dict[str, Belongings] = {}
        self._ticks = count(1)
        self._closed = False

    def of(self, owner: str) -> Belongings:
        self.check_open()
        return self._owners.setdefault(owner, Belongings())

    def everybody(self) -> list[Belongings]:
        self.check_open()
        return list(self._owners.values())

    def tick(self) -> int:
        """Greater than all before."""
        return next(self._ticks)

    def close(self) -> None:
        self._closed = True
        self.bell.close()

    def check_open(self) -> None:
        if self._closed:
            raise StoreFailed("The store was closed", hint="Open it again.")

    def check_free(self, id: str, kind: str) -> None:
        """Raises StoreError where another owner has a conversation, or a run, of that id."""
        for theirs in self._owners.values():
            if id in (theirs.threads if kind == "conversation" else theirs.runs):
                raise StoreError(
                    f"There is a {kind} {id!r} already", hint="Leave the id out: it is made."
                )

    def claimed(self, claim: Claim) -> Work:
        """The run of a claim, which may be an old one."""
        work = self.of(claim.run.owner).runs.get(claim.run.id)
        if work is None:
            raise Fenced(f"Run {claim.run.id!r} was deleted")
        return work

    def log(self, owner: Belongings, thread: Thread, *events: LogEvent) -> list[LogEvent]:
        """Add events at the end; they, with their seq."""
        logged: list[LogEvent] = []
        for event in events:
            event = replace(event, seq=len(thread.events) + 1)
            thread.events.append(event)
            logged.append(event)
            if event.run is not None and event.run in owner.runs:
                owner.runs[event.run].events.append(event)
            match event:
                case MessageStarted(message=id):
                    thread.tails[id] = Tail(message=id, attempt=1)
                case Restarted(message=str() as id, attempt=attempt) if id in thread.tails:
                    thread.tails[id] = Tail(message=id, attempt=attempt)
                case MessageEnded(message=message):
                    thread.tails.pop(message.id, None)
                    thread.ended[message.id] = message
                    thread.said.append((self.tick(), event))
                case _:
                    pass
        self.touch(thread, seq=len(thread.events))
        return logged

    def touch(self, thread: Thread, **changes: Any) -> None:
        thread.record = replace(thread.record, changed_at=now(), **changes)
        thread.touched = self.tick()

    def answer(
        self, owner: Belongings, id: str, answer: Any, *, by: str | None, status: InterruptStatus
    ) -> Interrupt:
        """Answer an open interrupt, log that, and have its run start again."""
        place, asked = owner.interrupts[id]
        given = replace(asked, status=status, answer=copied(answer), by=by)
        owner.interrupts[id] = place, given
        event = InterruptAnswered(
            interrupt=id, answer=answer, by=by, run=asked.run, turn=asked.turn, agent=asked.agent
        )
        thread, work = owner.threads[asked.conversation], owner.runs[asked.run]
        self.bell.tell(asked.conversation, *self.log(owner, thread, event))
        work.answered = True
        if work.record.status == "waiting":
            self.settle(work, "queued")
        self.bell.ring(asked.run)
        return given

    def settle(self, work: Work, status: RunStatus, reason: str | None = None) -> None:
        """The run is with nobody any more."""
        attempts = work.record.attempts if status == "ended" else 0
        work.set(status=status, reason=reason, attempts=attempts)
        if status == "ended":
            self.budget.forget(work.record.id)
            self.unfinished.pop(work.record.id, None)
            self._withdraw(self.of(work.record.owner), work)
        elif status == "queued":
            self.bell.ring(work.record.id)

    def stop(self, owner: Belongings, work: Work) -> None:
        """End a run that nobody holds."""
        run = work.record
        self.settle(work, "ended", "stopped")
        event = RunEnded(run=run.id, agent=run.agent, reason="stopped")
        self.bell.tell(run.conversation, *self.log(owner, owner.threads[run.conversation], event))
        self.bell.ring(run.id)

    def held(self, thread: Thread) -> bool:
        """Whether a run of it is with a process that is still there."""
        return any(
            work.record.status == "running" and work.holder in self.holders
            for work in thread.runs.values()
        )

    def delete(self, owner: Belongings, thread: Thread) -> None:
        for id, work in thread.runs.items():
            del owner.runs[id]
            self.unfinished.pop(id, None)
            self.budget.forget(id)
            for interrupt in work.interrupts:
                del owner.interrupts[interrupt]
        del owner.threads[thread.record.id]
        used = {hash for other in owner.threads.values() for hash in other.blobs}
        for hash in thread.blobs.keys() - used:
            del owner.data[hash]
        self.bell.look(thread.record.id)

    def _withdraw(self, owner: Belongings, work: Work) -> None:
        """Take back what the run asks, and what it was about to say."""
        tails = owner.threads[work.record.conversation].tails
        for event in work.events:
            if isinstance(event, MessageStarted):
                tails.pop(event.message, None)
        for id in work.interrupts:
            place, asked = owner.interrupts[id]
            if asked.status == "open":
                owner.interrupts[id] = place, replace(asked, status="withdrawn")


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def copied(value: Any) -> Any:
    """The same JSON value, which nobody else can change."""
    return json.loads(json.dumps(value))


def found[T](things: dict[str, T], id: str, kind: str) -> T:
    """The thing of that id.

    Raises:
        NotFound: There is none.
    """
    if id not in things:
        raise NotFound(f"There is no {kind} {id!r}")
    return things[id]


def place(cursor: str | None, start: int) -> int:
    """Where a page begins; `start` without a cursor."""
    if cursor is None:
        return start
    if not cursor.isdecimal():
        raise StoreError(
            f"{cursor!r} is no cursor", hint="Take it from a page, as it is, or leave it out."
        )
    return int(cursor)


def paged[T](rows: Iterable[tuple[int, T]], limit: int) -> Page[T]:
    """The first of these rows; each has its place, of which the last becomes the cursor."""
    taken = list(islice(rows, limit + 1))
    cursor = str(taken[limit - 1][0]) if len(taken) > limit else None
    return Page(items=tuple([item for _, item in taken[:limit]]), cursor=cursor)
