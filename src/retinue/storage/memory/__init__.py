"""MemoryStore: keeps everything as long as the process lives, and means what every store means.

    async with MemoryStore() as store:
        conversation = await store.log("ann").begin(title="Tea")

For tests, and for programs that want to lose everything when they end. One event loop.
"""

from typing import Any, Self

from retinue.storage import Blobs, Claims, Log, Notes, Runs

from ._blobs import MemoryBlobs
from ._claims import MemoryClaims
from ._log import MemoryLog
from ._notes import MemoryNotes
from ._runs import MemoryRuns
from ._tables import Tables


class MemoryStore:
    """A `Store` without a file.

    Args:
        blob_limit: Bytes that one file may have.
        owner_limit: Bytes that all files of one owner may have together.
    """

    name = "memory"

    def __init__(
        self, *, blob_limit: int = 64 * 1024 * 1024, owner_limit: int = 1024 * 1024 * 1024
    ) -> None:
        self._tables = Tables()
        self._limits = blob_limit, owner_limit
        self._claims = MemoryClaims(self._tables)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    @property
    def claims(self) -> Claims:
        return self._claims

    def log(self, owner: str) -> Log:
        return MemoryLog(self._tables, owner)

    def runs(self, owner: str) -> Runs:
        return MemoryRuns(self._tables, owner)

    def blobs(self, owner: str) -> Blobs:
        return MemoryBlobs(self._tables, owner, *self._limits)

    def notes(self, owner: str) -> Notes:
        return MemoryNotes(self._tables, owner)

    async def close(self) -> None:
        """Nothing is there any more; whoever follows a conversation gets StoreFailed."""
        self._tables.close()


__all__ = ["MemoryStore"]
