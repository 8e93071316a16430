"""Several processes at one file: they write side by side, tell each other, and know who is dead."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from retinue.errors import StoreFailed
from retinue.messages import Message
from retinue.messages.events import Event, MessageEnded, MessageStarted
from retinue.storage import Claim, Grown, Happens, Order, RunRecord
from retinue.storage.sqlite import SqliteStore, _holders, _post
from retinue.storage.sqlite._holders import Holders
from retinue.storage.sqlite._post import Letter, Post
from retinue.storage.sqlite._writer import Heard, Work

FOREVER = 3600.0

CHILD = """
import asyncio, os, sys
from retinue.errors import RetinueError
from retinue.messages import Message
from retinue.messages.events import MessageEnded, TextAdded
from retinue.storage import Grown, Happens, Order
from retinue.storage.sqlite import SqliteStore

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
    async with await SqliteStore.open(sys.argv[1]) as store:
        log = store.log("ann")
"""


@asynccontextmanager
async def child(path: Path, script: str) -> AsyncIterator[Process]:
    """A process that has the file open and does this."""
    body = "".join([f"        {line}\n" for line in script.strip().splitlines()])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", f"{CHILD}{body}\nasyncio.run(main())", path, stdin=PIPE, stdout=PIPE
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
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with await SqliteStore.open(tmp_path / "r.db") as store:
        yield store


async def ordered(store: SqliteStore) -> RunRecord:
    await store.log("ann").begin(id="talk")
    return await store.runs("ann").order(Order(conversation="talk", agent="writer", messages=()))


async def taken(store: SqliteStore, run: RunRecord, *, lease: float) -> Claim | None:
    """A claim, once the run is due."""
    holder = await store.claims.join()
    (due,) = await until(lambda: store.claims.due(holder, lease=lease))
    assert due.id == run.id
    return await store.claims.claim(due, holder, lease=lease)


# -- side by side


async def test_two_processes_with_four_tasks_each_leave_no_gap(
    tmp_path: Path, store: SqliteStore
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
    async with child(tmp_path / "r.db", script) as one, child(tmp_path / "r.db", script) as two:
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


# -- who is dead


async def test_what_a_killed_process_held_is_due_at_once(
    tmp_path: Path, store: SqliteStore
) -> None:
    run = await ordered(store)
    me = await store.claims.join()
    async with child(tmp_path / "r.db", "await claimed(store)\nawait heard()") as process:
        assert await told(process) == "claimed"
        assert not await store.claims.due(me, lease=FOREVER)
        process.kill()
        await process.wait()
        (due,) = await store.claims.due(me, lease=FOREVER)
    claim = await store.claims.claim(due, me, lease=FOREVER)
    assert claim is not None
    assert (claim.run.id, claim.epoch, claim.run.attempts) == (run.id, 2, 1)
    assert [file.stem for file in (tmp_path / "r.db.live").glob("*.lock")] == [me]


async def test_what_a_killed_process_was_told_is_written_is_there(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    async with await SqliteStore.open(path) as store:
        await store.log("ann").begin(id="talk")
    script = """
async def write(task):
    while True:
        say(await log.append("talk", MessageEnded(message=Message("words " * 200))))
await asyncio.gather(*[write(task) for task in range(3)])
"""
    last = 0
    for count in (1, 20, 45):
        async with child(path, script) as process:
            for _ in range(count):
                last = max(last, int(await told(process)))
            process.kill()
        async with await SqliteStore.open(path) as store:
            events = await store.log("ann").events("talk")
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            assert len(events) >= last


async def test_a_run_of_a_killed_process_is_stopped_at_once(
    tmp_path: Path, store: SqliteStore
) -> None:
    run = await ordered(store)
    async with child(tmp_path / "r.db", "await claimed(store)\nawait heard()") as process:
        assert await told(process) == "claimed"
        assert (await store.runs("ann").stop(run.id)).status == "running"
        process.kill()
        await process.wait()
    stopped = await store.runs("ann").stop(run.id)
    assert (stopped.status, stopped.reason) == ("ended", "stopped")


QUIET = "import warnings; warnings.simplefilter('ignore')"


@pytest.mark.parametrize(
    "more",
    [
        "import subprocess; subprocess.Popen(['sleep', '300'], close_fds=False)",
        f"{QUIET}\nif not os.fork(): import time; time.sleep(300)",
        f"{QUIET}\nif not os.fork(): os.execvp('sleep', ['sleep', '300'])",
    ],
    ids=["run", "forked", "executed"],
)
async def test_children_do_not_keep_what_their_parent_held(
    tmp_path: Path, store: SqliteStore, more: str
) -> None:
    await ordered(store)
    me = await store.claims.join()
    script = f"os.setpgid(0, 0)\nawait claimed(store)\n{more}\nsay('more')\nawait heard()"
    async with child(tmp_path / "r.db", script) as process:
        try:
            assert [await told(process), await told(process)] == ["claimed", "more"]
            assert not await store.claims.due(me, lease=FOREVER)
            process.kill()
            await until(lambda: store.claims.due(me, lease=FOREVER))
        finally:
            os.killpg(process.pid, signal.SIGKILL)


async def test_a_frozen_process_is_replaced_and_writes_nothing_more(
    tmp_path: Path, store: SqliteStore
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
    await store.claims.write(claim, 1, Happens(event=MessageEnded(message=Message("late"))))
except RetinueError as error:
    say(type(error).__name__)
beating.cancel()
"""
    async with child(tmp_path / "r.db", script) as process:
        assert await told(process) == "claimed"
        assert not await store.claims.due(await store.claims.join(), lease=5)
        process.send_signal(signal.SIGSTOP)
        claim = await taken(store, run, lease=0.5)
        assert claim is not None
        await store.claims.write(claim, 1, Happens(event=MessageEnded(message=Message("new"))))
        process.send_signal(signal.SIGCONT)
        tell(process)
        assert await told(process) == "Fenced"
    assert [one.text for one in (await store.log("ann").messages("talk")).items] == []
    events = await store.log("ann").events("talk")
    assert [event.message.text for event in events if isinstance(event, MessageEnded)] == ["new"]


