"""SQLite: the contract, and what is asked of this store besides: words that are gone when they are
deleted, a full disk, one commit for many, and that nothing stirs when nothing happens.
"""

import asyncio
import datetime
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retinue.errors import BudgetExceeded, Busy, NotFound, StoreError, StoreFailed
from retinue.messages import Message
from retinue.messages.events import ErrorRaised, MessageEnded, MessageStarted, TextAdded
from retinue.storage import (
    Amount,
    Asked,
    Claim,
    Entry,
    Grown,
    Happens,
    Interrupt,
    Order,
    Reserved,
    Shown,
)
from retinue.storage.sqlite import SqliteStore, _search
from retinue.storage.sqlite._file import connect
from retinue.storage.sqlite._readers import Readers
from retinue.storage.sqlite._writer import Work
from retinue.testing import check_store

LEASE = 3600.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with await SqliteStore.open(tmp_path / "r.db") as store:
        yield store


async def claimed(store: SqliteStore, *said: str, conversation: str | None = None) -> Claim:
    """A run that this process holds."""
    known = conversation or (await store.log("ann").begin()).id
    messages = tuple([Message(words) for words in said])
    run = await store.runs("ann").order(
        Order(conversation=known, agent="writer", messages=messages)
    )
    claim = await store.claims.claim(run, await store.claims.join(), lease=LEASE)
    assert claim is not None
    return claim


def said(words: str, **fields: Any) -> MessageEnded:
    return MessageEnded(message=Message(words, **fields))


def question(claim: Claim) -> Interrupt:
    run = claim.run
    return Interrupt(
        id="i",
        run=run.id,
        conversation=run.conversation,
        address="a",
        kind="input",
        question="?",
        asked_at=datetime.datetime.now(datetime.UTC),
    )


def pragma(store: SqliteStore, words: str) -> Any:
    """What the connection that writes says to it."""
    return store._database.write(lambda work: work.execute(f"PRAGMA {words}").fetchall())


async def taken(store: SqliteStore) -> None:
    """Until the writer has what waits for it."""
    async with asyncio.timeout(10):
        await asyncio.sleep(0)
        while not store._database._writer._jobs.empty():
            await asyncio.sleep(0.001)


def everything_beside(path: Path) -> bytes:
    return b"".join(
        [file.read_bytes() for file in path.parent.glob(f"{path.name}*") if file.is_file()]
    )


# -- the contract


@pytest.mark.timeout(300)
async def test_it_keeps_the_contract() -> None:
    await check_store(
        lambda at: SqliteStore.open(
            at.folder / "r.db", blob_limit=at.blob_limit, owner_limit=at.owner_limit
        )
    )


# -- search


@pytest.fixture(params=["fts5", "plain"])
def index(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "plain":
        monkeypatch.setattr(_search, "_has_fts5", lambda _: False)


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("index")
async def test_it_searches_with_and_without_fts5() -> None:
    await check_store(
        lambda at: SqliteStore.open(
            at.folder / "r.db", blob_limit=at.blob_limit, owner_limit=at.owner_limit
        ),
        only=("words", "found", "deleted", "forgotten"),
    )


@pytest.mark.usefixtures("index")
async def test_words_are_found_without_case_accents_and_signs(store: SqliteStore) -> None:
    log = store.log("ann")
    talk = await log.begin()
    await log.append(talk.id, said("Ein NAÏVES Café in der Straße; foo_bar, ﬁne."))
    for words in ("naives cafe", "STRASSE", "straße", "foo", "Bar, ein", "fine", "cafe\u0301"):
        assert len((await log.search(words)).items) == 1, words
    for words in ("cafes", "aive", "nothing", "ein nothing"):
        assert not (await log.search(words)).items, words


@pytest.mark.usefixtures("index")
async def test_whatever_is_typed_is_only_words(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path / "typed.db") as store:
        log = store.log("ann")
        talk = await log.begin()
        await log.append(talk.id, said("a NOT b AND NEAR c"))
        for words in (
            '"',
            "'",
            "a AND",
            "NEAR(a",
            "a*",
            "^a",
            "{a}: b",
            "\0",
            "a\0b",
            "-",
            "%",
            "a:",
        ):
            page = await log.search(words)
            assert len(page.items) == any(c.isalnum() for c in words), words
        assert not (await log.search("not there " * 3000)).items

        @settings(
            max_examples=60,
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture],
        )
        @given(st.text(st.characters(exclude_categories=())))
        def anything(words: str) -> None:
            condition = store._database.index.condition(words)
            if condition is not None:
                where, value = condition
                connection = sqlite3.connect(tmp_path / "typed.db")
                connection.execute(f"SELECT rowid FROM words WHERE {where}", (value,)).fetchall()
                connection.close()

        await asyncio.to_thread(anything)


