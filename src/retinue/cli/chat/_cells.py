"""Cells: how wide a text is on a terminal, where some letters take two columns and some none."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from wcwidth import wcswidth, wcwidth

_STYLE: Final = re.compile(r"\x1b\[[\d;]*m")


def cells(text: str) -> int:
    """The columns that a line of text takes, whatever its style."""
    return max(wcswidth(_STYLE.sub("", text)), 0)


def fit(text: str, width: int) -> str:
    """The text, cut to so many columns; that something is missing is seen."""
    if cells(text) <= width:
        return text
    taken = 1  # by the sign that something is missing
    for at, letter in enumerate(text):
        taken += max(wcwidth(letter), 0)
        if taken > width:
            return f"{text[:at]}…" if width > 0 else ""
    return text


def wrapped(lines: Iterable[str], width: int) -> Iterator[str]:
    """The lines, those that are too long broken between words; the rest is indented as they are."""
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip(" ")))
        row, *words = line[len(indent) :].split(" ")
        taken = len(indent) + cells(row)
        for word in words:
            more = 1 + cells(word)
            if taken + more <= width:
                row, taken = f"{row} {word}", taken + more
            else:
                yield indent + row
                row, taken = word, len(indent) + more - 1
        yield indent + row
