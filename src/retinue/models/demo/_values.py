"""Typed values out of a text: what a JSON schema asks for, as far as the text has it."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple, cast

from retinue.models._schema import Schema, complaint

from ._fields import Field, fields_of
from ._lexicon import Word, content, matters, name_words, stem, word_set, words
from ._shapes import (
    Place,
    Shape,
    capitalised,
    is_doubtful,
    numbers,
    proper_names,
    quotations,
)


class Found(NamedTuple):
    """What a text had of an object."""

    values: dict[str, Any]
    missing: tuple[str, ...]
    """What is required and was not there."""
    telling: int
    """So many values are of a shape that fits only here: a sum, a path, a word of an enum."""


class Reading:
    """A text from which values are taken, each place once.

    Args:
        text: The text.
        known: Stems of words that ask for the tool itself, and are no values for it.
        context: A text that came along: what a free text may be, if the request has none.
    """

    def __init__(
        self, text: str, *, known: frozenset[str] = frozenset(), context: str = ""
    ) -> None:
        self.text = text
        self.known = known
        self.context = context
        self.taken: list[tuple[int, int]] = []

    def free(self, start: int, end: int) -> bool:
        return all(end <= first or start >= last for first, last in self.taken)

    def rest(self) -> list[tuple[int, int]]:
        """The places nobody took yet, the longest first."""
        edges = [0, *[edge for place in sorted(self.taken) for edge in place], len(self.text)]
        gaps = zip(edges[::2], edges[1::2], strict=True)
        return sorted(gaps, key=lambda gap: gap[0] - gap[1])


type Way = Callable[[Field, Reading], Iterator[Place]]
"""A way to find values of a field. What it finds may be taken already, or not fit the schema."""


def read_object(
    schema: Schema, reading: Reading, ways: Sequence[Way], root: Schema | None = None
) -> Found:
    """The fields of an object that the text has, found in these ways, the surest first.

    A field that is not required is found by its name or shape only.
    """
    whole: Schema = schema if root is None else root
    required: Sequence[str] = schema.get("required", ())
    fields = {
        name: list(fields_of(name, field, whole))
        for name, field in schema.get("properties", {}).items()
    }
    values: dict[str, Any] = {}
    telling = 0
    for way in ways:
        for name, kinds in fields.items():
            if name in values or (way not in (named, shaped) and name not in required):
                continue
            for field in kinds:
                place = _first(way(field, reading), field, reading)
                if place is not None:
                    values[name] = place[0]
                    telling += way is shaped and _is_telling(field, place, reading.text)
                    break
    return Found(
        {name: values[name] for name in fields if name in values},
        tuple([name for name in required if name not in values]),
        telling,
    )


# -- the ways, from sure to bold


def named(field: Field, reading: Reading) -> Iterator[Place]:
    """Values beside their name: "city: Turku", "limit=5", "name is Ada", "from Oslo"."""
    text = reading.text
    for label in _labels(field.name):
        for found in re.finditer(rf"(?<!\w){label}(?!\w){_SIGN}", text, re.IGNORECASE):
            sign = (found["sign"] or "").casefold()
            beside = _beside(field, sign or found[0].strip().casefold())
            for value, start, end in beside(text[found.end() :][:_LONGEST_VALUE]):
                if start == 0:
                    yield value, found.start(), found.end() + end


def shaped(field: Field, reading: Reading) -> Iterator[Place]:
    """Values that can be told by what they are: a word of an enum, a sum, a path, "5 results"."""
    text, schema = reading.text, field.schema
    match field.kind:
        case _ if "const" in schema:
            yield schema["const"], len(text), len(text)
        case _ if "enum" in schema:
            yield from _mentions(schema["enum"], text)
        case "boolean":
            yield from _wishes(field, text)
        case "integer" | "number":
            for value, start, end in numbers(text):
                beside = words(text[max(0, start - 20) : start])[-1:] + words(text[end:][:40])[:1]
                if any(word.stem in field.about for word in beside):
                    yield value, start, end
        case "array":
            yield from _lists(field, reading, (shaped,))
        case "object":
            yield from _objects(field, reading, (named, shaped))
        case _:
            yield from chain.from_iterable(shape(text) for shape in field.shapes)


def likely(field: Field, reading: Reading) -> Iterator[Place]:
    """Values of what is left, by kind: numbers in their order, quotations, proper names."""
    text = reading.text
    match field.kind:
        case "integer" | "number":
            yield from sorted(numbers(text), key=_beginning)
        case "string" if "enum" not in field.schema:
            yield from quotations(text)
            if not field.is_free_text:
                yield from sorted(_names(text), key=lambda place: text[place[1]].isupper())
        case "array":
            yield from _lists(field, reading, (likely,))
        case "object":
            yield from _objects(field, reading, (named, shaped, likely))
        case _:
            pass


def remaining(field: Field, reading: Reading) -> Iterator[Place]:
    """What nobody else wanted: for a free text all of it, else the first words that matter."""
    if field.kind != "string" or "enum" in field.schema or field.shapes:
        return
    if field.is_free_text and reading.context:
        yield reading.context, len(reading.text), len(reading.text)
    trimmed = _without_request if field.is_free_text else _first_words
    for start, end in reading.rest():
        first, last = trimmed(reading.text[start:end], reading.known)
        if first < last:
            yield reading.text[start + first : start + last], start + first, start + last


SURE: Final[tuple[Way, ...]] = (named, shaped, likely)
BOLD: Final[tuple[Way, ...]] = (*SURE, remaining)


# -- what the ways are made of


def _first(places: Iterator[Place], field: Field, reading: Reading) -> Place | None:
    for place in places:
        value, start, end = place
        if reading.free(start, end) and not complaint(value, field.schema, root=field.root):
            reading.taken.append((start, end))
            return place
    return None


def _is_telling(field: Field, place: Place, text: str) -> bool:
    value, start, end = place
    if is_doubtful(str(value)):
        return not content(text[:start] + text[end:])
    return field.is_telling


def _labels(name: str) -> Iterator[str]:
    """Patterns of how a name is written; a preposition in it may stand for the whole."""
    parts = name_words(name)
    if len(name) == 1:  # "a" is also a word
        yield rf"{re.escape(name)}(?=\s*[=:])"
    elif parts:
        yield r"[\s_-]*".join(map(re.escape, parts))
    yield from (part for part in parts if part.casefold() in _PREPOSITIONS and len(parts) > 1)


def _beside(field: Field, sign: str) -> Shape:
    """What recognises a value that stands right after its name and this sign."""
    match field.kind:
        case _ if "enum" in field.schema:
            return lambda text: _mentions(field.schema["enum"], text)
        case "integer" | "number":
            return numbers
        case "boolean":
            return _truths
        case "array":
            return lambda text: _spoken_list(field, text)
        case "string":
            shapes = field.shapes or [_until(sign)]
            return lambda text: chain(quotations(text), *[shape(text) for shape in shapes])
        case _:
            return lambda _: iter(())


def _until(sign: str) -> Shape:
    """A text that stands after this sign: to the end of its line, its clause, or one name."""
    match sign:
        case "=" | ":":
            pattern = r"[^\s,;][^,;\n]*"
        case "is" | "are":
            pattern = r"[^\s,;.!?](?:(?!\s+and\s)[^,;.!?\n]|\.(?=\S))*"
        case _ if sign.split()[-1] in _PREPOSITIONS:
            pattern = r"[^\s,;?!]*[^\s,;?!.]"
        case _:
            return capitalised
    return lambda text: (
        (found[0].rstrip(" .!?"), found.start(), found.end())
        for found in re.finditer(pattern, text)
    )


def _mentions(values: Sequence[Any], text: str) -> Iterator[Place]:
    """Where a text has one of these values, whatever the case; "left_side" also as "left side"."""
    found: list[Place] = []
    for value in values:
        parts = re.findall(r"[^\W_]+", str(value)) or [str(value)]
        pattern = rf"(?<!\w){r'[\s_-]*'.join(map(re.escape, parts))}(?!\w)"
        if value is not None and not isinstance(value, bool):
            for hit in re.finditer(pattern, text, re.IGNORECASE):
                found.append((value, hit.start(), hit.end()))
    return iter(sorted(found, key=lambda place: (place[1], -place[2])))


def _wishes(field: Field, text: str) -> Iterator[Place]:
    """A switch that is mentioned is on, unless it is denied."""
    parts = [stem(word) for word in name_words(field.name) if matters(word)]
    spoken = words(text)
    for n in range(len(spoken) - len(parts) + 1 if parts else 0):
        run = spoken[n : n + len(parts)]
        if [word.stem for word in run] == parts:
            before = text[max(0, run[0].start - 20) : run[0].start]
            yield re.search(_DENIED, before, re.IGNORECASE) is None, run[0].start, run[-1].end


def _truths(text: str) -> Iterator[Place]:
    for word in words(text)[:1]:
        if word.text.casefold() in _TRUTHS:
            yield _TRUTHS[word.text.casefold()], word.start, word.end


def _lists(field: Field, reading: Reading, ways: Sequence[Way]) -> Iterator[Place]:
    """All free values of one kind in the text, as one list."""
    found: list[Place] = []
    for item in fields_of("", field.schema.get("items", {}), field.root):
        if item.kind in ("string", "integer", "number"):
            for value, start, end in chain.from_iterable(way(item, reading) for way in ways):
                clear = all(end <= first or start >= last for _, first, last in found)
                fits = not complaint(value, item.schema, root=field.root)
                if clear and fits and reading.free(start, end):
                    found.append((value, start, end))
    if found:
        found.sort(key=_beginning)
        yield [value for value, _, _ in found], found[0][1], found[-1][2]


def _spoken_list(field: Field, text: str) -> Iterator[Place]:
    """A list in words: "red, green and blue"."""
    line = cast("re.Match[str]", re.match(r"(?:[^.;!?\n]|\.(?=\S))*", text))[0]
    items = field.schema.get("items", {})
    if any(
        item.kind == "string" and "enum" not in item.schema for item in fields_of("", items, {})
    ):
        parts = re.split(r",\s*(?:(?:and|or)\s)?|\s(?:and|or)\s", line)
        yield [part for part in (part.strip(" \t'\"`") for part in parts) if part], 0, len(line)
    else:
        for values, _, end in _lists(field, Reading(line), (shaped, likely)):
            yield values, 0, end


def _objects(field: Field, reading: Reading, ways: Sequence[Way]) -> Iterator[Place]:
    taken = list(reading.taken)
    found = read_object(field.schema, reading, ways, field.root)
    if found.values and not found.missing:
        yield found.values, len(reading.text), len(reading.text)
    else:
        reading.taken = taken


def _names(text: str) -> Iterator[Place]:
    """Proper names, from the preposition before them where there is one."""
    for name, start, end in proper_names(text):
        before = words(text[max(0, start - 20) : start])[-1:]
        if before and before[0].text.casefold() in _PREPOSITIONS:
            start = max(0, start - 20) + before[0].start
        yield name, start, end


def _without_request(text: str, known: frozenset[str]) -> tuple[int, int]:
    """A text from the first word that is not part of the asking, to its last word."""
    end = len(re.sub(_POLITE, "", text).rstrip(" \t\n,;:.!?-"))
    for word in words(text[:end]):
        if word.text.casefold() not in _OPENERS and word.stem not in known:
            return len(text[: word.start].rstrip("(['\"$#@<")), end
    return 0, 0


def _first_words(text: str, known: frozenset[str]) -> tuple[int, int]:
    run: list[Word] = []
    for word in words(text):
        if matters(word.text) and word.stem not in known:
            run.append(word)
        elif run:
            break
    return (run[0].start, run[-1].end) if run else (0, 0)


def _beginning(place: Place) -> int:
    return place[1]


_LONGEST_VALUE: Final = 2000
"""Characters after a name in which its value is looked for."""
_SIGN: Final = r"\s*(?P<sign>[=:]|\b(?:is|are|to|of|as|called|named)\b)?\s*"
_PREPOSITIONS: Final = word_set(
    "in for of to at about on from with by near named called until since into"
)
_OPENERS: Final = word_set(
    "a about an and are can could do for give i'd is it kindly like me of please show tell "
    "that the this to us want what what's will with would you"
)
_POLITE: Final = r"(?i)[\s,]*\b(?:please|thanks|thank you)\W*$"
_DENIED: Final = r"\b(?:not|no|without|never|disable[sd]?|\w+n['\u2019]t)\s+(?:\w+\s+)?$"
_TRUTHS: Final = {
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
}
