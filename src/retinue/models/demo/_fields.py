"""What a JSON schema asks for, field by field: the kind of each value, and what it looks like."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from retinue.models._schema import Schema, resolved, types_of

from ._lexicon import content, name_words, stem, word_set
from ._shapes import Shape, dates, days, emails, moments, paths, sums, times, urls, zones


class Field(NamedTuple):
    """One value that is asked for."""

    name: str
    schema: Schema
    root: Schema
    kind: str
    about: frozenset[str]
    """Stems of its name and description."""

    @property
    def is_free_text(self) -> bool:
        """Whether it may be any words at all: a query, a note, a message."""
        return not self.about.isdisjoint(_FREE_TEXT)

    @property
    def shapes(self) -> list[Shape]:
        """What a text that is asked for looks like; nothing where any text will do."""
        if shape := _FORMATS.get(self.schema.get("format", "")):
            return [shape]
        last = [stem(word) for word in name_words(self.name)][-1:]
        shapes = [shape for word, shape in _ABOUT.items() if word in self.about]
        return shapes or [shape for word, shape in _NAMED.items() if word in last]

    @property
    def is_telling(self) -> bool:
        """Whether a value of it is hardly ever in a text by chance."""
        return "enum" in self.schema or not _TELLING.isdisjoint(self.shapes)


def fields_of(name: str, schema: Any, root: Schema) -> Iterator[Field]:
    """The kinds of value a field may have, null aside."""
    schema = resolved(schema, root)
    about = {stem(word) for word in name_words(name)} | set(content(schema.get("description", "")))
    variants = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf") or (schema,)
    for variant in variants:
        variant = resolved(variant, root)
        also = about | set(content(variant.get("description", "")))
        for kind in types_of(variant) or (_implied(variant),):
            if kind != "null":
                yield Field(name, variant, root, kind, frozenset(also))


def _implied(schema: Schema) -> str:
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


_FREE_TEXT: Final = frozenset(
    map(
        stem,
        word_set(
            "text query message question prompt content note fact topic phrase sentence body "
            "input search keyword statement task"
        ),
    )
)
_FORMATS: Final = {
    "date": dates,
    "time": times,
    "date-time": moments,
    "email": emails,
    "uri": urls,
    "path": paths,
    "file-path": paths,
    "directory-path": paths,
}
_ABOUT: Final = {
    **dict.fromkeys(map(stem, ("expression", "arithmetic", "formula", "mathematical")), sums),
    **dict.fromkeys(map(stem, ("url", "link")), urls),
    **dict.fromkeys(map(stem, ("email", "mail")), emails),
    **dict.fromkeys(map(stem, ("path", "file", "folder", "directory", "filename")), paths),
    **dict.fromkeys(map(stem, ("zone", "timezone")), zones),
}
"""Shapes by what the name or the description of a field speaks of."""
_NAMED: Final = {stem("date"): days, stem("day"): days, stem("time"): times}
"""Shapes by the last word of its name: a "time zone" is no time."""
_TELLING: Final = frozenset({sums, urls, emails, paths})
