"""Erasing: what was said is in no table any more."""

from retinue.errors import Busy
from retinue.storage._bells import Heard

from ._rows import find_conversation
from ._work import Work

CLEANED = (
    "conversations",
    "events",
    "messages",
    "transcript",
    "writing",
    "tails",
    "runs",
    "journal",
    "interrupts",
    "blobs",
    "blob_uses",
)
"""Tables that have dead rows then, which are to be overwritten soon."""

_HELD = """
SELECT 1 FROM runs r JOIN living l ON l.id = r.holder
WHERE r.conversation = %s AND r.status = 'running' LIMIT 1
"""


async def erase(work: Work, owner: str, conversation: str) -> None:
    """Delete all there is of a conversation.

    Raises:
        NotFound: The owner has none of that id.
        Busy: A run of it is with a process that lives.
    """
    n = (await find_conversation(work, owner, conversation))[0]
    await lock_files(work, owner)
    await work.send("SELECT 1 FROM runs WHERE conversation = %s ORDER BY n FOR UPDATE", (n,))
    await work.send("SELECT 1 FROM conversations WHERE n = %s FOR UPDATE", (n,))
    if await work.row(_HELD, (n,)) is not None:
        raise Busy(
            f"A run of conversation {conversation!r} is under way",
            hint="Stop it first, or wait for its end.",
        )
    used = await work.rows("DELETE FROM blob_uses WHERE conversation = %s RETURNING blob", (n,))
    await work.send("DELETE FROM conversations WHERE n = %s", (n,))
    await work.send(
        "DELETE FROM blobs b WHERE b.n = ANY(%s)"
        " AND NOT EXISTS (SELECT 1 FROM blob_uses u WHERE u.blob = b.n)",
        ([blob for (blob,) in used],),
    )
    work.logs.append(Heard(owner, conversation))


async def lock_files(work: Work, owner: str) -> None:
    """Have the files of an owner to ourselves until the end of the transaction."""
    await work.send("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (owner,))
