"""Typed: what the person typed before, in a file that only they can read."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from prompt_toolkit.history import FileHistory


class Typed(FileHistory):
    """Goes on without the file where it cannot be read or written, and says so once.

    Args:
        path: The file; it is made, with its folder, by the first line.
        remark: Says what is good to know.
    """

    def __init__(self, path: Path, remark: Callable[[str], None]) -> None:
        super().__init__(path)
        self._path = path
        self._remark = remark
        self._broken = False

    def load_history_strings(self) -> Iterable[str]:
        """The newest first."""
        try:
            return super().load_history_strings()
        except OSError as error:
            self._say(error)
            return ()

    def store_string(self, string: str) -> None:
        if self._broken:
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600))
            super().store_string(string)
        except OSError as error:
            self._say(error)

    def _say(self, error: OSError) -> None:
        if not self._broken:
            self._broken = True
            why = error.strerror or str(error)
            self._remark(f"What you type is not kept: {self._path}: {why}")
