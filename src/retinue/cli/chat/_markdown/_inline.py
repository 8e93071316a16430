"""Inline Markdown: emphasis, code, links ... in a text whose end may not have come yet.

The rules are CommonMark's (https://spec.commonmark.org/0.31.2/#inlines), with GFM's strikethrough
and bare addresses, without reference links (what they refer to comes last, too late for a stream),
and with emphasis that also closes beside Chinese and Japanese punctuation
(https://github.com/tats-u/markdown-cjk-friendly).
"""

import html
import re
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from retinue.telemetry.terminal import tame

from ._cells import BREAK, Piece, Style, is_unspaced
from ._emphasis import Node, pair, past_run, run_of, styles_of

LINK: Final[Style] = ("underline",)
CODE: Final[Style] = ("cyan",)
FAINT: Final[Style] = ("dim",)

_OPENERS: Final = 16  # more markers open at a time would not look any different
_ASCII: Final = "".join(map(chr, range(33, 127)))
_TOKEN: Final = re.compile(
    r"\\[\n!-/:-@\[-`{-~]"
    r"|`+|\*+|_+|~+|!?\[|\]|\n"
    r"|<(?:[bB][rR] */?|[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[\w.+-]+@[\w.-]+)>"
    r"|&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
    r"|https?://[!-;=?-Z^_a-~]+"
)
_TICKS: Final = re.compile("`+")
_TARGET: Final = re.compile(
    r"\(\s*(?:<([^<>\n]*)>|((?![<\s])[^\s()]*(?:\([^\s()]*\)[^\s()]*)*))"
    r"""(?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*\)"""
)


class Ink(NamedTuple):
    """How the text is shown: in these styles, and where there is no colour with its backticks."""

    base: Style
    colour: bool


@dataclass(frozen=True, slots=True)
class Carried:
    """What the text before has left open."""

    openers: tuple[str, ...] = ()
    """Runs of markers that are taken to be closed later."""
    ticks: int = 0
    """Backticks of the code that is taken to be closed later; 0 where there is none."""
    before: str = " "
    """The last letter."""


def settle(text: str, carried: Carried, ink: Ink) -> tuple[list[Piece], int, Carried]:
    """What no later text can change: its pieces, how many letters it has, and what it leaves."""
    end = len(text.rstrip(" "))
    if end == len(text):
        end = len(text.rstrip(_ASCII))  # any marker or address in the last word may grow
    if text[:end].rstrip(" ")[-3:].lower() == "<br":
        end = text.rindex("<", 0, end)
    reading = _Reading(text, end, carried, ink, "settled")
    return reading.pieces(), reading.end, reading.carried()


def presume(text: str, end: int, carried: Carried, ink: Ink) -> tuple[list[Piece], Carried]:
    """The text up to `end`, and what it leaves: what is open there will be closed later."""
    reading = _Reading(text, end, carried, ink, "presumed")
    return reading.pieces(), reading.carried()


def finish(text: str, carried: Carried, ink: Ink) -> list[Piece]:
    """All of the text, which is whole: what is open was never closed."""
    return _Reading(text, len(text), carried, ink, "finished").pieces()


type Way = Literal["settled", "presumed", "finished"]
"""What becomes of markers that are open at the end of a text: they and what follows them are not
read, or they will be closed later, or they are text."""


class _Bracket(NamedTuple):
    node: Node
    inside: int
    runs: int
    """How many runs there were before it: those are not paired with any in its link."""


