"""The history: the conversation a question belongs to, in a file that can be added to."""

import os
from pathlib import Path
from typing import Final

from retinue.errors import RetinueError, UsageError
from retinue.messages.history import MarkdownHistory

_TO_ADD: Final = os.O_WRONLY | os.O_APPEND | getattr(os, "O_NONBLOCK", 0)
"""A pipe that nobody reads is an error then, and no wait."""


def open_history(path: str | None) -> MarkdownHistory | None:
    """The conversation in this file, once it is sure that it can be added to.

    Raises:
        UsageError: There can be no such file.
        RetinueError: It cannot be written.
    """
    if path is None:
        return None
    file = Path(path)
    if file.is_dir():
        raise UsageError(f"{path} is a folder", hint=f"Name a file: --history {file / 'CHAT.md'}")
    if not file.parent.is_dir():
        raise UsageError(f"There is no folder {file.parent}", hint=f"mkdir -p {file.parent}")
    try:
        if file.exists():
            os.close(os.open(file, _TO_ADD))
        elif not os.access(file.parent, os.W_OK):
            raise PermissionError(0, "its folder may not be written")
    except OSError as error:
        raise RetinueError(
            f"The history {path} cannot be written: {error.strerror}",
            hint="Nothing was asked. Make it writable, or choose another --history.",
        ) from error
    return MarkdownHistory(file)
