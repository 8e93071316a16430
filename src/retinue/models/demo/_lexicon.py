"""Words as the demo model knows them: where they stand, their stems, which of them mean nothing."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple


class Word(NamedTuple):
    """A word in a text, its stem, and its place."""

    text: str
    stem: str
    start: int
    end: int


def words(text: str) -> list[Word]:
    """All words of a text, in order."""
    return [
        Word(found[0], stem(found[0]), found.start(), found.end())
        for found in re.finditer(r"[^\W_]+", text)
    ]


def content(text: str) -> list[str]:
    """The stems of the words that carry meaning, in order, each once."""
    return list(dict.fromkeys([word.stem for word in words(text) if matters(word.text)]))


def name_words(name: str) -> list[str]:
    """The words in a name: "getWeather_forCity" has four."""
    return re.findall(r"[^\W\d_][^\W\d_A-Z]*|\d+", name)


def matters(word: str) -> bool:
    """Whether a word carries meaning of its own."""
    return word.casefold() not in EMPTY and (len(word) > 1 or not word.isascii())


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """What the forms of a word have in common, roughly: "calculator", "calculating": "calcul"."""
    word = word.casefold()
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    # "adding" and "add", "running" and "run"
    return word[:-1] if len(word) > 2 and word[-1] == word[-2] else word


def likeness(one: str, other: str) -> float:
    """How alike two stems are: 1 the same, 0.7 if one begins the other, else 0."""
    if one == other:
        return 1.0
    short, long = sorted((one, other), key=len)
    return 0.7 if len(short) >= 4 and long.startswith(short) else 0.0


def overlap(asked: Iterable[str], offered: dict[str, float]) -> dict[str, float]:
    """What each stem that is asked for counts among the weighted ones offered; 0 is left out."""
    found: dict[str, float] = {}
    for one in asked:
        count = offered.get(one) or max(
            (weight * likeness(one, other) for other, weight in offered.items()), default=0.0
        )
        if count > 0:
            found[one] = count
    return found


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text, without the space around them; a wrapped line goes on."""
    text = re.sub(_WRAPPED, r"\1 ", text)
    return [part for part in map(str.strip, re.split(r"(?<=[.!?])\s+|\n+", text)) if part]


def is_question(text: str) -> bool:
    """Whether a text asks: by its mark, or by its first word."""
    return "?" in text or any(word in _ASKING for word in _opening(text)[:1])


def is_statement(text: str) -> bool:
    """Whether a text tells something rather than asks for something."""
    opening = _opening(text)
    telling = any(word in _TELLING for word in opening[:1]) or not _BEING.isdisjoint(opening[1:])
    return telling and not is_question(text)


def word_set(text: str) -> frozenset[str]:
    """The words of a text, for tables."""
    return frozenset(text.split())


def _opening(text: str) -> list[str]:
    """The first three words, but for those that only lead to them."""
    first = [word.text.casefold() for word in words(text[:_OPENING])]
    while first and first[0] in _LEADING:
        first.pop(0)
    return first[:3]


_OPENING: Final = 200
_WRAPPED: Final = r"(?m)^(.{60,}[^.!?:;\s])\n(?=[^\W\d_])"
_ENDINGS: Final = (
    *("ations", "ation", "ators", "ating", "ator", "ated", "ates", "ities"),
    *("ings", "ions", "ate", "ity", "ies", "ied", "ing", "ion", "ers", "ors"),
    *("ed", "es", "er", "or", "s", "y", "e"),
)

_LEADING: Final = word_set("and then also so but please well ok now")
_ASKING: Final = word_set(
    "what who whom whose when where which why how is are was were do does did can could will "
    "would should has have had may"
)
_TELLING: Final = word_set("i my we our it he she they his her their there")
_BEING: Final = word_set("is are was were am has have had will")

EMPTY: Final = word_set(
    "a about again all also am an and any anything are as at be because been before being but "
    "by can could did do does doing don done each else etc for from get gets getting give "
    "gives had has have having he hello her here hers hey hi him his how i if in into is it "
    "its just kindly know let like ll make makes many may me might mine more most much must "
    "my need now of off oh ok okay on one only or other our out over please re s say says "
    "shall she should show so some something such t tell than thank thanks that the their "
    "them then there these they thing things this those to too up us use used uses using ve "
    "very want wants was we were what when where which while who whom whose why will with "
    "would yes you your yours"
)
"""Words that say nothing about what a text is about."""
