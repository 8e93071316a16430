"""Database: what all faces of one schema share: its connections, and who is told of what."""

import asyncio
import hashlib
import selectors
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier
from psycopg_pool import AsyncConnectionPool

from retinue.errors import StoreFailed
from retinue.messages import new_id
from retinue.storage._bells import Bells

from ._address import Address
from ._errors import closed, failed, is_passing, translated
from ._letters import Letter, letter_of
from ._line import Line
from ._migrations import Migrations
from ._text import adapt
from ._work import Connection, Work

_PATIENCE = 10.0
"""Seconds to wait for a connection."""

_SETTINGS = """
SELECT set_config('TimeZone', 'UTC', false), set_config('lock_timeout', '30s', false),
set_config('idle_in_transaction_session_timeout', '15s', false)
"""
"""A process that is frozen within a transaction is not to hold up the others."""

_ATTEMPTS = 5
"""How often a transaction is tried that got in the way of another, or lost its connection."""

_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


class Database:
    """A schema, for the event loop in which it was opened."""

    def __init__(self, address: Address, migrations: Migrations, *, connections: int) -> None:
        self._address = address
        self._migrations = migrations
        self._id = new_id()
        self.name = address.name
        self.bells = Bells()
        schema = hashlib.sha256(address.schema.encode()).hexdigest()
        self.channel = f"retinue_{schema[:16]}"
        self.line = Line(self._connect, self.channel, heard=self._heard, anew=self.bells.look)
        self._pool = AsyncConnectionPool[Connection](
            address.conninfo,
            kwargs={"autocommit": True},
            configure=self._configure,
            min_size=1,
            max_size=connections,
            timeout=_PATIENCE,
            name="retinue",
            open=False,
        )
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def open(self) -> None:
        """Before anything else is called."""
        with translated(self.name):
            connection = await self._connect()
            try:
                await self._migrations.run(connection, self._address.schema, self.name)
            finally:
                await connection.close()
            await self._pool.open()

    async def close(self) -> None:
        """What was begun is finished; who waits for news gets StoreFailed."""
        self._closed = True
        self.bells.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.line.close()
        await self._pool.close()

    async def read[T](self, job: Callable[[Work], Awaitable[T]]) -> T:
        """What the job returns, which does not write."""
        return await self._shielded(self._read(job))

    async def write[T](self, job: Callable[[Work], Awaitable[T]]) -> T:
        """What the job returns, once it is committed. It may be called several times, and has no
        effects but those on the database.

        Raises:
            StoreFailed: It could not be committed, or nobody knows whether it was.
        """
        return await self._shielded(self._write(job))

    async def vacuum(self, *tables: str) -> None:
        """Free the room of what was deleted; where that cannot be now, the server does it later."""
        with suppress(StoreFailed):
            await self._shielded(self._vacuum(tables))

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Bells]:
        """The bells, once others are heard, too."""
        if self._closed:
            raise closed(self.name)
        with translated(self.name):
            await self.line.open()
        yield self.bells

    async def _shielded[T](self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Whoever waits may be cancelled; the connection is left as it was found all the same."""
        if self._closed:
            coroutine.close()
            raise closed(self.name)
        task = asyncio.Task(coroutine, eager_start=True, loop=asyncio.get_running_loop())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _read[T](self, job: Callable[[Work], Awaitable[T]]) -> T:
        async def tried(work: Work, connection: Connection) -> T:
            return await _piped(connection, lambda: job(work))

        return await self._tried(tried)

    async def _write[T](self, job: Callable[[Work], Awaitable[T]]) -> T:
        written: list[Work] = []

        async def tried(work: Work, connection: Connection) -> T:
            try:
                result = await _piped(connection, lambda: self._transaction(work, job))
            except BaseException:
                if not connection.closed:
                    with suppress(psycopg.Error):
                        await connection.execute("ROLLBACK")
                raise
            written.append(work)
            return result

        result = await self._tried(tried)
        self.bells.wrote(written[0].logs, written[0].runs)
        return result

    async def _tried[T](self, job: Callable[[Work, Connection], Awaitable[T]]) -> T:
        """What the job returns; it is done again where it certainly had no effect."""
        attempt = 0
        while True:
            attempt += 1
            work: Work | None = None
            try:
                async with self._connection() as connection:
                    work = Work(connection)
                    return await job(work, connection)
            except psycopg.Error as error:
                again = work is not None and is_passing(error, committing=work.committing)
                if attempt == _ATTEMPTS or not again:
                    raise failed(error, self.name) from error

    async def _transaction[T](self, work: Work, job: Callable[[Work], Awaitable[T]]) -> T:
        await work.send("BEGIN")
        result = await job(work)
        work.committing = True
        await work.send("COMMIT")
        letter = letter_of(self._id, work.logs, work.runs)
        if letter is not None:
            # Not before the commit: whoever has something to notify waits there for all others who
            # have, so that no two transactions would share one wait for the disk.
            await work.send("SELECT pg_notify(%s, %s)", (self.channel, letter.encoded()))
        return result

    async def _vacuum(self, tables: tuple[str, ...]) -> None:
        names = SQL(", ").join([Identifier(table) for table in tables])
        with translated(self.name):
            async with self._connection() as connection:
                await connection.execute(SQL("VACUUM (SKIP_LOCKED) {}").format(names))

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Connection]:
        """One of the pool that is not known to be dead."""
        connection = await self._pool.getconn()
        while _is_dead(connection):
            await connection.close()
            await self._pool.putconn(connection)
            connection = await self._pool.getconn()
        try:
            yield connection
        finally:
            await self._pool.putconn(connection)

    async def _connect(self) -> Connection:
        connection = await AsyncConnection.connect(self._address.conninfo, autocommit=True)
        await self._configure(connection)
        return connection

    async def _configure(self, connection: Connection) -> None:
        adapt(connection)
        schema = SQL("SET search_path TO {}").format(Identifier(self._address.schema))
        await connection.execute(schema)
        await connection.execute(_SETTINGS)

    def _heard(self, text: str) -> None:
        letter = Letter.decoded(text)
        if letter.sender == self._id:
            return
        self.bells.elsewhere(letter.logs, letter.runs)
        if letter.much:
            self.bells.look()


async def _piped[T](connection: Connection, job: Callable[[], Awaitable[T]]) -> T:
    """What the job returns, once all its statements were answered."""
    results: list[T] = []
    failure: Exception | None = None
    try:
        async with connection.pipeline():
            try:
                results.append(await job())
            except Exception as error:  # first what was sent is to be answered, whatever that says
                failure = error
    except psycopg.Error as error:
        failure = failure or error
    if failure is not None:
        raise failure
    return results[0]


def _is_dead(connection: Connection) -> bool:
    """Whether the server has ended it: nothing else would it say to who says nothing."""
    if connection.closed:
        return True
    with _Selector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        return bool(selector.select(0))
