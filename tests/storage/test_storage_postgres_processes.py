"""Several processes at one database: they write side by side, tell each other, know who is dead,
and go on when the database ends all connections under load.
"""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

psycopg = pytest.importorskip("psycopg", reason="retinue[postgres] is not installed")

from psycopg.conninfo import conninfo_to_dict  # noqa: E402

from retinue.errors import StoreFailed  # noqa: E402
from retinue.messages import Message  # noqa: E402
from retinue.messages.events import Event, MessageEnded, MessageStarted  # noqa: E402
from retinue.storage import (  # noqa: E402
    Amount,
    Claim,
    Entry,
    Grown,
    Happens,
    Order,
    Reserved,
    RunRecord,
)
from retinue.storage.postgres import PostgresStore  # noqa: E402
from retinue.storage.postgres._line import Line  # noqa: E402

FOREVER = 3600.0

CHILD = """
import asyncio, os, sys
from retinue.errors import RetinueError
from retinue.messages import Message
from retinue.messages.events import MessageEnded, TextAdded
from retinue.storage import Grown, Happens, Order
from retinue.storage.postgres import PostgresStore

def say(*words):
    print(*words, flush=True)

async def heard():
    return (await asyncio.to_thread(sys.stdin.readline)).strip()

async def claimed(store):
    holder = await store.claims.join()
    (run,) = await store.claims.due(holder, lease=3600)
    claim = await store.claims.claim(run, holder, lease=3600)
    say("claimed")
    return claim

async def main():
    async with await PostgresStore.open(sys.argv[1]) as store:
        log = store.log("ann")
"""


@pytest.fixture
def address(postgres: str, schema: str) -> str:
    """Of a schema for this test, whose connections can be told from others."""
    return f"{postgres}?schema={schema}&application_name={schema}"


@asynccontextmanager
async def child(address: str, script: str) -> AsyncIterator[Process]:
    """A process that has the store open and does this."""
    body = "".join([f"        {line}\n" for line in script.strip().splitlines()])
    program = f"{CHILD}{body}\nasyncio.run(main())"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, address, stdin=PIPE, stdout=PIPE
    )
    try:
        async with asyncio.timeout(40):
            yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.communicate()


