"""open_store: the one place where a store is chosen by name."""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retinue.errors import MissingExtra, StoreFailed

if TYPE_CHECKING:
    from . import Store


async def open_store(
    where: str | Path | None = None, *, environ: Mapping[str, str] = os.environ
) -> "Store":
    """The store that is there; whoever opens it closes it.

    Args:
        where: A file (SQLite), "sqlite:///" and a path, "memory:", or the address of a PostgreSQL
            database, "postgresql://user@host/name". None: the person's own file.
        environ: Where `XDG_DATA_HOME` or `HOME` say where that is.

    Raises:
        StoreFailed: It cannot be opened, or nothing is known by that name.
        MissingExtra: A package is needed for it.
    """
    match _scheme(where):
        case "memory":
            return _loaded(".memory").MemoryStore()
        case "postgresql" | "postgres":
            return await _postgres(str(where))
        case "sqlite" | "":
            return await _loaded(".sqlite").SqliteStore.open(_path(where, environ))
        case scheme:
            raise StoreFailed(
                f"No store is known by {scheme!r}",
                hint='Name a file, "memory:", or a database as "postgresql://...".',
            )


def _scheme(where: str | Path | None) -> str:
    """The scheme of an address; "" for a file. A letter and a colon are a drive."""
    if not isinstance(where, str):
        return ""
    if where == "memory:":
        return "memory"
    scheme, found, _ = where.partition("://")
    return scheme.lower() if found and scheme.isalnum() else ""


def _path(where: str | Path | None, environ: Mapping[str, str]) -> Path:
    if where is None:
        return _own_file(environ)
    if isinstance(where, str) and _scheme(where):
        return Path(where.partition("://")[2].removeprefix("/"))
    return Path(where)


def _own_file(environ: Mapping[str, str]) -> Path:
    chosen = environ.get("XDG_DATA_HOME", "")
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if Path(chosen).is_absolute():  # a relative one is to be ignored, says the specification
        return Path(chosen) / "retinue" / "retinue.db"
    if home:
        return Path(home) / ".local" / "share" / "retinue" / "retinue.db"
    raise StoreFailed("There is no home to keep conversations in", hint="Set HOME, or name a file.")


async def _postgres(where: str) -> "Store":
    try:
        room = _loaded(".postgres")
    except ImportError as error:
        raise MissingExtra(
            "PostgreSQL needs a package", hint="pip install 'retinue[postgres]'"
        ) from error
    return await room.PostgresStore.open(where)


def _loaded(room: str) -> Any:
    return import_module(room, __package__)
