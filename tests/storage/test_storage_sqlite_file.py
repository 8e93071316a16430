"""The file of SQLite: who may read it, what is done to it before it is used, and what is left
alone.
"""

import asyncio
import os
import shutil
import sqlite3
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from retinue.errors import StoreFailed, StoreTooNew
from retinue.messages import Message
from retinue.messages.events import MessageEnded
from retinue.storage.sqlite import SqliteStore, _file, _migrations
from retinue.storage.sqlite._database import Database
from retinue.storage.sqlite._errors import failed

NEWEST = _migrations.Migrations().newest


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def ask(path: Path, question: str) -> Any:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(question).fetchone()
    finally:
        connection.close()


async def make(path: Path) -> None:
    """A store with one message in it."""
    async with await SqliteStore.open(path) as store:
        talk = await store.log("ann").begin(id="talk")
        await store.log("ann").append(talk.id, MessageEnded(message=Message("words")))


async def words(path: Path) -> str:
    async with await SqliteStore.open(path) as store:
        return (await store.log("ann").messages("talk")).items[0].text


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """What the next release has more."""
    folder = tmp_path / "migrations"
    shutil.copytree(_migrations.FOLDER, folder)
    script = folder / f"{NEWEST + 1:04}_colour.sql"
    script.write_text(
        "ALTER TABLE conversations ADD COLUMN colour TEXT;\n-- with a ; in a comment\n"
        "UPDATE conversations SET colour = 'a;b';\n"
    )
    return script


async def migrate(path: Path, script: Path) -> None:
    """Open the file as the next release does."""
    database = Database(path, _migrations.Migrations(script.parent))
    await database.open()
    await database.close()


# -- who may read it


async def test_what_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = tmp_path / "some" / "folder" / "r.db"
        async with await SqliteStore.open(path) as store:
            await store.log("ann").begin()
            await store.claims.join()
            for file in path.parent.iterdir():
                assert mode(file) == (0o700 if file.is_dir() else 0o600), file
            assert mode(path.parent) == mode(path.parent.parent) == 0o700
    finally:
        os.umask(before)


async def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    await make(path)
    tmp_path.chmod(0o755)
    path.chmod(0o644)
    assert await words(path) == "words"
    assert mode(path) == 0o600
    assert mode(tmp_path) == 0o755  # a folder that was there is not ours to change


async def test_a_name_may_have_any_letters(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode("100% a?b#c é ".encode() + b"\xff") / "r.db"
    await make(path)
    assert await words(path) == "words"
    assert path.is_file()


async def test_a_link_and_what_it_leads_to_are_one_place(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "r.db")
    async with (
        await SqliteStore.open(tmp_path / "r.db") as one,
        await SqliteStore.open(tmp_path / "link.db") as two,
    ):
        assert one.name == two.name
        me = await one.claims.join()
        assert two._database.holders.alive(me)


# -- migrations


async def test_a_migration_keeps_what_is_there_and_a_backup_of_it(
    tmp_path: Path, next_release: Path
) -> None:
    path = tmp_path / "r.db"
    await make(path)
    await migrate(path, next_release)
    await migrate(path, next_release)
    (backup,) = tmp_path.glob("*.bak*")
    assert backup.name.startswith(f"r.db.v{NEWEST}-20")
    assert mode(backup) == 0o600
    assert ask(path, "SELECT colour FROM conversations") == ("a;b",)
    assert ask(path, "PRAGMA user_version") == (NEWEST + 1,)
    shutil.copy(backup, tmp_path / "back.db")
    assert await words(tmp_path / "back.db") == "words"


async def test_a_new_file_needs_no_backup(tmp_path: Path, next_release: Path) -> None:
    await migrate(tmp_path / "r.db", next_release)
    assert not list(tmp_path.glob("*.bak*"))


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path, next_release: Path) -> None:
    path = tmp_path / "r.db"
    await make(path)
    next_release.write_text(
        "ALTER TABLE conversations ADD COLUMN colour TEXT;\nDROP TABLE events;\nSELECT nothing;\n"
    )
    with pytest.raises(StoreFailed, match="nothing"):
        await migrate(path, next_release)
    assert await words(path) == "words"


async def test_without_a_backup_there_is_no_migration(
    tmp_path: Path, next_release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.db"
    await make(path)

    def full(*_: Path) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(_migrations, "_copy", full)
    with pytest.raises(StoreFailed, match="full"):
        await migrate(path, next_release)
    assert await words(path) == "words"
    assert not list(tmp_path.glob("*.bak*"))


async def test_a_file_of_a_newer_release_is_left_as_it_is(
    tmp_path: Path, next_release: Path
) -> None:
    path = tmp_path / "r.db"
    await migrate(path, next_release)
    before, at = path.read_bytes(), path.stat().st_mtime_ns
    with pytest.raises(StoreTooNew) as caught:
        await SqliteStore.open(path)
    assert f"version {NEWEST + 1}" in str(caught.value)
    assert f"knows {NEWEST}" in str(caught.value)
    assert caught.value.hint is not None
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, at)


