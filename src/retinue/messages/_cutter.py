"""Where a text is to be cut, found token by token: pure, it only ever looks at the text so far."""

import re
from collections.abc import Iterator
from typing import Final

CUT: Final = None
"""In what a `Cutter` gives: here one piece ends and another begins."""

_LINES: Final = re.compile(r"[^\n]*\n|[^\n]+")
_EDGE: Final = re.compile(r" {0,3}(?:`+|~+)?")


class Cutter:
    """Gives back the text it is fed, without the delimiters, with `CUT` in their place.

    Text is given back as soon as it is certain that no delimiter begins in it. How the text is
    split into tokens makes no difference: delimiters are found from left to right, and none of them
    overlaps a code fence (https://spec.commonmark.org/0.31.2/#fenced-code-blocks). Two delimiters
    in a row give two `CUT`.

    Args:
        delimiter: Not empty.
        fences: Whether code fences stay whole.
    """

    def __init__(self, delimiter: str, *, fences: bool) -> None:
        self._delimiter = delimiter
        self._fences = fences
        self._held = ""  # not given back yet: a delimiter may begin here
        self._sure = 0  # so many letters of it are certainly outside of fences
        self._line: str | None = ""  # what we know of the line; None when it is an ordinary one
        self._opening = ""  # what opens a fence, if the rest of its line allows it
        self._fence = ""  # what opened the fence we are in

    def feed(self, text: str) -> Iterator[str | None]:
        """More text has come."""
        if not self._fences or (self._line is None and not self._fence and "\n" not in text):
            self._held += text
            self._sure = len(self._held)
            yield from self._certain()
            return
        for line in _LINES.findall(text):
            yield from self._inside(line) if self._fence else self._outside(line)

    def flush(self) -> Iterator[str | None]:
        """The text ends, or something else comes now: give back what was held."""
        if not self._opening and (self._line is None or len(_edge(self._line).lstrip(" ")) < 3):
            self._sure = len(self._held)
        yield from self._certain()
        yield from self._release()

    def _outside(self, line: str) -> Iterator[str | None]:
        self._held += line
        if self._line is not None and self._may_open(line):
            if line.endswith("\n"):
                self._fence, self._opening, self._line = self._opening, "", ""
                yield from self._release()
            else:
                yield from self._certain()
            return
        self._sure = len(self._held)
        self._opening = ""
        self._line = "" if line.endswith("\n") else None
        yield from self._certain()

    def _may_open(self, more: str) -> bool:
        """Whether the line, of which there is more now, opens a fence or still might."""
        if not self._opening:
            line = self._line = f"{self._line}{more}"
            edge = _edge(line)
            fence, more = edge.lstrip(" "), line[len(edge) :]
            if more == "":
                return True
            if len(fence) < 3:
                return False
            self._opening = fence
        return self._opening[0] == "~" or "`" not in more

    def _inside(self, line: str) -> Iterator[str | None]:
        if self._line is not None:
            self._line += line
            if self._line.strip(f"{self._fence[0]} \t\r\n"):
                self._line = None  # there is something else on it: it closes nothing
        if not line.endswith("\n"):
            yield line
        elif self._line is not None and self._closes(self._line):
            self._fence = self._line = ""
            if len(line) > 1:
                yield line[:-1]
            self._held, self._sure = "\n", 1
            yield from self._certain()
        else:
            self._line = ""
            yield line

    def _closes(self, line: str) -> bool:
        edge = line.lstrip(" ")
        fence = edge.rstrip(" \t\r\n")
        return len(line) - len(edge) <= 3 and fence == self._fence[0] * max(
            len(fence), len(self._fence)
        )

    def _certain(self) -> Iterator[str | None]:
        """Everything up to where a delimiter may begin."""
        held, delimiter = self._held, self._delimiter
        while True:
            at = held.find(delimiter)
            if at < 0 or at + len(delimiter) > self._sure:
                break
            if at:
                yield held[:at]
            yield CUT
            held = held[at + len(delimiter) :]
            self._sure -= at + len(delimiter)
        if at < 0:
            at = _where_it_may_begin(delimiter, held)
        self._held = held[at:]
        self._sure = max(0, self._sure - at)
        if at:
            yield held[:at]

    def _release(self) -> Iterator[str]:
        held, self._held, self._sure = self._held, "", 0
        if held:
            yield held


def _edge(line: str) -> str:
    """The beginning of a line that may be the edge of a fence."""
    found = _EDGE.match(line)
    return found[0] if found is not None else ""


def _where_it_may_begin(delimiter: str, text: str) -> int:
    """Where the end of `text` is the beginning of `delimiter`."""
    for at in range(max(0, len(text) - len(delimiter) + 1), len(text)):
        if delimiter.startswith(text[at:]):
            return at
    return len(text)