async def test_the_index_catches_up_in_pieces_and_after_a_delete(store: SqliteStore) -> None:
    log = store.log("ann")
    first, second = await log.begin(), await log.begin()
    await log.append(first.id, *[said(f"tea {n}") for n in range(1100)])
    assert len((await log.search("tea 1099")).items) == 1
    await log.append(second.id, said("coffee"))
    assert len((await log.search("coffee")).items) == 1
    await log.delete(second.id)
    await log.delete(first.id)
    third = await log.begin()
    await log.append(third.id, said("coffee again"))  # its event has a number that was used before
    assert [one.conversation.id for one in (await log.search("coffee")).items] == [third.id]


async def test_an_index_that_needs_what_sqlite_has_not_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await SqliteStore.open(tmp_path / "r.db")).close()
    monkeypatch.setattr(_search, "_has_fts5", lambda _: False)
    with pytest.raises(StoreFailed, match="FTS5") as caught:
        await SqliteStore.open(tmp_path / "r.db")
    assert caught.value.hint


# -- texts


async def test_halves_of_letters_and_old_names_come_back(store: SqliteStore) -> None:
    half = "a\ud83d"
    log = store.log(half)
    talk = await log.begin(title=half, folder=half, id=half)
    assert await log.find(half) == talk == await log.conversation(half)
    assert (await log.conversations(folder=half)).items == (talk,)
    assert (talk.id, talk.owner, talk.title, talk.folder) == (half,) * 4
    await log.append(
        talk.id, MessageStarted(message=half, role="user"), ErrorRaised(error="E", text=half)
    )
    (_, raised) = await log.events(half)
    assert isinstance(raised, ErrorRaised)
    assert raised.text == half
    notes = store.notes(half)
    await notes.put(half, half)
    assert (await notes.get(half), await notes.names("a")) == (half, (half,))
    assert not (await log.search("\ud83d")).items


async def test_a_tail_is_joined_where_it_was_written_again(store: SqliteStore) -> None:
    claim = await claimed(store)
    start = Happens(event=MessageStarted(message="m", role="assistant"))

    def grown(offset: int, text: str, attempt: int = 1) -> Grown:
        return Grown(message="m", attempt=attempt, offset=offset, text=text)

    write, log = store.claims.write, store.log("ann")
    await write(claim, 1, start, grown(0, "abc"), grown(3, "def"), grown(6, "ghi"))
    await write(claim, 2, grown(5, "FG\ud83d"))
    (tail,) = await log.tails(claim.run.conversation)
    assert (tail.text, tail.attempt) == ("abcdeFG\ud83d", 1)
    await write(claim, 3, grown(0, "new", attempt=2), grown(3, "old"), grown(9, "gap", attempt=1))
    (tail,) = await log.tails(claim.run.conversation)
    assert (tail.text, tail.attempt) == ("new", 2)
    await write(claim, 4, start)
    (tail,) = await log.tails(claim.run.conversation)
    assert (tail.text, tail.attempt) == ("", 1)


async def test_a_cursor_of_something_else_is_an_error(store: SqliteStore) -> None:
    log = store.log("ann")
    for cursor in ("x", "1", "1.2.3", "-1.0", "²"):
        with pytest.raises(StoreError, match="no cursor"):
            await log.conversations(cursor=cursor)


# -- many at once


async def test_many_writes_share_a_commit_and_what_fails_fails_alone(store: SqliteStore) -> None:
    claims = [await claimed(store) for _ in range(20)]
    commits: list[str] = []

    def count(words: str) -> None:
        if words == "COMMIT":
            commits.append(words)

    store._database._writer._connection.set_trace_callback(count)
    much = Amount(purse="day", unit="usd", amount=10, limit=1)

    async def write(n: int, claim: Claim) -> None:
        event = Happens(event=said(f"words {n}"))
        if n % 4 == 0:
            await store.claims.write(claim, 1, event, Reserved(address="a", amounts=(much,)))
        elif n % 4 == 1:
            await store.claims.write(claim, 1, event, Shown(messages=("none",)))
        else:
            await store.claims.write(claim, 1, event)

    outcomes = await asyncio.gather(
        *[write(n, claim) for n, claim in enumerate(claims)], return_exceptions=True
    )
    kinds = {0: BudgetExceeded, 1: NotFound, 2: type(None), 3: type(None)}
    assert [type(one) for one in outcomes] == [kinds[n % 4] for n in range(20)]
    for n, claim in enumerate(claims):
        events = await store.log("ann").events(claim.run.conversation)
        assert len(events) == (n % 4 > 1)
    assert len(commits) < 10


