"""Brief: ids, ages and words as lists show them."""

import datetime
import shutil
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from retinue.telemetry.terminal import one_line

from ._screen import Screen

ID: Final = 10
"""Letters of an id that a list shows, at least: the part that says when it was made."""

_WIDE: Final = 200
"""Letters of a line that no terminal cuts."""

_UNITS: Final = (("day", 86_400), ("h", 3_600), ("min", 60))


def brief_ids(ids: Iterable[str]) -> dict[str, str]:
    """How each of these ids begins, so that it is none of the others."""
    known = sorted(set(ids))
    length = dict.fromkeys(known, ID)
    for one, other in pairwise(known):
        same = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
        needed = min(len(one), len(other)) if same is None else same + 1
        length[one] = max(length[one], needed)
        length[other] = max(length[other], needed)
    return {id: id[: length[id]] for id in known}


def age(at: datetime.datetime, now: datetime.datetime) -> str:
    """How long ago that was: "now", "3 min", "2 h", "5 days"."""
    seconds = max(0.0, (now - at).total_seconds())
    return "now" if seconds < 60 else span(seconds)


def span(seconds: float) -> str:
    """So much time, in its largest unit: "40 s", "3 min", "2 h", "1 day"."""
    for unit, size in _UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"
    return f"{int(seconds)} s"


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def width_of(screen: Screen) -> int:
    """Letters that fit into a line: of the terminal, where there is one."""
    return shutil.get_terminal_size().columns if screen.look.live else _WIDE


def columns(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The same cells, each as wide as the widest of its column; the last stays as it is."""
    if not rows:
        return []
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        [*[cell.ljust(width) for cell, width in zip(row, widths[:-1], strict=False)], row[-1]]
        for row in rows
    ]


def cut(text: str, width: int) -> str:
    """The text on one line that fits; nothing, where there is no room for a word."""
    return one_line(text, width=width) if width > 3 else ""