async def test_who_had_it_open_writes_nothing_after_a_newer_release_changed_it(
    tmp_path: Path, next_release: Path
) -> None:
    path = tmp_path / "r.db"
    async with await SqliteStore.open(path) as store:
        talk = await store.log("ann").begin()
        await migrate(path, next_release)
        with pytest.raises(StoreTooNew):
            await store.log("ann").append(talk.id, MessageEnded(message=Message("words")))
    assert ask(path, "SELECT count(*) FROM events") == (0,)


async def test_a_newer_release_that_is_quicker_is_seen(tmp_path: Path, next_release: Path) -> None:
    """Between the look at the file and the lock on it."""
    path = tmp_path / "r.db"
    await migrate(path, next_release)
    connection = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(StoreTooNew):
        _migrations.Migrations().run(connection, path)
    connection.close()


OPEN = """
import asyncio, sys
from pathlib import Path
from retinue.storage.sqlite._database import Database
from retinue.storage.sqlite._migrations import Migrations

async def main():
    database = Database(Path(sys.argv[1]), Migrations(Path(sys.argv[2])))
    print("ready", flush=True)
    sys.stdin.readline()
    await database.open()
    await database.write(lambda work: work.execute(
        "INSERT INTO notes VALUES ('ann', ?, '1')", (sys.argv[3],)))
    await database.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("new", [True, False])
async def test_several_processes_open_it_at_once(
    tmp_path: Path, next_release: Path, *, new: bool
) -> None:
    path = tmp_path / "r.db"
    if not new:
        await make(path)
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", OPEN, path, next_release.parent, str(n),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        for n in range(4)
    ]  # fmt: skip
    async with asyncio.timeout(40):
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        await asyncio.gather(*[process.communicate(b"go\n") for process in processes])
    assert [process.returncode for process in processes] == [0] * 4
    assert ask(path, "SELECT count(*) FROM notes") == (4,)
    assert len(list(tmp_path.glob("*.bak*"))) == (0 if new else 1)


# -- what is none of ours


async def test_what_is_no_database_of_ours_is_left_alone(tmp_path: Path) -> None:
    text, other, folder = tmp_path / "text", tmp_path / "other.db", tmp_path / "folder"
    text.write_text("These are words, and no database. " * 100)
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE events (id)")
    connection.close()
    folder.mkdir()
    for path in (text, other):
        before = path.read_bytes()
        with pytest.raises(StoreFailed, match="no Retinue database") as caught:
            await SqliteStore.open(path)
        assert str(path) in str(caught.value)
        assert path.read_bytes() == before
    for path in (folder, text / "r.db"):
        with pytest.raises(StoreFailed, match="cannot be opened"):
            await SqliteStore.open(path)


async def test_a_place_where_processes_cannot_meet_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    await make(path)
    shutil.rmtree(tmp_path / "r.db.live")
    (tmp_path / "r.db.live").write_text("in the way")
    with pytest.raises(StoreFailed, match=r"r\.db\.live"):
        await SqliteStore.open(path)


async def test_a_damaged_file_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    await make(path)
    data = bytearray(path.read_bytes())
    data[4096 : 4096 * 40] = b"\xa5" * (4096 * 39)
    path.write_bytes(data)
    with pytest.raises(StoreFailed, match="damaged") as caught:
        await words(path)
    assert "backup" in (caught.value.hint or "")


async def test_what_another_keeps_locked_is_waited_for_and_then_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_file, "PATIENCE", 0.2)
    path = tmp_path / "r.db"
    async with await SqliteStore.open(path) as store:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreFailed, match="another process"):
            await store.log("ann").begin()
        connection.execute("COMMIT")
        connection.close()
        await store.log("ann").begin()


async def test_a_switch_of_the_journal_waits_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_file, "PATIENCE", 0.5)
    path = tmp_path / "r.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA auto_vacuum = INCREMENTAL")
    other.execute(f"PRAGMA application_id = {_migrations.OURS}")
    other.execute("BEGIN IMMEDIATE")
    opening = asyncio.create_task(SqliteStore.open(path))
    with pytest.raises(StoreFailed, match="another process"):
        await opening
    opening = asyncio.create_task(SqliteStore.open(path))
    await asyncio.sleep(0.1)
    other.execute("COMMIT")
    other.close()
    await (await opening).close()


def test_what_sqlite_says_otherwise_is_told_too() -> None:
    error = failed(sqlite3.OperationalError("no idea"), "r.db")
    assert "no idea" in str(error)
    assert error.hint
