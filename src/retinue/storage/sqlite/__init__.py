"""SqliteStore: keeps everything in one file, which several processes may have open.

    async with await SqliteStore.open("retinue.db") as store:
        conversation = await store.log("ann").begin(title="Tea")

The file is readable for its owner alone. Beside it lie SQLite's own (`-wal`, `-shm`), a folder
`<name>.live` where the processes find each other, and backups from before a migration, `*.bak`.
"""

from pathlib import Path
from typing import Any, Self

from retinue.storage import Blobs, Claims, Log, Notes, Runs

from ._blobs import SqliteBlobs
from ._claims import SqliteClaims
from ._database import Database
from ._log import SqliteLog
from ._migrations import Migrations
from ._notes import SqliteNotes
from ._runs import SqliteRuns


class SqliteStore:
    """A `Store` in a file, for the event loop in which it was opened.

    Every write is on the disk when it returns. A process that dies takes nothing with it but the
    runs it held, and those are due at once. After a fork the child may not use it.
    """

    def __init__(self, database: Database, *, blob_limit: int, owner_limit: int) -> None:
        self._database = database
        self._limits = blob_limit, owner_limit
        self._claims = SqliteClaims(database)

    @classmethod
    async def open(
        cls,
        path: str | Path,
        *,
        blob_limit: int = 64 * 1024 * 1024,
        owner_limit: int = 1024 * 1024 * 1024,
    ) -> Self:
        """Open the file, which is made where there is none.

        Args:
            path: Of the file. Folders that are missing are made.
            blob_limit: Bytes that one file in it may have.
            owner_limit: Bytes that all files of one owner may have together.

        Raises:
            StoreTooNew: A newer release wrote it; it is as it was.
            StoreFailed: It cannot be opened, is damaged, or is no file of ours.
        """
        database = Database(Path(path), Migrations())
        await database.open()
        return cls(database, blob_limit=blob_limit, owner_limit=owner_limit)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    @property
    def name(self) -> str:
        return self._database.name

    @property
    def claims(self) -> Claims:
        return self._claims

    def log(self, owner: str) -> Log:
        return SqliteLog(self._database, owner)

    def runs(self, owner: str) -> Runs:
        return SqliteRuns(self._database, owner)

    def blobs(self, owner: str) -> Blobs:
        return SqliteBlobs(self._database, owner, *self._limits)

    def notes(self, owner: str) -> Notes:
        return SqliteNotes(self._database, owner)

    async def close(self) -> None:
        """Whoever follows gets StoreFailed; runs that this process holds are to be had at once."""
        await self._database.close()


__all__ = ["SqliteStore"]
