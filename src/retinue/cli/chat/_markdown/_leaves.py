"""Leaves: paragraphs and code, whose lines are finished as soon as they can be.

Their state is replaced, never changed in place, so that a copy of one may go on by itself.
"""

from typing import Final

from ._cells import Line, bulk, cut, fold, folded
from ._inline import CODE, Carried, Ink, finish, presume, settle

_HELD: Final = 6
"""So many lines of a paragraph are held back, waiting for what would close a marker."""
_TITLE: Final = 3
"""So many lines may turn out to be a heading or the head of a table."""
_INDENT: Final = "  "
_NARROW: Final = 10
"""Narrower code is not indented."""


class Paragraph:
    """Running text. Lines go out once nothing that comes can change them, or it takes too long.

    Args:
        row: Whether it began as rows of a table do.
    """

    def __init__(self, ink: Ink, *, row: bool) -> None:
        self.row = row
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
        """More of it; the lines that are finished."""
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

    def end(self, width: int) -> list[Line]:
        """The paragraph is over; the lines that are left."""
        return folded([*self._rest, *finish(self._source, self._carried, self._ink)], width)

    def so_far(self, width: int) -> list[Line]:
        """The lines that are left, if what is open will be closed; nothing changes."""
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
        """More of the present line; the lines that are finished."""
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
        """The present line is over."""
        lines = self.end(width)
        self._blanks += not lines
        self._rest = ""
        self._spaces = 0
        return lines

    def end(self, width: int) -> list[Line]:
        """The code is over; the lines that are left."""
        if not self._rest:
            return []
        full, rest = cut([(self._rest, CODE)], _inside(width))  # the screen may be narrower now
        return [_indented(line, width) for line in (*full, rest)]

    so_far = end


def _inside(width: int) -> int:
    return width - len(_INDENT) if width >= _NARROW else width


def _indented(line: Line, width: int) -> Line:
    return [(_INDENT, ()), *line] if width >= _NARROW else line
