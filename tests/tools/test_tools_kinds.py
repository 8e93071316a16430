"""Type hints: the JSON schema of each, and what is read from what a model sends."""

import contextlib
import enum
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import (  # noqa: UP035 - the document has Dict
    Annotated,
    Any,
    Dict,
    List,
    Literal,
    NewType,
    Optional,
    TypedDict,
)

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from retinue.errors import BadArguments, ToolError
from retinue.messages import ToolCall
from retinue.tools import tool


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Odd(enum.Enum):
    THING = (1, 2)


class Trip(TypedDict, total=False):
    to: str
    days: int


@dataclass
class Point:
    x: int
    y: float = 0.0


class Place(pydantic.BaseModel):
    """Somewhere."""

    name: str
    at: Point


type City = str
type Json = str | int | list[Json]
type Many[T] = list[T]
UserId = NewType("UserId", int)


def taking(hint: Any, **default: Any) -> Any:
    got: list[Any] = []

    def f(x: Any) -> None:
        got.append(x)

    f.__annotations__["x"] = hint
    if default:
        f.__defaults__ = (default["default"],)
    made = tool(f)
    made.got = got  # type: ignore[attr-defined]
    return made


def schema_of(hint: Any, **default: Any) -> dict[str, Any]:
    return json.loads(json.dumps(taking(hint, **default).spec.parameters["properties"]["x"]))


async def read(hint: Any, value: Any, **default: Any) -> Any:
    made = taking(hint, **default)
    await made.use(ToolCall(id="1", name="f", args={"x": value}))
    return made.got[0]


INTEGER = {"type": "integer"}
STRING = {"type": "string"}
NULL = {"type": "null"}


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (str, STRING),
        (int, INTEGER),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, NULL),
        (Any, {}),
        (object, {}),
        (City, STRING),
        (UserId, INTEGER),
        (Literal["a", "b"], {"enum": ["a", "b"], "type": "string"}),
        (Literal[1, "a", None], {"enum": [1, "a", None]}),
        (Colour, {"enum": ["red", "blue"], "type": "string"}),
        (Level, {"enum": [1, 2], "type": "integer"}),
        (Odd, {"enum": ["THING"], "type": "string"}),
        (list, {"type": "array", "items": {}}),
        (List[int], {"type": "array", "items": INTEGER}),  # noqa: UP006
        (Sequence[str], {"type": "array", "items": STRING}),
        (Iterable[str], {"type": "array", "items": STRING}),
        (set[int], {"type": "array", "items": INTEGER, "uniqueItems": True}),
        (frozenset[int], {"type": "array", "items": INTEGER, "uniqueItems": True}),
        (tuple, {"type": "array", "items": {}}),
        (tuple[int, ...], {"type": "array", "items": INTEGER}),
        (
            tuple[int, str],
            {"type": "array", "minItems": 2, "maxItems": 2, "prefixItems": [INTEGER, STRING]},
        ),
        (dict, {"type": "object", "additionalProperties": True}),
        (Dict[str, int], {"type": "object", "additionalProperties": INTEGER}),  # noqa: UP006
        (Mapping[str, Any], {"type": "object", "additionalProperties": True}),
        (int | None, {"anyOf": [INTEGER, NULL]}),
        (Optional[int], {"anyOf": [INTEGER, NULL]}),  # noqa: UP045
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (Annotated[int, Field(description="how many")], INTEGER | {"description": "how many"}),
        (
            list[Annotated[str, "a name"]],
            {"type": "array", "items": STRING | {"description": "a name"}},
        ),
        (Annotated[int, Field(gt=3)], {"type": "integer", "exclusiveMinimum": 3}),
        (date, {"type": "string", "format": "date"}),
        (Literal[b"x"], {"const": "x", "type": "string"}),
        (Many[int], {"$ref": "#/$defs/Many_int_"}),
        (Json, {"$ref": "#/$defs/Json"}),
        (Point, {"$ref": "#/$defs/Point"}),
    ],
    ids=str,
)
def test_each_hint_has_its_schema(hint: Any, schema: dict[str, Any]) -> None:
    assert schema_of(hint) == schema


