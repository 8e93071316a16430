"""Work: statements that are sent without waiting for each other, and what comes of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched
from typing import Any

from psycopg import AsyncConnection, AsyncCursor

from retinue.storage._bells import Heard

type Row = tuple[Any, ...]
type Statement = tuple[str, tuple[Any, ...]]
type Values = Sequence[Any] | Mapping[str, Any]
type Connection = AsyncConnection[Row]

NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
"""Microseconds since 1970, by the database's clock."""

_AT_ONCE = 500
"""Rows in one statement, which may have 65,535 values."""


class Work:
    """One transaction, and what others are told of it after the commit.

    Statements are queued: whoever does not need an answer does not wait for it. An error of one
    comes with the answer of the next, or with the commit.
    """

    __slots__ = ("_connection", "committing", "logs", "runs")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.committing = False
        self.logs: list[Heard] = []
        self.runs: list[str] = []

    async def send(
        self, query: str, values: Values = (), *, binary: bool = False
    ) -> AsyncCursor[Row]:
        """Queue a statement; `fetchall` of what is returned waits for its answer."""
        return await self._connection.execute(query.encode(), values, binary=binary)

    async def send_together(self, statements: Sequence[Statement]) -> None:
        """Queue statements that change rows, each other ones, as if they were one: that is less to
        send, and to wait for."""
        if len(statements) == 1:
            await self.send(*statements[0])
        elif statements:
            parts = [f"s{at} AS ({query} RETURNING 1)" for at, (query, _) in enumerate(statements)]
            values = [value for _, values in statements for value in values]
            await self.send(f"WITH {', '.join(parts)} SELECT 1", values)

    async def rows(self, query: str, values: Values = ()) -> list[Row]:
        return await (await self.send(query, values)).fetchall()

    async def row(self, query: str, values: Values = ()) -> Row | None:
        return await (await self.send(query, values)).fetchone()


def inserted(
    into: str, values: str, rows: Iterable[tuple[Any, ...]], *, anyway: str = ""
) -> Iterator[Statement]:
    """Statements that insert these rows.

    Args:
        into: The table with its columns.
        values: The placeholders of one row.
        rows: Which; without any there is no statement.
        anyway: What is done where there is one already.
    """
    for some in batched(rows, _AT_ONCE):
        yield (
            f"INSERT INTO {into} VALUES {', '.join([values] * len(some))} {anyway}",
            tuple([value for row in some for value in row]),
        )


def columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[list[Any]]:
    """Rows of so many values, as `unnest` takes them."""
    return [[row[at] for row in rows] for at in range(count)]
