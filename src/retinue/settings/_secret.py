"""Secret: a key by reference; what it refers to leaves only through `reveal`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from retinue.errors import SettingsError

_PASSWORD: Final = re.compile(r"(?<=://)([^:/?#]*):([^/?#]*)@")
_PARAMETER: Final = re.compile(r"(?i)((?:password|token|key|secret)\w*=)[^&#\s]+")
_ENDS_SHOWN: Final = 16  # letters; of a shorter secret nothing is shown


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A key, token or address with a password. `str` and `repr` show a mask: "sk-…abcd".

    Args:
        reference: "env:NAME", or "file:/absolute/path" whose first line is the secret.
        value: What the reference stands for, where that is known already.
    """

    reference: str
    value: str | None = None

    def reveal(self) -> str:
        """The secret itself.

        Raises:
            SettingsError: The variable is not set, or the file cannot be read or is empty.
        """
        if self.value is not None:
            return self.value
        kind, _, name = self.reference.partition(":")
        if kind == "env":
            raise SettingsError(
                f"The variable {name} is not set, and a key is expected in it",
                hint=f"export {name}=...",
            )
        try:
            lines = Path(name).expanduser().read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError, RuntimeError) as error:
            raise SettingsError(
                f"The key cannot be read from {name}: {_reason(error)}",
                hint="The first line of that file must be the key, and the file readable by you.",
            ) from error
        if not lines[0].strip():
            raise SettingsError(
                f"No key in {name}: its first line is empty", hint="Put the key on the first line."
            )
        return lines[0].strip()

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
            return self.reference if self.reference.startswith("file:") else "not set"
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


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
