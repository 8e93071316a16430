"""Emphasis: runs of `*`, `_` and `~~`, and which of them belong together."""

from dataclasses import dataclass, field
from typing import Self
from unicodedata import category

from ._cells import Style, is_unspaced


@dataclass(slots=True)
class Node:
    """A stretch of text, and the styles that end before it and begin after it."""

    at: int
    """Where in the source it begins."""
    text: str
    style: Style = ()
    """Its own, besides those."""
    opens: list[str] = field(default_factory=list[str])
    closes: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Run(Node):
    """A run of markers; its text is what is left of it."""

    length: int = 0
    """How many there were."""
    can_open: bool = False
    can_close: bool = False
    past: bool = False
    """Whether its styles have begun."""
    first: Self | None = None
    """The leftmost run that it has closed."""


def run_of(at: int, markers: str, before: str, after: str) -> Run:
    """These markers between two letters, which decide what they may do.

    The rules are https://spec.commonmark.org/0.31.2/#emphasis-and-strong-emphasis.
    """
    run = Run(at, markers, length=len(markers))
    if markers[0] == "~" and run.length != 2:
        return run
    space_before, space_after = before.isspace(), after.isspace()
    mark_before, mark_after = _is_mark(before), _is_mark(after)
    left = not space_after and (
        not mark_after or space_before or mark_before or is_unspaced(before)
    )
    right = not space_before and (
        not mark_before or space_after or mark_after or is_unspaced(after)
    )
    if markers[0] == "_":  # snake_case_name
        run.can_open = left and (not right or mark_before)
        run.can_close = right and (not left or mark_after)
    else:
        run.can_open, run.can_close = left, right
    return run


def past_run(markers: str) -> Run:
    """Markers before the text, whose styles have begun."""
    return Run(-1, markers, length=len(markers), can_open=True, past=True)


def styles_of(markers: str) -> list[str]:
    """The styles that these markers stand for."""
    if markers[:1] == "~":
        return ["strike"]
    return ["bold"] * (len(markers) // 2) + ["italic"] * (len(markers) % 2)


def pair(runs: list[Run], bottom: int) -> None:
    """Pair the runs from `bottom` on; leaves those in the list that may still be closed later.

    The algorithm is https://spec.commonmark.org/0.31.2/#phase-2-inline-structure.
    """
    floor: dict[tuple[str, bool, int], int] = {}
    at = bottom
    while at < len(runs):
        closer = runs[at]
        if not closer.can_close:
            at += 1
            continue
        kind = (closer.text[0], closer.can_open, closer.length % 3)
        lowest = floor.get(kind, -1)
        found = at - 1
        while found >= bottom and runs[found].at >= lowest and not _fit(runs[found], closer):
            found -= 1
        if found < bottom or runs[found].at < lowest:
            floor[kind] = closer.at  # nothing before it fits such a closer
            if closer.can_open:
                at += 1
            else:
                del runs[at]
            continue
        opener = runs[found]
        _join(opener, closer)
        del runs[found + 1 : at]
        at = found + 1
        if not closer.text:
            del runs[at]
        if not opener.text:
            del runs[found]
            at -= 1


def _fit(opener: Run, closer: Run) -> bool:
    if not opener.can_open or opener.text[0] != closer.text[0]:
        return False
    both_ways = opener.can_close or closer.can_open
    return not (both_ways and (opener.length + closer.length) % 3 == 0 and closer.length % 3)


def _join(opener: Run, closer: Run) -> None:
    count = min(2, len(opener.text), len(closer.text))
    ended = styles_of(opener.text[:count])
    begun = styles_of(opener.text)
    opener.text = opener.text[count:]
    closer.text = closer.text[count:]
    closer.first = opener
    if not opener.past:
        opener.opens += ended
        closer.closes += ended
        return
    going_on = styles_of(opener.text)  # all its styles have begun, perhaps not as they are to end
    for style in begun:
        if style in going_on:
            going_on.remove(style)
        elif style in closer.opens:
            closer.opens.remove(style)
        else:
            closer.closes.append(style)
    closer.opens += going_on


def _is_mark(letter: str) -> bool:
    """Whether it is punctuation or a symbol; those of unspaced scripts go as letters."""
    return category(letter)[0] in "PS" and not is_unspaced(letter)
