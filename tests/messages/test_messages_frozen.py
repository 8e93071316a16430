"""Values in messages: unable to change to the last list, and hashed by what they are."""

import datetime
import decimal
import enum
import json
import math
import os
import pathlib
import pickle
import subprocess
import sys
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import MessageError
from retinue.messages import (
    Frozen,
    FrozenDict,
    Image,
    Message,
    Text,
    ToolCall,
    ToolResult,
    canonical,
    content_hash,
    freeze,
)


class Color(enum.Enum):
    RED = "red"


class Size(enum.StrEnum):
    BIG = "big"


class Level(enum.IntEnum):
    LOW = 1


@dataclass(frozen=True)
class Point:
    x: int
    tags: Any = None


@dataclass
class Loose:
    x: int


class Place(pydantic.BaseModel, frozen=True):
    name: str
    tags: Any = None


class Open(pydantic.BaseModel):
    name: str


class Spot(Frozen):
    name: str
    tags: list[str] = pydantic.Field(default_factory=list)


class Pair(NamedTuple):
    one: Any
    two: Any


class Plain(str):
    def __str__(self) -> str:
        return "something else"


class Longs(list[Any]):
    pass


def test_dicts_and_lists_are_frozen_down_to_the_last_one() -> None:
    source = {"a": [1, {"b": [2, {"c": [3]}]}], "d": ({"e": [4]},)}
    frozen = freeze(source)
    source["a"].append(5)
    source["d"][0]["e"].append(6)
    assert frozen == {"a": (1, {"b": (2, {"c": (3,)})}), "d": ({"e": (4,)},)}
    with pytest.raises(TypeError):
        frozen["a"][1]["b"][1]["c"] = 7
    assert type(frozen["d"][0]) is FrozenDict


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.__setitem__("a", 1),
        lambda d: d.__delitem__("a"),
        lambda d: d.update(a=1),
        lambda d: d.setdefault("b", 1),
        lambda d: d.pop("a"),
        lambda d: d.popitem(),
        lambda d: d.clear(),
        lambda d: d.__ior__({"a": 2}),
    ],
)
def test_a_frozen_dict_refuses_every_change(change: Any) -> None:
    frozen = FrozenDict(a=1)
    with pytest.raises(TypeError, match="make a new dict"):
        change(frozen)
    assert frozen == {"a": 1}
    assert {**frozen, "b": 2} == {"a": 1, "b": 2}


def test_a_frozen_dict_can_be_copied_pickled_hashed_and_written_as_json() -> None:
    frozen = freeze({"a": [1, {"b": 2}]})
    assert pickle.loads(pickle.dumps(frozen)) == frozen
    assert frozen.__copy__() is frozen
    assert frozen.__deepcopy__({}) is frozen
    assert json.loads(json.dumps(frozen)) == {"a": [1, {"b": 2}]}
    assert hash(freeze({"a": 1})) == hash(freeze({"a": 1.0})), "they are equal, as dicts are"


def test_what_a_frozen_dict_was_made_with_is_frozen_when_it_goes_into_a_message() -> None:
    items: list[int] = [1]
    message = Message(data=FrozenDict(items=items), same=FrozenDict(a=1))
    items.append(2)
    assert message.data == {"items": (1,)}
    given_frozen = FrozenDict(a=(1,))
    assert freeze(given_frozen) is given_frozen


