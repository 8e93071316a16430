"""Files that only their owner can read, written whole or not at all."""

import os
import time
from contextlib import suppress
from pathlib import Path

from retinue.errors import SettingsError


def write_private(path: Path, text: str, *, elsewhere: str) -> None:
    """Put the text in the place of what is there; folders that are missing are made.

    Args:
        elsewhere: The variable that chooses another place, for the hint.

    Raises:
        SettingsError: It cannot be written; what was there is there still.
    """
    target = Path(os.path.realpath(path))  # a link stays a link: some keep their settings elsewhere
    fresh = target.with_name(f"{target.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        _make(target.parent)
        descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.replace(fresh, target)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise SettingsError(
            f"{path} cannot be written: {error.strerror}",
            hint=f"Make its folder writable, or choose another one with {elsewhere}.",
        ) from error


def _make(folder: Path) -> None:
    """As the XDG specification wants it: every folder that is missing is made for us alone."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
