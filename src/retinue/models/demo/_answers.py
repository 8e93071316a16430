"""What the demo model says: results, quotations, memories; nothing it was not told."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from retinue.messages import ToolResult

from ._asked import Asked, Saying
from ._lexicon import content, is_question, is_statement, likeness, matters, sentences, words


def from_results(question: str, results: Sequence[ToolResult]) -> str:
    """What the tools answered; of a long answer, what the question is about."""
    return "\n\n".join([_result(question, result) for result in results])


def from_context(question: str, context: str) -> str:
    """The sentences of a text that answer a question, quoted; for anything else the weightiest."""
    lines = sentences(context)
    if found := _best(question, lines):
        return f"The text says:\n\n{_quoted(found)}"
    if is_question(question) and content(question):
        return "No sentence of the text has a word of your question."
    return f"Its weightiest sentences:\n\n{_quoted(_weightiest(lines))}"


def from_memory(question: str, memory: Sequence[Saying]) -> str | None:
    """What was told before about most of what is asked, the latest of equals; or None."""
    asked = content(question)
    if not asked or not is_question(question):
        return None
    best, most = None, len(asked) / 2
    hint = _hint(asked)
    for saying in memory:
        if hint.search(saying.text):
            told = content(saying.text)
            count = sum(max((likeness(one, other) for other in told), default=0) for one in asked)
            if count > most or (best is not None and count == most):
                best, most = saying, count
    return None if best is None else f'{best.who}: "{best.text}"'


def without_anything(asked: Asked, tools: Sequence[str]) -> str:
    """What to say where nothing helps: that it was heard, or what there is."""
    if is_statement(asked.question):
        return f'Noted: "{asked.question.strip()}"'
    offer = f" My tools are {', '.join(tools)}." if tools else ""
    if not content(asked.question):
        return f"I am listening.{offer}"
    return f"No tool, text or earlier message has an answer to that.{offer}"


def _result(question: str, result: ToolResult) -> str:
    text = result.text.strip()
    if result.error:
        return f"{result.name} failed: {text}"
    if not text:
        return f"{result.name} is done."
    if len(text) > _LONG:
        lines = sentences(text)
        text = _quoted(_best(question, lines) or lines[:_FEW])
    return f"{result.name}: {text}" if "\n" not in text else f"{result.name}:\n\n{text}"


def _quoted(lines: Sequence[str]) -> str:
    return "\n".join([f"> {line}" for line in lines])


def _best(question: str, lines: Sequence[str]) -> list[str]:
    """Up to three lines with most of the question's words, rare words first, in their order."""
    asked = content(question)
    if not asked:
        return []
    hint = _hint(asked)
    having: dict[int, set[str]] = {}
    for n, line in enumerate(lines):
        if hint.search(line):
            told = content(line)
            shared = {one for one in asked if any(likeness(one, other) for other in told)}
            if shared:
                having[n] = shared
    seen = Counter(one for shared in having.values() for one in shared)
    scores = {
        n: sum(math.log(1 + len(lines) / seen[one]) for one in shared)
        for n, shared in having.items()
    }
    best = max(scores.values(), default=0.0)
    chosen = sorted(scores, key=lambda n: -scores[n])[:_FEW]
    return [lines[n] for n in sorted(chosen) if scores[n] > best / 2]


def _hint(asked: Sequence[str]) -> re.Pattern[str]:
    """Finds quickly where it is worth while to look for stems; most lines of a text are not."""
    return re.compile("|".join([re.escape(stem[:4]) for stem in asked]), re.IGNORECASE)


def _weightiest(lines: Sequence[str]) -> list[str]:
    """Three lines with the words that the text repeats most, in their order."""
    start = lines[:_MANY]
    told = [[word.stem for word in words(line) if matters(word.text)] for line in start]
    counts = Counter(stem for line in told for stem in line)
    weights = {
        n: sum(counts[stem] for stem in line) / (len(line) + _USUAL) for n, line in enumerate(told)
    }
    chosen = sorted(weights, key=lambda n: -weights[n])[:_FEW]
    return [start[n] for n in sorted(chosen)]


_FEW: Final = 3
_LONG: Final = 600
"""Characters; a result that is longer is quoted in part."""
_USUAL: Final = 8
"""Words of meaning in a sentence; much shorter ones weigh less."""
_MANY: Final = 2000
"""Lines of a text that are weighed."""
