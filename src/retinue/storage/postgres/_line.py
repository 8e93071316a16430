"""Line: one connection that is kept open, on which a process hears the others, and by which they
see that it lives.

Its advisory locks are the server's to free when the process dies. Nobody waits on it: the event
loop says when there is something to read, so it costs nothing while nothing happens.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from weakref import WeakSet

import psycopg
from psycopg import Notify
from psycopg.sql import SQL, Identifier

from ._work import Connection

_PAUSES = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds between attempts to connect anew; the last of them again and again."""

_KEY = "hashtextextended(%s, 0)"

_JOIN = f"""
INSERT INTO holders VALUES (%s, {_KEY}, clock_timestamp(), pg_postmaster_start_time())
ON CONFLICT (id) DO UPDATE SET beat = excluded.beat, server = excluded.server
"""

_END_FORMER = f"""
SELECT pg_terminate_backend(l.pid) FROM pg_locks l, (SELECT {_KEY} AS key) k
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid <> pg_backend_pid()
AND l.classid = CAST((k.key >> 32) & 4294967295 AS OID)
AND l.objid = CAST(k.key & 4294967295 AS OID)
"""


class Line:
    """Opened when it is needed first, and again whenever it was lost.

    Args:
        connect: Gives a connection that commits by itself.
        channel: On which letters come.
        heard: Called with each.
        anew: Called when there may have been letters that nobody heard.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        channel: str,
        *,
        heard: Callable[[str], None],
        anew: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._channel = channel
        self._heard = heard
        self._anew = anew
        self._connection: Connection | None = None
        self._file = -1
        self._turn = asyncio.Lock()
        self._reconnecting: asyncio.Task[None] | None = None
        self._holders: set[str] = set()
        self._closed = False
        _lines.add(self)

    async def open(self) -> None:
        """Hear letters from now on.

        Raises:
            psycopg.Error: The database cannot be reached.
        """
        async with self._turn:
            await self._opened()

    async def hold(self, holder: str) -> None:
        """Be seen to live under this name, from now on."""
        async with self._turn, _Taken(self, await self._opened()) as connection:
            await _hold(connection, holder)
            self._holders.add(holder)

    async def let_go(self, holder: str) -> None:
        """Be seen no more."""
        if holder not in self._holders:
            return
        self._holders.discard(holder)
        async with self._turn, _Taken(self, await self._opened()) as connection:
            await connection.execute("DELETE FROM holders WHERE id = %s", (holder,))
            await connection.execute(f"SELECT pg_advisory_unlock({_KEY})".encode(), (holder,))

    async def beat(self, holder: str) -> None:
        """A sign of life. Who is held no more has none."""
        if holder not in self._holders:
            return
        async with self._turn, _Taken(self, await self._opened()) as connection:
            await connection.execute(_JOIN.encode(), (holder, holder))

    async def close(self) -> None:
        """Let all go that is held."""
        self._closed = True
        if self._reconnecting is not None:
            self._reconnecting.cancel()
            await asyncio.wait([self._reconnecting])
        async with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                asyncio.get_running_loop().remove_reader(self._file)
                with suppress(psycopg.Error):
                    await connection.execute(
                        "DELETE FROM holders WHERE id = ANY(%s)", (list(self._holders),)
                    )
                await connection.close()

    def read(self) -> None:
        """Take in what is there, without waiting."""
        assert self._connection is not None
        server = self._connection.pgconn
        try:
            server.consume_input()
            while (note := server.notifies()) is not None:
                self._heard(note.extra.decode())
        except psycopg.Error:
            self._lost()

    def watch(self) -> None:
        """Read whenever something comes."""
        asyncio.get_running_loop().add_reader(self._file, self.read)
        self.read()

    def rest(self) -> None:
        """Leave reading to whoever uses the connection."""
        asyncio.get_running_loop().remove_reader(self._file)

    def forget(self) -> None:
        """In a forked child: it would keep the connection of its parent alive."""
        if self._connection is not None:
            with suppress(OSError):
                os.close(self._file)

    async def _opened(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = await self._made()
            self._file = self._connection.fileno()
            self.watch()
            self._anew()
        return self._connection

    async def _made(self) -> Connection:
        connection = await self._connect()
        try:
            connection.add_notify_handler(self._note)
            await connection.execute(SQL("LISTEN {}").format(Identifier(self._channel)))
            for holder in self._holders:
                await _hold(connection, holder)
        except BaseException:
            await connection.close()
            raise
        return connection

    def _note(self, note: Notify) -> None:
        self._heard(note.payload)

    def _lost(self) -> None:
        self.rest()
        if not self._closed and self._reconnecting is None:
            self._reconnecting = asyncio.create_task(self._reconnect())

    async def _reconnect(self) -> None:
        attempt = 0
        while self._connection is None or self._connection.closed:
            await asyncio.sleep(_PAUSES[min(attempt, len(_PAUSES) - 1)])
            attempt += 1
            with suppress(psycopg.Error, OSError):
                await self.open()
        self._reconnecting = None


class _Taken:
    """The connection of a line, for statements, within a block."""

    def __init__(self, line: Line, connection: Connection) -> None:
        self._line = line
        self._connection = connection

    async def __aenter__(self) -> Connection:
        self._line.rest()
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        if self._connection.closed:
            self._line.read()
        else:
            self._line.watch()


async def _hold(connection: Connection, holder: str) -> None:
    """Take the lock; a former connection of ours may have it still."""
    await connection.execute(_END_FORMER.encode(), (holder,))
    await connection.execute(f"SELECT pg_advisory_lock({_KEY})".encode(), (holder,))
    await connection.execute(_JOIN.encode(), (holder, holder))


_lines: WeakSet[Line] = WeakSet()


def _forget() -> None:
    for line in list(_lines):
        line.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
