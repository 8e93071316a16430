"""The database is lost while runs go on: connections are cut, and it is away for a while."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

psycopg = pytest.importorskip("psycopg", reason="retinue[postgres] is not installed")

from psycopg.sql import SQL, Identifier  # noqa: E402

from ._program import noted  # noqa: E402
from ._server import Server, running  # noqa: E402
from ._survival import Person, check, opened, ordered, patiently, until  # noqa: E402
from ._worker import Job  # noqa: E402
from ._workers import Workers  # noqa: E402


class Database:
    """A database of its own, of which everybody can be thrown out without harm to other tests."""

    def __init__(self, server: "psycopg.AsyncConnection[tuple[object, ...]]", name: str) -> None:
        self._server = server
        self._name = name

    async def cut(self) -> int:
        """End all connections to it, in the middle of whatever they do; how many."""
        done = await self._server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (self._name,),
        )
        return done.rowcount

    async def let_in(self, whether: bool) -> None:
        """Whether it takes new connections."""
        words = SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        await self._server.execute(words.format(Identifier(self._name), whether))

    async def make(self) -> None:
        await self._server.execute(SQL("CREATE DATABASE {}").format(Identifier(self._name)))

    async def drop(self) -> None:
        name = Identifier(self._name)
        await self._server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    if not Server.is_here():
        pytest.skip("no PostgreSQL here that could be restarted")
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def some_server(request: pytest.FixtureRequest) -> str:
    """Where databases are dropped at once, if there is one; all wait for the disk on others."""
    if Server.is_here():
        return request.getfixturevalue("own_server").address
    return request.getfixturevalue("postgres")


@pytest.fixture
async def database(some_server: str) -> AsyncIterator[tuple[Database, str]]:
    """A database, and its address."""
    name = f"chaos{uuid4().hex}"
    async with await psycopg.AsyncConnection.connect(some_server, autocommit=True) as server:
        database = Database(server, name)
        await database.make()
        try:
            yield database, urlsplit(some_server)._replace(path=f"/{name}").geturl()
        finally:
            await database.drop()


async def test_connections_are_cut_again_and_again(
    database: tuple[Database, str], workers: Workers, tmp_path: Path
) -> None:
    server, address = database
    job = Job(store=address, folder=str(tmp_path), latency=0.15)
    async with asyncio.timeout(50), opened(address) as store, asyncio.TaskGroup() as tasks:
        run = await ordered(store, "conductor")
        async with workers.start(job), workers.start(job):
            attending = tasks.create_task(Person(run, tmp_path, looks_after=1).attend())
            cuts = 0
            while not attending.done():
                await asyncio.sleep(0.3)
                cuts += await server.cut()
            assert cuts > 5
        await patiently(check, store, run, tmp_path)


async def test_the_database_is_away_for_a_while(
    database: tuple[Database, str], workers: Workers, tmp_path: Path
) -> None:
    server, address = database
    job = Job(store=address, folder=str(tmp_path), latency=0.05)
    async with asyncio.timeout(50), opened(address) as store, asyncio.TaskGroup() as tasks:
        run = await ordered(store, "conductor")
        person = Person(run, tmp_path, looks_after=1)

        async def is_under_way() -> bool:
            return person.reader.seq > 60

        async with workers.start(job):
            attending = tasks.create_task(person.attend())
            await until(is_under_way)
            await server.let_in(False)
            assert await server.cut() > 0
            await asyncio.sleep(1.0)
            assert not attending.done()
            assert await server.cut() == 0
            await server.let_in(True)
            await attending
        await patiently(check, store, run, tmp_path)
    assert not any("Traceback" in line for line in noted(tmp_path / "stderr"))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["shut down", "killed"])
async def test_the_server_is_started_anew(
    how: signal.Signals, own_server: Server, workers: Workers, tmp_path: Path
) -> None:
    address = f"{own_server.address}?schema=chaos{uuid4().hex}"
    job = Job(store=address, folder=str(tmp_path), latency=0.05)
    async with asyncio.timeout(50), opened(address) as store, asyncio.TaskGroup() as tasks:
        run = await ordered(store, "conductor")
        person = Person(run, tmp_path, looks_after=1)

        async def is_under_way() -> bool:
            return person.reader.seq > 60

        async with workers.start(job), workers.start(job):
            attending = tasks.create_task(person.attend())
            await until(is_under_way)
            await asyncio.to_thread(own_server.stop, how)
            assert not attending.done()
            await asyncio.to_thread(own_server.start)
            await attending
        await patiently(check, store, run, tmp_path)
    assert not any("Traceback" in line for line in noted(tmp_path / "stderr"))
