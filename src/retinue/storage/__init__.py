"""Store: keeps what was said, what was done, and what is still to be done.

A store has faces: the `Log` of conversations, the `Runs` a person sees, `Blobs` and `Notes`. Each
is opened for one owner, so no query can forget whose things it asks for. `Claims` is the engine's
face: it may take up anybody's run, and only what it holds a claim to can it write.

Every face works on JSON text and on the events of `retinue.messages.events`; what a journal entry
means is known to the room `runs` alone.
"""

import datetime
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol

from retinue.messages import Message, ToolCall, value
from retinue.messages.events import Event, LogEvent

from ._open import open_store as open_store

# -- what is kept


@value
class Conversation:
    """A thread of messages with an owner, and its log.

    `seq` is the place of its last event, 0 before the first; `keep_days` how long it is kept after
    `changed_at`, None for as long as the owner's default says.
    """

    id: str
    owner: str
    title: str | None
    folder: str | None
    seq: int
    created_at: datetime.datetime
    changed_at: datetime.datetime
    keep_days: float | None = None


@value
class Page[T]:
    """Some of many; `cursor` gets the next ones, None after the last."""

    items: tuple[T, ...]
    cursor: str | None = None


@value
class Found:
    """A message that has the words that were looked for."""

    conversation: Conversation
    seq: int
    message: Message


@value
class Tail:
    """What there is so far of a message that has not ended; letters are counted from 0."""

    message: str
    attempt: int
    text: str = ""
    thinking: str = ""


type RunStatus = Literal["queued", "running", "waiting", "ended"]
"""To be started; held by a process; unloaded until somebody answers; over."""


@value
class RunRecord:
    """One durable execution of an agent in a conversation.

    Args:
        agent, version: By which a catalog finds what is executed.
        status, reason: Where it stands; why it ended (a stop reason), once it has.
        epoch: How many times it was taken up; who writes must know the last.
        attempts: How many times it was taken over from a holder that was gone, since something was
            last finished in it, or it was unloaded or given up.
        seq: Of the last message it was ordered with; events after this one may be its own.
        options: JSON text; what else the engine was given, such as limits.
        stop_asked: Somebody wants it to stop.
    """

    id: str
    owner: str
    conversation: str
    agent: str
    version: str | None
    status: RunStatus
    reason: str | None
    epoch: int
    attempts: int
    seq: int
    created_at: datetime.datetime
    changed_at: datetime.datetime
    options: str = "{}"
    stop_asked: bool = False
    background: bool = False


type InterruptKind = Literal["approval", "input", "unknown_outcome", "divergence"]
type InterruptStatus = Literal["open", "answered", "expired", "withdrawn"]


@value
class Interrupt:
    """A question to a human that a run waits for.

    Args:
        address: Of the step that asks, in its run; the answer is for exactly that.
        turn, agent: Who asks.
        question: A JSON value: what a person is shown, and the schema of what they may answer.
        call: What is to be approved, for an approval.
        expires_at, default: When `default` becomes the answer; None: never.
        answer, by: What was answered, and by whom.
    """

    id: str
    run: str
    conversation: str
    address: str
    kind: InterruptKind
    question: Any
    asked_at: datetime.datetime
    turn: str | None = None
    agent: str | None = None
    call: ToolCall | None = None
    expires_at: datetime.datetime | None = None
    default: Any = None
    status: InterruptStatus = "open"
    answer: Any = None
    by: str | None = None


@value
class Blob:
    """A file, image or chart, by the SHA-256 of its bytes in hex; `size` in bytes."""

    hash: str
    media_type: str
    size: int
    name: str | None = None


@value
class Order:
    """A run that is wanted: `agent` is to answer the `messages`, which are logged with it."""

    conversation: str
    agent: str
    messages: tuple[Message, ...]
    version: str | None = None
    options: str = "{}"
    background: bool = False
    id: str | None = None
    """Where it is known already: ordering the same id again changes nothing."""
    holder: str | None = None
    """Who is to take it up; others leave it alone as long as that holder is there."""


