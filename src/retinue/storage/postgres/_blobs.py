"""The files of one owner, in PostgreSQL."""

import asyncio
import hashlib

from retinue.errors import TooLarge
from retinue.storage import Blob

from ._database import Database
from ._erase import lock_files
from ._rows import find_conversation, found
from ._work import Row, Work

_BLOB = "b.hash, u.media_type, b.size, u.name"
_BLOBS = "blob_uses u JOIN blobs b ON b.n = u.blob JOIN conversations c ON c.n = u.conversation"


class PostgresBlobs:
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

        async def job(work: Work) -> None:
            row = await find_conversation(work, self._owner, conversation)
            await lock_files(work, self._owner)
            blob = await self._kept(work, hash, data)
            await work.send(
                "INSERT INTO blob_uses (conversation, blob, media_type, name)"
                " VALUES (%s, %s, %s, %s) ON CONFLICT (conversation, blob)"
                " DO UPDATE SET media_type = excluded.media_type, name = excluded.name",
                (row[0], blob, media_type, name),
            )

        await self._database.write(job)
        return Blob(hash=hash, media_type=media_type, size=len(data), name=name)

    async def blob(self, hash: str) -> Blob:
        async def job(work: Work) -> Blob:
            row = await work.row(
                f"SELECT {_BLOB} FROM {_BLOBS} WHERE b.owner = %s AND b.hash = %s"
                " ORDER BY u.conversation LIMIT 1",
                (self._owner, hash),
            )
            return _blob_of(found(row, "file", hash))

        return await self._database.read(job)

    async def data(self, hash: str) -> bytes:
        async def job(work: Work) -> bytes:
            sent = await work.send(
                "SELECT data FROM blobs WHERE owner = %s AND hash = %s",
                (self._owner, hash),
                binary=True,
            )
            return found(await sent.fetchone(), "file", hash)[0]

        return await self._database.read(job)

    async def blobs(self, conversation: str) -> tuple[Blob, ...]:
        async def job(work: Work) -> tuple[Blob, ...]:
            row = await find_conversation(work, self._owner, conversation)
            rows = await work.rows(
                f"SELECT {_BLOB} FROM {_BLOBS} WHERE u.conversation = %s ORDER BY b.n", (row[0],)
            )
            return tuple([_blob_of(row) for row in rows])

        return await self._database.read(job)

    async def _kept(self, work: Work, hash: str, data: bytes) -> int:
        """The row of these bytes; they are kept once."""
        known = await work.row(
            "SELECT n FROM blobs WHERE owner = %s AND hash = %s", (self._owner, hash)
        )
        if known is not None:
            return known[0]
        used = await work.rows(
            "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM blobs WHERE owner = %s",
            (self._owner,),
        )
        self._check(len(data), used[0][0])
        rows = await work.rows(
            "INSERT INTO blobs (owner, hash, size, data) VALUES (%s, %s, %s, %b) RETURNING n",
            (self._owner, hash, len(data), data),
        )
        return rows[0][0]

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
    return Blob(hash=row[0], media_type=row[1], size=row[2], name=row[3])
