"""Values that do not change: what may be part of a message, and the hash of its content.

Dicts become `FrozenDict`, lists become tuples, down to the last one. The hash is taken over typed
content in one canonical form, so it is equal in every process and `Path("a")` is not `"a"`.
"""

import datetime
import enum
import hashlib
import json
import math
import sys
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, NoReturn, Self, cast

from retinue.errors import MessageError

_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})
_SURE: set[type[Any]] = set()
_USE = "Use text, numbers, tuples, frozensets, dicts with text keys, dates, paths, enums."
_UNCHANGING = (complex, datetime.date, datetime.time, datetime.timedelta, enum.Enum)


class FrozenDict(dict[str, Any]):
    """A dict that cannot be changed; everything else about it is dict, JSON encoding too."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("This is part of something immutable; make a new dict: {**old, ...}")

    __setitem__ = __delitem__ = __ior__ = _refuse  # type: ignore[assignment]
    clear = pop = popitem = setdefault = update = _refuse  # type: ignore[assignment]

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (dict(self),)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: Any) -> Self:
        return self


def unchanging[T](cls: type[T]) -> type[T]:
    """Mark a frozen dataclass that freezes whatever it is made of: it need not be looked into."""
    _SURE.add(cls)
    return cls


def freeze(value: Any, mapping: Callable[[dict[str, Any]], Any] = FrozenDict) -> Any:
    """The same value, unable to change.

    Args:
        value: Text, numbers, bytes, dates, Decimal, UUID, paths, enums, frozensets, records, frozen
            dataclasses and frozen pydantic models are kept; dicts and lists are copied.
        mapping: What a dict becomes.

    Raises:
        MessageError: It is of a kind that can change (a set, a list inside a foreign object, ...).
    """
    if value.__class__ in _PLAIN:
        return value
    try:
        return _frozen(value, mapping)
    except RecursionError:
        raise MessageError(
            "A value is nested too deep to be part of a message, or contains itself",
            hint="Keep the nesting below some hundred levels.",
        ) from None


def _frozen(value: Any, mapping: Callable[[dict[str, Any]], Any]) -> Any:
    kind = value.__class__
    if kind in _PLAIN or kind in _SURE:
        return value
    if kind is dict:
        pairs = cast("dict[Any, Any]", value).items()
        return mapping(
            {
                k if k.__class__ is str else _key(k): (
                    v if v.__class__ in _PLAIN else _frozen(v, mapping)
                )
                for k, v in pairs
            }
        )
    if isinstance(value, tuple | list):
        items = cast("tuple[Any, ...]", value)
        frozen = tuple([_frozen(item, mapping) for item in items])
        return items if isinstance(value, tuple) and _same(frozen, items) else frozen
    if isinstance(value, Record):
        return value
    if isinstance(value, _UNCHANGING) or is_of(value, _LATE):
        return cast(Any, value)
    if isinstance(value, FrozenDict):
        items = tuple(value.values())
        same = _same([_frozen(item, mapping) for item in items], items)
        return value if same else _frozen(dict(value), mapping)
    if isinstance(value, frozenset):
        items = tuple(cast("frozenset[Any]", value))
        frozen = [_frozen(item, mapping) for item in items]
        return cast(Any, value) if _same(frozen, items) else frozenset(frozen)
    if isinstance(value, Mapping):
        return _frozen(dict(cast("Mapping[Any, Any]", value)), mapping)
    for bare in (str, int, float, bytes):
        if isinstance(value, bare):
            return _bare(value, bare)  # of a subclass, which may carry anything else along
    insides = _insides(value)
    if insides is None:
        raise MessageError(
            f"{kind.__name__} can change, so it cannot be part of a message", hint=_USE
        )
    for name, inner in insides.items():
        if _frozen(inner, mapping) is not inner:
            raise MessageError(
                f"{name!r} of this {kind.__name__} can change, so it cannot be part of a message",
                hint="Use tuples for lists and FrozenDict for dicts in there.",
            )
    return value


def canonical(value: Any) -> str:
    """The one text of a frozen value's typed content; values that differ never share it."""
    return _encode(plain(value, _by_hash)).decode("utf-8", "surrogatepass")


def content_hash(value: Any) -> str:
    """SHA-256 over the canonical form, as 64 hex digits."""
    return hashlib.sha256(_encode(plain(value, _by_hash))).hexdigest()


def _short(cls: type[Any]) -> str:
    return cls.__name__


def plain(
    value: Any, record: Callable[["Record"], Any], name: Callable[[type[Any]], str] = _short
) -> Any:
    """The JSON form of a frozen value: what JSON does not know is an object with one "$tag".

    A dict's own keys that begin with "$" get another "$" before them, so they cannot pass for tags.

    Args:
        record: Gives the form of a record found inside.
        name: Gives the name of a class.

    Raises:
        MessageError: There is something in it that can change.
    """
    kind = value.__class__
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is tuple:
        return [plain(item, record, name) for item in value]
    if kind in _SURE:
        return _plain_fields(value, record, name)
    match value:
        case enum.Enum():
            return {"$enum": [name(kind), plain(value.value, record, name)]}
        case str():
            return _bare(value, str)
        case int():
            return int(value)
        case float():
            return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
        case Record():
            return record(value)
        case tuple() | list():
            return [plain(item, record, name) for item in cast("tuple[Any, ...]", value)]
        case Mapping():
            pairs = cast("Mapping[Any, Any]", value).items()
            return {_escaped(_key(k)): plain(v, record, name) for k, v in pairs}
        case bytes():
            return {"$bytes": b2a_base64(value, newline=False).decode("ascii")}
        case frozenset():
            items = [plain(item, record, name) for item in cast("frozenset[Any]", value)]
            return {"$set": sorted(items, key=_encode)}
        case complex():
            return {"$complex": [plain(value.real, record, name), plain(value.imag, record, name)]}
        case datetime.datetime():
            return {"$datetime": [value.isoformat(), value.fold, _zone(value.tzinfo)]}
        case datetime.time():
            return {"$time": [value.isoformat(), value.fold, _zone(value.tzinfo)]}
        case datetime.date():
            return {"$date": value.isoformat()}
        case datetime.timedelta():
            return {"$timedelta": [value.days, value.seconds, value.microseconds]}
        case _:
            return _plain_object(value, record, name)


