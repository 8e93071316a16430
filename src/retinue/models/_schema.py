"""Whether a value fits a JSON schema: the part of JSON Schema that tools and answers use."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

type Schema = Mapping[str, Any]


def complaint(value: Any, schema: Any, *, root: Schema | None = None, at: str = "") -> str | None:
    """What is wrong with a value, or None where it fits.

    It knows type, enum, const, properties, required, additionalProperties, items, minimum, maximum,
    anyOf, oneOf, allOf and local $ref; other words of a schema ask for nothing here.

    Args:
        value: Any JSON value.
        schema: The schema it should fit; True fits everything.
        root: Where $ref looks; the schema itself if left out.
        at: The path to the value, for the complaint.
    """
    if not isinstance(schema, Mapping):
        return f"{at or 'the value'} is not allowed" if schema is False else None
    schema = cast(Schema, schema)
    whole: Schema = schema if root is None else root
    if "$ref" in schema:
        return complaint(value, resolved(schema, whole), root=whole, at=at)
    where = at or "the value"
    kinds = types_of(schema)
    if kinds and not any(_KINDS.get(kind, _anything)(value) for kind in kinds):
        return f"{where} must be {' or '.join(kinds)}, not {_kind(value)}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where} must be one of {', '.join(map(repr, schema['enum']))}"
    if "const" in schema and value != schema["const"]:
        return f"{where} must be {schema['const']!r}"
    for word in ("anyOf", "oneOf"):
        found = [complaint(value, option, root=whole, at=at) for option in schema.get(word, ())]
        if found and None not in found:
            return found[0]
    for option in schema.get("allOf", ()):
        if wrong := complaint(value, option, root=whole, at=at):
            return wrong
    match value:
        case bool():
            return None
        case int() | float():
            return _out_of_range(value, schema, where)
        case list() | tuple():
            items = cast("list[Any]", value)
            return _first(
                complaint(item, schema.get("items"), root=whole, at=f"{at}[{n}]")
                for n, item in enumerate(items)
            )
        case Mapping():
            return _wrong_field(cast(Schema, value), schema, whole, at)
        case _:
            return None


def resolved(schema: Any, root: Schema) -> Schema:
    """The schema that a local `$ref` ("#/$defs/City") stands for; one without is itself.

    What asks for nothing (True, a circle of references) is empty.
    """
    found: Any = schema
    for _ in range(_LONGEST_CHAIN):
        match found:
            case {"$ref": str(place)} if place.startswith("#"):
                found = root
                for step in place.split("/")[1:]:
                    found = found.get(step, {})
            case Mapping():
                return cast(Schema, found)
            case _:
                break
    return {}


def types_of(schema: Schema) -> tuple[str, ...]:
    """The types a schema names; none where any will do."""
    match schema.get("type"):
        case str(kind):
            return (kind,)
        case list() | tuple():
            return tuple(schema["type"])
        case _:
            return ()


def _wrong_field(value: Schema, schema: Schema, root: Schema, at: str) -> str | None:
    dot = f"{at}." if at else ""
    for name in schema.get("required", ()):
        if name not in value:
            return f"{dot}{name} is missing"
    fields: Schema = schema.get("properties", {})
    others = schema.get("additionalProperties")
    for name, item in value.items():
        if name not in fields and others is False:
            return f"{dot}{name} is not known"
        if wrong := complaint(item, fields.get(name, others), root=root, at=f"{dot}{name}"):
            return wrong
    return None


def _out_of_range(value: float, schema: Schema, where: str) -> str | None:
    for word, inside, told in _LIMITS:
        if word in schema and not inside(value, schema[word]):
            return f"{where} must be {told} {schema[word]}"
    return None


def _first(complaints: Any) -> str | None:
    return next((wrong for wrong in complaints if wrong), None)


def _anything(_: Any) -> bool:
    return True


def _kind(value: Any) -> str:
    return next((kind for kind, fits in _KINDS.items() if fits(value)), type(value).__name__)


_LONGEST_CHAIN: Final = 32
"""So many $ref may lead to one another; more are a circle."""

_KINDS: Final[dict[str, Callable[[Any], bool]]] = {
    "null": lambda v: v is None,
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: (
        not isinstance(v, bool)
        and (isinstance(v, int) or (isinstance(v, float) and v.is_integer()))
    ),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "string": lambda v: isinstance(v, str),
    "array": lambda v: isinstance(v, list | tuple),
    "object": lambda v: isinstance(v, Mapping),
}

_LIMITS: Final[tuple[tuple[str, Callable[[float, float], bool], str], ...]] = (
    ("minimum", lambda value, limit: value >= limit, "at least"),
    ("exclusiveMinimum", lambda value, limit: value > limit, "more than"),
    ("maximum", lambda value, limit: value <= limit, "at most"),
    ("exclusiveMaximum", lambda value, limit: value < limit, "less than"),
)