async def test_a_write_whose_caller_was_cancelled_harms_nobody(store: SqliteStore) -> None:
    log = store.log("ann")
    talk = await log.begin()
    tasks = [asyncio.create_task(log.append(talk.id, said(f"{n}"))) for n in range(10)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [event.seq for event in await log.events(talk.id)] == list(range(1, 11))


async def test_what_was_begun_is_finished_before_it_closes(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    store = await SqliteStore.open(path)
    go = threading.Event()
    talk = await store.log("ann").begin()
    blocked = asyncio.ensure_future(store._database.write(lambda _: go.wait(10)))
    await taken(store)
    append = store.log("ann").append
    writes = [asyncio.ensure_future(append(talk.id, said(f"{n}"))) for n in range(3)]
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(store.close())
    while not store._database._writer._closed:
        await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*writes) == [1, 2, 3]
    await asyncio.gather(blocked, closing)


def test_a_loop_that_ends_before_its_writes_leaves_them_to_the_file(tmp_path: Path) -> None:
    go = threading.Event()
    tasks: list[asyncio.Future[Any]] = []

    async def main() -> SqliteStore:
        store = await SqliteStore.open(tmp_path / "r.db")
        await store.log("ann").begin(id="talk")
        tasks.append(asyncio.ensure_future(store._database.write(lambda _: go.wait(10))))
        tasks.append(asyncio.ensure_future(store.log("ann").append("talk", said("words"))))
        await asyncio.sleep(0)
        return store

    store = asyncio.run(main())
    go.set()
    asyncio.run(store._database._writer.close())

    async def again() -> None:
        async with await SqliteStore.open(tmp_path / "r.db") as store:
            assert len(await store.log("ann").events("talk")) == 1

    asyncio.run(again())
    store._database._post.close()
    asyncio.run(store._database._readers.close())


async def test_what_fails_after_the_commit_is_told(store: SqliteStore) -> None:
    def job(work: Work) -> None:
        work.afterwards.append(lambda connection: connection.execute("SELECT nothing") and None)

    with pytest.raises(StoreFailed, match="nothing"):
        await store._database.write(job)


# -- a full disk


async def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    async with await SqliteStore.open(path) as store:
        log = store.log("ann")
        talk = await log.begin()
        ((pages,),) = await pragma(store, "page_count")
        await pragma(store, f"max_page_count = {pages + 12}")
        with pytest.raises(StoreFailed, match="the disk is full") as caught:
            await log.append(talk.id, said("small"), said("large " * 20_000))
        assert caught.value.hint is not None
        assert not await log.events(talk.id)

        outcomes = await asyncio.gather(
            *[log.append(talk.id, said("small " * (20_000 if n == 3 else 1))) for n in range(6)],
            return_exceptions=True,
        )
        assert [isinstance(one, StoreFailed) for one in outcomes] == [n == 3 for n in range(6)]
        assert [event.seq for event in await log.events(talk.id)] == [1, 2, 3, 4, 5]

        await pragma(store, "max_page_count = 1000000")
        assert await log.append(talk.id, said("large " * 20_000)) == 6
        assert await pragma(store, "integrity_check") == [("ok",)]


async def test_where_a_commit_fails_each_is_tried_alone(store: SqliteStore) -> None:
    log, database = store.log("ann"), store._database
    talk = await log.begin()
    go = threading.Event()

    def bad(work: Work) -> None:
        work.execute("PRAGMA defer_foreign_keys = ON")  # it is found at the commit
        work.execute("INSERT INTO transcript VALUES (1000, 1, 1, 1, NULL)")

    blocked = asyncio.ensure_future(database.write(lambda _: go.wait(10)))
    await taken(store)
    writes = [
        log.append(talk.id, said("1")),
        database.write(bad),
        log.append(talk.id, said("2")),
    ]
    tasks = [asyncio.ensure_future(write) for write in writes]
    await asyncio.sleep(0)
    go.set()
    await blocked
    first, failed, second = await asyncio.gather(*tasks, return_exceptions=True)
    assert (first, second) == (1, 2)
    assert isinstance(failed, StoreFailed)
    assert "FOREIGN KEY" in str(failed)
    assert [event.seq for event in await log.events(talk.id)] == [1, 2]


# -- deleting


@pytest.mark.usefixtures("index")
async def test_deleted_words_are_nowhere_any_more(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    secret = "xyzzyplugh"
    async with await SqliteStore.open(path) as store:
        log = store.log("ann")
        kept = await log.begin(title="kept")
        await log.append(kept.id, said("ordinary words " * 50))
        talk = await log.begin(title=f"{secret} title", folder=f"/{secret}")
        claim = await claimed(store, f"{secret} said", conversation=talk.id)
        await store.claims.write(
            claim,
            1,
            Happens(event=MessageStarted(message="m", role="assistant")),
            Grown(message="m", attempt=1, offset=0, text=f"{secret} grown"),
        )
        await store.blobs("ann").keep(talk.id, secret.encode() * 5000, media_type="text/plain")
        assert len((await log.search(secret)).items) == 1
        with pytest.raises(Busy):
            await log.delete(talk.id)
        await store.claims.leave(claim.holder)
        assert secret.encode() in everything_beside(path)
        size = path.stat().st_size + path.with_name("r.db-wal").stat().st_size
        await log.delete(talk.id)
        assert secret.encode() not in everything_beside(path)
        assert path.stat().st_size + path.with_name("r.db-wal").stat().st_size < size
        assert len((await log.search("ordinary")).items) == 1
        assert await pragma(store, "integrity_check") == [("ok",)]
        assert await pragma(store, "foreign_key_check") == []
    assert secret.encode() not in everything_beside(path)


async def test_everything_of_a_conversation_goes_with_it(store: SqliteStore) -> None:
    log = store.log("ann")
    talk = await log.begin()
    claim = await claimed(store, "words", conversation=talk.id)
    start = Happens(event=MessageStarted(message="m", role="assistant"))
    await store.claims.write(
        claim,
        1,
        start,
        Grown(message="m", attempt=1, offset=0, text="words"),
        Entry(address="a", kind="step", turn="t", state="done", body="{}"),
        Asked(interrupt=question(claim)),
        Reserved(address="a", amounts=(Amount(purse="day", unit="usd", amount=1, limit=2),)),
    )
    await store.blobs("ann").keep(talk.id, b"bytes", media_type="text/plain")
    await store.claims.leave(claim.holder)
    await log.delete(talk.id)
    kept = {"searched", "notes", "purses"}
    tables = await store._database.read(
        lambda execute: [
            name
            for (name,) in execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            if not name.startswith(("words", "sqlite_")) and name not in kept
        ]
    )
    assert len(tables) >= 12
    for table in tables:
        rows = await store._database.read(
            lambda execute, table=table: execute(f"SELECT count(*) FROM {table}").fetchone()
        )
        assert rows == (0,), table


# -- long, and idle


async def test_the_end_of_a_long_conversation_is_read_alone(
    tmp_path: Path, store: SqliteStore
) -> None:
    log = store.log("ann")
    await store._database._readers.close()
    store._database._readers = Readers(
        lambda: connect(tmp_path / "r.db", read_only=True), store.name, threads=1
    )

    async def steps(count: int) -> int:
        """How much of SQLite's work the last page is, in a conversation so long."""
        talk = await log.begin()
        for start in range(0, count, 500):
            await log.append(talk.id, *[said(f"{n}") for n in range(start, start + 500)])
        done = 0

        def step() -> None:
            nonlocal done
            done += 1

        def watched(execute: Any) -> None:
            execute.__self__.set_progress_handler(step, 1)

        await store._database.read(watched)
        for until in (None, count - 10):
            page = await log.messages(talk.id, until=until, limit=20)
            assert page.items[-1].text == str((until or count) - 1)
        assert len(await log.events(talk.id, after=count - 5)) == 5
        return done

    short = await steps(500)
    assert await steps(10_000) < 1.2 * short


async def test_whoever_follows_a_closed_store_is_told(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "r.db")
    talk = await store.log("ann").begin()
    async with store.log("ann").follow(talk.id) as events:
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        await store.close()
        with pytest.raises(StoreFailed, match="closed"):
            async with asyncio.timeout(5):
                await waiting
    await store.close()
    for use in (store.log("ann").conversation(talk.id), store.log("ann").begin()):
        with pytest.raises(StoreFailed, match="closed"):
            await use
    with pytest.raises(StoreFailed, match="closed"):
        async with store.claims.bell() as runs:
            await anext(runs)


async def test_what_nobody_listens_to_is_told_to_nobody(store: SqliteStore) -> None:
    claim = await claimed(store)
    piece = TextAdded(message="m", offset=0, text="words")
    store.claims.tell(claim, piece)
    assert not store._database._bells._owners
    await store.claims.write(claim, 1, Happens(event=MessageStarted(message="m", role="assistant")))
    async with store.log("ann").follow(claim.run.conversation) as events:
        assert isinstance(await anext(events), MessageStarted)
        store.claims.tell(claim, piece)
        async with asyncio.timeout(5):
            assert await anext(events) == piece
