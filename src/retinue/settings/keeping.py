"""Keeping what a person chose: their settings, with what they wrote beside them, and their keys."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

from retinue.errors import SettingsError

from . import _keyring
from ._files import parse_toml
from ._places import keys_folder
from ._private import write_private
from ._secret import Secret

_OURS: Final = "retinue"
"""The service in the keyring."""


def key_places(name: str, environ: Mapping[str, str]) -> Iterator[str]:
    """References under which a key of that name can be kept here: the keyring, then a file."""
    if _keyring.is_there():
        yield f"keyring:{_OURS}/{name}"
    folder = keys_folder(environ)
    if folder is not None:
        yield f"file:{folder / name}"


def keep_key(secret: Secret) -> None:
    """Put the secret where its reference says.

    Raises:
        SettingsError: It cannot be kept there.
    """
    kind, _, name = secret.reference.partition(":")
    match kind:
        case "keyring":
            service, _, user = name.rpartition("/")
            _keyring.store(service, user, secret.reveal())
        case "file":
            write_private(Path(name), f"{secret.reveal()}\n", elsewhere="XDG_CONFIG_HOME")
        case _:
            raise SettingsError(
                f"No key can be kept in {secret.reference!r}", hint="Keep it in a file."
            )


def read_settings(path: Path) -> dict[str, Any]:
    """What stands in a file of settings, as it is written; nothing where there is no file.

    Raises:
        SettingsError: It cannot be read, or is no TOML.
    """
    return parse_toml(_content(path), path)


def write_settings(path: Path, changes: Mapping[str, Any]) -> None:
    """Make these changes in a file of settings, which need not be there yet.

    Args:
        changes: As `changed` takes them.

    Raises:
        SettingsError: It cannot be read or written; what was there is there still.
    """
    write_private(path, changed(_content(path), path, changes), elsewhere="XDG_CONFIG_HOME")


def changed(raw: bytes, path: Path, changes: Mapping[str, Any]) -> str:
    """The text of a TOML file with changes made; comments, and all else in it, stay.

    Args:
        changes: New values by name: a mapping is for the table of that name, None takes away.

    Raises:
        SettingsError: It is no TOML, or cannot be changed.
    """
    before = parse_toml(raw, path)
    tomlkit = import_module("tomlkit")
    text = raw.decode("utf-8-sig")
    document = tomlkit.parse(text)
    _change(document, changes, tomlkit.table)
    after: str = tomlkit.dumps(document)
    _change(before, changes, _plain)
    if parse_toml(after.encode(), path) != before:
        raise SettingsError(
            f"{path} is written in a way that cannot be changed without harm",
            hint=f"Put it in yourself: {' '.join(changed(b'', path, changes).split())}",
        )
    return after


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror}", hint="Make it a file that you may read."
        ) from error


def _change(table: Any, changes: Mapping[str, Any], make: Any) -> None:
    for name, value in changes.items():
        match value:
            case None:
                table.pop(name, None)
            case dict():
                parts = cast("dict[str, Any]", value)
                if not isinstance(table.get(name), dict):
                    # A table of tables needs no heading of its own.
                    table[name] = make(
                        is_super_table=all(isinstance(v, dict) for v in parts.values())
                    )
                _change(table[name], parts, make)
            case _ if table.get(name) != value:  # what stays the same stays as it was written
                table[name] = value
            case _:
                pass


def _plain(**_: bool) -> dict[str, Any]:
    """A table where nobody looks at how it is written."""
    return {}
