"""The file: made for us alone, looked at before it is touched, opened with our settings."""

import os
import sqlite3
import stat
import time
from pathlib import Path

from retinue.errors import StoreFailed

from ._errors import translated
from ._migrations import OURS, Migrations, check_version

PATIENCE = 30.0
"""Seconds to wait for another process that writes."""

_PAUSE = 0.002
"""Seconds until we ask again whether it still does."""

_INCREMENTAL = 2


def open_file(path: Path, migrations: Migrations) -> sqlite3.Connection:
    """A connection to write with; the file is made, or brought to the newest form, before.

    Raises:
        StoreTooNew: A newer release wrote it. It is as it was.
        StoreFailed: It is none of ours, damaged, or cannot be made or read.
    """
    _make(path)
    with translated(str(path)):
        _check(path, migrations.newest)
        _close_to_others(path)
        connection = connect(path)
        try:
            _set_up(connection)
            migrations.run(connection, path)
            connection.execute("PRAGMA foreign_keys = ON")  # not before: a migration may break them
        except BaseException:
            connection.close()
            raise
        return connection


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection that may go from thread to thread, without transactions of its own."""
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        timeout=PATIENCE,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    connection.execute("PRAGMA temp_store = MEMORY")  # no words in files that nobody knows of
    return connection


def _make(path: Path) -> None:
    try:
        _make_folder(path.parent)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreFailed(
            f"{path} cannot be opened: {error.strerror}",
            hint="Name a file in a folder that you may write to.",
        ) from error


def _make_folder(folder: Path) -> None:
    """What is missing is made for us alone; what is there stays as it is."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _check(path: Path, newest: int) -> None:
    """Look at the file without a write: that of a newer release stays as it is."""
    connection = connect(path, read_only=True)
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    finally:
        connection.close()
    if application != OURS and (tables or version):
        raise StoreFailed(
            f"{path}: it is no Retinue database",
            hint="Name another file, or move this one away.",
        )
    check_version(path, version, newest)


def _close_to_others(path: Path) -> None:
    """It holds what a person said; where it was copied, say, others could read it."""
    found = path.stat()
    if os.name == "posix" and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o077:
        path.chmod(0o600)


def _set_up(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA auto_vacuum").fetchone() != (_INCREMENTAL,):
        connection.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")  # while nothing is in the file
    patiently(connection, "PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA journal_size_limit = 16777216")
    connection.execute("PRAGMA cache_size = -8192")


def patiently(connection: sqlite3.Connection, statement: str) -> None:
    """Execute what other processes may hold up.

    SQLite would ask again after up to 100 ms, and who writes a lot leaves no gap so long; and for
    some statements it does not ask again at all.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute(statement).fetchall()
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorname.startswith("SQLITE_BUSY")
            if not busy or time.monotonic() > until:
                raise
            time.sleep(_PAUSE)
        else:
            return
