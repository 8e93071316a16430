"""Schema: a JSON schema of an answer as Anthropic enforces it.

Every object is closed, and what cannot be enforced is said in the description. Source:
https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from retinue.errors import ModelRejected

type Json = dict[str, Any]


def enforceable(schema: Mapping[str, Any], at: str = "the answer") -> Json:
    """The schema that is nearest to this one and accepted.

    Args:
        schema: Any.
        at: What it is the schema of.

    Raises:
        ModelRejected: It cannot be said: a dict with keys of any name, a value of any type.
    """
    left = dict(schema)
    found: Json = {}
    for word in ("$defs", "definitions"):
        if word in left:
            found[word] = _each(left.pop(word), at)
    if "$ref" in left:  # nothing may stand beside it
        return {**found, "$ref": left["$ref"]}
    for word in ("title", "description", "enum", "const"):
        if word in left:
            found[word] = left.pop(word)
    kind = left.pop("type", "object" if "properties" in left else None)
    if isinstance(kind, list | tuple):
        options = [{"type": one, **left} for one in cast("list[str]", kind)]
        return {**found, "anyOf": [enforceable(one, at) for one in options]}
    for word, ours in (("anyOf", "anyOf"), ("oneOf", "anyOf"), ("allOf", "allOf")):
        if word in left:
            found[ours] = [_one(one, at) for one in cast("list[Any]", left.pop(word))]
    if kind is not None:
        found["type"] = kind
        _TYPES.get(kind, _plain)(found, left, at)
    elif not {"enum", "const", "anyOf", "allOf"} & found.keys():
        raise _unsaid(f"{at} has no type")
    if left:  # the model may still keep to it
        hints = ", ".join([f"{word}: {value}" for word, value in left.items()])
        found["description"] = "\n\n".join(filter(None, [found.get("description"), f"{{{hints}}}"]))
    return found


def _object(found: Json, left: Json, at: str) -> None:
    more = left.pop("additionalProperties", False)
    found["properties"] = _each(left.pop("properties", {}), at)
    if more is not False and not found["properties"]:
        raise _unsaid(f"{at} is a dict with keys of any name")
    found["additionalProperties"] = False
    if "required" in left:
        found["required"] = left.pop("required")


def _array(found: Json, left: Json, at: str) -> None:
    if "items" in left:
        found["items"] = _one(left.pop("items"), f"an item of {at}")
    if left.get("minItems") in (0, 1):
        found["minItems"] = left.pop("minItems")


def _string(found: Json, left: Json, at: str) -> None:
    if left.get("format") in _FORMATS:
        found["format"] = left.pop("format")


def _plain(found: Json, left: Json, at: str) -> None:
    pass


def _each(schemas: Mapping[str, Any], at: str) -> Json:
    return {name: _one(schema, f"{name!r} of {at}") for name, schema in schemas.items()}


def _one(schema: Any, at: str) -> Json:
    if not isinstance(schema, Mapping):  # True fits everything
        raise _unsaid(f"{at} has no type")
    return enforceable(cast("Mapping[str, Any]", schema), at)


def _unsaid(what: str) -> ModelRejected:
    return ModelRejected(
        f"Anthropic cannot be held to this schema: {what}",
        hint="Name each field and its type; a dict can be a list of objects with key and value.",
    )


_TYPES: Final = {"object": _object, "array": _array, "string": _string}
_FORMATS: Final = frozenset(
    {
        "date",
        "date-time",
        "duration",
        "email",
        "hostname",
        "ipv4",
        "ipv6",
        "time",
        "uri",
        "uuid",
    }
)
