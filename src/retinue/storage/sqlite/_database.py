"""Database: what all faces of one file share: who writes, who reads, and who is told of it."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from retinue.errors import StoreFailed
from retinue.messages.events import Event
from retinue.storage._bells import Bells

from ._errors import translated
from ._file import connect, open_file
from ._holders import Holders
from ._migrations import Migrations
from ._post import Letter, Post
from ._readers import Execute, Readers
from ._search import open_index
from ._writer import Work, Writer


class Database:
    """An open file, of the event loop in which it was opened."""

    def __init__(self, path: Path, migrations: Migrations) -> None:
        self._path = path.expanduser().resolve()  # by all its names it is one file
        self.name = str(self._path)
        self._migrations = migrations
        self._bells = Bells()

    async def open(self) -> None:
        """Before anything else is called."""
        connection, folder = await asyncio.to_thread(self._open)
        self.holders = Holders(folder)
        self._post = Post(folder, self._read)
        self._readers = Readers(lambda: connect(self._path, read_only=True), self.name)
        self._writer = Writer(
            connection,
            self.name,
            check=lambda connection: self._migrations.check(connection, self._path),
            sent=self._post.send,
            told=self._tell,
        )

    async def close(self) -> None:
        """What was begun is finished; who waits for news gets StoreFailed."""
        self._bells.close()
        await self._readers.close()
        await self._writer.close()
        self._post.close()
        self.holders.leave_all()

    async def read[T](self, job: Callable[[Execute], T]) -> T:
        return await self._readers.read(job)

    async def write[T](self, job: Callable[[Work], T]) -> T:
        return await self._writer.do(job)

    def bells(self) -> Bells:
        """To listen to."""
        self._post.open()
        return self._bells

    def tell(self, owner: str, conversation: str, *pieces: Event) -> None:
        """Those who listen in this process."""
        self._bells.tell(owner, conversation, *pieces)

    def _open(self) -> tuple[sqlite3.Connection, Path]:
        connection = open_file(self._path, self._migrations)
        try:
            with translated(self.name):
                self.index = open_index(connection)
                connection.execute("PRAGMA busy_timeout = 0")  # the writer waits in its own way
            return connection, _folder(self._path)
        except BaseException:
            connection.close()
            raise

    def _tell(self, works: Sequence[Work]) -> None:
        for work in works:
            self._bells.wrote(work.logs, work.runs)

    def _read(self, letter: Letter | None) -> None:
        if letter is None:
            self._bells.look()
        else:
            self._bells.elsewhere(letter.logs, letter.runs)


def _folder(path: Path) -> Path:
    """Where processes at this file find each other; for us alone."""
    folder = path.with_name(f"{path.name}.live")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise StoreFailed(
            f"{folder} cannot be made: {error.strerror}", hint="Make its folder writable."
        ) from error
    return folder
