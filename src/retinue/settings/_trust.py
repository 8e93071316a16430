"""Trust: whose files count. A project's could redirect keys or run code, so nothing of it is read
for effect until its person says so; what has changed since then is not trusted any more.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

from retinue.errors import SettingsError

from ._private import write_private

type TrustState = Literal["trusted", "changed", "unknown"]

_FILE: Final = "retinue.toml"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Project:
    """A folder and what is in it that could redirect keys or run code.

    Args:
        folder: Its real path.
        files: Their contents by their path in the folder, as they were read. What is judged is what
            is used: whoever needs one of them takes it from here.
    """

    folder: Path
    files: Mapping[str, bytes]

    @property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of each file."""
        return {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}


class Trusted:
    """The folders a person trusts, in a file only that person can read."""

    def __init__(self, path: Path | None) -> None:
        """Read them.

        Raises:
            SettingsError: The file is not what this class writes, or cannot be read.
        """
        self._path = path
        self._folders = _read(path) if path is not None else {}

    def __contains__(self, folder: Path) -> bool:
        return str(folder) in self._folders

    def __iter__(self) -> Iterator[Path]:
        return map(Path, sorted(self._folders))

    def state(self, project: Project) -> TrustState:
        """Whether what is in the project now is what was trusted."""
        known = self._folders.get(str(project.folder))
        if known is None:
            return "unknown"
        return "trusted" if known == project.digests else "changed"

    def changes(self, project: Project) -> list[str]:
        """The files that are other than they were, came, or went since the project was trusted."""
        known, now = self._folders.get(str(project.folder), {}), project.digests
        return sorted([name for name in {*known, *now} if known.get(name) != now.get(name)])

    def add(self, project: Project) -> None:
        """Trust what is in the project now.

        Raises:
            SettingsError: It cannot be stored.
        """
        self._store({**self._folders, str(project.folder): project.digests})

    def remove(self, folder: Path) -> bool:
        """Trust it no more; whether it was trusted.

        Raises:
            SettingsError: It cannot be stored.
        """
        if folder not in self:
            return False
        kept = {name: files for name, files in self._folders.items() if name != str(folder)}
        self._store(kept)
        return True

    def _store(self, folders: dict[str, dict[str, str]]) -> None:
        if self._path is None:
            raise SettingsError("There is no home to store this in", hint="Set HOME.")
        text = json.dumps({"v": _VERSION, "folders": folders}, indent=2)
        write_private(self._path, text, elsewhere="XDG_DATA_HOME")
        self._folders = folders


def find_project(folder: Path, trusted: Trusted) -> Project | None:
    """The project that `folder` lies in: the nearest folder upwards with a `retinue.toml`, or one
    that is trusted without having one.
    """
    here = folder.resolve()
    for candidate in (here, *here.parents):
        if candidate in trusted or _is_file(candidate / _FILE):
            return read_project(candidate)
    return None


def read_project(folder: Path) -> Project:
    """What is in the folder: `retinue.toml`, `.env`, `agents/`, `personas/*.toml`, `tools/*.py`."""
    here = folder.resolve()
    files: dict[str, bytes] = {}
    personas, tools = sorted(here.glob("personas/*.toml")), sorted(here.glob("tools/*.py"))
    for path in (here / _FILE, here / ".env", *_below(here / "agents"), *personas, *tools):
        with suppress(OSError):  # what cannot be read cannot redirect
            if _is_file(path):
                files[path.relative_to(here).as_posix()] = path.read_bytes()
    return Project(here, files)


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from [Path(place) / name for name in sorted(names)]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        stored: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _unreadable(path, getattr(error, "strerror", None) or "no JSON") from error
    match stored:
        case {"v": 1, "folders": folders} if _are_digests(folders):
            return folders
        case _:
            raise _unreadable(path, "of another version")


def _are_digests(folders: Any) -> bool:
    return isinstance(folders, dict) and all(
        isinstance(files, dict)
        and all(isinstance(digest, str) for digest in cast("dict[str, Any]", files).values())
        for files in cast("dict[str, Any]", folders).values()
    )


def _unreadable(path: Path, why: str) -> SettingsError:
    return SettingsError(
        f"{path} cannot be read: {why}",
        hint="Move it away, and trust your projects again: `retinue trust`.",
    )
