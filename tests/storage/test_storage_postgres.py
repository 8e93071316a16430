"""PostgreSQL: the contract, and what is asked of this store besides: no password anywhere, nothing
left of what was deleted, any letters in any database, and many who write at once.
"""

import asyncio
import datetime
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

psycopg = pytest.importorskip("psycopg", reason="retinue[postgres] is not installed")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from retinue.errors import (  # noqa: E402
    NotFound,
    StoreError,
    StoreFailed,
    StoreTooNew,
    TooLarge,
)
from retinue.messages import Message  # noqa: E402
from retinue.messages.events import MessageEnded, MessageStarted  # noqa: E402
from retinue.storage import (  # noqa: E402
    Amount,
    Claim,
    Entry,
    Grown,
    Happens,
    Order,
    Reserved,
    Shown,
    Spent,
    Yields,
    open_store,
)
from retinue.storage.postgres import PostgresStore  # noqa: E402
from retinue.storage.postgres._address import address_of  # noqa: E402
from retinue.storage.postgres._letters import Letter  # noqa: E402
from retinue.storage.postgres._migrations import FOLDER, Migrations  # noqa: E402
from retinue.storage.postgres._text import escaped, unescaped  # noqa: E402
from retinue.testing import Place, check_store  # noqa: E402

LEASE = 3600.0


@pytest.fixture
async def store(postgres: str, schema: str) -> AsyncIterator[PostgresStore]:
    async with await PostgresStore.open(postgres, schema=schema) as store:
        yield store


async def claimed(store: PostgresStore, *said: str, conversation: str | None = None) -> Claim:
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


def done(address: str) -> Entry:
    return Entry(address=address, kind="step", turn="t", state="done", body="{}")


def asked(address: str, query: str, *values: Any) -> list[Any]:
    """What the database says, asked past the store."""
    with psycopg.connect(address, autocommit=True) as connection:
        return connection.execute(query, values).fetchall()


@pytest.mark.timeout(240)
async def test_the_store_keeps_the_contract(postgres: str) -> None:
    names: list[str] = []
    hasty = f"{postgres}?options=-c%20synchronous_commit%3Doff"  # the disk is not what is tested

    @asynccontextmanager
    async def opened(at: Place) -> AsyncIterator[PostgresStore]:
        limits = {"blob_limit": at.blob_limit, "owner_limit": at.owner_limit}
        names.append(at.name)
        async with await PostgresStore.open(hasty, schema=at.name, **limits) as store:
            yield store

    try:
        report = await check_store(opened)
    finally:
        with psycopg.connect(hasty, autocommit=True) as connection:
            connection.execute("SET client_min_messages TO warning")
            for name in dict.fromkeys(names):
                connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
    assert not report.failures
    assert len(report.outcomes) > 100


# -- addresses


async def test_it_is_opened_by_its_address(postgres: str, schema: str) -> None:
    store = await open_store(f"{postgres}?schema={schema}")
    assert store.name == f"{postgres.partition('?')[0]}?schema={schema}"
    await store.log("ann").begin(id="talk")
    await store.close()
    await store.close()
    with pytest.raises(StoreFailed, match="was closed"):
        await store.log("ann").conversation("talk")
    with pytest.raises(StoreFailed, match="was closed"):
        async with store.claims.bell():
            pass
    async with await PostgresStore.open(postgres, schema=schema) as again:
        assert (await again.log("ann").conversation("talk")).id == "talk"


SECRET = "p4ss@w/ord?:x"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ann:{}@127.0.0.1:1/nowhere",
        "postgresql://ann:{}@127.0.0.1:5432/no_such_database_xyz",
        "postgresql://ann:{}@127.0.0.1/x?connect_timeout=2&sslmode=bad",
        "postgres://ann:{}@nowhere.invalid/x",
        "postgresql://ann:{}@/x?host=/nowhere",
        "postgresql://{}",
    ],
)
@pytest.mark.parametrize("quoted", [True, False])
async def test_a_password_is_in_no_error_and_no_log(
    address: str, quoted: bool, postgres: str, caplog: pytest.LogCaptureFixture
) -> None:
    from urllib.parse import quote

    caplog.set_level(logging.DEBUG)
    secret = quote(SECRET, safe="") if quoted else SECRET
    with pytest.raises(StoreFailed) as caught:
        await PostgresStore.open(address.format(secret))
    assert caught.value.hint
    words = [str(caught.value), repr(caught.value), str(caught.value.__cause__), caplog.text]
    for piece in (SECRET, secret, "p4ss", "w/ord", "ord?"):
        assert not any(piece in text for text in words), piece


