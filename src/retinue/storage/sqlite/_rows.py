"""Rows as records, and the ways to find one: each asks for the owner."""

from typing import NamedTuple

from retinue.errors import Ambiguous, NotFound
from retinue.storage import RunRecord
from retinue.storage._records import CONVERSATION, INTERRUPT, INTERRUPTS, RUN, RUNS, Row
from retinue.storage._values import text_of

from ._readers import Execute
from ._values import text


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


def _found(row: Row | None, kind: str, id: str) -> Row:
    if row is None:
        raise NotFound(f"There is no {kind} {id!r}")
    return row
