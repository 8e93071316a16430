"""PostgresStore: keeps everything in a schema of a PostgreSQL database, for any number of machines.

    async with await PostgresStore.open("postgresql://ann@localhost/assistant") as store:
        conversation = await store.log("ann").begin(title="Tea")

The schema is made where there is none, so that a database may be shared with other programs. A
process needs connections of its own: a pooler between must work by session, not by transaction.
"""

from typing import Any, Self

from retinue.storage import Blobs, Claims, Log, Notes, Runs

from ._address import address_of
from ._blobs import PostgresBlobs
from ._claims import PostgresClaims
from ._database import Database
from ._log import PostgresLog
from ._migrations import Migrations
from ._notes import PostgresNotes
from ._runs import PostgresRuns


class PostgresStore:
    """A `Store` in a database, for the event loop in which it was opened.

    What is written is as safe as the server's `synchronous_commit` has it. A process that dies
    takes nothing with it but the runs it held, and those are due once the server knows: at once,
    unless its machine or the network died with it. After a fork the child may not use it.
    """

    def __init__(self, database: Database, *, blob_limit: int, owner_limit: int) -> None:
        self._database = database
        self._limits = blob_limit, owner_limit
        self._claims = PostgresClaims(database)

    @classmethod
    async def open(
        cls,
        address: str,
        *,
        schema: str = "retinue",
        connections: int = 10,
        blob_limit: int = 64 * 1024 * 1024,
        owner_limit: int = 1024 * 1024 * 1024,
    ) -> Self:
        """Open the schema, which is made where there is none.

        Args:
            address: As libpq knows it: "postgresql://user:password@host:5432/database". It may
                name the schema, too: "?schema=...".
            schema: All tables are in there.
            connections: To the server, at most; there is one more while this process executes runs
                or follows a conversation.
            blob_limit: Bytes that one file in it may have.
            owner_limit: Bytes that all files of one owner may have together.

        Raises:
            StoreTooNew: A newer release made the schema; it is as it was.
            StoreFailed: There is no such database, or it does not let us in.
        """
        where = address_of(address, schema=schema)
        database = Database(where, Migrations(), connections=connections)
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
        return PostgresLog(self._database, owner)

    def runs(self, owner: str) -> Runs:
        return PostgresRuns(self._database, owner)

    def blobs(self, owner: str) -> Blobs:
        return PostgresBlobs(self._database, owner, *self._limits)

    def notes(self, owner: str) -> Notes:
        return PostgresNotes(self._database, owner)

    async def close(self) -> None:
        """Whoever follows gets StoreFailed; runs that this process holds are to be had at once."""
        await self._database.close()


__all__ = ["PostgresStore"]
