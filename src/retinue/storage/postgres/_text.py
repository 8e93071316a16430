"""Texts as PostgreSQL keeps them, and back: what its UTF-8 cannot hold is escaped.

That is NUL, and half a letter: of a stream that was cut, or the name of an old folder.
"""

import re
from typing import Any

from psycopg import AsyncConnection
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.types.string import StrDumper

_ESCAPE = "\x1a"  # "substitute", says ASCII
_ODD = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile(f"{_ESCAPE}([0-9a-f]{{4}})")


def escaped(text: str) -> str:
    """The same where there is nothing odd in it; each letter by itself, so that what a text begins
    with, its escaped form begins with escaped."""
    return _ODD.sub(lambda odd: f"{_ESCAPE}{ord(odd[0]):04x}", text)


def unescaped(kept: str) -> str:
    return _ESCAPED.sub(lambda code: chr(int(code[1], 16)), kept) if _ESCAPE in kept else kept


class _TextDumper(StrDumper):
    def dump(self, obj: str) -> Buffer | None:
        return super().dump(escaped(obj))


class _TextLoader(Loader):
    def load(self, data: Buffer) -> str:
        return unescaped(bytes(data).decode())


def adapt(connection: AsyncConnection[Any]) -> None:
    """Have all texts of this connection go that way."""
    connection.adapters.register_dumper(str, _TextDumper)
    connection.adapters.register_loader("text", _TextLoader)
