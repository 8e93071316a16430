"""From the JSON form of a value (see `plain` in `_frozen`) back to the value."""

import datetime
import enum
import math
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, Final, cast

from retinue.errors import MessageError
from retinue.messages._frozen import freeze, may_be_in_messages


def full_name(cls: type[Any]) -> str:
    """How data name a class: by its module, too, for there may be others of its name."""
    return f"{cls.__module__}:{cls.__qualname__}"


class Classes:
    """The classes that data may name: nothing is imported because data say so.

    Args:
        given: They come first. Besides them those are known that are imported already and whose
            instances may be part of a message: records, enums, frozen dataclasses and models.
    """

    def __init__(self, given: Iterable[type[Any]] = ()) -> None:
        self._given = tuple(given)
        self._found: dict[tuple[str, type[Any]], type[Any]] = {}

    def find[T](self, name: Any, kind: type[T]) -> type[T]:
        """The class of that name, which is a `kind`; if it has moved, the only one of that name.

        Raises:
            MessageError: There is none, or there are several.
        """
        if not isinstance(name, str):
            raise MessageError(
                f"The name of a class is text, not {type(name).__name__}",
                hint='Write it as "module:Name".',
            )
        if (name, kind) not in self._found:
            short = name.rpartition(":")[2].rpartition(".")[2]
            given = [cls for cls in self._given if issubclass(cls, kind) and cls.__name__ == short]
            self._found[name, kind] = _one(name, given or _imported(short, kind))
        return self._found[name, kind]


type Restore = Callable[[Any, Classes], Any]
type Inner = Callable[[Any], Any]


def restored(data: Any, classes: Classes, tags: Mapping[str, Restore]) -> Any:
    """The value of which `data` is the JSON form; its dicts and lists are for the owner to freeze.

    Args:
        classes: Where the classes are found that data name.
        tags: What is known besides the kinds of value here: records.

    Raises:
        MessageError: The data are malformed.
    """
    if isinstance(data, list):
        return [restored(item, classes, tags) for item in cast("list[Any]", data)]
    if not isinstance(data, Mapping):
        return data
    pairs = cast("Mapping[str, Any]", data)
    tag = next(iter(pairs), "")
    if not _is_tag(tag):
        return {unescaped(k): restored(v, classes, tags) for k, v in pairs.items()}
    if len(pairs) > 1 or (tag not in _ATOMS and tag not in _NESTS and tag not in tags):
        raise MessageError(
            f"{tag!r} is no kind of value that this release knows",
            hint="A newer release wrote it; or a key of a dict is meant, which begins with '$$'.",
        )
    value = pairs[tag]
    try:
        if tag in _ATOMS:
            return _loaded(_ATOMS[tag])(value)
        if tag in tags:
            return tags[tag](value, classes)
        return _NESTS[tag](value, lambda inner: restored(inner, classes, tags), classes)
    except MessageError:
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise MessageError(
            f"{value!r} is not what {tag!r} looks like: {error}", hint="Mend it, or leave it out."
        ) from error


def unescaped(key: Any) -> Any:
    """A dict's own key, of which `key` is the escaped form.

    Raises:
        MessageError: It is a tag, not a key.
    """
    if _is_tag(key):
        raise MessageError(
            f"{key!r} stands where a name is expected", hint="A name begins with '$$', not '$'."
        )
    return key.removeprefix("$") if isinstance(key, str) else key  # refused when it is frozen


def _is_tag(key: Any) -> bool:
    return isinstance(key, str) and key.startswith("$") and not key.startswith("$$")


def _imported[T](short: str, kind: type[T]) -> list[type[T]]:
    """The classes of that name below this one, older ones first."""
    found: list[type[T]] = []
    seen: set[type[Any]] = set()
    todo: list[type[Any]] = [kind]
    for cls in todo:
        if cls not in seen:
            seen.add(cls)
            todo.extend(type.__subclasses__(cls))
            if cls.__name__ == short and may_be_in_messages(cls):
                found.append(cls)
    return found


def _one[T](name: str, classes: list[type[T]]) -> type[T]:
    # of classes that were defined anew in one place, the latest
    by_name = {full_name(cls): cls for cls in classes}
    if name in by_name:
        return by_name[name]
    if len(by_name) != 1:
        raise MessageError(
            f"{'Several classes are' if by_name else 'No class is'} named {name!r}",
            hint="Give the one that is meant: classes=[...].",
        )
    return by_name.popitem()[1]


def _loaded(made: "str | Callable[[Any], Any]") -> Callable[[Any], Any]:
    """What makes a kind of value; modules that cost the cold start are loaded with the first."""
    if not isinstance(made, str):
        return made
    module, _, name = made.partition(":")
    return getattr(import_module(module), name)


def _float(text: Any) -> float:
    value = float(text)
    if math.isfinite(value):
        raise ValueError("a finite number is written as a number")
    return value


def _datetime(data: Any) -> datetime.datetime:
    text, fold, zone = data
    value = datetime.datetime.fromisoformat(text)
    return value.replace(tzinfo=_zone(zone) or value.tzinfo, fold=fold)


def _time(data: Any) -> datetime.time:
    text, fold, zone = data
    value = datetime.time.fromisoformat(text)
    return value.replace(tzinfo=_zone(zone) or value.tzinfo, fold=fold)


def _zone(name: Any) -> datetime.tzinfo | None:
    return None if name is None else _loaded("zoneinfo:ZoneInfo")(name)


def _timedelta(data: Any) -> datetime.timedelta:
    days, seconds, microseconds = data
    return datetime.timedelta(days=days, seconds=seconds, microseconds=microseconds)


def _complex(data: Any, inner: Inner, _: Classes) -> complex:
    real, imaginary = data
    return complex(inner(real), inner(imaginary))


def _set(data: Any, inner: Inner, _: Classes) -> frozenset[Any]:
    return frozenset([freeze(inner(item)) for item in data])


def _enum(data: Any, inner: Inner, classes: Classes) -> enum.Enum:
    name, value = data
    return classes.find(name, enum.Enum)(freeze(inner(value)))


def _object(data: Any, inner: Inner, classes: Classes) -> Any:
    name, fields = data
    return classes.find(name, object)(**freeze(inner(fields)))


_ATOMS: Final[dict[str, str | Callable[[Any], Any]]] = {
    "$bytes": lambda data: a2b_base64(data, strict_mode=True),
    "$date": datetime.date.fromisoformat,
    "$datetime": _datetime,
    "$decimal": "decimal:Decimal",
    "$float": _float,
    "$path": "pathlib:Path",
    "$pureposixpath": "pathlib:PurePosixPath",
    "$purewindowspath": "pathlib:PureWindowsPath",
    "$time": _time,
    "$timedelta": _timedelta,
    "$uuid": "uuid:UUID",
}

_NESTS: Final[dict[str, Callable[[Any, Inner, Classes], Any]]] = {
    "$complex": _complex,
    "$data": _object,
    "$enum": _enum,
    "$set": _set,
}
