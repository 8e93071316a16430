"""Leaves: paragraphs, code and headings, as lines of pieces, finished as soon as they can be."""

from typing import Final, Protocol

from ._cells import Line, bulk, cut, fold, folded
from ._inline import CODE, Carried, Ink, finish, presume, settle

_HELD: Final = 6
"""So many lines of a paragraph are held back, waiting for what would close a marker."""
_TITLE: Final = 3
"""So many lines may turn out to be a heading or the head of a table."""
_INDENT: Final = "  "
_NARROW: Final = 10  # where code is not indented


class Leaf(Protocol):
    """A block without blocks in it. Its state is replaced, not changed, so that a copy stays."""

    def add(self, text: str, width: int) -> list[Line]:
        """More of the present line; the lines that are finished."""
        ...

    def end_line(self, width: int) -> list[Line]:
        """The line is over."""
        ...

    def end(self, width: int) -> list[Line]:
        """The block is over; the lines that are left."""
        ...

    def so_far(self, width: int) -> list[Line]:
        """The lines that are left if nothing surprising comes; changes nothing."""
        ...


class Paragraph:
    """Running text. Lines go out once nothing that comes can change them, or it takes too long."""

    def __init__(self, ink: Ink) -> None:
        self._ink = ink
        self._source = ""
        self._carried = Carried()
        self._rest: Line = []
        self._begun = False

    @property
    def title(self) -> str | None:
        """Its source, as long as it is one short line that may turn out to be something else."""
        return None if self._begun else self._source

    def add(self, text: str, width: int) -> list[Line]:
        self._source += text
        if not self._begun and "\n" not in text and bulk(self._source) <= _TITLE * width:
            return []
        self._begun = True
        pieces, settled, self._carried = settle(self._source, self._carried, self._ink)
        self._source = self._source[settled:]
        if bulk(self._source) > _HELD * width:
            end = self._source.rfind(" ") + 1
            if end < len(self._source) // 2:
                end = len(self._source)
            more, self._carried = presume(self._source, end, self._carried, self._ink)
            pieces += more
            self._source = self._source[end:]
        lines, self._rest = fold([*self._rest, *pieces], width)
        return lines

    def end_line(self, width: int) -> list[Line]:
        return []

    def end(self, width: int) -> list[Line]:
        return folded([*self._rest, *finish(self._source, self._carried, self._ink)], width)

    def so_far(self, width: int) -> list[Line]:
        pieces, _ = presume(self._source, len(self._source), self._carried, self._ink)
        return folded([*self._rest, *pieces], width)


class Code:
    """Lines of code: each goes out at its end, cut where it is too long.

    Spaces at the end of a line, and blank lines before the first and after the last, are left out.

    Args:
        fence: What closes it; empty if it is the indentation that does.
        indent: Spaces before the fence, which its lines may have, too.
    """

    def __init__(self, fence: str = "", indent: int = 4) -> None:
        self.fence = fence
        self.indent = indent
        self._rest = ""
        self._spaces = 0
        self._blanks = 0
        self._begun = False

    def add(self, text: str, width: int) -> list[Line]:
        body = text.rstrip(" ")
        spaces = self._spaces
        self._spaces = len(text) - len(body)
        if not body:
            self._spaces += spaces
            return []
        blanks: list[Line] = [[] for _ in range(self._blanks if self._begun else 0)]
        full, rest = cut([(self._rest + " " * spaces + body, CODE)], _inside(width))
        self._rest = "".join([text for text, _ in rest])
        self._blanks = 0
        self._begun = True
        return [*blanks, *[_indented(line, width) for line in full]]

    def end_line(self, width: int) -> list[Line]:
        lines = self.end(width)
        self._blanks += not lines
        self._rest = ""
        self._spaces = 0
        return lines

    def end(self, width: int) -> list[Line]:
        return [_indented([(self._rest, CODE)], width)] if self._rest else []

    so_far = end


def _inside(width: int) -> int:
    return width - len(_INDENT) if width >= _NARROW else width


def _indented(line: Line, width: int) -> Line:
    return [(_INDENT, ()), *line] if width >= _NARROW else line
