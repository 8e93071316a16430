"""Values that do not change: what may be part of a message, and the hash of its content.

Dicts become `FrozenDict`, lists become tuples, down to the last one. The hash is taken over typed
content in one canonical form, so it is equal in every process and `Path("a")` is not `"a"`.
"""

import datetime
import decimal
import enum
import hashlib
import json
import math
import pathlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, NoReturn, Self, cast

from retinue.errors import MessageError

_UNCHANGING = (
    str,
    int,
    float,
    complex,
    bytes,
    bool,
    type(None),
    datetime.date,
    datetime.time,
    datetime.timedelta,
    decimal.Decimal,
    enum.Enum,
    frozenset,
    pathlib.PurePath,
    uuid.UUID,
)
_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})


class FrozenDict(dict[str, Any]):
    """A dict that cannot be changed; everything else about it is dict, JSON encoding too."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("This is part of something immutable; make a new dict: {**old, ...}")

    __setitem__ = __delitem__ = __ior__ = _refuse  # type: ignore[assignment]
    clear = pop = popitem = setdefault = update = _refuse  # type: ignore[assignment]

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(content_hash(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (dict(self),)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: Any) -> Self:
        return self


def freeze(value: Any, mapping: Callable[[dict[str, Any]], Any] = FrozenDict) -> Any:
    """The same value, unable to change.

    Raises:
        MessageError: It is of a kind that can change (a set, a list inside a foreign object, ...).
    """
    kind = value.__class__
    if kind in _PLAIN:
        return value
    if kind is dict:
        return mapping(
            {
                str(k): v if v.__class__ is str else freeze(v, mapping)
                for k, v in cast("dict[Any, Any]", value).items()
            }
        )
    if isinstance(value, tuple | list):
        frozen = tuple([freeze(item, mapping) for item in cast("list[Any]", value)])
        return value if value.__class__ is not list and frozen == value else frozen
    if isinstance(value, Record | FrozenDict):
        return value
    if isinstance(value, frozenset):
        for item in cast("frozenset[Any]", value):
            freeze(item, mapping)
        return cast(Any, value)
    if isinstance(value, _UNCHANGING):
        return value
    if isinstance(value, Mapping):
        return freeze(dict(cast("Mapping[Any, Any]", value)), mapping)
    if is_dataclass(value) and value.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return value
    config: Any = getattr(value, "model_config", None)  # pydantic's, without importing it
    if isinstance(config, Mapping) and cast("Mapping[str, Any]", config).get("frozen"):
        return value
    raise MessageError(
        f"{type(value).__name__} can change, so it cannot be part of a message",
        hint="Use str, numbers, tuples, frozensets, dicts with text keys, dates, paths, UUIDs, enums.",
    )


def canonical(value: Any) -> str:
    """The one text of a frozen value's typed content; values that differ never share it."""
    return _encode(_plain(value)).decode("utf-8", "surrogatepass")


def content_hash(value: Any) -> str:
    """SHA-256 over the canonical form, as 64 hex digits."""
    return hashlib.sha256(_encode(_plain(value))).hexdigest()


def _encode(plain: Any) -> bytes:
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def _plain(value: Any) -> Any:
    if value.__class__ is float and not math.isfinite(value):
        return {"$float": repr(value)}
    if value.__class__ in _PLAIN and value.__class__ is not bytes:
        return value
    if isinstance(value, Mapping):
        # A key of the user's that looks like a tag of ours is escaped, so it cannot pass for one.
        pairs = cast("Mapping[str, Any]", value).items()
        return {f"${k}" if k.startswith("$") else k: _plain(v) for k, v in pairs}
    if isinstance(value, Record):
        return {f"${type(value).__name__}": value.hash}  # kept by the record once it is known
    if isinstance(value, tuple | list):
        return [_plain(item) for item in cast("tuple[Any, ...]", value)]
    if isinstance(value, frozenset):
        return {"$set": sorted(canonical(item) for item in cast("frozenset[Any]", value))}
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, pathlib.PurePath):
        return {"$path": value.as_posix()}
    if isinstance(value, enum.Enum):
        return {f"${type(value).__name__}": _plain(value.value)}
    if isinstance(value, datetime.date | datetime.time):
        return {f"${type(value).__name__}": value.isoformat()}
    if is_dataclass(value) and not isinstance(value, type):
        data = {f.name: getattr(value, f.name) for f in fields(value)}
        return {f"${type(value).__name__}": {k: _plain(v) for k, v in data.items() if v is not None}}
    if hasattr(value, "model_dump"):
        return {f"${type(value).__name__}": _plain(freeze(value.model_dump()))}
    return {f"${type(value).__name__}": str(value)}


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
            content = {f"${type(self).__name__}": _plain(FrozenDict(self.content()))}
            kept = hashlib.sha256(_encode(content)).hexdigest()
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
        return type(other) is type(self) and cast(Record, other).content() == self.content()

    def __hash__(self) -> int:
        return hash(self.hash)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: Any) -> Self:
        return self


set_once = object.__setattr__
"""The way around that, for the moment of construction only."""
