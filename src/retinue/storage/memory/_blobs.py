"""The files of one owner, in memory."""

import hashlib
from dataclasses import replace

from retinue.errors import NotFound, TooLarge
from retinue.storage import Blob

from ._tables import Tables


class MemoryBlobs:
    """See `Blobs`."""

    def __init__(self, tables: Tables, owner: str, blob_limit: int, owner_limit: int) -> None:
        self._tables = tables
        self._owner = owner
        self._blob_limit = blob_limit
        self._owner_limit = owner_limit

    async def keep(
        self, conversation: str, data: bytes, *, media_type: str, name: str | None = None
    ) -> Blob:
        own = self._tables.of(self._owner)
        thread = own.thread(conversation)
        hash = hashlib.sha256(data).hexdigest()
        if hash not in own.data:
            self._check(len(data), sum(map(len, own.data.values())))
            own.data[hash] = bytes(data)
        blob = Blob(hash=hash, media_type=media_type, size=len(data), name=name)
        thread.blobs[hash] = blob
        return replace(blob)

    async def blob(self, hash: str) -> Blob:
        for thread in self._tables.of(self._owner).threads.values():
            if hash in thread.blobs:
                return thread.blobs[hash]
        raise NotFound(f"There is no file {hash!r}")

    async def data(self, hash: str) -> bytes:
        await self.blob(hash)
        return self._tables.of(self._owner).data[hash]

    async def blobs(self, conversation: str) -> tuple[Blob, ...]:
        return tuple(self._tables.of(self._owner).thread(conversation).blobs.values())

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
