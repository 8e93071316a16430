"""Files of settings: TOML and .env, and errors that name the line."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from retinue.errors import SettingsError

_PLACE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_VARIABLE: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.DOTALL)
_SINGLE: Final = re.compile(r"'([^']*)'\s*(?:#.*)?")
_DOUBLE: Final = re.compile(r'"((?:\\.|[^"\\])*)"\s*(?:#.*)?')
_HEADING: Final = re.compile(r"\s*\[")
_COMMENT: Final = re.compile(r"(?:^|\s)#")
_ESCAPED: Final = re.compile(r'\\[nt"\\]')
_ESCAPES: Final = {r"\n": "\n", r"\t": "\t", r"\"": '"', r"\\": "\\"}


def parse_toml(raw: bytes, path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        SettingsError: It is no TOML; with line and column.
    """
    text = _decoded(raw, path)
    tomllib = import_module("tomllib")  # most people have no such file, and it takes time to load
    try:
        return tomllib.loads(text)
    except ValueError as error:
        found = _PLACE.search(str(error))
        line, column = found.groups() if found else (None, None)
        place = f"{path}:{line}:{column}" if line else f"{path}:{text.count(chr(10)) + 1}"
        raise SettingsError(
            f"{place}: {_PLACE.sub('', str(error))}",
            hint='A setting is written `name = "text"`, `name = 4`, `name = true`.',
        ) from error


def parse_env(raw: bytes, path: Path) -> dict[str, str]:
    """The variables of a .env file: NAME=value, quotes, `export`, comments; nothing is expanded.

    Raises:
        SettingsError: A line is something else; with its number.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(_decoded(raw, path).splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _VARIABLE.fullmatch(line)
        value = _unquoted(match[2]) if match else None
        if match is None or value is None:
            raise SettingsError(
                f"{path}:{number}: this is no variable",
                hint="A line of it is NAME=value, or a comment after #.",
            )
        found[match[1]] = value
    return found


def check_known(
    table: Mapping[str, Any],
    known: Mapping[str, Any] | set[str],
    raw: bytes,
    path: Path,
    what: str,
    *,
    heading: str | None = None,
) -> None:
    """Refuse names that are none.

    Raises:
        SettingsError: With the line, and the name that was perhaps meant.
    """
    for name in table:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(known))}."
            place = line_of(name, raw, path, heading=heading)
            raise SettingsError(f"{place}: unknown {what} {name!r}", hint=hint)


def line_of(name: str, raw: bytes, path: Path, *, heading: str | None = None) -> str:
    """Where in the file a name is set: "path:line"; the path alone where that cannot be seen.

    Args:
        heading: The table that it is in; its own line, where that of the name cannot be seen.
    """
    place, wanted = str(path), [_line(heading), _line(name)] if heading else [_line(name)]
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
        if wanted[0].match(line):
            place = f"{path}:{number}"
            del wanted[0]
        elif heading and len(wanted) == 1 and _HEADING.match(line):
            break
        if not wanted:
            break
    return place


def _line(name: str) -> re.Pattern[str]:
    last = re.escape(name.rpartition(".")[2])
    return re.compile(rf'^\s*(?:\[.*\b{last}\b|["\']?{last}["\']?\s*[=.])')


def _decoded(raw: bytes, path: Path) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = raw[: error.start].count(b"\n") + 1
        raise SettingsError(
            f"{path}:{number}: byte 0x{raw[error.start]:02x} is no UTF-8",
            hint="Save the file as UTF-8.",
        ) from error


def _unquoted(value: str) -> str | None:
    """The value without quotes and trailing comment; None where a quote is not closed."""
    match value[:1]:
        case "'":
            found = _SINGLE.fullmatch(value)
            return found[1] if found else None
        case '"':
            found = _DOUBLE.fullmatch(value)
            return _ESCAPED.sub(lambda one: _ESCAPES[one[0]], found[1]) if found else None
        case _:
            return _COMMENT.split(value, maxsplit=1)[0].strip()
