"""What SQLite objects to, in our words, each with what to do next."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from retinue.errors import StoreFailed

_SAID = {
    "SQLITE_FULL": ("the disk is full", "Free some space; then it goes on."),
    "SQLITE_BUSY": ("another process keeps it locked", "Look which one, and end it."),
    "SQLITE_READONLY": ("it may not be written", "Make the file and its folder writable."),
    "SQLITE_CANTOPEN": ("it cannot be opened", "Make the file and its folder writable."),
    "SQLITE_IOERR": ("the disk failed", "Look whether it is full, or broken."),
    "SQLITE_CORRUPT": ("it is damaged", "Put a backup in its place; they lie beside it."),
    "SQLITE_NOTADB": ("it is no Retinue database", "Name another file, or move this one away."),
}
_OTHER = ("SQLite cannot do it", "Try again; if it stays so, please report it.")


def failed(error: sqlite3.Error, name: str) -> StoreFailed:
    """The same as an error of ours, about the store of this name."""
    code = getattr(error, "sqlite_errorname", "")
    what, hint = next((said for key, said in _SAID.items() if code.startswith(key)), _OTHER)
    return StoreFailed(f"{name}: {what} ({error})", hint=hint)


@contextmanager
def translated(name: str) -> Generator[None]:
    """Raise what SQLite raises within the block as an error of ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise failed(error, name) from error
