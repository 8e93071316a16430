"""Small values of one owner under names, in PostgreSQL."""

from typing import Any

from retinue.storage._values import from_json, to_json

from ._database import Database
from ._work import Work


class PostgresNotes:
    """See `Notes`."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def get(self, name: str) -> Any:
        async def job(work: Work) -> Any:
            row = await work.row(
                "SELECT value FROM notes WHERE owner = %s AND name = %s", (self._owner, name)
            )
            return None if row is None else from_json(row[0])

        return await self._database.read(job)

    async def put(self, name: str, value: Any) -> None:
        await self._database.write(lambda work: put_note(work, self._owner, name, value))

    async def names(self, prefix: str = "") -> tuple[str, ...]:
        async def job(work: Work) -> tuple[str, ...]:
            rows = await work.rows(
                "SELECT name FROM notes WHERE owner = %s AND starts_with(name, %s) ORDER BY name",
                (self._owner, prefix),
            )
            return tuple([name for (name,) in rows])

        return await self._database.read(job)


async def put_note(work: Work, owner: str, name: str, value: Any) -> None:
    """Keep a JSON value; None forgets it."""
    if value is None:
        await work.send("DELETE FROM notes WHERE owner = %s AND name = %s", (owner, name))
    else:
        await work.send(
            "INSERT INTO notes (owner, name, value) VALUES (%s, %s, %s)"
            " ON CONFLICT (owner, name) DO UPDATE SET value = excluded.value",
            (owner, name, to_json(value)),
        )