def _plain_object(
    value: Any, record: Callable[["Record"], Any], name: Callable[[type[Any]], str]
) -> Any:
    kind = type(value).__name__
    if is_of(value, {"decimal": "Decimal"}):
        return {"$decimal": str(value)}
    if is_of(value, {"uuid": "UUID"}):
        return {"$uuid": str(value)}
    if is_of(value, {"pathlib": "Path"}):
        return {"$path": value.as_posix()}
    if is_of(value, {"pathlib": "PurePath"}):
        return {f"${kind.lower()}": value.as_posix()}
    if _insides(value) is None:
        raise MessageError(f"{kind} has no lasting form", hint=_USE)
    return _plain_fields(value, record, name)


def _plain_fields(
    value: Any, record: Callable[["Record"], Any], name: Callable[[type[Any]], str]
) -> Any:
    # None is left out, so that a field added later does not change the hash of what is older.
    insides = _insides(value) or {}
    data = {k: plain(v, record, name) for k, v in insides.items() if v is not None}
    return {"$data": [name(value.__class__), data]}


class Record:
    """Something whose identity is its content; it never changes."""

    _mapping: ClassVar[Callable[[dict[str, Any]], Any]] = FrozenDict
    """What a dict inside becomes."""

    def content(self) -> dict[str, Any]:
        """Everything that makes it up, by name."""
        raise NotImplementedError

    @property
    def hash(self) -> str:
        """SHA-256 of class and typed content, 64 hex digits; equal in every process."""
        kept: str | None = self.__dict__.get("_hash")
        if kept is None:
            content = plain(self.content(), _by_hash)
            kept = hashlib.sha256(_encode([type(self).__name__, content])).hexdigest()
            set_once(self, "_hash", kept)
        return kept

    def __getitem__(self, name: str) -> Any:
        try:
            return self.content()[name]
        except KeyError:
            raise KeyError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} does not change; make a new one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} does not change; make a new one")

    def __eq__(self, other: object) -> bool:
        # by hash, so that equal records always have equal hashes: 1, 1.0 and True differ
        return self is other or (
            type(other) is type(self) and cast(Record, other).hash == self.hash
        )

    def __hash__(self) -> int:
        return hash(self.hash)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: Any) -> Self:
        return self


set_once = object.__setattr__
"""The way around that, for the moment of construction only."""

_LATE = {"decimal": "Decimal", "pathlib": "PurePath", "uuid": "UUID"}
"""Kinds whose modules cost the cold start: a value of theirs exists only once they are loaded."""


def is_of(value: Any, kinds: Mapping[str, str]) -> bool:
    """Whether it is of one of these kinds, by module and name; nothing is loaded for that."""
    for module, name in kinds.items():
        # A module that another thread is loading just now may not have it yet; then no value has.
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(value, kind):
            return True
    return False


def may_be_in_messages(cls: type[Any]) -> bool:
    """Whether instances of this class do not change."""
    return issubclass(cls, Record | enum.Enum) or _is_frozen(cls)


def _is_frozen(cls: type[Any]) -> bool:
    """Whether this is a frozen dataclass or a frozen pydantic model."""
    if is_dataclass(cls):
        params: Any = getattr(cls, "__dataclass_params__", None)
        return bool(params.frozen)
    config: Any = getattr(cls, "model_config", None)  # pydantic's, without importing it
    return isinstance(config, Mapping) and bool(cast("Mapping[str, Any]", config).get("frozen"))


def _insides(value: Any) -> dict[str, Any] | None:
    """The fields of a frozen dataclass or a frozen pydantic model; None of anything else."""
    if not _is_frozen(value.__class__) or isinstance(value, type):
        return None
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return dict(value)


def _same(some: "tuple[Any, ...] | list[Any]", others: tuple[Any, ...]) -> bool:
    """Whether these are the very same objects; equal ones might still change."""
    return all(one is other for one, other in zip(some, others, strict=True))


def _key(key: Any) -> str:
    if key.__class__ is str:
        return key
    if not isinstance(key, str):
        raise MessageError(
            f"{key!r} is no text, so it cannot name a value in a message",
            hint="Write the keys of dicts as text.",
        )
    return _bare(key, str)


def _bare[T](value: Any, kind: type[T]) -> T:
    """The same value of exactly this class, whatever its own class makes of `str`."""
    return str.__str__(value) if kind is str else kind(value)  # type: ignore[return-value]


def _escaped(key: str) -> str:
    return f"${key}" if key.startswith("$") else key


def _zone(zone: datetime.tzinfo | None) -> str | None:
    """The name of an IANA time zone; offsets are in the ISO form already."""
    return getattr(zone, "key", None)


def _by_hash(record: Record) -> Any:
    return {"$record": record.hash}  # kept by the record once it is known


def _encode(data: Any) -> bytes:
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")