# -- faces for one owner


class Log(Protocol):
    """The conversations of one owner. Nobody else's can be seen: they are not found.

    Every method that takes a conversation raises NotFound where the owner has none of that id.
    """

    async def begin(
        self, *, title: str | None = None, folder: str | None = None, id: str | None = None
    ) -> Conversation:
        """A new conversation. `folder` is where it belongs: the last one there can be found."""
        ...

    async def conversation(self, id: str) -> Conversation: ...

    async def find(self, prefix: str) -> Conversation:
        """The one whose id begins so.

        Raises:
            NotFound, Ambiguous: None does, or several.
        """
        ...

    async def conversations(
        self, *, folder: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Conversation]:
        """The one that changed last comes first."""
        ...

    async def change(
        self, conversation: str, *, title: str | None = None, keep_days: float | None = None
    ) -> Conversation:
        """Change what is given; the rest stays."""
        ...

    async def delete(self, conversation: str) -> None:
        """Erase it: events, tails, runs, journals, interrupts, and blobs nobody else uses.

        Raises:
            Busy: A run of it is still held by a process; stop it first.
        """
        ...

    async def search(
        self, words: str, *, cursor: str | None = None, limit: int = 20
    ) -> Page[Found]:
        """Messages that have all of these words, in any order and case; the newest first."""
        ...

    async def append(self, conversation: str, *events: LogEvent) -> int:
        """Add events at the end, all or none; the seq of the last.

        Messages in them (MessageEnded) become part of the transcript.
        """
        ...

    async def events(
        self, conversation: str, *, after: int = 0, limit: int = 500
    ) -> tuple[LogEvent, ...]:
        """The next events after that seq, oldest first."""
        ...

    async def tails(self, conversation: str) -> tuple[Tail, ...]:
        """What is there of each message that was started and has not ended: its last attempt.

        It is empty from `MessageStarted` on, and after `Restarted`.
        """
        ...

    async def messages(
        self,
        conversation: str,
        *,
        until: int | None = None,
        cursor: str | None = None,
        limit: int = 200,
    ) -> Page[Message]:
        """The transcript: what was said to the agent and what it replied, in order.

        The first page holds the last `limit` messages, oldest first; `cursor` gets those before.

        Args:
            conversation: Which.
            until: As it was when the event of this seq was the last.
            cursor: From the page before.
            limit: How many at most.
        """
        ...

    def follow(
        self, conversation: str, *, after: int = 0
    ) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Everything after that seq, and then whatever comes, for ever.

        A message that is being written is told as a snapshot of what there is, then in pieces;
        pieces are never told twice, and never before their `MessageStarted`, nor after their
        message has ended. Where a message was begun anew (`Restarted`), its pieces begin at offset
        0 with another `attempt`. A reader that was cut off goes on after the last seq it saw; what
        it had seen of an open message comes again, or that message as a whole.
        """
        ...


class Runs(Protocol):
    """The runs of one owner, and what they ask. NotFound, where there is none of that id."""

    async def order(self, order: Order) -> RunRecord:
        """Log the messages, and have the run wait for an engine; in one transaction.

        They are nobody's doing: their events name no run.
        """
        ...

    async def run(self, id: str) -> RunRecord: ...

    async def find(self, prefix: str) -> RunRecord:
        """The one whose id begins so.

        Raises:
            NotFound, Ambiguous: None does, or several.
        """
        ...

    async def runs(
        self,
        *,
        conversation: str | None = None,
        status: Sequence[RunStatus] = (),
        background: bool | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[RunRecord]:
        """The newest first."""
        ...

    async def replies(self, id: str) -> tuple[Message, ...]:
        """What is shown of it in the transcript: what it replied, in order."""
        ...

    async def stop(self, id: str) -> RunRecord:
        """Ask a run to stop. One that no process holds is over at once: "stopped", as is logged."""
        ...

    async def inbox(
        self, *, run: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Interrupt]:
        """The open questions of all conversations, or of one run; the oldest first."""
        ...

    async def interrupt(self, id: str) -> Interrupt: ...

    async def answer(self, interrupt: str, answer: Any, *, by: str | None = None) -> Interrupt:
        """Answer, log that, and have a run that was unloaded start again; in one transaction.

        Raises:
            AlreadyAnswered: It is not open any more.
        """
        ...


class Blobs(Protocol):
    """Files of one owner, by content; each belongs to the conversations that use it."""

    async def keep(
        self, conversation: str, data: bytes, *, media_type: str, name: str | None = None
    ) -> Blob:
        """Keep these bytes.

        Raises:
            TooLarge: They are more than one blob, or all of one owner, may have.
        """
        ...

    async def blob(self, hash: str) -> Blob: ...

    async def data(self, hash: str) -> bytes: ...

    async def blobs(self, conversation: str) -> tuple[Blob, ...]: ...


class Notes(Protocol):
    """Small values of one owner under names: preferences, and what an agent keeps for itself."""

    async def get(self, name: str) -> Any:
        """The JSON value, or None."""
        ...

    async def put(self, name: str, value: Any) -> None:
        """Keep a JSON value; None forgets it."""
        ...

    async def names(self, prefix: str = "") -> tuple[str, ...]: ...


# -- the engine's face


@value
class Claim:
    """The right to write in a run, until somebody else takes it up."""

    run: RunRecord
    holder: str

    @property
    def epoch(self) -> int:
        return self.run.epoch


@value
class Entry:
    """One line of a journal: what happened under an address. A later one replaces it.

    Args:
        address: Unique in its run.
        kind: "turn", "step" or "ask".
        turn: The address of the turn it belongs to.
        state: "intent" before it is done, "done" after it.
        body: JSON text, whose meaning the room `runs` knows.
    """

    address: str
    kind: Literal["turn", "step", "ask"]
    turn: str
    state: Literal["intent", "done"]
    body: str


@value
class Journal:
    """What a run has finished, and what it had begun, when it was taken up.

    Args:
        entries: All of them, in the order they were first written.
        events: All of its own events in the log of its conversation, oldest first.
        answers: Interrupts that are not open any more, by address.
    """

    entries: tuple[Entry, ...]
    events: tuple[LogEvent, ...]
    answers: dict[str, Interrupt]


@value
class Amount:
    """So much of a purse: `unit` is "usd", "tokens", "seconds", "turns", ...; `limit` of all."""

    purse: str
    unit: str
    amount: float
    limit: float


@value
class Happens:
    """An event is appended to the log of the run's conversation."""

    event: LogEvent


