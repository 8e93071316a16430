"""Anthropic: JSON schemas as it enforces them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from retinue.errors import ModelRejected
from retinue.models.anthropic._schema import enforceable

CLOSED = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "warm": {"type": "boolean"}},
    "required": ["city", "warm"],
    "additionalProperties": False,
}

SCHEMAS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("one that is closed", CLOSED, CLOSED),
    (
        "an open object",
        {"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": True},
        {"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": False},
    ),
    (
        "an object that does not say so",
        {"properties": {"a": {"type": "integer"}}},
        {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False},
    ),
    (
        "an empty object",
        {"type": "object"},
        {"type": "object", "properties": {}, "additionalProperties": False},
    ),
    (
        "limits, as words",
        {"type": "integer", "description": "A number", "minimum": 1, "maximum": 10},
        {"type": "integer", "description": "A number\n\n{minimum: 1, maximum: 10}"},
    ),
    (
        "formats that are known, and those that are not",
        {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "isbn"}]},
        {
            "anyOf": [
                {"type": "string", "format": "date"},
                {"type": "string", "description": "{format: isbn}"},
            ]
        },
    ),
    (
        "lists",
        {"type": "array", "items": {"type": "array", "items": {"type": "string"}, "minItems": 3}},
        {
            "type": "array",
            "items": {
                "type": "array",
                "items": {"type": "string"},
                "description": "{minItems: 3}",
            },
        },
    ),
    (
        "a list of something",
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ),
    ("a list", {"type": "array"}, {"type": "array"}),
    (
        "one of several types",
        {"type": ("string", "null"), "title": "T", "pattern": "a+"},
        {
            "title": "T",
            "anyOf": [
                {"type": "string", "description": "{pattern: a+}"},
                {"type": "null", "description": "{pattern: a+}"},
            ],
        },
    ),
    ("one of several schemas", {"oneOf": [CLOSED]}, {"anyOf": [CLOSED]}),
    ("all of several schemas", {"allOf": [CLOSED]}, {"allOf": [CLOSED]}),
    ("values", {"enum": ["a", 1, None]}, {"enum": ["a", 1, None]}),
    ("a value", {"const": "a", "type": "string"}, {"const": "a", "type": "string"}),
    (
        "references",
        {"$defs": {"C": CLOSED | {"additionalProperties": True}}, "$ref": "#/$defs/C"},
        {"$defs": {"C": CLOSED}, "$ref": "#/$defs/C"},
    ),
    (
        "a reference with something beside it",
        {"type": "array", "items": {"$ref": "#/definitions/C", "description": "x"}},
        {"type": "array", "items": {"$ref": "#/definitions/C"}},
    ),
]


@pytest.mark.parametrize(
    ("schema", "expected"), [row[1:] for row in SCHEMAS], ids=[row[0] for row in SCHEMAS]
)
def test_schemas(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert enforceable(schema) == expected
    again = enforceable(expected)
    assert again == expected, "what is enforced is not changed again"


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({}, "the answer has no type"),
        ({"properties": {"a": True}}, "'a' of the answer has no type"),
        ({"type": "array", "items": {}}, "an item of the answer has no type"),
        ({"anyOf": [{"type": "null"}, False]}, "the answer has no type"),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            "the answer is a dict with keys of any name",
        ),
    ],
)
def test_what_cannot_be_enforced_is_refused(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelRejected, match=said) as caught:
        enforceable(schema)
    assert "a list of objects" in (caught.value.hint or "")


class Street(BaseModel):
    name: str = Field(min_length=1)
    number: int | None = None


class City(BaseModel):
    streets: list[Street] = Field(max_length=9)
    mayor: "Street | str" = "nobody"


def test_a_model_of_pydantic_is_enforced() -> None:
    found = enforceable(City.model_json_schema())
    street = found["$defs"]["Street"]
    assert street["additionalProperties"] is False
    assert street["properties"]["name"]["description"] == "{minLength: 1}"
    assert [one["type"] for one in street["properties"]["number"]["anyOf"]] == ["integer", "null"]
    assert found["properties"]["streets"]["items"] == {"$ref": "#/$defs/Street"}


LEAVES = st.sampled_from(
    [{"type": "string"}, {"type": "integer", "minimum": 0}, {"enum": ["a"]}, {"type": "null"}]
)
NESTED = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda one: {"type": "array", "items": one}, inner)
        | st.builds(lambda some: {"oneOf": some}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(
            lambda fields: {"type": "object", "properties": fields, "required": list(fields)},
            st.dictionaries(st.text(max_size=4), inner, min_size=1, max_size=3),
        )
    ),
    max_leaves=12,
)


@given(NESTED)
def test_every_object_is_closed(schema: dict[str, Any]) -> None:
    def closed(found: Any) -> bool:
        if isinstance(found, list):
            return all(map(closed, found))
        if not isinstance(found, dict):
            return True
        if found.get("type") == "object" and found.get("additionalProperties") is not False:
            return False
        return "oneOf" not in found and all(map(closed, found.get("properties", {}).values()))

    found = enforceable(schema)
    assert closed(found)
    assert enforceable(found) == found