def test_what_parameters_share_is_told_once_and_names_do_not_collide() -> None:
    def other() -> type:
        class Point(pydantic.BaseModel):
            z: str

        return Point

    def f(a: Point, b: list[Place], c: Any, d: int = 1) -> None:
        """Goes.

        Args:
            a: From here.
        """

    f.__annotations__["c"] = other()
    parameters = json.loads(json.dumps(tool(f).spec.parameters))
    assert list(parameters["properties"]) == ["a", "b", "c", "d"]
    assert parameters["properties"]["a"]["description"] == "From here."
    points = [name for name in parameters["$defs"] if name.endswith("Point")]
    assert len(points) == 2
    refs = {parameters["properties"][name]["$ref"] for name in ("a", "c")}
    assert refs == {f"#/$defs/{name}" for name in points}


def test_a_parameter_without_hint_takes_anything() -> None:
    def f(x, y=1):  # type: ignore[no-untyped-def]
        ...

    assert json.loads(json.dumps(tool(f).spec.parameters["properties"])) == {
        "x": {},
        "y": {"default": 1},
    }


@pytest.mark.parametrize(
    ("hint", "default", "told"),
    [
        (Colour, Colour.RED, "red"),
        (int, None, None),
        (tuple[int, ...], (1, 2), [1, 2]),
        (date, date(2026, 1, 2), "2026-01-02"),
        (Point, Point(1), {"x": 1, "y": 0.0}),
    ],
)
def test_a_default_is_told_as_json(hint: Any, default: Any, told: Any) -> None:
    assert schema_of(hint, default=default)["default"] == told


def test_a_default_that_json_has_not_is_not_told() -> None:
    assert "default" not in schema_of(Any, default=object())


async def test_none_as_default_lets_a_model_say_null() -> None:
    assert schema_of(Dict, default=None)["anyOf"][1] == NULL  # noqa: UP006
    assert await read(int, None, default=None) is None
    assert await read(Place, None, default=None) is None
    described = schema_of(Annotated[int, "how many"], default=None)
    assert described["description"] == "how many"
    assert schema_of(Any, default=None) == {"default": None}


