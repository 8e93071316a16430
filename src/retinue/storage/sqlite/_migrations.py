"""Migrations: numbered scripts that bring a file forward, in one transaction."""

import datetime
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from retinue.errors import StoreTooNew

OURS = 0x52544E55
"""The application_id of a file of ours: "RTNU"."""

FOLDER = Path(__file__).parent / "migrations"


class Migrations:
    """The scripts of a folder, `0001_what.sql` being the first.

    Args:
        folder: It is read once.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._scripts = [
            tuple(_statements(file.read_text("utf-8"))) for file in sorted(folder.glob("*.sql"))
        ]

    @property
    def newest(self) -> int:
        """The version of a file that all of them were run on."""
        return len(self._scripts)

    def run(self, connection: sqlite3.Connection, path: Path) -> None:
        """Run what the file has not seen, all or nothing; of several processes that do so at once
        one does it.

        Raises:
            StoreTooNew: Another process of a newer release was quicker.
        """
        if _version(connection) == self.newest:
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            version = _version(connection)
            check_version(path, version, self.newest)
            if 0 < version < self.newest:
                _back_up(path, version)
            for script in self._scripts[version:]:
                for statement in script:
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {OURS}")
            connection.execute(f"PRAGMA user_version = {self.newest}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def check(self, connection: sqlite3.Connection, path: Path) -> None:
        """Raises StoreTooNew where a newer release has brought the file forward meanwhile."""
        check_version(path, _version(connection), self.newest)


def check_version(path: Path, version: int, newest: int) -> None:
    """Whether we can read it.

    Raises:
        StoreTooNew: We cannot.
    """
    if version > newest:
        raise StoreTooNew(
            f"{path} is of version {version}, and this release of Retinue knows {newest}"
        )


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _statements(script: str) -> Iterator[str]:
    """`executescript` would commit what is open."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _back_up(path: Path, version: int) -> None:
    """A copy beside the file, for its owner alone; it has its name once it is whole."""
    at = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S%fZ")
    backup = path.with_name(f"{path.name}.v{version}-{at}.bak")
    growing = backup.with_name(f"{backup.name}.part")
    os.close(os.open(growing, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        _copy(path, growing)
        growing.replace(backup)
    except BaseException:
        growing.unlink(missing_ok=True)
        raise


def _copy(path: Path, to: Path) -> None:
    source = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    target = sqlite3.connect(to)
    try:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE").fetchone()  # one file, nothing beside it
    finally:
        target.close()
        source.close()