@value
class Shown:
    """These messages, by id, come next in the transcript; they have ended already."""

    messages: tuple[str, ...]


@value
class Grown:
    """More of an unfinished message. Its tail goes when it ends, or another attempt begins."""

    message: str
    attempt: int
    offset: int
    text: str
    kind: Literal["text", "thinking"] = "text"


@value
class Asked:
    """A human is asked. The event that tells of it is a change of its own."""

    interrupt: Interrupt


@value
class Reserved:
    """All of these amounts are set aside for the step at `address`, or BudgetExceeded is raised."""

    address: str
    amounts: tuple[Amount, ...]


@value
class Spent:
    """What the step at `address` took, of what was reserved; units not named took nothing."""

    address: str
    amounts: tuple[Amount, ...]


@value
class Kept:
    """A note of the owner's, kept together with all else."""

    name: str
    value: Any


@value
class Waits:
    """The run is unloaded until an interrupt of it is answered.

    It is queued at once, where one was answered since the claim, or it was asked to stop.
    """


@value
class Ends:
    """The run is over; its open interrupts are withdrawn, its reservations settled."""

    reason: str


@value
class Yields:
    """The process gives the run up, unfinished: whoever comes next may take it up."""


type Change = (
    Entry | Happens | Shown | Grown | Asked | Reserved | Spent | Kept | Waits | Ends | Yields
)