@pytest.mark.parametrize("hint", [Callable[[], int], type("Foreign", (), {}), [int]])
async def test_a_hint_that_json_has_nothing_for_is_refused(hint: Any) -> None:
    with pytest.raises(ToolError) as caught:
        _ = taking(hint).spec
    assert "functools.partial" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("hint", "value", "found"),
    [
        (str, "a", "a"),
        (str, 20100, "20100"),
        (int, 5, 5),
        (int, "5", 5),
        (int, " -5 ", -5),
        (int, 5.0, 5),
        (float, 1.5, 1.5),
        (float, 5, 5.0),
        (float, "1.5", 1.5),
        (float, "1e3", 1000.0),
        (bool, True, True),
        (bool, "False", False),
        (None, None, None),
        (Literal[1, 2], "2", 2),
        (Literal[True, 1], 1, 1),
        (Literal["a", None], None, None),
        (Colour, "red", Colour.RED),
        (Colour, "BLUE", Colour.BLUE),
        (Colour, Colour.BLUE, Colour.BLUE),
        (Literal[Colour.RED, 1], "red", Colour.RED),
        (Level, 2, Level.HIGH),
        (Level, "2", Level.HIGH),
        (Odd, "THING", Odd.THING),
        (list[int], ["1", 2], [1, 2]),
        (list[int], "[1, 2]", [1, 2]),
        (list[list[int]], [[1], []], [[1], []]),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[int, ...], [1, 2], (1, 2)),
        (set[str], ["a", "a"], {"a"}),
        (frozenset[int], [1], frozenset({1})),
        (dict[str, int], {"a": "1"}, {"a": 1}),
        (dict[int, str], {"1": "a"}, {1: "a"}),
        (dict[Colour, int], {"red": 1}, {Colour.RED: 1}),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (int | str, "5", "5"),
        (str | int, 5, 5),
        (int | None, "5", 5),
        (int | bool, True, True),
        (list[int] | str, "[1]", "[1]"),
        (UserId, 7, 7),
        (Annotated[int, "x"], "7", 7),
        (Annotated[int, Field(gt=3)], "7", 7),
        (date, "2026-11-20", date(2026, 11, 20)),
        (Decimal, "1.10", Decimal("1.10")),
        (Trip, {"to": "Turku"}, {"to": "Turku"}),
        (Point, {"x": 1, "y": 2}, Point(1, 2.0)),
        (Place, {"name": "a", "at": {"x": 1}}, Place(name="a", at=Point(1))),
        (list[Place] | None, [{"name": "a", "at": {"x": 1}}], [Place(name="a", at=Point(1))]),
        (Json, ["a", ["b", 1]], ["a", ["b", 1]]),
        (Many[int], [1], [1]),
    ],
    ids=str,
)
async def test_what_fits_is_read_and_obvious_slips_are_forgiven(
    hint: Any, value: Any, found: Any
) -> None:
    got = await read(hint, value)
    assert got == found
    assert type(got) is type(found)


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (str, 1.5, "should be string, not 1.5"),
        (str, None, "should be string, not null"),
        (str, True, "should be string"),
        (str, ["a"], "should be string"),
        (int, 5.5, "should be integer"),
        (int, True, "should be integer, not true"),
        (int, "five", "should be integer"),
        (int, "1_000", "should be integer"),
        (int, "9" * 5000, "should be integer"),
        (int, float("inf"), "should be integer"),
        (float, "nan", "should be number"),
        (float, "inf", "should be number"),
        (float, "x", "should be number"),
        (float, 10**400, "should be number"),
        (float, None, "should be number"),
        (bool, 1, "should be true or false"),
        (bool, "yes", "should be true or false"),
        (None, 0, "should be null"),
        (Literal["a", "b"], "c", 'should be "a" or "b", not "c"'),
        (Literal[1], True, "should be 1"),
        (Colour, "green", 'should be "red" or "blue"'),
        (Colour, 1, 'should be "red" or "blue"'),
        (list[int], 5, "should be list of integer, not 5"),
        (list, "[1", "should be list"),
        (list, "[" * 100_000, "should be list"),
        (list, {"a": 1}, "should be list"),
        (tuple[int, str], [1], r"should be list of \(integer, string\), not \[1\]"),
        (tuple[int, str], [1, 2.5], r'"x\[1\]" should be string'),
        (set[Any], [{"a": 1}], "should be list"),
        (dict[str, int], [1], "should be object of integer"),
        (dict, "text", "should be object"),
        (dict[int, int], {"a": 1}, r'"x\["a"\]" should be integer'),
        (int | None, "x", "should be integer or null"),
        (Annotated[int, Field(gt=3)], 3, "is wrong: .*greater than 3"),
        (Place, {"at": {"x": "?"}}, r'"x.name" is wrong: .*required.*"x.at.x" is wrong'),
        (list[Point], [{"x": 1}, {}], r'"x\[1\].x" is wrong'),
        (date, "soon", "is wrong"),
        (Place, "\ud800", "is wrong"),
    ],
    ids=str,
)
async def test_what_does_not_fit_is_refused_with_what_was_expected(
    hint: Any, value: Any, expected: str
) -> None:
    with pytest.raises(BadArguments, match=expected):
        await read(hint, value)


@pytest.mark.parametrize("hint", [str, float])
async def test_a_number_beyond_all_measure_is_refused(hint: Any) -> None:
    with pytest.raises(BadArguments, match="not a int"):
        await read(hint, 10**5000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(value=JSON)
async def test_no_json_value_breaks_the_reading_of_any_kind(value: Any) -> None:
    def f(
        a: str = "",
        b: int = 0,
        c: float | None = None,
        d: list[bool] | dict[str, int] | None = None,
        e: Literal[1, "b"] = 1,
        f: Colour = Colour.RED,
        g: tuple[int, str] | set[str] = (1, ""),
        h: Point | None = None,
        i: Any = None,
    ) -> None: ...

    made = tool(f)
    for name in "abcdefghi":
        with contextlib.suppress(BadArguments):
            await made.use(ToolCall(id="1", name="f", args={name: value}))


@given(value=JSON)
async def test_any_value_reaches_the_tool_as_it_was_sent(value: Any) -> None:
    got = await read(Any, value)
    assert repr(got) == repr(value)  # nan is not equal to itself
