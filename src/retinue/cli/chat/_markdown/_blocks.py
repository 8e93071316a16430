"""Blocks: source lines in, screen lines out. Which lists and quotes are open, and in the innermost
a leaf, after CommonMark's way (https://spec.commonmark.org/0.31.2/#appendix-a-parsing-strategy).

A line may come before its end is known, then it is text of a paragraph or of code: what is
recognised by its end (headings, rules, tables, fences) is only seen in whole lines.
"""

import copy
import re
from dataclasses import dataclass
from typing import Final

from retinue.telemetry.terminal import Look

from ._cells import Line, Style, cells, folded, painted, trimmed
from ._inline import FAINT, Carried, Ink, finish
from ._leaves import Code, Paragraph
from ._table import Table, alignments, split

_DEPTH: Final = 16
"""So many lists and quotes in one another; markers of more are text."""
_ROOM: Final = 8
"""So many cells at least remain for the text, whatever lists and quotes it stands in."""
_ITEM: Final = re.compile(r"(?:[-+*•]|(\d{1,9})[.)])(?= |\Z)")
_TASK: Final = re.compile(r"\[([ xX])\] +(?=[^ ])")
_BULLET: Final = re.compile(r"[-+*•] ")
_SETEXT: Final = re.compile(r"(?:={2,}|-{3,}) *")
_FENCE: Final = re.compile(r"`{3,}(?=[^`]*\Z)|~{3,}")
_HEADING: Final = re.compile(r"#{1,6}(?= |\Z)")
_ROW: Final = re.compile(r"\|[^|]*\|")
_HEADINGS: Final[tuple[Style, ...]] = (
    ("bold", "underline", "magenta"),
    ("bold", "magenta"),
    ("bold", "green"),
    ("bold",),
)
_RULE: Final = 40
"""So many cells of a thematic break are enough."""
_BULLETS: Final = (("•", "-"), ("◦", "*"), ("▪", "+"))


