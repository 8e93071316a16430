"""Folders: where we keep things can be written, is for its owner alone, and has room."""

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

from ._finding import Finding, aside

_LITTLE: Final = 1_000_000_000
"""Bytes that are free; with less, one should know."""
_NOTHING: Final = 20_000_000
"""With less, a database may not be written to its end."""


async def folder(about: str, file: Path | None, variable: str) -> list[Finding]:
    """How it is with the folder of a file of ours, which need not be there yet.

    Args:
        file: None where there is no home.
        variable: Which may name another place.
    """
    if file is None:
        fix = f"Set HOME, or {variable}."
        return [Finding(about=about, state="wrong", words="there is no home for it", fix=fix)]
    path = file.parent
    try:
        return [await aside(lambda: _looked_at(about, path))]
    except TimeoutError:
        raise
    except OSError as error:
        words = f"{path} cannot be written: {error.strerror or error}"
        fix = f"Let it be a folder of yours, or name another place in {variable}."
        return [Finding(about=about, state="wrong", words=words, fix=fix)]


def _looked_at(about: str, path: Path) -> Finding:
    there = next(each for each in (path, *path.parents) if each.exists())
    tempfile.TemporaryFile(dir=there).close()  # to ask for permissions is not enough
    free = shutil.disk_usage(there).free
    room = f"{free / 1e9:.1f} GB are free" if free >= _LITTLE else f"{free // 10**6} MB are free"
    mode = stat.S_IMODE(there.stat().st_mode)
    if free < _LITTLE:
        state = "wrong" if free < _NOTHING else "warning"
        words = f"{path}: only {room}"
        return Finding(about=about, state=state, words=words, fix="Make room on that disk.")
    if there != path:
        words = f"{path} is made when it is needed; {room}"
        return Finding(about=about, state="fine", words=words)
    if mode & 0o077 and os.name == "posix":
        words, fix = f"{path} is open to others ({mode:04o})", f"chmod 700 {path}"
        return Finding(about=about, state="warning", words=words, fix=fix)
    return Finding(about=about, state="fine", words=f"{path} ({mode:04o}); {room}")
