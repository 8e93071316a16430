"""The ways to find a row: each asks for the owner."""

from retinue.errors import Ambiguous, NotFound
from retinue.storage._records import CONVERSATION, INTERRUPT, INTERRUPTS, RUN, RUNS

from ._work import Row, Work

END = (1 << 63) - 1
"""After the last place of all."""


async def find_conversation(work: Work, owner: str, id: str) -> Row:
    """Its row.

    Raises:
        NotFound: The owner has none of that id.
    """
    query = f"SELECT {CONVERSATION} FROM conversations c WHERE c.owner = %s AND c.id = %s"
    return found(await work.row(query, (owner, id)), "conversation", id)


async def find_run(work: Work, owner: str, id: str) -> Row:
    """The same for a run."""
    query = f"SELECT {RUN} FROM {RUNS} WHERE r.owner = %s AND r.id = %s"
    return found(await work.row(query, (owner, id)), "run", id)


async def find_interrupt(work: Work, owner: str, id: str) -> Row:
    """The same for an interrupt."""
    query = f"SELECT {INTERRUPT} FROM {INTERRUPTS} WHERE i.owner = %s AND i.id = %s"
    return found(await work.row(query, (owner, id)), "interrupt", id)


async def find_id(work: Work, table: str, owner: str, prefix: str) -> str:
    """The one id that begins so; one that is there as it is given is meant itself.

    Raises:
        NotFound, Ambiguous: There is none, or are several.
    """
    what = table.removesuffix("s")
    rows = await work.rows(
        f"SELECT id FROM {table} WHERE owner = %s AND id >= %s AND id < %s ORDER BY id LIMIT 2",
        (owner, prefix, f"{prefix}\U0010ffff"),
    )
    if not rows:
        raise NotFound(f"There is no {what} whose id begins with {prefix!r}")
    if len(rows) > 1 and rows[0][0] != prefix:
        raise Ambiguous(f"Several ids of a {what} begin with {prefix!r}")
    return rows[0][0]


def found(row: Row | None, kind: str, id: str) -> Row:
    if row is None:
        raise NotFound(f"There is no {kind} {id!r}")
    return row
