"""Secret: a key by reference; what it refers to leaves only through `reveal`."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from retinue.errors import SettingsError

from . import _keyring

_PASSWORD: Final = re.compile(r"(?<=://)([^:/?#]*):([^/?#]*)@")
_PARAMETER: Final = re.compile(r"(?i)((?:password|token|key|secret)\w*=)[^&#\s]+")
_ENDS_SHOWN: Final = 16  # letters; of a shorter secret nothing is shown
_KEPT: Final = ("retinue", "keys")
"""The folder in which we keep keys."""


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A key, token or address with a password. `str` and `repr` show a mask: "sk-…abcd".

    Args:
        reference: "env:NAME", "file:/absolute/path" whose first line is the secret, or
            "keyring:SERVICE/NAME".
        value: What the reference stands for, where that is known already.
    """

    reference: str
    value: str | None = None

    def reveal(self) -> str:
        """The secret itself.

        Raises:
            SettingsError: The variable is not set, the file or the keyring cannot be read, or
                there is nothing in it.
            MissingExtra: It is in the keyring, and the package for that is not installed.
        """
        if self.value is not None:
            return self.value
        kind, _, name = self.reference.partition(":")
        match kind:
            case "file":
                return _from_file(Path(name))
            case "keyring":
                service, _, user = name.rpartition("/")
                return _keyring.look_up(service, user)
            case _:
                raise SettingsError(
                    f"The variable {name} is not set, and a key is expected in it",
                    hint=f"export {name}=...",
                )

    def resolved(self, environ: Mapping[str, str]) -> "Secret":
        """The same secret, looked up in `environ` where it refers to a variable."""
        kind, _, name = self.reference.partition(":")
        if self.value is None and kind == "env":
            return replace(self, value=environ.get(name) or None)
        return self

    @property
    def masked(self) -> str:
        """What may be shown: the ends of a long secret, the address without its password."""
        if self.value is None:
            return "not set" if self.reference.startswith("env:") else self.reference
        return mask(self.value)

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return f"<Secret {self.reference} {self.masked}>"


def reference_of(text: str) -> Secret | None:
    """The secret a text refers to; None where the text is no reference.

    Raises:
        ValueError: It refers to something that cannot be found from everywhere.
    """
    kind, colon, name = text.partition(":")
    if colon and kind == "env" and name:
        return Secret(text)
    if colon and kind == "file":
        if not name.startswith(("/", "~")) and not Path(name).is_absolute():
            raise ValueError("the path after file: must be absolute, or start with ~")
        return Secret(text)
    if colon and kind == "keyring":
        service, _, user = name.rpartition("/")
        if not service or not user:
            raise ValueError("after keyring: comes SERVICE/NAME")
        return Secret(text)
    return None


def mask(value: str) -> str:
    """The value with everything replaced that would help a thief."""
    if "://" in value:
        return _PARAMETER.sub(r"\1…", _PASSWORD.sub(r"\1:…@", value))
    if len(value) < _ENDS_SHOWN:
        return "…"
    start = value.find("-") + 1
    return f"{value[:start] if start <= 4 else ''}…{value[-4:]}"


def password_of(value: str) -> str | None:
    """The password in an address; None where there is none."""
    found = _PASSWORD.search(value)
    return found[2] if found else None


def _from_file(path: Path) -> str:
    try:
        path = path.expanduser()
        with path.open(encoding="utf-8") as file:
            mode, line = os.fstat(file.fileno()).st_mode, file.readline().strip()
    except (OSError, UnicodeDecodeError, RuntimeError) as error:
        raise SettingsError(
            f"The key cannot be read from {path}: {_reason(error)}",
            hint="The first line of that file must be the key, and the file readable by you.",
        ) from error
    if path.parent.parts[-2:] == _KEPT and mode & 0o077 and os.name == "posix":
        # Your own files are as open as you want them; this one we wrote for your eyes alone.
        raise SettingsError(f"The key in {path} is open to others", hint=f"chmod 600 {path}")
    if not line:
        raise SettingsError(
            f"No key in {path}: its first line is empty", hint="Put the key on the first line."
        )
    return line


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
