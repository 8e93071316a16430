"""value: what it makes is to be told from a dataclass by its speed alone."""

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, is_dataclass, replace
from typing import Any

import pytest

from retinue.messages import value


@value
class Leaf:
    size: int
    notes: Any = field(default=None, compare=False, repr=False)
    tags: list[str] = field(default_factory=list[str])


@value
class Single:
    name: Any


@value
class Empty:
    """Nothing."""


@value
class Own:
    name: str

    def __repr__(self) -> str:
        return "own"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own)

    def __hash__(self) -> int:
        return 7


@value
class Loose:
    name: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Loose)


def test_equal_fields_make_equal_values() -> None:
    assert Leaf(size=1, notes="a", tags=["x"]) == Leaf(size=1, notes="b", tags=["x"])
    assert Leaf(size=1) != Leaf(size=2)
    assert Single(name=1) != Empty()
    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())
    assert hash(Single(name="a")) == hash(Single(name="a"))
    assert {Single(name="a"), Single(name="a")} == {Single(name="a")}
    nan = float("nan")
    assert Single(name=nan) == Single(name=nan)  # as tuples are, and dataclasses


def test_what_a_class_defines_itself_stays() -> None:
    one = Own(name="a")
    assert repr(one) == "own"
    assert one == Own(name="b")
    assert hash(one) == 7
    assert Loose(name="a") == Loose(name="b")
    assert hash(Loose(name="a")) == hash(Loose(name="a"))


def test_it_is_printed_as_a_dataclass_is() -> None:
    twin = dataclass(frozen=True, kw_only=True)(
        type("Single", (), {"__annotations__": {"name": Any}})
    )
    made: Any = twin
    assert repr(Single(name="a")) == repr(made(name="a")) == "Single(name='a')"
    assert repr(Leaf(size=1, notes=2)) == "Leaf(size=1, tags=[])"
    assert repr(Empty()) == "Empty()"
    inner: list[Any] = []
    outer = Single(name=inner)
    inner.append(outer)
    assert repr(outer) == "Single(name=[...])"


def test_it_is_frozen_and_has_no_other_fields() -> None:
    leaf: Any = Leaf(size=1)
    with pytest.raises(FrozenInstanceError):
        leaf.size = 2
    with pytest.raises(FrozenInstanceError):
        del leaf.size
    with pytest.raises(TypeError):
        leaf.__class__(1)
    assert not hasattr(leaf, "__dict__")


def test_it_is_copied_and_replaced_as_a_dataclass_is() -> None:
    leaf = Leaf(size=1, notes="n", tags=["a"])
    assert is_dataclass(leaf)
    assert [one.name for one in fields(leaf)] == ["size", "notes", "tags"]
    for other in (copy.copy(leaf), copy.deepcopy(leaf), pickle.loads(pickle.dumps(leaf))):
        assert other == leaf
        assert other.notes == "n"
    assert replace(leaf, size=2) == Leaf(size=2, tags=["a"])
    assert Leaf(size=1).tags is not Leaf(size=1).tags
