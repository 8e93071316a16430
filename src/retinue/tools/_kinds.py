"""What a type hint asks for: its JSON schema, and how a value from JSON becomes one of it.

Plain types are read by the small functions here, which cost nothing to make. A hint with anything
else in it (dataclass, TypedDict, pydantic model, datetime, a constraint) is read by pydantic, which
is set up when such a tool is first described or used.
"""

import enum
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    Self,
    TypeAliasType,
    Union,
    cast,
    get_args,
    get_origin,
)

from ._json import shown, thawed

type Read = Callable[[Any, bool], Any]
"""Makes the value from JSON (and whether it may be lenient: "5" for 5); raises Misfit."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: what to call it, its JSON schema, and how it is read."""

    words: str
    schema: dict[str, Any]
    read: Read
    adapter: Any = None
    """Pydantic's, where it reads this; the schema is then made with those of its neighbours."""


class Misfit(Exception):
    """A value is not of the kind that was expected: where in it, and what is wrong there."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        super().__init__(*problems)
        self.problems = problems

    @classmethod
    def of(cls, expected: str, value: Any) -> Self:
        return cls(("", f"should be {expected}, not {shown(value)}"))

    def inside(self, where: str) -> "Misfit":
        return Misfit(*((where + path, problem) for path, problem in self.problems))


def kind_of(hint: Any) -> Kind:
    """The kind of value a type hint asks for.

    Raises:
        TypeError: Nothing from JSON can become one of it.
    """
    try:
        return _plain(hint, ())
    except _NotPlain:
        return _by_pydantic().kind_by_pydantic(hint)


def schemas_of(kinds: Mapping[str, Kind]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The JSON schemas of these kinds by name, and what they share (`$defs`).

    Raises:
        TypeError: JSON schema has no words for one of them.
    """
    plain = {name: kind.schema for name, kind in kinds.items() if kind.adapter is None}
    if len(plain) == len(kinds):
        return plain, {}
    others = {name: kind for name, kind in kinds.items() if name not in plain}
    schemas, shared = _by_pydantic().schemas_by_pydantic(others)
    return {name: plain.get(name) or schemas.get(name, {}) for name in kinds}, shared


def _by_pydantic() -> Any:
    return import_module("._by_pydantic", __package__)


# -- plain kinds


class _NotPlain(Exception):
    """There is something in the hint that only pydantic knows how to read."""


def _plain(hint: Any, seen: tuple[Any, ...]) -> Kind:
    """The kind of a hint that needs no pydantic; `seen` are the aliases it stands within."""
    if isinstance(hint, NewType):
        return _plain(hint.__supertype__, seen)
    if isinstance(hint, TypeAliasType):
        if hint in seen:  # `type Json = ... | list[Json]` has no end, unless it has a name
            raise _NotPlain
        return _plain(hint.__value__, (*seen, hint))
    if isinstance(hint, type) and issubclass(cast("type[Any]", hint), enum.Enum):
        return _member(hint)
    origin: Any = get_origin(hint) or hint
    inner = get_args(hint)
    if origin is Literal:
        return _option(inner)
    if origin is Annotated:
        return _noted(inner, seen)
    if origin is Union or origin is UnionType:
        return _either([_plain(one, seen) for one in inner])
    if origin in (dict, Mapping):
        return _mapping(*[_plain(one, seen) for one in inner or (str, Any)])
    if origin is tuple and inner and inner[-1] is not ...:
        return _row([_plain(one, seen) for one in inner])
    if origin in _LISTS:
        return _list(_LISTS[origin], _plain(inner[0], seen) if inner else _ANYTHING)
    if inner or origin not in _SIMPLE:
        raise _NotPlain
    return _SIMPLE[origin]


def _text(value: Any, lenient: bool) -> str:
    if value.__class__ is str:
        return value
    if lenient and value.__class__ is int and value.bit_length() < _NUMERAL:
        return str(value)
    raise Misfit.of("string", value)


def _integer(value: Any, lenient: bool) -> int:
    if value.__class__ is int:
        return value
    if lenient and value.__class__ is float and value.is_integer():
        return int(value)
    if lenient and value.__class__ is str and "_" not in value:
        try:
            return int(value)
        except ValueError:
            pass
    raise Misfit.of("integer", value)


def _number(value: Any, lenient: bool) -> float:
    if value.__class__ is float:
        return value
    if value.__class__ is int or (lenient and value.__class__ is str and "_" not in value):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise Misfit.of("number", value) from None
        if number - number == 0:  # "inf" and "nan" are words, not numbers
            return number
    raise Misfit.of("number", value)


def _truth(value: Any, lenient: bool) -> bool:
    if value.__class__ is bool:
        return value
    if lenient and value.__class__ is str and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise Misfit.of("true or false", value)


def _null(value: Any, lenient: bool) -> None:
    if value is not None:
        raise Misfit.of("null", value)


def _anything(value: Any, lenient: bool) -> Any:
    return thawed(value)


_NUMERAL = 10_000
"""Bits of the largest integer that is written as text; Python refuses beyond some 14,000."""

_ANYTHING = Kind("any value", {}, _anything)
_NULL = Kind("null", {"type": "null"}, _null)
_SIMPLE: dict[Any, Kind] = {
    str: Kind("string", {"type": "string"}, _text),
    int: Kind("integer", {"type": "integer"}, _integer),
    float: Kind("number", {"type": "number"}, _number),
    bool: Kind("true or false", {"type": "boolean"}, _truth),
    None: _NULL,
    NoneType: _NULL,
    Any: _ANYTHING,
    object: _ANYTHING,
}
_LISTS: dict[Any, type] = {
    list: list,
    Sequence: list,
    Iterable: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
}
"""What is a list in JSON, and what becomes of it."""