# -- holders


def test_a_lock_that_was_removed_before_it_was_locked_is_made_again(tmp_path: Path) -> None:
    """As when somebody finds the file free, for it was made just now."""
    path = tmp_path / "x.lock"
    real = _holders.fcntl.flock
    removed: list[int] = []

    class Locks:
        LOCK_EX = _holders.fcntl.LOCK_EX

        @staticmethod
        def flock(file: int, how: int) -> None:
            if not removed:
                removed.append(file)
                path.unlink()
            real(file, how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_holders, "fcntl", Locks)
        file = _holders._lock(path)
    assert os.fstat(file).st_ino == path.stat().st_ino
    _holders._locked.discard(file)
    os.close(file)


def test_without_locks_silence_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_holders, "fcntl", None)
    here, there = Holders(tmp_path), Holders(tmp_path)
    me = here.join()
    assert there.alive(me)
    assert not there.gone(me, lease=FOREVER)
    assert there.gone(me, lease=-1)
    (tmp_path / f"{me}.lock").write_bytes(b"\0" * 8 + b"another start of the machine")
    assert not there.alive(me)
    here.leave_all()
    here.beat(me)  # who left is not back
    assert not there.alive(me)


def test_a_holder_that_begins_just_now_is_alive(tmp_path: Path) -> None:
    holders = Holders(tmp_path)
    me = holders.join()
    (tmp_path / f"{me}.lock").write_bytes(b"")
    assert not Holders(tmp_path).gone(me, lease=0)
    holders.leave_all()


def test_where_starts_of_the_machine_have_no_name_locks_must_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_holders, "_BOOT", tmp_path / "none")
    holders = Holders(tmp_path)
    me = holders.join()
    assert Holders(tmp_path).alive(me)
    holders.leave(me)
    assert not Holders(tmp_path).alive(me)


async def test_where_no_lock_can_be_made_nobody_joins(tmp_path: Path, store: SqliteStore) -> None:
    (tmp_path / "r.db.live").rename(tmp_path / "elsewhere")
    with pytest.raises(StoreFailed) as caught:
        await store.claims.join()
    assert caught.value.hint


# -- telling


async def test_pieces_and_runs_are_told_to_another_process_soon(
    tmp_path: Path, store: SqliteStore
) -> None:
    run = await ordered(store)
    script = """
async with store.claims.bell() as runs, log.follow("talk") as events:
    say("ready")
    say(await anext(runs))
    async for event in events:
        say(type(event).__name__, getattr(event, "text", ""))
"""
    async with child(tmp_path / "r.db", script) as process:
        assert await told(process) == "ready"
        holder = await store.claims.join()
        claim = await store.claims.claim(run, holder, lease=FOREVER)
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
        assert claim.run.id == run.id


@pytest.fixture
async def posts(tmp_path: Path) -> AsyncIterator[Any]:
    """Opens post boxes in one folder; what each reads is in a list."""
    opened: list[Post] = []

    def open_post() -> tuple[Post, list[Letter | None]]:
        read: list[Letter | None] = []
        post = Post(tmp_path, read.append)
        opened.append(post)
        post.open()
        return post, read

    yield open_post
    for post in opened:
        post.close()
        post.close()
    assert not list(tmp_path.iterdir())


def work(*runs: str) -> list[Work]:
    connection = sqlite3.connect(":memory:")
    done = Work(connection)
    done.logs.append(Heard("ann", "talk"))
    done.runs += runs
    connection.close()
    return [done]


