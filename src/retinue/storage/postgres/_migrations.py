"""Migrations: numbered scripts that bring a schema forward, in one transaction."""

from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from retinue.errors import StoreTooNew

FOLDER = Path(__file__).parent / "migrations"


class Migrations:
    """The scripts of a folder, `0001_what.sql` being the first.

    Args:
        folder: It is read once.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._scripts = [file.read_bytes() for file in sorted(folder.glob("*.sql"))]

    async def run(self, connection: AsyncConnection[Any], schema: str, name: str) -> None:
        """Run what the schema, which is made where there is none, has not seen; all or nothing. Of
        several processes that do so at once one does it.

        Args:
            connection: In the schema; it commits by itself.
            schema: Which.
            name: Of the store, for errors.

        Raises:
            StoreTooNew: A newer release was here.
        """
        async with connection.transaction():
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"retinue {schema}",)
            )
            version = await self._version(connection, schema)
            if version > len(self._scripts):
                raise StoreTooNew(
                    f"{name} is of version {version}, and this release of Retinue knows"
                    f" {len(self._scripts)}"
                )
            for number, script in enumerate(self._scripts[version:], version + 1):
                await connection.execute(script)
                await connection.execute("INSERT INTO migrations VALUES (%s, now())", (number,))

    async def _version(self, connection: AsyncConnection[Any], schema: str) -> int:
        """How many were run."""
        known = await connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,))
        if await known.fetchone() is None:
            await connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
        known = await connection.execute("SELECT to_regclass('migrations')")
        if await known.fetchone() == (None,):
            await connection.execute(
                "CREATE TABLE migrations (version BIGINT PRIMARY KEY, at TIMESTAMPTZ NOT NULL)"
            )
        found = await connection.execute("SELECT coalesce(max(version), 0) FROM migrations")
        return (await found.fetchall())[0][0]