class _Reading:
    """One reading of a text up to `end`, which comes to lie before what is not settled."""

    def __init__(
        self,
        text: str,
        end: int,
        carried: Carried,
        ink: Ink,
        way: Way,
    ) -> None:
        self.end = end
        self._text = text
        self._before = carried.before
        self._ink = ink
        self._way: Way = way
        self._ticks = 0
        self._openers: tuple[str, ...] = ()
        self._nodes: list[Node] = []
        self._runs = [past_run(markers) for markers in carried.openers]
        self._past = [style for markers in carried.openers for style in styles_of(markers)]
        self._brackets: list[_Bracket] = []
        self._read(self._rest_of_code(carried.ticks) if carried.ticks else 0)
        if self._brackets and way == "settled":
            self.end = min(self.end, self._brackets[0].node.at)
        self._runs = [run for run in self._runs if run.at < self.end]
        pair(self._runs, 0)
        match way:
            case "settled":
                self._give_back()
                self._openers = tuple([run.text for run in self._runs if run.past])
            case "presumed":
                self._openers = tuple([run.text for run in self._runs[:_OPENERS]])
                self._presume()
            case "finished":
                pass

    def pieces(self) -> list[Piece]:
        base = self._ink.base
        active = list(self._past)
        pieces: list[Piece] = []
        style = _together(base, active)
        for node in self._nodes:
            for closed in node.closes:
                active.remove(closed)
            if node.closes:
                style = _together(base, active)
            if node.text == "\n":
                pieces.append(BREAK)
            elif node.text:
                pieces.append((node.text, _together(style, node.style) if node.style else style))
            if node.opens:
                active += node.opens
                style = _together(base, active)
        return pieces

    def carried(self) -> Carried:
        return Carried(self._openers, self._ticks, self._letter_before(self.end))

    # Words

    def _read(self, at: int) -> None:
        text = self._text
        while at < self.end:
            match = _TOKEN.search(text, at, self.end)
            if match is None:
                self._add(at, text[at : self.end])
                break
            token, start, at = match[0], at, match.end()
            words = text[start : match.start()]
            if token[0] == "\n" or token == "\\\n":
                self._line_end(start, words, match)
                continue
            if words:
                self._add(start, words)
            start = match.start()
            match token[0]:
                case "\\":
                    self._add(start, token[1])
                case "`":
                    at = self._code(start, at)
                case "*" | "_" | "~":
                    self._run(start, token)
                case "[" | "!":
                    node = self._add(start, token)
                    self._brackets.append(_Bracket(node, len(self._nodes), len(self._runs)))
                case "]":
                    at = self._end_bracket(start, at)
                case "<":
                    self._angle(start, token[1:-1])
                case "&":
                    self._add(start, _safe(html.unescape(token)))
                case _:
                    at = self._address(start, token)

    def _add(self, at: int, text: str, style: Style = ()) -> Node:
        node = Node(at, text, style)
        self._nodes.append(node)
        return node

    def _letter_before(self, at: int) -> str:
        return self._text[at - 1] if at else self._before

    def _letter_at(self, at: int) -> str:
        return self._text[at] if at < len(self._text) else " "

    def _line_end(self, start: int, words: str, match: re.Match[str]) -> None:
        kept = words.rstrip(" ")
        if kept:
            self._add(start, kept)
        if len(words) - len(kept) > 1 or match[0] == "\\\n":
            self._add(match.start(), "\n")
        elif not (
            is_unspaced(self._letter_before(start + len(kept)))
            and is_unspaced(self._letter_at(match.end()))
        ):
            self._add(match.start(), " ")

    def _run(self, start: int, token: str) -> None:
        after = self._letter_at(start + len(token))
        run = run_of(start, token, self._letter_before(start), after)
        self._nodes.append(run)
        if run.can_open or run.can_close:
            self._runs.append(run)

    def _angle(self, start: int, inner: str) -> None:
        if inner.rstrip(" /").lower() == "br":
            self._add(start, "\n")
        else:
            self._add(start, inner, LINK)

    def _address(self, start: int, token: str) -> int:
        """A bare address ends before what rather belongs to the sentence around it."""
        surplus = token.count(")") - token.count("(")
        end = len(token)
        while token[end - 1] in ".,:;!?'\"*_~" or (token[end - 1] == ")" and surplus > 0):
            surplus -= token[end - 1] == ")"
            end -= 1
        self._add(start, token[:end], LINK)
        return start + end

    # Code

    def _code(self, start: int, at: int) -> int:
        ticks = at - start
        marks = "" if self._ink.colour else self._text[start:at]
        end = self._end_of_code(ticks, at)
        if end is not None:
            inner = self._text[at:end].replace("\n", " ")
            if not marks and inner[:1] == inner[-1:] == " " and inner.strip(" "):
                inner = inner[1:-1]
            self._add(start, marks + inner + marks, CODE)
            return end + ticks
        match self._way:
            case "settled":
                self.end = start
            case "presumed":
                self._ticks = ticks
                self._add(start, marks + self._text[at : self.end].replace("\n", " "), CODE)
                return self.end
            case "finished":
                self._add(start, self._text[start:at])
        return at

    def _rest_of_code(self, ticks: int) -> int:
        """Code that began in the text before goes on to its end, or to the end of all."""
        end = self._end_of_code(ticks, 0)
        inner = self._text[: self.end if end is None else end].replace("\n", " ")
        if end is None:
            self._ticks = ticks
            self._add(0, inner, CODE)
            return self.end
        self._add(0, inner if self._ink.colour else inner + "`" * ticks, CODE)
        return end + ticks

    def _end_of_code(self, ticks: int, at: int) -> int | None:
        for match in _TICKS.finditer(self._text, at, self.end):
            if match.end() - match.start() == ticks:
                return match.start()
        return None

    # Links

    def _end_bracket(self, start: int, at: int) -> int:
        if not self._brackets:
            self._add(start, "]")
            return at
        target = None
        if self._letter_at(at) == "(":
            target = _TARGET.match(self._text, at, self.end)
            if target is None and self._way == "settled" and ")" not in self._text[at : self.end]:
                self.end = self._brackets[0].node.at
                return at
        bracket = self._brackets.pop()
        where = _safe(html.unescape(_unescaped(target[1] or target[2] or ""))) if target else ""
        if target is None or not where:  # `handlers[n]()`
            self._add(start, "]")
            return at
        pair(self._runs, bracket.runs)
        del self._runs[bracket.runs :]
        if bracket.node.text == "![":
            bracket.node.text = "["
            if len(self._nodes) == bracket.inside:
                self._add(start, "image")
            self._add(start, "]")
        else:
            shown = "".join([node.text for node in self._nodes[bracket.inside :]])
            bracket.node.text = ""
            bracket.node.opens.extend(LINK)
            self._add(start, "").closes.extend(LINK)
            self._brackets.clear()  # no link holds another
            if shown in (where, where.removeprefix("mailto:")):
                where = ""
        if where:
            self._add(start, f" ({where})", FAINT)
        return target.end()

    # What is open at the end

    def _give_back(self) -> None:
        """Nothing is settled from the first marker on that may still be closed."""
        for run in self._runs:
            while run.first is not None:
                run = run.first
            if not run.past:  # else it is half used: its other half is taken as text
                self.end = run.at
                break
        self._nodes = [node for node in self._nodes if node.at < self.end]

    def _presume(self) -> None:
        """Each marker that may still be closed begins its style."""
        for run in self._runs[:_OPENERS]:
            if not run.past:
                run.opens += styles_of(run.text)
                run.text = ""


def _together(base: Style, more: Style | list[str]) -> Style:
    return tuple(dict.fromkeys((*base, *more)))


def _unescaped(text: str) -> str:
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)


def _safe(text: str) -> str:
    return tame(text).replace("\n", " ").replace("\t", " ")
