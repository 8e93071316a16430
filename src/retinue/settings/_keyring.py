"""The keyring of the desktop, through the optional package `keyring`; loaded where it is needed."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any, Final

from retinue.errors import MissingExtra, RetinueError, SettingsError

_ADVICE: Final = "Unlock it, or keep the key in a file or a variable: retinue setup"


def look_up(service: str, name: str) -> str:
    """The secret under that name.

    Raises:
        SettingsError: There is none, or the keyring is locked or missing.
        MissingExtra: The package is not installed.
    """
    key = _found(service, name)
    if not key:
        raise SettingsError(
            f"There is no key {service}/{name} in the keyring",
            hint=f"keyring set {service} {name}",
        )
    return key


def store(service: str, name: str, key: str) -> None:
    """Keep the secret under that name, in the place of another one.

    Raises:
        SettingsError: The keyring is locked, or there is none.
        MissingExtra: The package is not installed.
    """
    with _speaking() as keyring:
        keyring.set_password(service, name, key)


def is_there() -> bool:
    """Whether a secret can be kept in it."""
    try:
        with _speaking() as keyring:
            return keyring.get_keyring().priority >= 1  # as the package itself recommends
    except RetinueError:
        return False


@cache
def _found(service: str, name: str) -> str | None:
    """Asked once, because some keyrings ask their owner each time."""
    with _speaking() as keyring:
        return keyring.get_password(service, name)


@contextmanager
def _speaking() -> Generator[Any]:
    """The package; its errors are errors of ours."""
    try:
        keyring = import_module("keyring")
    except ImportError as error:
        raise MissingExtra(
            "Keys in the keyring need a package", hint="pip install 'retinue[keyring]'"
        ) from error
    try:
        yield keyring
    except Exception as error:  # each backend has errors of its own, of D-Bus and of the system
        why = str(error).partition("\n")[0].partition(". ")[0] or type(error).__name__
        raise SettingsError(f"The keyring does not answer: {why}", hint=_ADVICE) from error
