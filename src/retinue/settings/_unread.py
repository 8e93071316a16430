"""What somebody wrote, not read yet: of all that was said about a setting only the strongest is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path
from typing import Any, Final

from retinue.errors import SettingsError

from ._endpoint import Endpoint, endpoint, kinds_of
from ._files import check_known, line_of, parse_toml
from ._kinds import Kind
from ._persona import PERSONA, Persona, PersonaFile
from ._secret import Secret
from ._settings import Origin
from ._trust import Project

type Base = Path | Project | None
"""Where a relative path begins; of a project, only the files that were judged are there."""

_MOST: Final = 100_000  # bytes of a persona


@dataclass(frozen=True, slots=True)
class Unread:
    """A value, not read yet.

    Args:
        subject: What an error is about: "TEMPERATURE", "/path/retinue.toml:3: temperature".
        read: Of the kind's two readers the one that fits where it was written.
    """

    origin: Origin
    subject: str
    raw: Any
    kind: Kind
    read: Callable[[Any], Any]
    hint: str
    base: Base = None

    def value(self, environ: Mapping[str, str]) -> Any:
        """What was meant, with what it refers to.

        Raises:
            SettingsError: It cannot be that.
        """
        try:
            value = self.read(self.raw)
        except ValueError:
            shown = "" if self.kind.hidden else f", not {self.raw!r}"
            raise SettingsError(
                f"{self.subject} must be {self.kind.expects}{shown}", hint=self.hint
            ) from None
        match value:
            case Secret(reference="", value=key) if self.origin.layer == "environment":
                return Secret(f"env:{self.origin.where}", key)
            case Secret():
                return value.resolved(environ)
            case PersonaFile(path=path):
                return self._persona(path)
            case _:
                return value

    def _persona(self, path: Path) -> Persona:
        match self.base:
            case Project():
                full, raw = _judged(path, self.base, self.subject)
            case folder:
                full, raw = _chosen(path, folder, self.subject)
        table = parse_toml(raw, full)
        return TomlFile(self.origin, full, raw).persona(table).value({})


@dataclass(frozen=True, slots=True)
class UnreadTable:
    """A table that makes one value, not read yet."""

    origin: Origin
    make: Callable[..., Endpoint | Persona]
    parts: Mapping[str, Unread]

    def value(self, environ: Mapping[str, str]) -> Any:
        """What was meant, with what it refers to.

        Raises:
            SettingsError: Something in it cannot be that.
        """
        return self.make(**{name: part.value(environ) for name, part in self.parts.items()})


@dataclass(frozen=True, slots=True)
class TomlFile:
    """Makes what is written out of what stands in a file."""

    origin: Origin
    path: Path
    raw: bytes
    base: Base = None

    def option(self, name: str, value: Any, kind: Kind, *, heading: str | None = None) -> Unread:
        """A value; in a table, below its heading."""
        subject = f"{line_of(name, self.raw, self.path, heading=heading)}: {name}"
        hint = f"Mend {self.path}."
        return Unread(self.origin, subject, value, kind, kind.of_value, hint, self.base)

    def endpoint(self, name: str, table: Mapping[str, Any]) -> UnreadTable:
        """The table `[models.<name>]`."""
        kinds = kinds_of(table)
        parts = {key: self.option(key, table[key], kinds[key], heading=name) for key in table}
        return UnreadTable(self.origin, endpoint, parts)

    def persona(self, table: Mapping[str, Any], *, heading: str | None = None) -> UnreadTable:
        """The table `[persona]`, or a file that holds nothing else.

        Raises:
            SettingsError: It has a key that a persona has not.
        """
        what = "key of a persona,"
        check_known(table, PERSONA, self.raw, self.path, what, heading=heading)
        parts = {key: self.option(key, table[key], PERSONA[key], heading=heading) for key in table}
        return UnreadTable(self.origin, Persona, parts)


def _judged(path: Path, project: Project, subject: str) -> tuple[Path, bytes]:
    """A file of the project, as it was when its trust was looked at."""
    full = Path(normpath(project.folder / path))
    inside = full.is_relative_to(project.folder)
    name = full.relative_to(project.folder).as_posix() if inside else ""
    if name not in project.files:
        raise SettingsError(
            f"{subject}: {path} is none of the files that are trusted with a project",
            hint="Put it into the folder personas/ of the project, or write a table [persona].",
        )
    return full, project.files[name]


def _chosen(path: Path, folder: Path | None, subject: str) -> tuple[Path, bytes]:
    """A file that the person chose."""
    try:
        full = (folder or Path()) / path.expanduser()
        with full.open("rb") as file:
            raw = file.read(_MOST + 1)
    except (OSError, RuntimeError) as error:
        raise SettingsError(
            f"{subject}: {path} cannot be read: {getattr(error, 'strerror', None) or error}",
            hint='It is a TOML file: name = "Ada", and tone = "dry and short" on the next line.',
        ) from error
    if len(raw) > _MOST:
        raise SettingsError(
            f"{subject}: {path} is longer than {_MOST:,} bytes",
            hint="Who somebody is can be said shorter; attach what it should read.",
        )
    return full, raw