def _either(kinds: Sequence[Kind]) -> Kind:
    def read(value: Any, lenient: bool) -> Any:
        for tolerant in (False, True) if lenient else (False,):  # "5" stays text in `int | str`
            for kind in kinds:
                try:
                    return kind.read(value, tolerant)
                except Misfit:
                    pass
        raise Misfit.of(words, value)

    words = " or ".join(kind.words for kind in kinds)
    return Kind(words, {"anyOf": [kind.schema for kind in kinds]}, read)


def _option(options: tuple[Any, ...]) -> Kind:
    """One of some values; a member of an enum by its value."""
    pairs = [(one.value if isinstance(one, enum.Enum) else one, one) for one in options]
    if not all(key.__class__ in _TYPES for key, _ in pairs):
        raise _NotPlain
    return _one_of(pairs)


def _member(members: type[enum.Enum]) -> Kind:
    """A member of an enum by its value, or by its name where JSON has not all the values."""
    by_value = all(one.value.__class__ in _TYPES for one in members)
    kind = _one_of([(one.value if by_value else one.name, one) for one in members])

    def read(value: Any, lenient: bool) -> Any:
        if isinstance(value, members):
            return value
        if lenient and value.__class__ is str and value in members.__members__:
            return members[value]
        return kind.read(value, lenient)

    return Kind(kind.words, kind.schema, read)


_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


def _one_of(options: Sequence[tuple[Any, Any]]) -> Kind:
    """One of some values, each with what it is in JSON before it."""

    def read(value: Any, lenient: bool) -> Any:
        for key, option in options:
            if value == key and value.__class__ is key.__class__:  # 1 is not True
                return option
        for key, option in options if lenient and value.__class__ is str else ():
            if key.__class__ in (int, float) and value.strip() == str(key):
                return option
        raise Misfit.of(words, value)

    words = " or ".join(shown(key) for key, _ in options)
    schema: dict[str, Any] = {"enum": [key for key, _ in options]}
    if len(types := {_TYPES[key.__class__] for key, _ in options}) == 1:
        schema["type"] = types.pop()
    return Kind(words, schema, read)


def _noted(parts: tuple[Any, ...], seen: tuple[Any, ...]) -> Kind:
    """An annotated kind whose notes only describe it."""
    hint, *notes = parts
    kind = _plain(hint, seen)
    for note in notes:
        told = note if isinstance(note, str) else _only_described(note)
        kind = Kind(kind.words, {**kind.schema, "description": told}, kind.read)
    return kind


def _only_described(note: Any) -> str:
    """The words of a pydantic `Field(description=...)` that does nothing else."""
    told = getattr(note, "description", None)
    if repr(note) != f"FieldInfo(annotation=NoneType, required=True, description={told!r})":
        raise _NotPlain
    return str(told)


def _list(make: type, item: Kind) -> Kind:
    def read(value: Any, lenient: bool) -> Any:
        found: list[Any] = []
        for at, one in enumerate(_items(value, lenient, words)):
            try:
                found.append(item.read(one, lenient))
            except Misfit as misfit:
                raise misfit.inside(f"[{at}]") from None
        try:
            return found if make is list else make(found)
        except TypeError:  # a dict in a set
            raise Misfit.of(words, value) from None

    words = "list" if item is _ANYTHING else f"list of {item.words}"
    schema: dict[str, Any] = {"type": "array", "items": item.schema}
    if make in (set, frozenset):
        schema["uniqueItems"] = True
    return Kind(words, schema, read)


def _row(kinds: Sequence[Kind]) -> Kind:
    """A tuple of fixed length."""

    def read(value: Any, lenient: bool) -> Any:
        items = _items(value, lenient, words)
        if len(items) != len(kinds):
            raise Misfit.of(words, value)
        found: list[Any] = []
        for at, (kind, one) in enumerate(zip(kinds, items, strict=True)):
            try:
                found.append(kind.read(one, lenient))
            except Misfit as misfit:
                raise misfit.inside(f"[{at}]") from None
        return tuple(found)

    words = f"list of ({', '.join(kind.words for kind in kinds)})"
    count = len(kinds)
    schema: dict[str, Any] = {"type": "array", "minItems": count, "maxItems": count}
    return Kind(words, {**schema, "prefixItems": [kind.schema for kind in kinds]}, read)


def _mapping(key: Kind, item: Kind) -> Kind:
    def read(value: Any, lenient: bool) -> Any:
        value = _from_text(value, lenient)
        if not isinstance(value, Mapping):
            raise Misfit.of(words, value)
        found: dict[Any, Any] = {}
        for name, one in cast("Mapping[Any, Any]", value).items():
            try:
                found[key.read(name, True)] = item.read(one, lenient)  # a JSON key is always text
            except Misfit as misfit:
                raise misfit.inside(f"[{shown(name)}]") from None
        return found

    words = "object" if item is _ANYTHING else f"object of {item.words}"
    return Kind(words, {"type": "object", "additionalProperties": item.schema or True}, read)


def _items(value: Any, lenient: bool, words: str) -> Sequence[Any]:
    value = _from_text(value, lenient)
    if not isinstance(value, list | tuple):
        raise Misfit.of(words, value)
    return cast("Sequence[Any]", value)


def _from_text(value: Any, lenient: bool) -> Any:
    """What a text that a model wrote in place of a list or an object stands for."""
    if lenient and value.__class__ is str and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            pass
    return value