async def told(process: Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


def tell(process: Process, words: str = "go") -> None:
    assert process.stdin is not None
    process.stdin.write(f"{words}\n".encode())


async def until[T](ask: Callable[[], Awaitable[T]]) -> T:
    """What is there once there is something; there is a limit around it."""
    async with asyncio.timeout(20):
        while not (found := await ask()):
            await asyncio.sleep(0.01)
    return found


@pytest.fixture
async def store(address: str) -> AsyncIterator[PostgresStore]:
    async with await PostgresStore.open(address) as store:
        yield store


async def ordered(store: PostgresStore, conversation: str = "talk") -> RunRecord:
    await store.log("ann").begin(id=conversation)
    order = Order(conversation=conversation, agent="writer", messages=())
    return await store.runs("ann").order(order)


async def taken(store: PostgresStore, run: RunRecord, *, lease: float) -> Claim | None:
    """A claim, once the run is due."""
    holder = await store.claims.join()
    (due,) = await until(lambda: store.claims.due(holder, lease=lease))
    assert due.id == run.id
    return await store.claims.claim(due, holder, lease=lease)


# -- side by side


async def test_two_processes_with_four_tasks_each_leave_no_gap(
    address: str, store: PostgresStore
) -> None:
    log = store.log("ann")
    await log.begin(id="talk")
    script = """
say("ready")
me = await heard()
async def write(task):
    for n in range(25):
        await log.append("talk", MessageEnded(message=Message(f"{n}", agent=f"{me}{task}")))
await asyncio.gather(*[write(task) for task in range(4)])
say("done")
"""
    async with child(address, script) as one, child(address, script) as two:
        assert [await told(one), await told(two)] == ["ready"] * 2
        tell(one, "a")
        tell(two, "b")
        heard: list[Event] = []
        async with log.follow("talk") as events:
            async for event in events:
                heard.append(event)
                if len(heard) == 200:
                    break
        assert [await told(one), await told(two)] == ["done"] * 2
    assert heard == list(await log.events("talk"))
    said = [event for event in heard if isinstance(event, MessageEnded)]
    assert [event.seq for event in said] == list(range(1, 201))
    for agent in {event.message.agent for event in said}:
        mine = [event.message.text for event in said if event.message.agent == agent]
        assert mine == [str(n) for n in range(25)]


async def test_pieces_and_runs_are_told_to_another_process_soon(
    address: str, store: PostgresStore
) -> None:
    run = await ordered(store)
    script = """
async with store.claims.bell() as runs, log.follow("talk") as events:
    say("ready")
    say(await anext(runs))
    async for event in events:
        say(type(event).__name__, getattr(event, "text", ""))
"""
    async with child(address, script) as process:
        assert await told(process) == "ready"
        claim = await store.claims.claim(run, await store.claims.join(), lease=FOREVER)
        assert claim is not None
        began = time.monotonic()
        await store.runs("ann").stop(run.id)
        assert await told(process) == run.id
        start = Happens(event=MessageStarted(message="m", role="assistant"))
        await store.claims.write(claim, 1, start)
        assert await told(process) == "MessageStarted"
        for n, words in enumerate(("one", "two")):
            grown = Grown(message="m", attempt=1, offset=3 * n, text=words)
            await store.claims.write(claim, 2 + n, grown)
            assert await told(process) == f"TextAdded {words}"
        assert time.monotonic() - began < 4  # seconds: before anybody looks by himself


# -- who is dead


async def test_what_a_killed_process_held_is_due_at_once(
    address: str, store: PostgresStore
) -> None:
    run = await ordered(store)
    me = await store.claims.join()
    async with child(address, "await claimed(store)\nawait heard()") as process:
        assert await told(process) == "claimed"
        assert not await store.claims.due(me, lease=FOREVER)
        process.kill()
        await process.wait()
        (due,) = await until(lambda: store.claims.due(me, lease=FOREVER))
    claim = await store.claims.claim(due, me, lease=FOREVER)
    assert claim is not None
    assert (claim.run.id, claim.epoch, claim.run.attempts) == (run.id, 2, 1)


async def test_a_run_of_a_killed_process_is_stopped(address: str, store: PostgresStore) -> None:
    run = await ordered(store)
    me = await store.claims.join()
    async with child(address, "await claimed(store)\nawait heard()") as process:
        assert await told(process) == "claimed"
        assert (await store.runs("ann").stop(run.id)).status == "running"
        process.kill()
        await process.wait()
        await until(lambda: store.claims.due(me, lease=FOREVER))
    stopped = await store.runs("ann").stop(run.id)
    assert (stopped.status, stopped.reason) == ("ended", "stopped")


QUIET = "import warnings; warnings.simplefilter('ignore')"


@pytest.mark.parametrize(
    "more",
    [
        "import subprocess; subprocess.Popen(['sleep', '300'], close_fds=False)",
        f"{QUIET}\nif not os.fork(): import time; time.sleep(300)",
    ],
    ids=["run", "forked"],
)
async def test_children_do_not_keep_what_their_parent_held(
    address: str, store: PostgresStore, more: str
) -> None:
    await ordered(store)
    me = await store.claims.join()
    script = f"os.setpgid(0, 0)\nawait claimed(store)\n{more}\nsay('more')\nawait heard()"
    async with child(address, script) as process:
        try:
            assert [await told(process), await told(process)] == ["claimed", "more"]
            assert not await store.claims.due(me, lease=FOREVER)
            process.kill()
            await until(lambda: store.claims.due(me, lease=FOREVER))
        finally:
            os.killpg(process.pid, signal.SIGKILL)


async def test_a_frozen_process_is_replaced_and_writes_nothing_more(
    address: str, store: PostgresStore
) -> None:
    run = await ordered(store)
    script = """
claim = await claimed(store)
async def beat():
    while True:
        await store.claims.beat(claim.holder)
        await asyncio.sleep(0.02)
beating = asyncio.create_task(beat())
await heard()
try:
    await store.claims.write(claim, 2, Happens(event=MessageEnded(message=Message("late"))))
except RetinueError as error:
    say(type(error).__name__)
beating.cancel()
"""
    async with child(address, script) as process:
        assert await told(process) == "claimed"
        assert not await store.claims.due(await store.claims.join(), lease=5)
        process.send_signal(signal.SIGSTOP)
        claim = await taken(store, run, lease=0.5)
        assert claim is not None
        await store.claims.write(claim, 1, Happens(event=MessageEnded(message=Message("new"))))
        process.send_signal(signal.SIGCONT)
        tell(process)
        assert await told(process) == "Fenced"
    events = await store.log("ann").events("talk")
    assert [event.message.text for event in events if isinstance(event, MessageEnded)] == ["new"]


# -- the database ends all connections


def end_connections(address: str, postgres: str) -> int:
    """How many connections there were."""
    name = address.rpartition("=")[2]
    query = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s"
    )
    with psycopg.connect(postgres, autocommit=True) as connection:
        return len(connection.execute(query, (name,)).fetchall())


