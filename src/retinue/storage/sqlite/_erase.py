"""Erasing: what was said is gone from the file, and from what lies beside it."""

import sqlite3

from retinue.errors import Busy
from retinue.storage._bells import Heard
from retinue.storage._values import text_of

from ._database import Database
from ._file import patiently
from ._readers import Execute
from ._writer import Work

_READERS = 5_000
"""Milliseconds for which readers of old pages are waited for."""


def is_held(execute: Execute, database: Database, conversation: int) -> bool:
    """Whether a run of it is with a process that lives."""
    holders = execute(
        "SELECT DISTINCT holder FROM runs WHERE conversation = ? AND status = 'running'",
        (conversation,),
    ).fetchall()
    return any(database.holders.alive(holder) for (holder,) in holders)


def erase(work: Work, database: Database, conversations: list[int]) -> None:
    """Delete all there is of these conversations, and the words themselves.

    Raises:
        Busy: A run of one is with a process that lives.
    """
    indexed = [_erase(work, database, conversation) for conversation in conversations]
    if conversations:
        database.index.settle(work.execute)
        work.afterwards.append(_vacuum)
    if any(indexed):
        database.index.purge(work.execute)


def _erase(work: Work, database: Database, conversation: int) -> bool:
    """Delete one; whether its words were in the index."""
    execute = work.execute
    owner, id = execute(
        "SELECT owner, id FROM conversations WHERE n = ?", (conversation,)
    ).fetchone()
    if is_held(execute, database, conversation):
        raise Busy(
            f"A run of conversation {text_of(id)!r} is under way",
            hint="Stop it first, or wait for its end.",
        )
    indexed = database.index.forget(execute, conversation)
    blobs = execute(
        "DELETE FROM blob_uses WHERE conversation = ? RETURNING blob", (conversation,)
    ).fetchall()
    execute("DELETE FROM conversations WHERE n = ?", (conversation,))
    for (blob,) in blobs:
        execute("DELETE FROM blobs WHERE n = ? AND n NOT IN (SELECT blob FROM blob_uses)", (blob,))
    work.logs.append(Heard(text_of(owner), text_of(id)))
    return indexed


def _vacuum(connection: sqlite3.Connection) -> None:
    """Pages that are free now were overwritten, by `secure_delete`; they are given back, and what
    they were goes from the write-ahead log, too, once nobody reads there."""
    patiently(connection, "PRAGMA incremental_vacuum")
    connection.execute(f"PRAGMA busy_timeout = {_READERS}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute("PRAGMA busy_timeout = 0")
