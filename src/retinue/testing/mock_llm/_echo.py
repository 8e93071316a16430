"""Echo: what a model answers that nobody wrote a script for."""

import re
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Final

from retinue.messages import Message

_MOST: Final = 20_000
"""Words."""


def echo(messages: Sequence[Message]) -> str:
    """What the user said last; or as many words of Markdown as they ask for ("2,000 words")."""
    said = next((m.text for m in reversed(messages) if m.role == "user" and m.text), "")
    wanted = re.search(r"(\d[\d,]*)[ -]words?\b", said)
    if wanted is not None:
        return markdown(min(int(re.sub(r"\D", "", wanted[1])), _MOST))
    return said or "Nothing was said."


def markdown(count: int) -> str:
    """So many words of Markdown, the same every time: headings, lists, code, a table, prose."""
    bank = cycle(_BANK)
    blocks: list[str] = []
    for section in range(count):
        for shape, size in _SHAPES:
            words = list(islice(bank, min(size, count)))
            count -= len(words)
            if words:
                blocks.append("\n".join(_shaped(shape, words, section)))
        if count == 0:
            break
    return "\n\n".join(blocks)


_SHAPES: Final = (
    ("heading", 4),
    ("prose", 60),
    ("list", 20),
    ("prose", 45),
    ("code", 6),
    ("table", 12),
    ("quote", 18),
)
"""The blocks of a section, and how many words are in each."""


def _shaped(shape: str, words: list[str], section: int) -> Iterator[str]:
    match shape:
        case "heading":
            yield f"{'#' if section == 0 else '##'} {' '.join(words).capitalize()}"
        case "list":
            for row in _rows(words, 5):
                yield f"- **{row[0]}** {' '.join(row[1:])}".rstrip()
        case "code":
            yield from ("```python", *[f"{name} = {n}" for n, name in enumerate(words)], "```")
        case "table":
            for place, row in enumerate(_rows(words, 3)):
                yield f"| {' | '.join(row)} |"
                if place == 0:
                    yield f"|{' --- |' * len(row)}"
        case "quote":
            yield f"> {' '.join(words)}."
        case _:
            text = ". ".join([" ".join(row).capitalize() for row in _rows(words, 12)])
            yield f"{text}."


def _rows(words: list[str], width: int) -> Iterator[list[str]]:
    for start in range(0, len(words), width):
        yield words[start : start + width]


_BANK: Final = [
    word
    for line in (
        "rain falls on the roof of a house where agents speak before they have done",
        "a poet writes and a critic reads each word as it comes",
        "nobody waits for what can be begun now",
        "a river carries leaves past the mill the wheel turns slowly",
        "and the miller counts sacks of grain in the evening light",
        "every message is kept once and read by whoever wants it from any place",
        "a lamp burns in the window someone walks home along the shore",
        "the tide is out and the sand is firm under bare feet",
        "promises are kept in order although they were given side by side",
        "a clock strikes in the village",
    )
    for word in line.split()
]