async def test_whatever_is_lost_is_sent_again_and_is_there_once(
    address: str, postgres: str, store: PostgresStore
) -> None:
    runs = [await ordered(store, f"talk{n}") for n in range(6)]
    holder = await store.claims.join()
    failures: list[StoreFailed] = []
    amount = Amount(purse="p", unit="turns", amount=1, limit=10_000)

    async def write(claim: Claim) -> None:
        run = claim.run
        for n in range(1, 61):
            event = Happens(event=MessageEnded(message=Message(f"{n}"), run=run.id))
            entry = Entry(address=f"{n}", kind="step", turn="t", state="done", body=f"{n}")
            await again(claim, n, event, entry, Reserved(address=f"{n}", amounts=(amount,)))

    async def again(claim: Claim, n: int, *changes: Any) -> None:
        while True:
            try:
                await store.claims.write(claim, n, *changes)
                return
            except StoreFailed as error:
                failures.append(error)
                await asyncio.sleep(0.01)

    async def disturb() -> None:
        while not writing.done():
            await asyncio.to_thread(end_connections, address, postgres)
            await asyncio.sleep(0.05)

    claims = [await store.claims.claim(run, holder, lease=FOREVER) for run in runs]
    async with asyncio.timeout(50):
        writing = asyncio.gather(*[write(claim) for claim in claims if claim is not None])
        await disturb()
        await writing
    assert all(error.hint for error in failures)
    for run in runs:
        events = await store.log("ann").events(run.conversation)
        texts = [event.message.text for event in events if isinstance(event, MessageEnded)]
        assert texts == [f"{n}" for n in range(1, 61)]
        assert [event.seq for event in events] == list(range(1, 61))
    taken = await store._database.read(lambda work: work.rows("SELECT taken FROM purses"))
    assert taken == [(360.0,)]