@pytest.mark.parametrize("secret", ["%70%40ss", "a#b", "p:ss", "a@b", "a/b", "a?b"])
def test_a_name_has_no_password(secret: str) -> None:
    given = f"postgresql://ann:{secret}@db:5432/x"
    if secret in ("%70%40ss", "a#b", "p:ss"):
        address = address_of(given, schema="retinue")
        assert address.name == "postgresql://ann@db:5432/x"
        return
    with pytest.raises(StoreFailed) as caught:
        address_of(given, schema="retinue")
    assert secret not in str(caught.value)
    assert "%40" in str(caught.value.hint)


def test_other_forms_of_an_address_are_known() -> None:
    address = address_of("host=db user=ann password=secret dbname=x", schema="other")
    assert address.name == "postgresql://ann@db/x?schema=other"
    assert "password=secret" in address.conninfo
    address = address_of("postgresql://a@one:1,two:2/x?application_name=me", schema="retinue")
    assert address.name == "postgresql://a@one,two:1,2/x"
    assert "application_name=me" in address.conninfo
    address = address_of("postgresql://a@db/x?password=a+b%20c&schema=s", schema="retinue")
    assert "password='a+b c'" in address.conninfo
    assert (address.name, address.schema) == ("postgresql://a@db/x?schema=s", "s")


@pytest.mark.parametrize("schema", ["", "x" * 64, "ö" * 32])
def test_a_schema_has_a_name_that_is_not_cut_off(schema: str) -> None:
    with pytest.raises(StoreFailed, match="1 to 63 bytes"):
        address_of("postgresql://db/x", schema=schema)


async def test_errors_say_what_to_do(postgres: str) -> None:
    nowhere = postgres.rpartition("/")[0] + "/no_such_database_xyz"
    for address in (nowhere, "postgresql://ann@127.0.0.1:1/x"):
        with pytest.raises(StoreFailed, match="it cannot be reached") as caught:
            await PostgresStore.open(address)
        assert "Look at its address" in str(caught.value.hint)
    readonly = f"{postgres}?options=-c%20default_transaction_read_only%3Don"
    with pytest.raises(StoreFailed, match="may not be written"):
        await PostgresStore.open(readonly, schema="never_made")


# -- the schema


async def test_several_that_open_it_at_once_make_it_once(postgres: str, schema: str) -> None:
    stores = await asyncio.gather(
        *[PostgresStore.open(postgres, schema=schema, connections=1) for _ in range(6)]
    )
    await stores[0].log("ann").begin(id="talk")
    for store in stores:
        assert (await store.log("ann").conversation("talk")).id == "talk"
        await store.close()
    count = len(list(FOLDER.glob("*.sql")))
    assert asked(postgres, f"SELECT count(*) FROM {schema}.migrations") == [(count,)]


async def test_a_newer_schema_is_left_alone(postgres: str, schema: str) -> None:
    async with await PostgresStore.open(postgres, schema=schema) as store:
        await store.log("ann").begin(id="talk")
    asked(postgres, f"INSERT INTO {schema}.migrations VALUES (9999, now()) RETURNING 1")
    with pytest.raises(StoreTooNew, match="version 9999") as caught:
        await PostgresStore.open(postgres, schema=schema)
    assert "Upgrade" in str(caught.value.hint)
    assert asked(postgres, f"SELECT id FROM {schema}.conversations") == [("talk",)]


