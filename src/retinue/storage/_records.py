"""Records: rows of a database as what `retinue.storage` calls them, and pages of them.

The stores in databases have the same columns. A text may come as bytes: see `text_of`.
"""

from collections.abc import Iterable
from typing import Any

from retinue.errors import StoreError
from retinue.messages.codecs import part_from_dict

from . import Conversation, Interrupt, Page, RunRecord
from ._values import from_json, text_of, time_of

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