@value
class Written:
    """What became of the changes: the seq of the last event in the log, and whether to stop."""

    seq: int
    stop_asked: bool


class Claims(Protocol):
    """For engines: takes up runs of any owner, and writes what happens in them.

    A holder is one process that executes runs. It is gone when its operating system says so (a lock
    that the system frees), or when it was silent for longer than `lease` seconds.
    """

    async def join(self) -> str:
        """Become a holder; the id of it."""
        ...

    async def leave(self, holder: str) -> None:
        """Be one no more; runs it still has are to be had at once."""
        ...

    async def beat(self, holder: str) -> None:
        """Show that this holder is alive and not frozen."""
        ...

    async def due(self, holder: str, *, lease: float, limit: int = 100) -> tuple[RunRecord, ...]:
        """Runs that this holder should take up: queued ones, and those whose holder is gone.

        A queued run that was ordered for a holder, or that a holder unloaded, is left to that one
        as long as it is there. `Yields` leaves it to anybody.
        """
        ...

    async def claim(self, run: RunRecord, holder: str, *, lease: float) -> Claim | None:
        """Take the run up, if nobody did since it was read and its holder, if any, is gone.

        Its epoch is counted up (and its attempts, if it was taken over from somebody who is gone),
        and open reservations settled at their maximum, in the same transaction. None: somebody
        else was quicker.
        """
        ...

    async def journal(self, claim: Claim) -> Journal: ...

    async def answers(self, claim: Claim) -> dict[str, Interrupt]:
        """Interrupts of the run that are not open any more, by address."""
        ...

    async def stop_asked(self, claim: Claim) -> bool: ...

    async def write(self, claim: Claim, number: int, *changes: Change) -> Written:
        """Write all of it or nothing, for good when this returns; later changes see earlier ones.

        Args:
            claim: Checked in the same transaction.
            number: Counts the writes under this claim, from 1; one that was refused does not
                count. Where it is not known whether a write arrived, it is sent again under the
                same number, and changes nothing then.
            changes: What happened, in its order. A MessageEnded, or a Restarted, takes the tail
                of its message away.

        Raises:
            Fenced: Somebody else has taken the run up, or deleted it; nothing of this may be done
                any more.
            BudgetExceeded: Something in there was more than is left.
            StoreFailed: The store cannot take it: a full disk, a lost connection.
        """
        ...

    def tell(self, claim: Claim, *pieces: Event) -> None:
        """Show live pieces to followers in this process at once; nothing is kept."""
        ...

    async def expire(self, now: datetime.datetime) -> int:
        """Answer interrupts that have expired with their default; how many."""
        ...

    async def forget(self, now: datetime.datetime, *, keep_days: float | None) -> int:
        """Delete conversations not changed for longer than they are kept; how many.

        Args:
            now: The time it is.
            keep_days: For conversations without a time of their own; None keeps them.
        """
        ...

    def bell(self) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """Ids of runs with which something may be to do: queued, answered, asked to stop.

        A hint: it may be lost, or ring for nothing. Ask `due` every few seconds besides.
        """
        ...


class Store(Protocol):
    """All faces of one place."""

    @property
    def name(self) -> str:
        """What to call it in a message: its path or address, without a password."""
        ...

    @property
    def claims(self) -> Claims: ...

    def log(self, owner: str) -> Log: ...

    def runs(self, owner: str) -> Runs: ...

    def blobs(self, owner: str) -> Blobs: ...

    def notes(self, owner: str) -> Notes: ...

    async def close(self) -> None:
        """Give back files and connections. What was written is there."""
        ...
