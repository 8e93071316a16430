"""What PostgreSQL objects to, in our words, each with what to do next; never with a password."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolTimeout

from retinue.errors import StoreFailed

_SAID = {
    "08": ("the connection is lost", "Look whether the database runs; then it goes on."),
    "25P03": ("this process was silent for too long", "Try again."),
    "25006": ("it may not be written", "Name the server that may, not a copy of it."),
    "40": ("too many write at once", "Try again."),
    "42501": ("this user may not do it", "Grant it CREATE on the database, or on the schema."),
    "53100": ("its disk is full", "Free some space there; then it goes on."),
    "55P03": ("somebody else keeps it locked", "Try again."),
    "57": ("it is shutting down, or starting", "Wait until it is up; then it goes on."),
}
_LOST = (
    "it cannot be reached",
    "Look at its address, whether it runs, and whether it lets this user in.",
)
_OTHER = ("PostgreSQL cannot do it", "Try again; if it stays so, please report it.")


def failed(error: psycopg.Error, name: str) -> StoreFailed:
    """The same as an error of ours, about the store of this name."""
    code = error.sqlstate or ""
    said = next((said for key, said in _SAID.items() if code.startswith(key)), None)
    what, hint = said or (_LOST if not code and _is_lost(error) else _OTHER)
    return StoreFailed(f"{name}: {what} ({_words(error)})", hint=hint)


def is_passing(error: psycopg.Error, *, committing: bool) -> bool:
    """Whether a transaction that ended so had no effect, and may do better when it is tried again.

    Args:
        error: It happened on a connection.
        committing: The server may have committed it: then a lost connection says nothing.
    """
    code = error.sqlstate or ""
    if code.startswith("40"):  # it got in the way of another
        return True
    lost = code.startswith(("08", "57P", "25P03")) or not code
    return lost and not committing and isinstance(error, psycopg.OperationalError)


@contextmanager
def translated(name: str) -> Generator[None]:
    """Raise what PostgreSQL raises within the block as an error of ours."""
    try:
        yield
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
