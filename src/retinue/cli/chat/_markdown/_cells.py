"""Cells: how much room text takes on a terminal, and how it is folded into lines of so many.

A piece is text in one style, a line is pieces. `fold` and `cut` take what is left of an unfinished
line together with what comes after it, and give the full lines and, again, what is left: so a text
may come bit by bit, and the width may change in between.
"""

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Final
from unicodedata import category

from wcwidth import iter_graphemes, wcswidth

from retinue.telemetry.terminal import Look

type Style = tuple[str, ...]
"""Styles of `Look.paint`."""
type Piece = tuple[str, Style]
type Line = list[Piece]

BREAK: Final[Piece] = ("\n", ())
"""A piece that ends the line."""

_UNSPACED: Final = (
    "\u2e80-\u30ff\u3105-\u312f\u3190-\u4dbf\u4e00-\ua4cf\uf900-\ufaff\uff01-\uff9f"
    "\U00020000-\U0003fffd"
)
_JOINER: Final = "\u200d"
_VARIANT: Final = "\u3099\u309a\ufe00-\ufe0f\U000e0100-\U000e01ef"
_ATOM: Final = re.compile(rf" +|[{_UNSPACED}][{_VARIANT}]*|[^ {_UNSPACED}]+")
_UNSPACED_LETTER: Final = re.compile(rf"[{_UNSPACED}]")
_STARTS_NO_LINE: Final = frozenset(("Pe", "Pf", "Po", "Lm"))
"""Categories of letters: closing brackets, full stops, the long vowel of Japanese ..."""
_ENDS_NO_LINE: Final = frozenset(("Ps", "Pi"))


def cells(text: str) -> int:
    """How many cells the text takes; it has no control characters."""
    if text.isascii():
        return len(text)
    if _JOINER in text:  # wcswidth takes whatever follows one for a part of an emoji
        return sum([max(0, wcswidth(letter)) for letter in iter_graphemes(text)])
    return max(0, wcswidth(text))