@pytest.mark.parametrize(
    "value",
    [
        set(),
        object(),
        [object()],
        {"x": {"y": set()}},
        bytearray(b"x"),
        memoryview(b"x"),
        Loose(1),
        Point(1, tags=[1]),
        Place(name="x", tags={"a": 1}),
        Open(name="x"),
        frozenset([Loose]),
        Point,
        iter(()),
        (set(),),
        {1: "no text key"},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_can_change_is_refused_with_a_hint(value: Any) -> None:
    with pytest.raises(MessageError) as caught:
        Message(v=value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "value",
    [
        "x",
        1,
        1.5,
        True,
        None,
        b"x",
        1j,
        (1, "a"),
        frozenset({1, 1.5}),
        decimal.Decimal("1.0"),
        uuid.UUID(int=1),
        pathlib.Path("a"),
        pathlib.PureWindowsPath("a"),
        datetime.date(2026, 1, 1),
        datetime.datetime(2026, 1, 1),
        datetime.time(1),
        datetime.timedelta(1),
        Color.RED,
        Size.BIG,
        Level.LOW,
        Point(1),
        Point(1, tags=(1,)),
        Place(name="x"),
        Text(text="x"),
        Message("x"),
        Pair(1, 2),
    ],
    ids=repr,
)
def test_what_cannot_change_is_kept_as_it_is(value: Any) -> None:
    assert freeze(value) is value
    assert Message(v=value).v is value


def test_other_containers_become_ours() -> None:
    assert freeze(OrderedDict(a=[1])) == {"a": (1,)}
    assert type(freeze(MappingProxyType({"a": 1}))) is FrozenDict
    assert type(freeze(Longs([1]))) is tuple, "a list by another name can change, too"
    assert freeze(Pair([1], 2)) == ((1,), 2)
    assert freeze({Size.BIG: 1, Plain("a"): 2}) == {"big": 1, "a": 2}


def test_values_of_subclasses_lose_what_they_may_carry_along() -> None:
    class Count(int):
        pass

    class Share(float):
        pass

    class Raw(bytes):
        pass

    for odd, plain in ((Plain("a"), "a"), (Count(3), 3), (Share(0.5), 0.5), (Raw(b"x"), b"x")):
        odd.note = []  # type: ignore[union-attr]
        frozen = freeze([odd])[0]
        assert frozen == plain
        assert type(frozen) is type(plain)
    assert [type(item) for item in freeze(frozenset([Count(1)]))] == [int]
    assert canonical((Plain("a"), Count(3), Share(0.5))) == '["a",3,0.5]'


def test_a_value_that_contains_itself_is_an_error_and_no_recursion() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(MessageError, match="contains itself"):
        freeze(endless)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(MessageError, match="too deep"):
        Message(v=deep)


TYPED: list[Any] = [
    "1",
    1,
    1.0,
    True,
    None,
    "",
    (),
    (1,),
    (1, 2),
    "a",
    pathlib.Path("a"),
    pathlib.PurePosixPath("a"),
    pathlib.PureWindowsPath("a"),
    b"a",
    "YQ==",
    decimal.Decimal("1"),
    decimal.Decimal("1.0"),
    uuid.UUID(int=1),
    str(uuid.UUID(int=1)),
    math.nan,
    math.inf,
    -math.inf,
    "nan",
    0.0,
    -0.0,
    1 + 0j,
    frozenset(),
    frozenset({1}),
    frozenset({"1"}),
    datetime.date(2026, 1, 1),
    datetime.datetime(2026, 1, 1),
    "2026-01-01",
    datetime.time(0),
    datetime.timedelta(0),
    Color.RED,
    "red",
    Size.BIG,
    "big",
    Level.LOW,
    Point(1),
    Place(name="a"),
    Text(text="a"),
    Image(url="a"),
    Message("a"),
    {},
    {"a": 1},
    {"a": 2},
    {"$path": "a"},
    {"$bytes": "YQ=="},
    {"$$bytes": "YQ=="},
    {"$float": "nan"},
    {"$decimal": "1"},
    {"$set": []},
    {"$enum": ("Color", "red")},
    {"$data": ("Text", {"text": "a"})},
    {"$record": Message("a").hash},
    {"$date": "2026-01-01"},
]


def test_no_two_different_values_share_a_hash() -> None:
    hashes = [content_hash(value) for value in TYPED]
    assert len(set(hashes)) == len(TYPED)
    assert len({Message(x=value).hash for value in TYPED}) == len(TYPED)
    assert all(len(found) == 64 and int(found, 16) for found in hashes)


def test_equal_values_share_a_hash() -> None:
    assert content_hash((1, [2], {"b": 1, "a": 2})) == content_hash([1, (2,), {"a": 2, "b": 1}])
    assert Message(x=math.nan) == Message(x=float("nan"))
    assert content_hash(frozenset(["a", "b", ("c",)])) == content_hash(
        frozenset([("c",), "b", "a"])
    )
    assert Message(x=[1, {"a": 2}]).hash == Message(x=(1, FrozenDict(a=2))).hash


def test_what_differs_in_type_alone_is_not_equal_in_a_message() -> None:
    one, real, true = Message(x=1), Message(x=1.0), Message(x=True)
    assert one != real != true != one
    assert len({one, real, true, Message(x=1)}) == 3


def test_a_value_without_a_lasting_form_has_no_hash() -> None:
    with pytest.raises(MessageError, match="no lasting form"):
        content_hash(object())
    with pytest.raises(MessageError, match="no text"):
        content_hash({1: 2})


def test_hashes_are_equal_in_another_process() -> None:
    code = (
        "import sys, pathlib, decimal, uuid, datetime, enum, math\n"
        "from retinue.messages import Message, ToolCall, canonical\n"
        "values = [frozenset(['a', 'b', 'c', b'd', 1, None, (1, 'x')]), pathlib.Path('a/b'),"
        " decimal.Decimal('1.10'), uuid.UUID(int=5), math.nan, b'x', 1j,"
        " datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), {'z': 1, 'a': [2]}]\n"
        "m = Message('hi', ToolCall(id='1', name='t', args={'b': 1, 'a': 2}), v=values,"
        " inner=Message('in'))\n"
        "print(m.hash, canonical(m.v))\n"
    )
    seen = set()
    for seed in ("1", "2", "random"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        seen.add(done.stdout)
    assert len(seen) == 1


def test_the_canonical_text_sorts_keys_and_tags_what_json_does_not_know() -> None:
    assert canonical(freeze({"b": b"x", "a": ["ü", None]})) == (
        '{"a":["ü",null],"b":{"$bytes":"eA=="}}'
    )


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.decimals(),
    st.uuids(),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_freezing_twice_is_freezing_once(value: Any) -> None:
    once = freeze(value)
    assert freeze(once) is once
    assert content_hash(once) == content_hash(value)


@given(VALUES)
def test_nothing_in_a_frozen_value_can_change(value: Any) -> None:
    def check(frozen: Any) -> None:
        assert not isinstance(frozen, list | set | bytearray)
        if isinstance(frozen, Mapping):
            assert type(frozen) is FrozenDict
            for inner in frozen.values():
                check(inner)
        elif isinstance(frozen, tuple):
            for inner in frozen:
                check(inner)

    check(freeze(value))


@given(VALUES, VALUES)
def test_values_share_a_hash_only_when_their_canonical_texts_are_one(one: Any, two: Any) -> None:
    assert (content_hash(one) == content_hash(two)) == (canonical(one) == canonical(two))


def test_a_record_of_declared_and_other_fields_is_frozen() -> None:
    spot = Spot(name="a", tags=["x"], more={"b": [1]})
    assert (spot.tags, spot.more) == (("x",), {"b": (1,)})
    assert dict(spot) == {"name": "a", "tags": ("x",), "more": {"b": (1,)}}
    assert spot["name"] == "a"
    with pytest.raises(KeyError):
        spot["nope"]
    for change in ("name", "new"):
        with pytest.raises(AttributeError):
            setattr(spot, change, 1)
    with pytest.raises(AttributeError):
        del spot.name
    assert spot == Spot(name="a", tags=["x"], more={"b": [1]})
    assert spot != Spot(name="b", tags=["x"], more={"b": [1]})
    again = pickle.loads(pickle.dumps(spot))
    assert (again, hash(again)) == (spot, hash(spot))
    with pytest.raises(pydantic.ValidationError):
        Spot(name=5)  # type: ignore[arg-type]


def test_a_copy_of_a_record_with_changes_leaves_the_record_alone() -> None:
    spot = Spot(name="a", n=1)
    other = spot.model_copy(update={"name": "b"})
    assert (spot.name, other.name, other.n) == ("a", "b", 1)
    assert spot.model_copy() is spot
    assert spot.model_copy(deep=True) is spot


def test_a_record_that_forbids_other_fields_does() -> None:
    class Strict(Frozen, extra="forbid"):
        name: str

    assert Strict(name="a").content() == {"name": "a"}
    with pytest.raises(pydantic.ValidationError):
        Strict(name="a", other=1)  # type: ignore[call-arg]


def test_parts_keep_their_own_copy_of_what_they_are_made_of() -> None:
    args: dict[str, Any] = {"a": [1]}
    call = ToolCall(id="1", name="t", args=args)
    args["a"].append(2)
    assert call.args == {"a": (1,)}
    data = bytearray(b"abc")
    image = Image(data=data)  # type: ignore[arg-type]
    data[0] = 0
    assert image.data == b"abc"
    content = [Text(text="a"), Image(url="u"), Text(text="b")]
    result = ToolResult(call_id="1", name="t", content=content)
    content.clear()
    assert result.text == "ab"
    assert ToolResult(call_id="1", name="t", content="plain").text == "plain"
    assert str(Text(text="words")) == "words"


def test_a_module_that_another_thread_is_loading_is_no_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "decimal", ModuleType("decimal"))
    assert freeze({"path": pathlib.Path("a")}) == {"path": pathlib.Path("a")}