@dataclass(frozen=True, slots=True, eq=False)
class Quote:
    """A block quote."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """An item of a list."""

    kind: str
    """Its bullet, or what follows its number: items of one list have the same."""
    indent: int
    """Spaces before what belongs to it."""
    marker: str
    """What is shown of it."""

    @property
    def numbered(self) -> bool:
        return self.kind in ".)"


type Container = Quote | Item
type Leaf = Paragraph | Code | Table


class Blocks:
    """The blocks of a text.

    Attributes:
        width: Cells of the screen; may change at any time.
        lines: The finished lines; whoever takes them empties the list.
    """

    def __init__(self, look: Look, width: int) -> None:
        self.width = width
        self.lines: list[str] = []
        self._look = look
        self._within: tuple[Container, ...] = ()
        self._marked = 0
        """How many of them have shown their marker."""
        self._leaf: Leaf | None = None
        self._begun = False
        """Whether the leaf has shown something."""
        self._last: tuple[Container, ...] | None = None
        """Where the last shown line stood."""
        self._blank = False
        """Whether there was a blank line after it."""

    def copy(self) -> "Blocks":
        """The same, to go on in another way, with no lines yet."""
        other = copy.copy(self)
        other.lines = []
        other._leaf = copy.copy(self._leaf)
        return other

    # What comes

    def start(self, line: str, *, whole: bool) -> None:
        """A line, or its beginning."""
        at, kept = self._kept(line)
        rest = line[at:]
        body = rest.lstrip(" ")
        indent = len(rest) - len(body)
        here = self._leaf if kept == len(self._within) else None
        match here:
            case Code(fence=str() as fence) if fence:
                if whole and indent < 4 and _closes(body, fence):
                    self._close()
                else:
                    self._add_code(here, rest[min(indent, here.indent) :], whole=whole)
            case Code() if indent >= 4 or not body:
                self._blank = not body
                self._add_code(here, rest[4:], whole=whole)
            case Paragraph(title=str() as title) if whole and self._retitled(title, body, indent):
                pass
            case _ if not body:
                self._enter(self._within[:kept])
                self._blank = True
            case _:
                self._block(kept, body, indent, whole=whole)

    def go_on(self, text: str) -> None:
        """More of the line that was started."""
        match self._leaf:
            case Paragraph() | Code() as leaf:
                self._show(leaf.add(text, self._room()))
            case _:
                self._paragraph(text)

    def end_line(self) -> None:
        """The line that was started ends."""
        if isinstance(self._leaf, Code):
            self._show(self._leaf.end_line(self._room()))

    def end(self) -> None:
        """The text is over."""
        self._enter(())

    def peek(self) -> None:
        """The text is not over; show what there is. Only for a copy: nothing can come after it."""
        if self._leaf is not None:
            self._show(self._leaf.so_far(self._room()))
            self._leaf = None
        self._enter(())

    # Which block it is

    def _kept(self, line: str) -> tuple[int, int]:
        """Where in the line the text begins, after what keeps so many lists and quotes open."""
        at = 0
        for n, container in enumerate(self._within):
            spaces = len(line) - at - len(line[at:].lstrip(" "))
            match container:
                case Quote():
                    if spaces > 3 or line[at + spaces : at + spaces + 1] != ">":
                        return at, n
                    at += spaces + 1
                    at += line[at : at + 1] == " "
                case Item():
                    if spaces >= container.indent:
                        at += container.indent
                    elif container.numbered and spaces >= 2 and _BULLET.match(line, at + spaces):
                        at += spaces  # "1. a" and below it "  - b": many models write it so
                    elif at + spaces < len(line):
                        return at, n
        return at, len(self._within)

    def _block(self, kept: int, body: str, indent: int, *, whole: bool) -> None:
        """A line that is not blank, in so many of the lists and quotes."""
        within, body, indent = self._containers(kept, body, indent, whole=whole)
        entered = len(within) > kept
        goes_on = None if entered else self._leaf
        if entered:
            self._enter(within)
        if not body:
            return
        if indent >= 4 and not isinstance(goes_on, Paragraph):
            self._enter(within)
            code = self._leaf = Code()
            self._add_code(code, " " * (indent - 4) + body, whole=whole)
        elif indent < 4 and whole and (marks := _HEADING.match(body)):
            self._enter(within)
            self._heading(len(marks[0]), _heading_text(body))
        elif indent < 4 and whole and _is_rule(body):
            self._enter(within)
            dash = self._look.sign("─", "-")
            self._show([[(dash * min(self._room(), _RULE), FAINT)]])
        elif indent < 4 and whole and (fence := _FENCE.match(body)):
            self._enter(within)
            self._leaf = Code(fence[0], indent)
        elif isinstance(goes_on, Table) and kept == len(self._within) and whole and "|" in body:
            self._show(goes_on.row(body, self._room()))
        elif isinstance(goes_on, Paragraph) and (goes_on.row or not _ROW.match(body)):
            self._show(goes_on.add("\n" + body, self._room()))
        else:
            self._enter(within)
            self._paragraph(body)

    def _containers(
        self, kept: int, body: str, indent: int, *, whole: bool
    ) -> tuple[tuple[Container, ...], str, int]:
        """The lists and quotes of a line with those that begin in it, and what is left of it."""
        within = self._within[:kept]
        within_paragraph = isinstance(self._leaf, Paragraph) and kept == len(self._within)
        while indent < 4 and len(within) < _DEPTH:
            if body[:1] == ">":
                within = (*within, Quote())
                rest = body[1:].removeprefix(" ")
            elif item := _ITEM.match(body):
                rest = body[item.end() :]
                if whole and _is_rule(body):
                    break
                if within_paragraph and (item[1] not in (None, "1") or not rest.strip(" ")):
                    break  # a line of it that begins with a number or a dash
                container, rest = self._item(within, item, indent, rest)
                within = (*within, container)
            else:
                break
            within_paragraph = False
            body = rest.lstrip(" ")
            indent = len(rest) - len(body)
        return within, body, indent

    def _item(
        self, within: tuple[Container, ...], found: re.Match[str], indent: int, rest: str
    ) -> tuple[Item, str]:
        """A list item, and what follows its marker."""
        marker = found[0]
        body = rest.lstrip(" ")
        spaces = len(rest) - len(body)
        if not body or spaces > 4:
            spaces = 1
        shown = f"{marker} "
        if found[1] is None:
            depth = sum([isinstance(one, Item) and not one.numbered for one in within])
            shown = f"{self._look.sign(*_BULLETS[depth % len(_BULLETS)])} "
        if task := _TASK.match(body):
            box = ("☐", "[ ]") if task[1] == " " else ("☑", "[x]")
            shown = f"{self._look.sign(*box)} "
            rest = " " * spaces + body[task.end() :]
        return Item(marker[-1], indent + len(marker) + spaces, shown), rest[spaces:]

    def _retitled(self, title: str, body: str, indent: int) -> bool:
        """Whether this line makes the one before a heading, or the head of a table."""
        if indent > 3:
            return False
        if _SETEXT.fullmatch(body):
            self._leaf = None
            self._heading(1 if body[0] == "=" else 2, title)
            return True
        aligns = alignments(body)
        if aligns is None or "|" not in title:
            return False
        self._leaf = Table(split(title), aligns, self._look)
        return True

    # Changes of place

    def _enter(self, within: tuple[Container, ...]) -> None:
        """End the leaf, and those lists and quotes that are not among these; begin the others."""
        self._close()
        kept = _common(self._within, within)
        unmarked = self._within[max(kept, self._marked) :]
        if any(isinstance(one, Item) for one in unmarked) and self._visible(unmarked):
            self._show([[]])  # an item with nothing in it
        self._within = within
        self._marked = min(self._marked, kept)
        self._begun = False

    def _close(self) -> None:
        if self._leaf is not None:
            self._show(self._leaf.end(self._room()))
            self._leaf = None
        self._begun = False

    def _paragraph(self, text: str) -> None:
        leaf = self._leaf = Paragraph(Ink((), self._look.colour), row=bool(_ROW.match(text)))
        self._show(leaf.add(text, self._room()))

    def _add_code(self, code: Code, text: str, *, whole: bool) -> None:
        self._show(code.add(text, self._room()))
        if whole:
            self._show(code.end_line(self._room()))

    def _heading(self, level: int, text: str) -> None:
        base = _HEADINGS[min(level, len(_HEADINGS)) - 1]
        pieces = finish(text, Carried(), Ink(base, self._look.colour))
        if not self._look.colour:
            pieces = [("#" * level + " ", base), *pieces]
        self._show(folded(pieces, self._room()))
        self._begun = False

    # What is shown

    def _show(self, lines: list[Line]) -> None:
        if not lines:
            return
        if not self._begun and self._last is not None and self._apart(self._last):
            common = _common(self._last, self._within)
            self.lines.append(self._drawn([], self._within[:common], common))
        for line in lines:
            self.lines.append(self._drawn(line, self._within, self._marked))
            self._marked = len(self._within)
        self._begun = True
        self._blank = False
        self._last = self._within

    def _apart(self, last: tuple[Container, ...]) -> bool:
        """Whether a blank line comes before what is shown next."""
        if self._blank:
            return True
        common = _common(last, self._within)
        if common and isinstance(last[common - 1], Item):
            return False
        match last[common : common + 1], self._within[common : common + 1]:
            case (Item(kind=one),), (Item(kind=other),):
                return one != other
            case _:
                return True

    def _room(self) -> int:
        """Cells for the text."""
        return max(1, self.width) - sum([size for _, size in self._visible(self._within)])

    def _visible(self, within: tuple[Container, ...]) -> list[tuple[int, int]]:
        """Which of these there is room for, the innermost first to have it, and their sizes."""
        left = self.width - _ROOM
        visible: list[tuple[int, int]] = []
        for n in range(len(within) - 1, -1, -1):
            match within[n]:
                case Quote():
                    size = 2
                case Item(marker=marker):
                    size = cells(marker)
            if size > left:
                break
            left -= size
            visible.insert(0, (n, size))
        return visible

    def _drawn(self, line: Line, within: tuple[Container, ...], marked: int) -> str:
        """The line with what stands before it."""
        before: Line = []
        for n, size in self._visible(within):
            match within[n]:
                case Quote():
                    before.append((self._look.sign("│ ", "> "), FAINT))
                case Item(marker=marker):
                    before.append((marker, FAINT) if n >= marked else (" " * size, ()))
        return painted([*before, *line] if line else trimmed(before), self._look)


def _common(some: tuple[Container, ...], others: tuple[Container, ...]) -> int:
    """How many they have in common."""
    count = 0
    for one, other in zip(some, others, strict=False):
        if one is not other:
            break
        count += 1
    return count


def _closes(body: str, fence: str) -> bool:
    marks = body.rstrip(" ")
    return marks.startswith(fence) and not marks.strip(fence[0])


def _is_rule(body: str) -> bool:
    marks = body.replace(" ", "")
    return len(marks) > 2 and marks[0] in "-*_" and not marks.strip(marks[0])


def _heading_text(body: str) -> str:
    """Without the marks before it, and those after it."""
    text = body.lstrip("#").strip(" ")
    bare = text.rstrip("#")
    return bare if not bare or bare[-1] == " " else text
