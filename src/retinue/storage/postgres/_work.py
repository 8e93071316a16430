"""Work: statements that are sent without waiting for each other, and what comes of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection, AsyncCursor

from retinue.storage.sqlite._writer import Heard

type Row = tuple[Any, ...]
type Values = Sequence[Any] | Mapping[str, Any]
type Connection = AsyncConnection[Row]

NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
"""Microseconds since 1970, by the database's clock."""


class Work:
    """One transaction, and what others are told of it after the commit.

    Statements are queued: whoever does not need an answer does not wait for it. An error of one
    comes with the answer of the next, or with the commit.
    """

    __slots__ = ("_connection", "logs", "runs")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.logs: list[Heard] = []
        self.runs: list[str] = []

    async def send(
        self, query: str, values: Values = (), *, binary: bool = False
    ) -> AsyncCursor[Row]:
        """Queue a statement; `fetchall` of what is returned waits for its answer."""
        return await self._connection.execute(query.encode(), values, binary=binary)

    async def rows(self, query: str, values: Values = ()) -> list[Row]:
        return await (await self.send(query, values)).fetchall()

    async def row(self, query: str, values: Values = ()) -> Row | None:
        return await (await self.send(query, values)).fetchone()


def columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[list[Any]]:
    """Rows of so many values, as `unnest` takes them."""
    return [[row[at] for row in rows] for at in range(count)]
