"""The files of one owner, in SQLite."""

import asyncio
import hashlib

from retinue.errors import NotFound, TooLarge
from retinue.storage import Blob
from retinue.storage._records import Row
from retinue.storage._values import text_of

from ._database import Database
from ._readers import Execute
from ._rows import find_conversation
from ._values import text, text_or_none
from ._writer import Work

_BLOB = "b.hash, u.media_type, b.size, u.name"
_BLOBS = "blob_uses u JOIN blobs b ON b.n = u.blob JOIN conversations c ON c.n = u.conversation"


class SqliteBlobs:
    """See `Blobs`."""

    def __init__(self, database: Database, owner: str, blob_limit: int, owner_limit: int) -> None:
        self._database = database
        self._owner = owner
        self._blob_limit = blob_limit
        self._owner_limit = owner_limit

    async def keep(
        self, conversation: str, data: bytes, *, media_type: str, name: str | None = None
    ) -> Blob:
        hash = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())

        def job(work: Work) -> None:
            row = find_conversation(work.execute, self._owner, conversation)
            blob = self._kept(work.execute, hash, data)
            work.execute(
                "INSERT OR REPLACE INTO blob_uses VALUES (?, ?, ?, ?)",
                (row[0], blob, text(media_type), text_or_none(name)),
            )

        await self._database.write(job)
        return Blob(hash=hash, media_type=media_type, size=len(data), name=name)

    async def blob(self, hash: str) -> Blob:
        def job(execute: Execute) -> Blob:
            row = execute(
                f"SELECT {_BLOB} FROM {_BLOBS} WHERE b.owner = ? AND b.hash = ?"
                " ORDER BY u.conversation LIMIT 1",
                (text(self._owner), text(hash)),
            ).fetchone()
            return _blob_of(_found(row, hash))

        return await self._database.read(job)

    async def data(self, hash: str) -> bytes:
        def job(execute: Execute) -> bytes:
            row = execute(
                "SELECT data FROM blobs WHERE owner = ? AND hash = ?",
                (text(self._owner), text(hash)),
            ).fetchone()
            return _found(row, hash)[0]

        return await self._database.read(job)

    async def blobs(self, conversation: str) -> tuple[Blob, ...]:
        def job(execute: Execute) -> tuple[Blob, ...]:
            row = find_conversation(execute, self._owner, conversation)
            rows = execute(
                f"SELECT {_BLOB} FROM {_BLOBS} WHERE u.conversation = ? ORDER BY b.n", (row[0],)
            )
            return tuple([_blob_of(row) for row in rows])

        return await self._database.read(job)

    def _kept(self, execute: Execute, hash: str, data: bytes) -> int:
        """The row of these bytes; they are kept once."""
        known = execute(
            "SELECT n FROM blobs WHERE owner = ? AND hash = ?", (text(self._owner), hash)
        ).fetchone()
        if known is not None:
            return known[0]
        (before,) = execute(
            "SELECT coalesce(sum(size), 0) FROM blobs WHERE owner = ?", (text(self._owner),)
        ).fetchone()
        self._check(len(data), before)
        return execute(
            "INSERT INTO blobs (owner, hash, size, data) VALUES (?, ?, ?, ?) RETURNING n",
            (text(self._owner), hash, len(data), data),
        ).fetchall()[0][0]

    def _check(self, size: int, before: int) -> None:
        if size > self._blob_limit:
            raise TooLarge(
                f"A file of {size} bytes is larger than one may be: {self._blob_limit}",
                hint="Keep a smaller one, or raise the limit of the store.",
            )
        if before + size > self._owner_limit:
            raise TooLarge(
                f"All files together may have {self._owner_limit} bytes, and {before} are used",
                hint="Delete conversations with files, or raise the limit of the store.",
            )


def _blob_of(row: Row) -> Blob:
    return Blob(hash=row[0], media_type=text_of(row[1]), size=row[2], name=text_of(row[3]))


def _found(row: Row | None, hash: str) -> Row:
    if row is None:
        raise NotFound(f"There is no file {hash!r}")
    return row
