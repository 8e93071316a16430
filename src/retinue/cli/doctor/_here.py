"""Here: what was installed, and the terminal it runs in."""

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Final

import retinue
from retinue.cli._screen import Screen

from ._finding import Finding

_NARROW: Final = 40
"""Columns; below, tables and code cannot be read."""


def installed() -> list[Finding]:
    """Versions, and how they came here."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    return [
        Finding(about="retinue", state="fine", words=f"{retinue.__version__}, {_origin()}"),
        Finding(about="python", state="fine", words=f"{python}, {sys.executable}"),
        _packages(),
    ]


def terminal(screen: Screen, environ: Mapping[str, str]) -> list[Finding]:
    """What can be shown to whoever reads this."""
    if not screen.look.live:
        words = "none, so answers are plain text"
        return [Finding(about="terminal", state="note", words=words)]
    columns, rows = shutil.get_terminal_size()
    kind, encoding = environ.get("TERM", ""), sys.stdout.encoding.upper()
    colour = "colour" if screen.look.colour else "no colour"
    words = f"{columns} by {rows}, {colour}, {encoding}, TERM={kind}"
    if kind in ("", "dumb") and os.name == "posix":
        fix = "So it can only be printed on. If it can do more: export TERM=xterm-256color"
    elif not encoding.startswith("UTF"):
        fix = "So most letters and signs are shown as ?. If it can do more: export LANG=C.UTF-8"
    elif columns < _NARROW:
        fix = f"Make it {_NARROW} columns wide or more."
    else:
        return [Finding(about="terminal", state="fine", words=words)]
    return [Finding(about="terminal", state="warning", words=words, fix=fix)]


def _origin() -> str:
    """https://packaging.python.org/en/latest/specifications/direct-url/"""
    try:
        written = distribution("retinue").read_text("direct_url.json")
    except PackageNotFoundError:
        return f"not installed, but run from {Path(retinue.__file__).parent}"
    match json.loads(written or "{}"):
        case {"url": str(url), "dir_info": {"editable": True}}:
            return f"editable in {url.removeprefix('file://')}"
        case {"url": str(url)}:
            return f"installed from {url.removeprefix('file://')}"
        case _:
            return "installed from a package index"


def _packages() -> Finding:
    """The packages that are needed always."""
    try:
        required = distribution("retinue").requires or []
    except PackageNotFoundError:
        required = []
    names = [re.split(r"[^\w.-]", each, maxsplit=1)[0] for each in required if "extra" not in each]
    found = {name: _version(name) for name in names}
    missing = [name for name, version in found.items() if version is None]
    if missing:
        words = f"missing: {', '.join(missing)}"
        fix = "Install retinue again: `uv tool install retinue`, or `uv sync` in a checkout."
        return Finding(about="packages", state="wrong", words=words, fix=fix)
    words = ", ".join([f"{name} {version}" for name, version in found.items()])
    return Finding(about="packages", state="fine", words=words)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