@asynccontextmanager
async def cut_at_commit(address: str, *, before: bool) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """An address by which the same database is reached, and what has it cut off who commits next:
    before the server hears of it, or after it did it."""
    known = conninfo_to_dict(address.partition("?")[0])
    armed = asyncio.Event()

    served: list[asyncio.Task[None]] = []

    async def serve(near: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        far, server = await asyncio.open_connection(known["host"], known["port"])
        answers = asyncio.create_task(copy(far, out))
        while data := await near.read(65_536):
            if armed.is_set() and b"COMMIT" in data:
                armed.clear()
                answers.cancel()
                await asyncio.wait([answers])
                if not before:
                    server.write(data)
                    while b"COMMIT" not in await far.read(65_536):
                        pass
                break
            server.write(data)
        for end in (server, out):
            end.close()
            await end.wait_closed()
        await asyncio.wait([answers])

    async def copy(far: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        while data := await far.read(65_536):
            out.write(data)

    def accept(near: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        served.append(asyncio.create_task(serve(near, out)))

    proxy = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with proxy:
        host, port = proxy.sockets[0].getsockname()
        user = known["user"]
        query = address.partition("?")[2]
        yield f"postgresql://{user}@{host}:{port}/{known['dbname']}?{query}&sslmode=disable", armed
    await asyncio.gather(*served)


@pytest.mark.parametrize("before", [True, False], ids=["not written", "written"])
async def test_who_does_not_know_whether_it_was_written_sends_it_again(
    address: str, before: bool
) -> None:
    async with (
        cut_at_commit(address, before=before) as (there, armed),
        await PostgresStore.open(there, connections=1) as store,
    ):
        run = await ordered(store)
        claim = await store.claims.claim(run, await store.claims.join(), lease=FOREVER)
        assert claim is not None
        event = Happens(event=MessageEnded(message=Message("once")))
        await store.claims.write(claim, 1, event)
        armed.set()
        with pytest.raises(StoreFailed) as caught:
            await store.claims.write(claim, 2, event)
        assert caught.value.hint
        async with await PostgresStore.open(address) as other:
            assert len(await other.log("ann").events("talk")) == (1 if before else 2)
        for _ in range(2):
            assert (await store.claims.write(claim, 2, event)).seq == 2
        assert len(await store.log("ann").events("talk")) == 2


async def test_who_lost_the_connection_is_a_holder_and_hears_again(
    address: str, postgres: str, store: PostgresStore
) -> None:
    run = await ordered(store)
    holder = await store.claims.join()
    claim = await store.claims.claim(run, holder, lease=FOREVER)
    assert claim is not None
    async with await PostgresStore.open(address) as other:
        looker = await other.claims.join()
        async with store.log("ann").follow("talk") as events:
            assert end_connections(address, postgres) >= 2

            async def back() -> bool:
                query = "SELECT count(*) FROM living"
                try:
                    rows = await other._database.read(lambda work: work.rows(query))
                except StoreFailed:
                    return False
                return rows == [(2,)]

            await until(back)
            assert not await other.claims.due(looker, lease=FOREVER)
            began = time.monotonic()
            event = MessageEnded(message=Message("after"))
            await other.log("ann").append("talk", event)
            async with asyncio.timeout(20):
                assert (await anext(events)).seq == 1
            assert time.monotonic() - began < 4  # seconds: it was told
        await store.claims.beat(holder)
        await store.claims.write(claim, 1, Happens(event=event))
        await store.claims.leave(holder)
        await store.claims.beat(holder)  # who left is not back
        (due,) = await other.claims.due(looker, lease=FOREVER)
        assert due.id == run.id


async def test_dead_connections_in_the_pool_are_not_used(
    address: str, postgres: str, store: PostgresStore
) -> None:
    log = store.log("ann")
    await log.begin(id="talk")
    event = MessageEnded(message=Message("x"))
    await asyncio.gather(*[log.append("talk", event) for _ in range(20)])
    assert end_connections(address, postgres) >= 1
    assert await log.append("talk", event) == 21
    seqs = await asyncio.gather(*[log.append("talk", event) for _ in range(20)])
    assert sorted(seqs) == list(range(22, 42))


async def test_a_connection_of_ours_that_the_server_still_has_gives_way(
    address: str, postgres: str, store: PostgresStore
) -> None:
    """As when the network was lost, and the server has not noticed."""
    holder = await store.claims.join()
    line = store._database.line
    former = line._connection
    assert former is not None
    line.rest()
    line._connection = None
    async with asyncio.timeout(20):
        await store.claims.beat(holder)
    living = await store._database.read(lambda work: work.rows("SELECT id FROM living"))
    assert living == [(holder,)]
    with pytest.raises(psycopg.OperationalError):
        await former.execute("SELECT 1")
    await former.close()


# -- the line


@pytest.fixture
async def lines(store: PostgresStore) -> AsyncIterator[Callable[..., Any]]:
    """Makes lines at the database of the store: what they heard, and how often they began anew."""
    made: list[Line] = []

    def make(connect: Callable[[], Awaitable[Any]] | None = None) -> tuple[Line, list[str]]:
        heard: list[str] = []
        line = Line(
            connect or store._database._connect,
            "letters",
            heard=heard.append,
            anew=lambda: heard.append("anew"),
        )
        made.append(line)
        return line, heard

    yield make
    for line in made:
        await line.close()
        await line.close()


async def test_a_line_is_tried_until_it_is_there_again(
    address: str, postgres: str, store: PostgresStore, lines: Callable[..., Any]
) -> None:
    attempts: list[int] = []

    async def connect() -> Any:
        attempts.append(1)
        if len(attempts) in (2, 3):
            raise psycopg.OperationalError("not yet")
        return await store._database._connect()

    line, heard = lines(connect)
    await line.hold("me")
    end_connections(address, postgres)

    async def back() -> bool:
        return heard == ["anew", "anew"]

    await until(back)
    assert len(attempts) == 4
    asked = "SELECT id FROM living"
    assert await store._database.read(lambda work: work.rows(asked)) == [("me",)]
    await store._database.read(lambda work: work.rows("SELECT pg_notify('letters', 'one')"))

    async def some() -> bool:
        return heard[2:] == ["one"]

    await until(some)


async def test_a_line_that_cannot_listen_leaves_no_connection(
    store: PostgresStore, lines: Callable[..., Any]
) -> None:
    given: list[Any] = []

    async def connect() -> Any:
        given.append(await store._database._connect())
        await given[-1].execute("SET default_transaction_read_only TO on")
        return given[-1]

    line, _ = lines(connect)
    line._holders.add("me")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await line.open()
    assert given[0].closed


async def test_a_line_is_closed_while_it_is_tried(
    address: str, postgres: str, store: PostgresStore, lines: Callable[..., Any]
) -> None:
    trying = asyncio.Event()

    async def connect() -> Any:
        if line._connection is None:
            return await store._database._connect()
        trying.set()
        return await asyncio.Event().wait()

    line, _ = lines(connect)
    await line.open()
    end_connections(address, postgres)
    async with asyncio.timeout(20):
        await trying.wait()
        await line.close()


async def test_letters_that_come_with_an_answer_are_heard(
    store: PostgresStore, lines: Callable[..., Any]
) -> None:
    line, heard = lines()
    await line.hold("me")
    for n in range(50):
        await asyncio.gather(
            line.beat("me"),
            store._database.read(
                lambda work, n=n: work.rows("SELECT pg_notify('letters', %s)", (f"{n}",))
            ),
        )

    async def all_of_them() -> bool:
        return heard[1:] == [f"{n}" for n in range(50)]

    await until(all_of_them)


async def test_a_line_that_is_lost_in_use_is_made_anew(
    address: str, postgres: str, lines: Callable[..., Any]
) -> None:
    line, heard = lines()
    await line.hold("me")
    end_connections(address, postgres)
    with pytest.raises(psycopg.OperationalError):
        await line.beat("me")

    async def back() -> bool:
        return heard == ["anew", "anew"]

    await until(back)
    await line.beat("me")
    await line.let_go("me")
    await line.let_go("me")
