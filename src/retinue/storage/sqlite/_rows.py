"""Rows as records, and the ways to find one: each asks for the owner."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from retinue.errors import Ambiguous, NotFound, StoreError
from retinue.messages.codecs import part_from_dict
from retinue.storage import Conversation, Interrupt, Page, RunRecord

from ._readers import Execute
from ._values import from_json, text, text_of, time_of

CONVERSATION = "c.n, c.id, c.owner, c.title, c.folder, c.seq, c.created, c.changed, c.keep_days"
RUN = (
    "r.n, r.id, r.owner, c.id, r.agent, r.version, r.status, r.reason, r.epoch, r.attempts, r.seq,"
    " r.created, r.changed, r.options, r.stop_asked, r.background"
)
RUNS = "runs r JOIN conversations c ON c.n = r.conversation"
INTERRUPT = (
    "i.n, i.id, r.id, c.id, i.address, i.kind, i.question, i.asked, i.turn, i.agent, i.call,"
    " i.expires, i.otherwise, i.status, i.answer, i.answered_by"
)
INTERRUPTS = "interrupts i JOIN runs r ON r.n = i.run JOIN conversations c ON c.n = r.conversation"

type Row = tuple[Any, ...]


class Standing(NamedTuple):
    """What a claim is held against; `end` is the seq of the run's conversation."""

    n: int
    conversation: int
    epoch: int
    status: str
    holder: str | None
    written: int
    entered: int
    answered: int
    stop_asked: int
    end: int


def standing(execute: Execute, run: RunRecord) -> Standing | None:
    """How the run stands; None where it is gone."""
    row: Row | None = execute(
        "SELECT r.n, r.conversation, r.epoch, r.status, r.holder, r.written, r.entered, r.answered,"
        f" r.stop_asked, c.seq FROM {RUNS} WHERE r.owner = ? AND r.id = ?",
        (text(run.owner), text(run.id)),
    ).fetchone()
    return None if row is None else Standing._make(row)


def conversation_of(row: Row) -> Conversation:
    return Conversation(
        id=text_of(row[1]),
        owner=text_of(row[2]),
        title=text_of(row[3]),
        folder=text_of(row[4]),
        seq=row[5],
        created_at=time_of(row[6]),
        changed_at=time_of(row[7]),
        keep_days=row[8],
    )


def run_of(row: Row) -> RunRecord:
    return RunRecord(
        id=text_of(row[1]),
        owner=text_of(row[2]),
        conversation=text_of(row[3]),
        agent=text_of(row[4]),
        version=text_of(row[5]),
        status=row[6],
        reason=text_of(row[7]),
        epoch=row[8],
        attempts=row[9],
        seq=row[10],
        created_at=time_of(row[11]),
        changed_at=time_of(row[12]),
        options=text_of(row[13]),
        stop_asked=bool(row[14]),
        background=bool(row[15]),
    )


def interrupt_of(row: Row) -> Interrupt:
    call: Any = None if row[10] is None else part_from_dict(from_json(row[10]))
    return Interrupt(
        id=text_of(row[1]),
        run=text_of(row[2]),
        conversation=text_of(row[3]),
        address=text_of(row[4]),
        kind=row[5],
        question=from_json(row[6]),
        asked_at=time_of(row[7]),
        turn=text_of(row[8]),
        agent=text_of(row[9]),
        call=call,
        expires_at=None if row[11] is None else time_of(row[11]),
        default=from_json(row[12]),
        status=row[13],
        answer=from_json(row[14]),
        by=text_of(row[15]),
    )


def find_conversation(execute: Execute, owner: str, id: str) -> Row:
    """Its row.

    Raises:
        NotFound: The owner has none of that id.
    """
    return _found(
        execute(
            f"SELECT {CONVERSATION} FROM conversations c WHERE c.owner = ? AND c.id = ?",
            (text(owner), text(id)),
        ).fetchone(),
        "conversation",
        id,
    )


def find_run(execute: Execute, owner: str, id: str) -> Row:
    """The same for a run."""
    return _found(
        execute(
            f"SELECT {RUN} FROM {RUNS} WHERE r.owner = ? AND r.id = ?", (text(owner), text(id))
        ).fetchone(),
        "run",
        id,
    )


def find_interrupt(execute: Execute, owner: str, id: str) -> Row:
    """The same for an interrupt."""
    return _found(
        execute(
            f"SELECT {INTERRUPT} FROM {INTERRUPTS} WHERE i.owner = ? AND i.id = ?",
            (text(owner), text(id)),
        ).fetchone(),
        "interrupt",
        id,
    )


def find_id(execute: Execute, table: str, owner: str, prefix: str) -> str:
    """The one id that begins so; one that is there as it is given is meant itself.

    Raises:
        NotFound, Ambiguous: There is none, or are several.
    """
    what = table.removesuffix("s")
    low = text(prefix)
    high = low + ("\U0010ffff" if isinstance(low, str) else b"\xff")  # type: ignore[operator]
    ids = [
        text_of(id)
        for (id,) in execute(
            f"SELECT id FROM {table} WHERE owner = ? AND id >= ? AND id < ? ORDER BY id LIMIT 2",
            (text(owner), low, high),
        )
    ]
    if not ids:
        raise NotFound(f"There is no {what} whose id begins with {prefix!r}")
    if len(ids) > 1 and ids[0] != prefix:
        raise Ambiguous(f"Several ids of a {what} begin with {prefix!r}")
    return ids[0]


def places(cursor: str | None, *start: int) -> tuple[int, ...]:
    """Where a page begins, as `paged` wrote it; `start` without a cursor.

    Raises:
        StoreError: It is no cursor of such a page.
    """
    if cursor is None:
        return start
    numbers = cursor.split(".")
    if len(numbers) != len(start) or not all(n.isascii() and n.isdecimal() for n in numbers):
        raise StoreError(
            f"{cursor!r} is no cursor", hint="Take it from a page, as it is, or leave it out."
        )
    return tuple([int(number) for number in numbers])


def paged[T](rows: Iterable[tuple[tuple[int, ...], T]], limit: int) -> Page[T]:
    """A page of rows with their places; there may be one more than fit, which is for the next."""
    taken = list(rows)
    cursor = ".".join(map(str, taken[limit - 1][0])) if len(taken) > limit else None
    return Page(items=tuple([item for _, item in taken[:limit]]), cursor=cursor)


def _found(row: Row | None, kind: str, id: str) -> Row:
    if row is None:
        raise NotFound(f"There is no {kind} {id!r}")
    return row
