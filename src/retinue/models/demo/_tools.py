"""Which tools a request asks for, and with what."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from retinue.messages import ToolSpec
from retinue.models._schema import Schema

from ._lexicon import content, is_statement, matters, name_words, overlap, stem, words
from ._values import BOLD, SURE, Found, Reading, read_object


class Wish(NamedTuple):
    """A tool that is asked for, and what is there of its arguments."""

    tool: ToolSpec
    score: float
    args: dict[str, Any]
    missing: tuple[str, ...]


class Shelf:
    """The tools on offer, with how much each of their words tells.

    A word of a name tells most; one that other tools have as well, or better, tells less.
    """

    def __init__(self, tools: Sequence[ToolSpec]) -> None:
        self.tools = tools
        raw = [_vocabulary(tool) for tool in tools]
        self._words = [
            {
                one: weight / sum(other.get(one, 0) >= weight for other in raw)
                for one, weight in own.items()
            }
            for own in raw
        ]

    def wishes(self, question: str, context: str = "") -> list[Wish]:
        """What the request asks for, clause by clause; each call once."""
        clauses = self._by_clause(question, context)
        found: list[Wish] = []
        while clauses:
            tool, clause = clauses.pop(0)
            wish = self._wish(tool, clause, context)
            if wish.missing and clauses and clauses[0][0] == tool:
                clauses[0] = (tool, f"{clause}{clauses[0][1]}")  # "compare a.txt | and b.txt"
                continue
            if wish.missing:
                wish = self._wish(tool, question, context)
            repeated = any(wish.tool is one.tool and wish.args == one.args for one in found)
            if not repeated and not (wish.missing and is_statement(clause)):
                found.append(wish)
        return found

    def best(self, question: str, context: str = "") -> list[Wish]:
        """Every tool with what is there for it, the one that fits best first."""
        found = [self._wish(n, question, context) for n in range(len(self.tools))]
        return sorted(found, key=lambda wish: (bool(wish.missing), -wish.score))

    def _by_clause(self, question: str, context: str) -> list[tuple[int, str]]:
        """Clauses and the tool each asks for; one that asks for none goes with its neighbour."""
        found: list[tuple[int, str]] = []
        waiting = ""
        for clause in _clauses(question):
            before, said = found[-1] if found else (None, "")
            tool = self._asked_for(clause, context, before)
            if tool is not None:
                found.append((tool, waiting + clause))
                waiting = ""
            elif before is not None:
                found[-1] = (before, said + clause)
            else:
                waiting += clause
        return found

    def _asked_for(self, clause: str, context: str, before: int | None) -> int | None:
        """The tool that fits a clause best, if one does.

        One that gets all it requires goes before one that does not, unless it fits much worse. The
        tool of the clause before may have got the rest there, and of equals it is the one.
        """
        scores = [self._score(n, clause) for n in range(len(self.tools))]
        least = max(_PLAIN if is_statement(clause) else _ENOUGH, max(scores, default=0.0) * _CLOSE)
        fitting = [n for n, score in enumerate(scores) if score >= least]
        lacking = {
            n: n != before and bool(self._read(self.tools[n], clause, context).missing)
            for n in fitting
        }
        return min(fitting, key=lambda n: (lacking[n], -scores[n], n != before), default=None)

    def _score(self, n: int, clause: str) -> float:
        tool = self.tools[n]
        spoken = "".join([f" {word.text.casefold()}" for word in words(clause)])
        name = [word.casefold() for word in name_words(tool.name)]
        score = sum(overlap(content(clause), self._words[n]).values())
        if any(map(matters, name)) and f" {' '.join(name)} " in f"{spoken} ":
            score += _NAMED
        return score + _TELLING * self._read(tool, clause, "").telling

    def _wish(self, n: int, text: str, context: str) -> Wish:
        found = self._read(self.tools[n], text, context)
        return Wish(self.tools[n], self._score(n, text), found.values, found.missing)

    def _read(self, tool: ToolSpec, text: str, context: str) -> Found:
        known = frozenset([*map(stem, name_words(tool.name)), *content(tool.description)])
        ways = SURE if is_statement(text) else BOLD  # what only tells is no place to guess
        return read_object(tool.parameters, Reading(text, known=known, context=context), ways)


def _vocabulary(tool: ToolSpec) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, field in tool.parameters.get("properties", {}).items():
        about = cast(Schema, field).get("description", "") if isinstance(field, Mapping) else ""
        for one in content(f"{' '.join(name_words(name))} {about}"):
            found[one] = _PARAMETER
    for one in content(tool.description):
        found[one] = _DESCRIPTION
    for one in content(" ".join(name_words(tool.name))):
        found[one] = found.get(one, 0) + _NAME
    return found


def _clauses(text: str) -> Iterator[str]:
    """The clauses of a text; joined they are the text. Quotations stay whole."""
    start = 0
    for found in re.finditer(_BREAK, text, re.IGNORECASE | re.DOTALL):
        if found.lastgroup == "end":
            yield text[start : found.start()]
            start = found.start()
    yield text[start:]


_NAME: Final = 2.0
_DESCRIPTION: Final = 1.0
_PARAMETER: Final = 0.4
_TELLING: Final = 1.5
_NAMED: Final = 2.0
_ENOUGH: Final = 1.0
"""What a question or a wish must score; a word of the description that is the tool's alone does."""
_PLAIN: Final = 3.0
"""What a statement must score: "I like the weather" asks for nothing."""
_CLOSE: Final = 2 / 3
"""The part of the best score that is good enough for a tool that gets all it requires."""
_BREAK: Final = (
    r"```.*?```|\"[^\"]*\"|\u201c[^\u201d]*\u201d|`[^`]*`|(?<!\w)'[^'\n]*'(?!\w)"
    r"|(?P<end>(?<=[.!?;])\s|\n|(?:\s*[,;])?\s+(?:and|then|also)\s)"
)
