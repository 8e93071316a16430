"""Small values of one owner under names, in SQLite."""

from typing import Any

from retinue.storage._values import from_json, text_of, to_json

from ._database import Database
from ._readers import Execute
from ._values import text


class SqliteNotes:
    """See `Notes`."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def get(self, name: str) -> Any:
        def job(execute: Execute) -> Any:
            row = execute(
                "SELECT value FROM notes WHERE owner = ? AND name = ?",
                (text(self._owner), text(name)),
            ).fetchone()
            return None if row is None else from_json(row[0])

        return await self._database.read(job)

    async def put(self, name: str, value: Any) -> None:
        await self._database.write(lambda work: put_note(work.execute, self._owner, name, value))

    async def names(self, prefix: str = "") -> tuple[str, ...]:
        def job(execute: Execute) -> tuple[str, ...]:
            rows = execute(
                "SELECT name FROM notes WHERE owner = ? AND name >= ? ORDER BY name",
                (text(self._owner), text(prefix)),
            )
            names = [text_of(name) for (name,) in rows]
            return tuple([name for name in names if name.startswith(prefix)])

        return await self._database.read(job)


def put_note(execute: Execute, owner: str, name: str, value: Any) -> None:
    """Keep a JSON value; None forgets it."""
    if value is None:
        execute("DELETE FROM notes WHERE owner = ? AND name = ?", (text(owner), text(name)))
    else:
        execute(
            "INSERT OR REPLACE INTO notes VALUES (?, ?, ?)",
            (text(owner), text(name), to_json(value)),
        )