async def some(read: list[Letter | None]) -> list[Letter | None]:
    async def ask() -> list[Letter | None]:
        return read

    return await until(ask)


async def test_a_letter_reaches_all_others(posts: Any) -> None:
    one, own = posts()
    _, second = posts()
    _, third = posts()
    one.send(work("r"))
    letter = Letter((("ann", "talk"),), ("r",))
    assert await some(second) == await some(third) == [letter]
    assert not own
    one.send([])
    one.open()  # again is nothing


async def test_a_letter_too_long_says_that_there_is_much(posts: Any) -> None:
    one, _ = posts()
    _, read = posts()
    one.send(work(*[f"{n}" * 20 for n in range(5000)]))
    assert await some(read) == [None]


async def test_a_full_box_loses_letters_and_who_empties_it_knows(
    tmp_path: Path, posts: Any
) -> None:
    one, _ = posts()
    _, read = posts()
    began = time.monotonic()
    for n in range(3000):
        one.send(work(f"{n}"))
    assert time.monotonic() - began < 20  # seconds: nobody waits
    await some(read)
    assert read[-1] is None
    assert len(read) < 3000


async def test_who_reads_nothing_keeps_no_letter_from_others(tmp_path: Path, posts: Any) -> None:
    frozen = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    frozen.bind(str(tmp_path / "frozen.sock"))
    one, _ = posts()
    for n in range(2000):
        one.send(work(f"{n}" * 1000))
    _, read = posts()
    one.send(work("r"))
    assert await some(read) == [Letter((("ann", "talk"),), ("r",))]
    frozen.close()
    one.send(work())


async def test_the_box_of_a_dead_process_is_removed(tmp_path: Path, posts: Any) -> None:
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(tmp_path / "dead.sock"))
    dead.close()
    one, _ = posts()
    gone, read = posts()
    one.send(work())
    assert not (tmp_path / "dead.sock").exists()
    await some(read)
    gone.close()
    one.send(work())
    assert not one._out


async def test_a_path_too_long_for_a_socket_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    async with (
        await SqliteStore.open(folder / "r.db") as one,
        await SqliteStore.open(folder / "r.db") as two,
    ):
        await one.log("ann").begin(id="talk")
        async with two.log("ann").follow("talk") as events:
            began = time.monotonic()
            await one.log("ann").append("talk", MessageEnded(message=Message("words")))
            async with asyncio.timeout(10):
                assert isinstance(await anext(events), MessageEnded)
            assert time.monotonic() - began < 4


async def test_where_no_box_can_be_had_nobody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Letter | None] = []
    monkeypatch.setattr(os.path, "isdir", lambda _: False)
    long = tmp_path / ("long" * 40)
    long.mkdir()
    post = Post(long, read.append)
    post.open()
    post.send(work("r"))
    post.close()
    monkeypatch.setattr(_post, "_CAN", False)
    post = Post(tmp_path, read.append)
    post.open()
    post.send(work("r"))
    post.close()
    assert not list(long.iterdir())


async def test_a_folder_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    folder.mkdir()
    post = Post(folder, lambda _: None)
    folder.rmdir()
    post.send(work("r"))
    post.open()
    post.close()


async def test_who_may_have_missed_something_looks_everywhere(
    tmp_path: Path, store: SqliteStore
) -> None:
    log = store.log("ann")
    await log.begin(id="talk")
    async with await SqliteStore.open(tmp_path / "r.db") as other, log.follow("talk") as events:
        await log.append("talk", MessageEnded(message=Message("words")))
        assert isinstance(await anext(events), MessageEnded)
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        began = time.monotonic()
        send, other._database._post.send = other._database._post.send, lambda _: None
        await other.log("ann").append("talk", MessageEnded(message=Message("more")))
        send(work(*[f"{n}" * 20 for n in range(5000)]))
        async with asyncio.timeout(10):
            assert isinstance(await waiting, MessageEnded)
        assert time.monotonic() - began < 4


# -- idle


async def test_an_idle_store_does_not_stir(tmp_path: Path) -> None:
    script = """
import json, threading
from pathlib import Path
await log.begin(id="talk")
await log.conversations()
await store.claims.join()
listening = store.claims.bell()
await listening.__aenter__()
await asyncio.sleep(0.3)
def switches():
    tasks = [task for task in Path("/proc/self/task").iterdir() if task.name != str(os.getpid())]
    return {task.name: (task / "status").read_text().partition("voluntary")[2] for task in tasks}
before = switches()
await asyncio.sleep(1.0)
say(json.dumps([before, switches()]))
await listening.__aexit__(None, None, None)
"""
    async with child(tmp_path / "r.db", script) as process:
        before, after = json.loads(await told(process))
    assert len(before) >= 2
    assert before == after