async def test_a_schema_is_brought_forward_all_or_nothing(
    postgres: str, schema: str, tmp_path: Path
) -> None:
    async with await PostgresStore.open(postgres, schema=schema):
        pass
    for file in FOLDER.glob("*.sql"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    newer = tmp_path / "9000_more.sql"

    async def brought() -> None:
        connection = await psycopg.AsyncConnection.connect(postgres, autocommit=True)
        async with connection:
            await connection.execute(f"SET search_path TO {schema}")
            await Migrations(tmp_path).run(connection, schema, "the store")

    newer.write_text("CREATE TABLE more (x INT); SELECT 1/0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        await brought()
    assert asked(postgres, "SELECT to_regclass(%s)", f"{schema}.more") == [(None,)]
    newer.write_text("CREATE TABLE more (x INT);")
    await brought()
    await brought()
    assert asked(postgres, f"SELECT count(*) FROM {schema}.more") == [(0,)]


async def test_schemas_in_one_database_know_nothing_of_each_other(
    postgres: str, schema: str
) -> None:
    other = f'{schema}_"x'
    try:
        async with (
            await PostgresStore.open(postgres, schema=schema) as one,
            await PostgresStore.open(postgres, schema=other) as two,
        ):
            await one.log("ann").begin(id="talk")
            with pytest.raises(NotFound):
                await two.log("ann").conversation("talk")
    finally:
        name = other.replace('"', '""')
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute("SET client_min_messages TO warning")
            connection.execute(f'DROP SCHEMA "{name}" CASCADE')


# -- words


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_any_text_can_be_kept(text: str, more: str) -> None:
    kept = escaped(text)
    kept.encode()
    assert "\0" not in kept
    assert unescaped(kept) == text
    assert escaped(text + more) == kept + escaped(more)


@pytest.mark.parametrize("odd", ["\0", "a\ud83d", "\x1a0000", "\x1a", "{\"a\",'b'}\\"])
async def test_odd_letters_are_kept_everywhere(store: PostgresStore, odd: str) -> None:
    log = store.log(odd)
    await log.begin(id=odd, title=odd, folder=odd)
    assert (await log.find(odd[:1])).title == odd
    order = Order(conversation=odd, agent=odd, messages=(Message(odd),), id=odd, version=odd)
    run = await store.runs(odd).order(order)
    claim = await store.claims.claim(run, await store.claims.join(), lease=LEASE)
    assert claim is not None
    amount = Amount(purse=odd, unit=odd, amount=1, limit=2)
    entries = [Entry(address=odd + n, kind="step", turn=odd, state="done", body=odd) for n in "ab"]
    await store.claims.write(
        claim,
        1,
        *entries,
        Reserved(address=odd, amounts=(amount,)),
        Happens(event=MessageStarted(message=odd, role="assistant", run=odd)),
        Grown(message=odd, attempt=1, offset=0, text=odd),
    )
    assert [tail.text for tail in await log.tails(odd)] == [odd]
    journal = await store.claims.journal(claim)
    assert journal.entries == tuple(entries)
    assert [event.run for event in journal.events] == [odd]
    assert (await log.messages(odd)).items[0].text == odd
    record = await store.runs(odd).run(odd)
    assert {record.id, record.owner, record.agent, record.version} == {odd}


async def test_long_words_and_long_texts_are_found(store: PostgresStore) -> None:
    log = store.log("ann")
    long = "x" * 9_000
    text = f"{long} " + " ".join([f"word{n}" for n in range(150_000)])
    assert len(text) > 1_048_576  # letters; a tsvector has no room for these
    await log.begin(id="talk")
    await log.append("talk", said(text), said("short"), said(""))
    for words in (long, "word149999 WORD1", "short"):
        assert len((await log.search(words)).items) == 1
    assert not (await log.search("word150000")).items


# -- what is deleted


async def test_nothing_is_left_of_what_was_deleted(
    store: PostgresStore, postgres: str, schema: str
) -> None:
    claim = await claimed(store, "sesame")
    talk = claim.run.conversation
    await store.blobs("ann").keep(talk, b"sesame", media_type="x/sesame")
    await store.claims.write(
        claim,
        1,
        Happens(event=MessageStarted(message="m", role="assistant")),
        Grown(message="m", attempt=1, offset=0, text="sesame"),
        Entry(address="sesame", kind="step", turn="sesame", state="done", body="sesame"),
        Reserved(address="s", amounts=(Amount(purse="p", unit="u", amount=1, limit=2),)),
        Yields(),
    )
    tables = [row[0] for row in asked(postgres, TABLES, schema)]
    assert [table for table in tables if rows(postgres, schema, table)] != []
    await store.log("ann").delete(talk)
    left = {table: rows(postgres, schema, table) for table in tables}
    assert {table for table, count in left.items() if count} == {"migrations", "holders", "purses"}
    dead = "SELECT relname FROM pg_stat_all_tables WHERE schemaname = %s AND vacuum_count = 0"
    assert "events" not in [row[0] for row in asked(postgres, dead, schema)]


TABLES = (
    "SELECT table_name FROM information_schema.tables"
    " WHERE table_schema = %s AND table_type = 'BASE TABLE'"
)


def rows(address: str, schema: str, table: str) -> int:
    return asked(address, f"SELECT count(*) FROM {schema}.{table}")[0][0]


async def test_files_at_once_stay_within_the_limit(postgres: str, schema: str) -> None:
    limits = {"blob_limit": 100, "owner_limit": 350}
    async with await PostgresStore.open(postgres, schema=schema, **limits) as store:
        await store.log("ann").begin(id="talk")
        kept = await asyncio.gather(
            *[
                store.blobs("ann").keep("talk", bytes([n]) * 100, media_type="x/y")
                for n in range(8)
            ],
            return_exceptions=True,
        )
        assert sum(isinstance(one, TooLarge) for one in kept) == 5
        assert len(await store.blobs("ann").blobs("talk")) == 3


# -- many at once


async def test_purses_in_any_order_do_not_get_stuck(store: PostgresStore) -> None:
    claims = [await claimed(store) for _ in range(6)]
    purses = [Amount(purse=name, unit="usd", amount=1, limit=1_000) for name in "abcd"]

    async def spend(turned: bool, claim: Claim) -> None:
        amounts = tuple(purses[::-1] if turned else purses)
        for n in range(10):
            await store.claims.write(claim, 2 * n + 1, Reserved(address=f"{n}", amounts=amounts))
            await store.claims.write(claim, 2 * n + 2, Spent(address=f"{n}", amounts=amounts[:2]))

    await asyncio.gather(*[spend(n % 2 == 1, claim) for n, claim in enumerate(claims)])
    taken = asked_in(store, "SELECT purse, taken FROM purses ORDER BY purse")
    assert await taken == [("a", 30), ("b", 30), ("c", 30), ("d", 30)]


async def asked_in(store: PostgresStore, query: str) -> list[Any]:
    return await store._database.read(lambda work: work.rows(query))


async def test_hundreds_write_with_two_connections(postgres: str, schema: str) -> None:
    async with await PostgresStore.open(postgres, schema=schema, connections=2) as store:
        log = store.log("ann")
        await log.begin(id="talk")
        await asyncio.gather(*[log.append("talk", said(f"{n}")) for n in range(300)])
        seqs = [event.seq for event in await log.events("talk")]
        assert seqs == list(range(1, 301))


async def test_who_is_cancelled_harms_nobody(store: PostgresStore) -> None:
    claim = await claimed(store)
    log = store.log("ann")
    for n in range(1, 30):
        write = asyncio.ensure_future(store.claims.write(claim, n, Happens(event=said(f"{n}"))))
        reading = asyncio.ensure_future(log.events(claim.run.conversation))
        for _ in range(n % 7):
            await asyncio.sleep(0)
        write.cancel()
        reading.cancel()
        await asyncio.gather(write, reading, return_exceptions=True)
        await store.claims.write(claim, n, Happens(event=said(f"{n}")))
    events = await log.events(claim.run.conversation)
    texts = [event.message.text for event in events if isinstance(event, MessageEnded)]
    assert texts == [f"{n}" for n in range(1, 30)]


async def test_who_yielded_may_say_so_again(store: PostgresStore) -> None:
    claim = await claimed(store)
    first = await store.claims.write(claim, 1, Happens(event=said("a")), Yields())
    assert await store.claims.write(claim, 1, Happens(event=said("a")), Yields()) == first
    with pytest.raises(StoreError):
        await store.claims.write(claim, 2, Happens(event=said("b")))


async def test_what_is_shown_may_have_ended_long_before(store: PostgresStore) -> None:
    claim = await claimed(store)
    ids = [f"m{n}" for n in range(3)]
    await store.claims.write(claim, 1, *[Happens(event=said(id, id=id)) for id in ids[:2]])
    last = Happens(event=said("m2", id="m2"))
    await store.claims.write(claim, 2, Shown(messages=("m1",)), last, Shown(messages=("m2", "m0")))
    page = await store.log("ann").messages(claim.run.conversation)
    assert [one.id for one in page.items] == ["m1", "m2", "m0"]
    assert [one.id for one in await store.runs("ann").replies(claim.run.id)] == ["m1", "m2", "m0"]
    with pytest.raises(NotFound, match="'none'"):
        await store.claims.write(claim, 3, Shown(messages=("none",)))


# -- letters


def test_letters_are_short() -> None:
    letter = Letter("me", (("ann", "talk"), ("\0", "\ud83d")), ("run",))
    assert Letter.decoded(letter.encoded()) == letter
    long = Letter("me", tuple([("ann", f"{n}" * 20) for n in range(1_000)]))
    assert len(long.encoded()) < 8_000
    assert Letter.decoded(long.encoded()) == Letter("me", much=True)
    assert Letter.decoded('{"from": "a newer release"}').much


async def test_words_written_elsewhere_are_told_soon(
    store: PostgresStore, postgres: str, schema: str
) -> None:
    log = store.log("ann")
    await log.begin(id="talk")
    took: list[float] = []
    async with (
        await PostgresStore.open(postgres, schema=schema) as other,
        log.follow("talk") as events,
    ):
        for n in range(20):
            began = time.monotonic()
            await other.log("ann").append("talk", said(f"{n}"))
            async with asyncio.timeout(20):
                assert (await anext(events)).seq == n + 1
            took.append(time.monotonic() - began)
    assert sorted(took)[10] < 1  # seconds; nobody waited until it was time to look


async def test_who_may_have_missed_something_looks_everywhere(
    store: PostgresStore, postgres: str, schema: str
) -> None:
    log = store.log("ann")
    await log.begin(id="talk")
    async with log.follow("talk") as events:
        body = await kept_body(store)
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        query = f"UPDATE {schema}.conversations SET seq = 1"
        insert = f"INSERT INTO {schema}.events VALUES (1, 1, NULL, %s)"
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(query)
            connection.execute(insert, (body,))
            began = time.monotonic()
            letter = Letter("other", (("ann", "x" * 9_000),)).encoded()
            connection.execute("SELECT pg_notify(%s, %s)", (store._database.channel, letter))
        async with asyncio.timeout(20):
            await waiting
        assert time.monotonic() - began < 4


async def kept_body(store: PostgresStore) -> str:
    """An event as it is kept."""
    log = store.log("bob")
    await log.begin(id="other")
    await log.append("other", said("x"))
    return (await asked_in(store, "SELECT body FROM events"))[0][0]


# -- time


async def test_holders_have_time_to_come_back_after_a_restart_of_the_server(
    store: PostgresStore, postgres: str, schema: str
) -> None:
    """As the view has it, for we cannot restart the server."""
    insert = f"INSERT INTO {schema}.holders VALUES (%s, 1, now() - %s, now() - %s) RETURNING 1"
    second, minute, hour = (datetime.timedelta(seconds=n) for n in (1, 60, 3_600))
    started = "SELECT now() - pg_postmaster_start_time()"
    running = asked(postgres, started)[0][0]
    asked(postgres, insert, "back soon", second, running + hour)
    asked(postgres, insert, "lost", minute, running + hour)
    same = f"INSERT INTO {schema}.holders VALUES ('dead', 1, now(), pg_postmaster_start_time())"
    asked(postgres, f"{same} RETURNING 1")
    living = await asked_in(store, "SELECT id FROM living")
    assert living == [("back soon",)]
    me = await store.claims.join()
    living = await asked_in(store, "SELECT id FROM living WHERE silence < 10 ORDER BY id")
    assert living == sorted([("back soon",), (me,)])


async def test_who_freezes_in_a_transaction_holds_nobody_up(store: PostgresStore) -> None:
    settings = "SELECT current_setting('idle_in_transaction_session_timeout')"
    assert await asked_in(store, settings) == [("15s",)]


async def test_an_idle_store_does_not_stir(store: PostgresStore) -> None:
    await claimed(store)
    async with store.claims.bell():
        await asyncio.sleep(0.2)
        before = time.process_time()
        await asyncio.sleep(2)
        assert time.process_time() - before < 0.02  # seconds of CPU
