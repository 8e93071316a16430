"""The last link of the log chain: for a person (emoji, colour) or for a machine (JSON)."""

import json
import logging
import time
import traceback
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol
from zlib import crc32

from . import logger
from .terminal import Look, one_line, redacted

_SIGNS: Final = {"tool": "🔧", "model": "🧠", "agent": "🤖", "history": "📜"}
"""By the first field of an event that tells what it is about."""

_TROUBLE: Final = {
    "WARNING": ("⚡", "warning: ", "yellow"),
    "ERROR": ("💥", "error: ", "red"),
    "CRITICAL": ("💥", "error: ", "red"),
}
_CAST: Final = ("cyan", "magenta", "green", "yellow", "blue")


class Sink(Protocol):
    """Where lines go."""

    def write(self, lines: str, /) -> object: ...

    def flush(self) -> object: ...


@contextmanager
def listening(
    stream: Sink,
    *,
    level: int,
    formatter: logging.Formatter,
    secrets: Mapping[str, str] | None = None,
) -> Generator[None]:
    """Write log lines to `stream` until the block is left; warnings of Python are log lines, too.

    Args:
        level: Of our own lines; of other libraries' lines only warnings count, below debug.
        formatter: ForPeople or ForMachines.
        secrets: What must not be written, and what to write instead.
    """
    root = logging.getLogger()
    handler = _Handler(stream, secrets or {})
    handler.setFormatter(formatter)
    before = root.level, logger.level
    root.addHandler(handler)
    root.setLevel(logging.INFO if level <= logging.DEBUG else logging.WARNING)
    logger.setLevel(level)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        root.setLevel(before[0])
        logger.setLevel(before[1])


class ForPeople(logging.Formatter):
    """`🔧 tool used  tool=shell took=0.8`, each agent in a colour of its own.

    Args:
        look: What the stream can show.
        tracebacks: Whether an error is shown with its traceback, or in one line.
    """

    def __init__(self, look: Look, *, tracebacks: bool = False) -> None:
        super().__init__()
        self._look = look
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """One line; more only for a traceback."""
        look = self._look
        fields = _fields(record)
        line = f"{self._sign(record, fields)}{one_line(record.getMessage())}"
        told = " ".join([self._field(name, value) for name, value in fields.items()])
        if told:
            line += f"  {told}"
        error = _error(record)
        if error is None:
            return line
        line += "  " + look.paint(one_line(f"{type(error).__name__}: {error}"), "red")
        if self._tracebacks:
            line += "\n" + "".join(traceback.format_exception(error)).rstrip()
        return line

    def _sign(self, record: logging.LogRecord, fields: Mapping[str, Any]) -> str:
        if record.levelname in _TROUBLE:
            emoji, word, colour = _TROUBLE[record.levelname]
            return self._look.sign(f"{emoji} ", self._look.paint(word, colour, "bold"))
        kind = next((name for name in fields if name in _SIGNS), None)
        emoji = _SIGNS[kind] if kind else "•"
        return self._look.sign(f"{emoji} ", "- ")

    def _field(self, name: str, value: Any) -> str:
        look = self._look
        shown = one_line(f"{value:.3g}" if isinstance(value, float) else str(value), width=200)
        if name == "agent":
            shown = look.paint(shown, _CAST[crc32(shown.encode()) % len(_CAST)], "bold")
        return f"{look.paint(f'{name}=', 'dim')}{shown}"


class ForMachines(logging.Formatter):
    """One JSON object a line: at, level, event, the fields, and the error where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": timestamp(record.created),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if record.name != logger.name:
            line["logger"] = record.name
        for name, value in _fields(record).items():
            line[name if name not in line else f"{name}_"] = value
        error = _error(record)
        if error is not None:
            line["error"] = {
                "type": type(error).__name__,
                "message": str(error),
                "traceback": "".join(traceback.format_exception(error)),
            }
        return json.dumps(line, ensure_ascii=False, default=str)


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds: "2026-11-20T09:30:00.000Z"."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds * 1000) % 1000:03d}Z"


class _Handler(logging.StreamHandler[Sink]):
    def __init__(self, stream: Sink, secrets: Mapping[str, str]) -> None:
        super().__init__(stream)
        escaped = {json.dumps(secret)[1:-1]: shown for secret, shown in secrets.items()}
        self._secrets = {**secrets, **escaped}

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record), self._secrets.items())

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """A line that cannot be written harms nobody: there is no better place to say so."""


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    return getattr(record, "fields", {})


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None
