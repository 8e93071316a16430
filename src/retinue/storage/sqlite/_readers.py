"""Readers: a few threads, each with a connection that cannot write."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from retinue.errors import StoreFailed

from ._errors import translated

type Execute = Callable[..., sqlite3.Cursor]
"""`sqlite3.Connection.execute`."""


class Readers:
    """Reads without waiting for writers, nor having them wait.

    Args:
        connect: Gives a connection that is only to be read.
        name: Of the store, for errors.
        threads: How many may read at once.
    """

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], name: str, *, threads: int = 4
    ) -> None:
        self._connect = connect
        self._name = name
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="retinue-reader")
        self._closed = False

    async def read[T](self, job: Callable[[Execute], T]) -> T:
        """What the job returns; all its statements see the file as it is at one moment."""
        if self._closed:
            raise StoreFailed(f"{self._name} was closed", hint="Open it again.")
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, job)

    async def close(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._pool.shutdown)
        while self._connections:
            self._connections.pop().close()

    def _read[T](self, job: Callable[[Execute], T]) -> T:
        with translated(self._name):
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                return job(connection.execute)
            finally:
                if connection.in_transaction:  # it is not, after some errors
                    connection.execute("ROLLBACK")

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._connect()
            self._connections.append(connection)
        return connection
