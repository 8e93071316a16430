"""Tables: held until they end, or have grown long; then drawn in columns, or where there is no room
for columns, row by row as a list of values."""

import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import Final, Literal, NamedTuple

from retinue.telemetry.terminal import Look

from ._cells import Line, Piece, folded, longest_word, room, trimmed
from ._inline import FAINT, Carried, Ink, finish

type Align = Literal["left", "right", "centre"]

_HELD: Final = 40
"""So many rows decide how wide the columns are."""
_WORD: Final = 12
"""Longer words may be cut for the sake of columns."""
_BAR: Final = 3
"""Cells between two columns."""
_PIPE: Final = re.compile(r"(?<!\\)\|")
_DASHES: Final = re.compile(r":?-+:?")


def split(row: str) -> list[str]:
    """The cells of a row."""
    cells = [cell.strip(" ") for cell in _PIPE.split(row.strip(" ").removeprefix("|"))]
    if len(cells) > 1 and not cells[-1]:
        del cells[-1]  # what is behind the last bar
    return [cell.replace("\\|", "|") for cell in cells]


def alignments(row: str) -> list[Align] | None:
    """What the line below the head says of the columns; None if it is no such line."""
    if "|" not in row or row.strip(" :-|"):
        return None
    columns = split(row)
    if not all(_DASHES.fullmatch(column) for column in columns):
        return None
    return [_alignment(column) for column in columns]


def _alignment(dashes: str) -> Align:
    match dashes[0], dashes[-1]:
        case ":", ":":
            return "centre" if len(dashes) > 1 else "left"
        case _, ":":
            return "right"
        case _:
            return "left"


class _Cell(NamedTuple):
    pieces: list[Piece]
    size: int
    word: int


class Table:
    """Rows under a head. Its state is replaced, not changed, so that a copy stays."""

    def __init__(self, head: Sequence[str], aligns: Sequence[Align], look: Look) -> None:
        columns = max(len(head), len(aligns))
        self._look = look
        self._aligns: list[Align] = [*aligns, *["left" for _ in range(columns - len(aligns))]]
        texts = [*head, *[""] * (columns - len(head))]
        self._head = [_cell(text, Ink(("bold",), look.colour)) for text in texts]
        self._sizes = [cell.size for cell in self._head]
        self._words = [cell.word for cell in self._head]
        self._rows: tuple[list[_Cell], ...] = ()
        self._drawn = False

    def row(self, text: str, width: int) -> list[Line]:
        """Another row; the lines that are finished."""
        last = len(self._head) - 1
        texts = split(text)
        texts[last:] = [" | ".join(texts[last:])]  # bars too many are likely to be text
        texts += [""] * (last + 1 - len(texts))
        row = [_cell(text, Ink((), self._look.colour)) for text in texts]
        if self._drawn:
            return self._following(row, width)
        self._rows = (*self._rows, row)
        self._sizes = [max(size, cell.size) for size, cell in zip(self._sizes, row, strict=True)]
        self._words = [max(word, cell.word) for word, cell in zip(self._words, row, strict=True)]
        if len(self._rows) < _HELD:
            return []
        lines = self.end(width)
        self._drawn = True
        return lines

    def end(self, width: int) -> list[Line]:
        """The table is over; the lines that are left."""
        if self._drawn:
            return []
        widths = self._widths(width)
        lines = self._top(widths, width)
        between = self._between(widths, width)
        for n, row in enumerate(self._rows):
            lines += between if n else []
            lines += self._drawing(row, widths, width)
        return lines

    so_far = end

    def _following(self, row: list[_Cell], width: int) -> list[Line]:
        widths = self._widths(width)
        return [*self._between(widths, width), *self._drawing(row, widths, width)]

    def _widths(self, width: int) -> list[int] | None:
        """How wide each column is; None if there is no room for columns.

        Each has room for its words; what is left goes to those that want more, in equal shares.
        """
        widths = [max(1, min(word, _WORD)) for word in self._words]
        left = width - sum(widths) - _BAR * (len(widths) - 1)
        if left < 0:
            return None
        wanted = [size - least for size, least in zip(self._sizes, widths, strict=True)]
        order = sorted(range(len(widths)), key=lambda column: wanted[column])
        for n, column in enumerate(order):
            share = max(0, min(wanted[column], left // (len(order) - n)))
            widths[column] += share
            left -= share
        return widths

    def _top(self, widths: list[int] | None, width: int) -> list[Line]:
        if widths is not None:
            return [*self._drawing(self._head, widths, width), self._rule(widths)]
        if self._rows:
            return []  # each value says what it is
        return [line for cell in self._head for line in folded(cell.pieces, width)]

    def _between(self, widths: list[int] | None, width: int) -> list[Line]:
        """What is between two rows: nothing if each has one line."""
        if widths is None:
            return [self._rule([min(width, 8)])]
        if any(size > column for size, column in zip(self._sizes, widths, strict=True)):
            return [self._rule(widths)]
        return []

    def _rule(self, widths: list[int]) -> Line:
        dash, cross = self._look.sign("─", "-"), self._look.sign("─┼─", "-+-")
        return [(cross.join([dash * width for width in widths]), FAINT)]

    def _drawing(self, row: list[_Cell], widths: list[int] | None, width: int) -> list[Line]:
        if widths is None:
            return [
                line
                for head, cell in zip(self._head, row, strict=True)
                if cell.pieces
                for line in folded(_labelled(head, cell), width)
            ]
        bar: Piece = (self._look.sign(" │ ", " | "), FAINT)
        columns = [folded(cell.pieces, size) for cell, size in zip(row, widths, strict=True)]
        lines: list[Line] = []
        for parts in zip_longest(*columns, fillvalue=()):
            line: Line = []
            for n, (part, size, align) in enumerate(zip(parts, widths, self._aligns, strict=True)):
                before, after = _padding(size - room(part), align)
                line += [bar] * (n > 0)
                line += [(" " * before, ()), *part, (" " * after, ())]
            lines.append(trimmed(line))
        return lines


def _cell(text: str, ink: Ink) -> _Cell:
    pieces = finish(text, Carried(), ink)
    lines = folded(pieces, 1_000_000)
    return _Cell(pieces, max(map(room, lines), default=0), longest_word(pieces))


def _labelled(head: _Cell, cell: _Cell) -> list[Piece]:
    return [*head.pieces, (": ", ()), *cell.pieces] if head.pieces else cell.pieces


def _padding(free: int, align: Align) -> tuple[int, int]:
    match align:
        case "left":
            return 0, free
        case "right":
            return free, 0
        case "centre":
            return free // 2, free - free // 2
