"""Arguments of calls: sloppy JSON that means one thing is repaired, all else refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import BadArguments
from retinue.models._repair import parse_tool_args
from retinue.models._schema import complaint, resolved

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "wet": {"type": "boolean"},
        "where": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]},
    },
    "required": ["city"],
}
NOTHING_REQUIRED = {"type": "object", "properties": {"city": {"type": "string"}}}


def test_json_is_taken_as_it_is_and_left_for_the_tool_to_check() -> None:
    assert parse_tool_args('{"town": 7}', SCHEMA) == {"town": 7}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("{'city': 'Turku'}", {"city": "Turku"}),
        ('{"city": "Turku",}', {"city": "Turku"}),
        ('{city: "Turku"}', {"city": "Turku"}),
        ("{city: Turku}", {"city": "Turku"}),
        ('```json\n{"city": "Turku"}\n```', {"city": "Turku"}),
        ('{"city": "Turku"', {"city": "Turku"}),
        ('{"city": "Turku"}}', {"city": "Turku"}),
        ('{"city": "Turku", "tags": ["a", "b"', {"city": "Turku", "tags": ["a", "b"]}),
        ('{"city": "T", "where": {"x": 1.5}', {"city": "T", "where": {"x": 1.5}}),
        ('{"city": "T", "where": {"x": .5,},}', {"city": "T", "where": {"x": 0.5}}),
        ('{"city": "Turku", "wet": True}', {"city": "Turku", "wet": True}),
        ('{"city": "Turku", "wet": true', {"city": "Turku", "wet": True}),
        ('{"city": "Turku", "days": +3}', {"city": "Turku", "days": 3}),
        ('{"city": "Turku"\n"days": 3}', {"city": "Turku", "days": 3}),
        ('{"city": "say "hi" to them"}', {"city": 'say "hi" to them'}),
        ('{"city": "two\nlines"}', {"city": "two\nlines"}),
        ('{"city": "C:\\data"}', {"city": "C:\\data"}),
        ("{'city': 'it\\'s \\u00e4'}", {"city": "it's ä"}),
        ("{\u201ccity\u201d: \u201cTurku\u201d}", {"city": "Turku"}),
        (json.dumps('{"city": "Turku"}'), {"city": "Turku"}),
        ('{"city": "T", "tags": []', {"city": "T", "tags": []}),
    ],
)
def test_what_is_sloppy_is_repaired(text: str, meant: dict[str, Any]) -> None:
    assert parse_tool_args(text, SCHEMA) == meant


@pytest.mark.parametrize(
    "text",
    [
        '{"city": "Tur',  # cut inside of a text
        '{"city": "Turku", ',  # something would have come
        '{"city": "Turku", "days": 1',  # of 12, perhaps
        '{"city": "Turku", "wet": tr',
        '{"city": "Turku", "wet":',
        '{"city": "Turku", "wet"',
        '{"city"',
        "{",
        "{city: Turku",
        '{"days": 3,}',  # what is required is not there
        "{'city': 7}",  # of another type
        "{'city': 'T', 'where': {}}",
        "{'city': 'T', 'where': {'x': None}}",
        "{'town': 'Turku', 'city': 'T'}",  # not known
        '{"city": "a"} {"city": "b"}',  # which one
        '{"city": "T" "days": 3}',
        "{'city': 'T', 'days': 2026-11-20}",
        "{'city': 'T', 'days': 12abc}",
        "{'city': @}",
        "Turku",
        'Sure! {"city": "Turku"}',
        "[]",
        "7",
        "null",
        "",
        " ",
        "[" * 100_000,
        "{'city': " + "[" * 100_000,
        "{'city': }",
        '{"city": "a", , "days": 1}',
    ],
)
def test_what_cannot_be_trusted_is_refused_and_never_an_empty_call(text: str) -> None:
    with pytest.raises(BadArguments) as caught:
        parse_tool_args(text, SCHEMA)
    assert "Required: city" in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["", "  ", "null", "{}"])
def test_no_text_is_no_arguments_where_none_is_required(text: str) -> None:
    assert parse_tool_args(text, NOTHING_REQUIRED) == {}


def test_without_a_schema_any_object_will_do() -> None:
    assert parse_tool_args("{'a': [1, {'b': null}]}", {}) == {"a": [1, {"b": None}]}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
cities = st.fixed_dictionaries({"city": st.text()}, optional={"days": st.integers()})


@given(st.dictionaries(st.text(), values))
def test_json_comes_through(args) -> None:
    assert parse_tool_args(json.dumps(args), {}) == args


@given(cities, st.integers(0, 60))
def test_a_text_cut_anywhere_is_whole_or_refused(args, cut: int) -> None:
    text = json.dumps(args)[:cut]
    try:
        found = parse_tool_args(text, SCHEMA)
    except BadArguments:
        return
    assert found["city"] == args["city"]
    assert found.items() <= args.items()


@given(st.text(st.sampled_from("{}[]\"':, \n\\abtrue19.-")))
def test_any_text_is_arguments_that_fit_or_refused(text: str) -> None:
    try:
        found = parse_tool_args(text, SCHEMA)
    except BadArguments:
        return
    assert isinstance(found, dict)
    try:
        json.loads(text)
    except ValueError:
        assert complaint(found, SCHEMA) is None


REFERRING = {
    "properties": {"a": {"$ref": "#/$defs/B"}},
    "$defs": {"B": {"properties": {"b": {"type": "string"}}}},
}


@pytest.mark.parametrize(
    ("value", "schema", "wrong"),
    [
        (1, True, None),
        (1, False, "the value is not allowed"),
        (1, {}, None),
        ("a", {"type": "integer"}, "the value must be integer, not string"),
        (True, {"type": "integer"}, "the value must be integer, not boolean"),
        (1.0, {"type": "integer"}, None),
        (1.5, {"type": "integer"}, "the value must be integer, not number"),
        (None, {"type": ["integer", "null"]}, None),
        ("a", {"type": ["integer", "null"]}, "the value must be integer or null, not string"),
        ("a", {"type": "colour"}, None),
        (b"x", {"type": "string"}, "the value must be string, not bytes"),
        ("c", {"enum": ["a", "b"]}, "the value must be one of 'a', 'b'"),
        ("c", {"const": "a"}, "the value must be 'a'"),
        (1, {"anyOf": [{"type": "string"}, {"type": "integer"}]}, None),
        (1, {"oneOf": [{"const": "a"}, {"const": "b"}]}, "the value must be 'a'"),
        (1, {"allOf": [{"type": "integer"}, {"minimum": 2}]}, "the value must be at least 2"),
        (3, {"allOf": [{"type": "integer"}, {"minimum": 2}]}, None),
        (9, {"maximum": 8}, "the value must be at most 8"),
        (8, {"exclusiveMaximum": 8}, "the value must be less than 8"),
        (8, {"exclusiveMinimum": 8}, "the value must be more than 8"),
        (5, {"minimum": 1, "maximum": 8}, None),
        ([1, "a"], {"items": {"type": "integer"}}, "[1] must be integer, not string"),
        ({"a": [{}]}, {"properties": {"a": {"items": {"required": ["b"]}}}}, "a[0].b is missing"),
        ({"a": 1}, {"additionalProperties": False}, "a is not known"),
        ({"a": 1}, {"additionalProperties": {"type": "string"}}, "a must be string, not integer"),
        ({"a": {"b": 1}}, REFERRING, "a.b must be string, not integer"),
    ],
)
def test_a_schema_says_what_is_wrong(value, schema, wrong) -> None:
    assert complaint(value, schema) == wrong


def test_a_circle_of_references_asks_for_nothing() -> None:
    circle = {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}
    assert resolved(circle, circle) == {}
    assert resolved({"$ref": "http://elsewhere"}, {}) == {"$ref": "http://elsewhere"}
    assert resolved(True, {}) == {}
