"""Markdown: a model's answer on the screen, while it is being written.

What it says comes in pieces cut anywhere. Lines of the screen that nothing to come can change go
out at once and are never drawn again; the few that are still open can be had as they would look
now. How the text was cut makes no difference: whatever is decided before a line's end is decided
at a fixed number of letters in it.

The parser is our own. markdown-it-py, the one to have otherwise, takes 45 ms CPU to load when the
shell has loaded all its rest, and knows only whole texts: it cannot say how much of a paragraph is
settled, and a paragraph may be long. Files, from the outside in: `_blocks` (lists, quotes, and
what a line begins), `_leaves` and `_table` (what stands in them), `_inline` and `_emphasis` (what
stands in a line), `_cells` (how it is folded).
"""

import re
from typing import Final

from retinue.telemetry.terminal import Look, tame

from ._blocks import Blocks

_LONGEST: Final = 4096
"""Letters of a line that may be waited for where only its end says what it is."""
_WAITS_FOR_END: Final = re.compile(
    r"(?:[-+*•]\s|\d{1,9}[.)]\s|>|\s)*+"  # lists and quotes
    r"(?:[-=_*+:|`~#\s]*+\Z|\||#{1,6}\s|`{3}|~{3})"
)
_MARKS_ONLY: Final = re.compile(r"[\s>]*+(?:[-+*•_=#|:`~ ]++|\d{1,3}+[.)]?+)?+\s*+\Z")


class Markdown:
    """Turns the text of an answer into lines of the screen.

    Args:
        width: Cells of the screen. May be set at any time: it counts from the next line on that is
            not finished.
        look: What the screen can show.
    """

    def __init__(self, width: int, look: Look) -> None:
        self.width = width
        self._blocks = Blocks(look, width)
        self._held = ""
        """What has come of the present line and has not been looked at."""
        self._column = 0
        """How much of it has been."""
        self._enough = self._step()
        """How many letters are held until they are looked at, at the latest."""

    def add(self, text: str) -> list[str]:
        """More of the text; gives the lines that are finished, as they are written, without an end.

        They have no control characters but those of `Look.paint`, and no line is wider than the
        screen, unless a single letter is.
        """
        if text.isprintable() and len(self._held) + len(text) < self._enough:
            self._held += text
            return []
        text = _plain(text)
        at = 0
        while True:
            end = text.find("\n", at)
            stop = len(text) if end < 0 else end
            enough = at + self._enough - len(self._held)
            if enough <= stop:
                self._held += text[at:enough]
                at = enough
                self._look_at_beginning()
                continue
            self._held += text[at:stop]
            if end < 0:
                break
            self._end_line()
            at = end + 1
        return self._finished()

    @property
    def open(self) -> list[str]:
        """The lines that are not finished yet, as they would look now."""
        blocks = self._blocks.copy()
        blocks.width = self.width
        if self._column:
            blocks.go_on(self._expanded())
        elif not _MARKS_ONLY.match(self._held):  # what they mean is not known yet
            blocks.start(self._expanded(), whole=True)
        blocks.peek()
        return blocks.lines

    def end(self) -> list[str]:
        """The text is over: the lines that are left."""
        if self._held or self._column:
            self._end_line()
        self._ready().end()
        return self._finished()

    def _look_at_beginning(self) -> None:
        """So much of a line has come that something may be done before its end."""
        if self._column:
            self._ready().go_on(self._take())
        elif len(self._held) < _LONGEST and _WAITS_FOR_END.match(self._held):
            self._enough = min(2 * len(self._held), _LONGEST)
        else:
            self._ready().start(self._take(), whole=False)

    def _end_line(self) -> None:
        blocks = self._ready()
        if self._column:
            blocks.go_on(self._take())
            blocks.end_line()
        else:
            blocks.start(self._take(), whole=True)
        self._column = 0

    def _ready(self) -> Blocks:
        self._blocks.width = self.width
        return self._blocks

    def _take(self) -> str:
        text = self._expanded()
        self._column += len(text)
        self._held = ""
        self._enough = self._step()
        return text

    def _expanded(self) -> str:
        """What is held, with spaces for tabs."""
        past = self._column % 4
        return (" " * past + self._held).expandtabs(4)[past:]

    def _step(self) -> int:
        return max(16, min(80, self.width))

    def _finished(self) -> list[str]:
        lines = self._blocks.lines
        self._blocks.lines = []
        return lines


def _plain(text: str) -> str:
    """The text without control characters, and one kind of line end."""
    return tame(text).replace("\u2028", "\n").replace("\u2029", "\n")