def bulk(text: str) -> int:
    """How much text that is, in cells; what has hardly any, such as accents, counts too."""
    return max(cells(text), len(text) // 4)


def room(line: Iterable[Piece]) -> int:
    """How many cells the line takes."""
    return sum([cells(text) for text, _ in line])


def painted(line: Iterable[Piece], look: Look) -> str:
    """The line as it is written to the terminal; each style is closed where it ends."""
    return "".join(
        [
            look.paint("".join([text for text, _ in same]), *style)
            for style, same in groupby(line, key=lambda piece: piece[1])
        ]
    )


def trimmed(line: Line) -> Line:
    """The line without spaces at its end."""
    line = list(line)
    while line:
        text, style = line.pop()
        if kept := text.rstrip(" "):
            return [*line, (kept, style)]
    return line


def longest_word(line: Iterable[Piece]) -> int:
    """How many cells a column needs at least if no word of the line is to be cut."""
    text = "".join([text for text, _ in line])
    return max([cells(word) for word in _ATOM.findall(text.replace("\n", " "))], default=0)


def is_unspaced(letter: str) -> bool:
    """Whether it belongs to a script that is written without spaces (Chinese, Japanese ...)."""
    return _UNSPACED_LETTER.match(letter) is not None


def fold(pieces: Iterable[Piece], width: int) -> tuple[list[Line], Line]:
    """The full lines of these pieces, and what is left for the next one: its last word may grow.

    Lines are broken at spaces and between letters of unspaced scripts; a word that has no room on
    a line of its own is cut. Spaces where a line is broken, and empty lines, are left out.
    """
    folding = _Folding(width)
    for text, style in _joined(pieces):
        folding.add(text, style)
    return _bounded(*folding.so_far(), width)


def folded(pieces: Iterable[Piece], width: int) -> list[Line]:
    """All lines of these pieces: nothing comes after them."""
    folding = _Folding(width)
    for text, style in _joined(pieces):
        folding.add(text, style)
    folding.end_line()
    return folding.lines


def cut(pieces: Iterable[Piece], width: int) -> tuple[list[Line], Line]:
    """As `fold`, but cut wherever a line is full, and nothing is left out."""
    lines: list[Line] = []
    line: Line = []
    used = 0
    for text, style in _joined(pieces):
        if text.isascii():
            at = 0
            while len(text) - at > width - used:
                end = at + max(0, width - used)  # a letter may be wider than the screen
                lines.append([*line, (text[at:end], style)] if end > at else line)
                line, used, at = [], 0, end
            line.append((text[at:], style))
            used += len(text) - at
            continue
        for letter in iter_graphemes(text):
            size = cells(letter)
            if used + size > width and line:
                lines.append(line)
                line, used = [], 0
            line.append((letter, style))
            used += size
    return _bounded(lines, line, width)


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces with neighbours in one style as one, and no letter torn from its accents."""
    joined: list[Piece] = []
    before: Style | None = None
    for text, style in pieces:
        if text == "\n":
            joined.append(BREAK)
            before = None
            continue
        if before is not None and style != before and not text.isascii():
            accents = 0
            while accents < len(text) and not cells(text[accents]):
                accents += 1
            joined[-1] = (joined[-1][0] + text[:accents], before)
            text = text[accents:]
        if not text:
            continue
        if style == before:
            joined[-1] = (joined[-1][0] + text, style)
        else:
            joined.append((text, style))
        before = style
    return joined


def _bounded(lines: list[Line], rest: Line, width: int) -> tuple[list[Line], Line]:
    """Letters without any width must not make a line that has no end."""
    if sum([len(text) for text, _ in rest]) <= 8 * width + 256:
        return lines, rest
    return [*lines, rest], []


class _Folding:
    """Lines in the making: those that are full, one with words on it, a gap, and a last word."""

    def __init__(self, width: int) -> None:
        self.lines: list[Line] = []
        self._width = width
        self._line: Line = []
        self._used = 0
        self._gap: Piece = ("", ())
        self._word: Line = []
        self._size = 0
        self._loose = False
        """Whether the line may be broken after the word as it is."""

    def add(self, text: str, style: Style) -> None:
        if text == "\n":
            self.end_line()
        elif text.isascii():
            first, *words = text.split(" ")
            if first:
                self._grow(first, style, len(first), unspaced=False)
            for word in words:
                self._space(" ", style)
                if word:
                    self._word = [(word, style)]
                    self._size = len(word)
                    self._loose = False
        else:
            for atom in _ATOM.findall(text):
                if atom[0] == " ":
                    self._space(atom, style)
                else:
                    self._grow(atom, style, cells(atom), unspaced=is_unspaced(atom))

    def end_line(self) -> None:
        self._place()
        self._turn()

    def so_far(self) -> tuple[list[Line], Line]:
        """The full lines, and the rest: words, gap, and the last word."""
        if self._used + len(self._gap[0]) + self._size > self._width:
            self._place()
        gap = [self._gap] if self._gap[0] else []
        return self.lines, [*self._line, *gap, *self._word]

    def _grow(self, atom: str, style: Style, size: int, *, unspaced: bool) -> None:
        if (unspaced or self._loose) and self._word:
            before, after = category(self._word[-1][0][-1]), category(atom[0])
            if before not in _ENDS_NO_LINE and after not in _STARTS_NO_LINE:
                self._place()
        self._word.append((atom, style))
        self._size += size
        self._loose = unspaced

    def _space(self, text: str, style: Style) -> None:
        self._place()
        if self._used:
            self._gap = (self._gap[0] + text, self._gap[1] if self._gap[0] else style)
            if self._used + len(self._gap[0]) >= self._width:
                self._turn()

    def _place(self) -> None:
        """Put the last word on the line, or on the next ones."""
        if not self._word:
            return
        used = self._used + len(self._gap[0]) + self._size
        if used <= self._width:
            if self._gap[0]:
                self._line.append(self._gap)
            self._line += self._word
            self._used = used
        else:
            self._turn()
            full, self._line = cut(self._word, self._width)
            self.lines += full
            self._used = room(self._line) if full else self._size
        self._gap = ("", ())
        self._word = []
        self._size = 0

    def _turn(self) -> None:
        """Begin another line."""
        if self._line:
            self.lines.append(self._line)
            self._line = []
        self._used = 0
        self._gap = ("", ())
