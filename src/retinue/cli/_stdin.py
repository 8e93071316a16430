"""Standard input as text: all of it, up to a limit, or an error that says where it is none."""

import codecs
import select
from collections.abc import Callable
from typing import Final, TextIO

from retinue.errors import RetinueError
from retinue.telemetry.terminal import is_live

LIMIT: Final = 10 * 1024 * 1024
"""Bytes; more would fit no model."""

PATIENCE: Final = 3.0
"""Seconds of silence after which the person is told what we wait for."""


def read_input(stream: TextIO | None, *, waiting: Callable[[], None]) -> str | None:
    """What was piped in; None where nothing could be: a terminal, or no input at all.

    Args:
        stream: sys.stdin.
        waiting: Called once when nothing has come for a while.

    Raises:
        RetinueError: It is no UTF-8, too much, or cannot be read.
    """
    if stream is None or stream.closed or is_live(stream):
        return None
    try:
        if _silent(stream):
            waiting()
        raw = stream.buffer.read(LIMIT + 1)
    except OSError as error:
        raise RetinueError(
            f"Standard input cannot be read: {error.strerror}", hint="Close it: </dev/null"
        ) from error
    if len(raw) > LIMIT:
        raise RetinueError(
            f"More than {LIMIT // 1024**2} MB came in on standard input",
            hint="Pass the part that matters, with head, tail or grep.",
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_text(raw, error.start) from error


def _silent(stream: TextIO) -> bool:
    """Whether nothing came in time; where that cannot be known (Windows), something did."""
    try:
        return not select.select([stream], [], [], PATIENCE)[0]
    except (OSError, ValueError):
        return False


def _no_text(raw: bytes, at: int) -> RetinueError:
    line = raw[:at].count(b"\n") + 1
    is_utf_16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if is_utf_16 else "latin1"
    return RetinueError(
        f"Standard input is no UTF-8: byte 0x{raw[at]:02x} in line {line}, at offset {at}",
        hint=f"If it is text, convert it: iconv -f {encoding} -t utf-8",
    )
