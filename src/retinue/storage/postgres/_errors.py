"""What PostgreSQL objects to, in our words, each with what to do next; never with a password."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from retinue.errors import StoreFailed

_SAID = {
    "08": ("the connection is lost", "Look whether the database runs; then it goes on."),
    "25P03": ("this process was silent for too long", "Try again."),
    "25006": ("it may not be written", "Name the server that may, not a copy of it."),
    "28": ("it does not let us in", "Look at the user and the password in its address."),
    "3D000": ("there is no such database", "Make it with createdb, or name another one."),
    "40": ("too many write at once", "Try again."),
    "42501": ("this user may not do it", "Grant it CREATE on the database, or on the schema."),
    "53100": ("its disk is full", "Free some space there; then it goes on."),
    "53300": ("it has too many connections", "Raise its max_connections, or start less."),
    "55P03": ("somebody else keeps it locked", "Try again."),
    "57": ("it is shutting down, or starting", "Wait until it is up; then it goes on."),
}
_LOST = ("it cannot be reached", "Look whether the database runs, and at its address.")
_OTHER = ("PostgreSQL cannot do it", "Try again; if it stays so, please report it.")


def failed(error: psycopg.Error, name: str) -> StoreFailed:
    """The same as an error of ours, about the store of this name."""
    code = error.sqlstate or ""
    said = next((said for key, said in _SAID.items() if code.startswith(key)), None)
    what, hint = said or (_LOST if not code and _is_lost(error) else _OTHER)
    return StoreFailed(f"{name}: {what} ({_words(error)})", hint=hint)


@contextmanager
def translated(name: str) -> Generator[None]:
    """Raise what PostgreSQL raises within the block as an error of ours."""
    try:
        yield
    except PoolClosed as error:
        raise closed(name) from error
    except psycopg.Error as error:
        raise failed(error, name) from error


def closed(name: str) -> StoreFailed:
    return StoreFailed(f"{name} was closed", hint="Open it again.")


def _is_lost(error: psycopg.Error) -> bool:
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | PoolTimeout)


def _words(error: psycopg.Error) -> str:
    """Its first line: the others may say what was to be kept."""
    said = error.diag.message_primary or str(error)
    return next(iter(said.splitlines()), type(error).__name__)
