"""Values as JSON, for models and for people."""

import base64
import datetime
import enum
import json
from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Set,
    ValuesView,
)
from dataclasses import fields, is_dataclass
from typing import Any, cast

from retinue.messages import Record

_encode = json.JSONEncoder(ensure_ascii=False).encode


def as_json(value: Any) -> str:
    """The JSON text of anything; what JSON has nothing for becomes its `str`.

    Raises:
        ValueError, RecursionError: It contains itself.
    """
    try:
        return _encode(value)
    except TypeError:
        return _encode(jsonable(value))


def jsonable(value: Any, otherwise: Callable[[Any], Any] = str) -> Any:
    """The value in the types that JSON has; `otherwise` gives it for what is unknown here."""
    match value:
        case enum.Enum():
            return jsonable(value.value, otherwise)
        case None | str() | int() | float():
            return value
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case datetime.date() | datetime.time():
            return value.isoformat()
        case Mapping():
            pairs = cast("Mapping[Any, Any]", value).items()
            return {_key(name, otherwise): jsonable(one, otherwise) for name, one in pairs}
        case Record():
            return jsonable(value.content(), otherwise)
        case _ if hasattr(value, "model_dump"):  # pydantic's
            return value.model_dump(mode="json")
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {f.name: jsonable(getattr(value, f.name), otherwise) for f in fields(value)}
        case Sequence() | Set() | ValuesView() | Iterator():
            return [jsonable(one, otherwise) for one in cast("Iterable[Any]", value)]
        case _:
            return otherwise(value)


def shown(value: Any, most: int = 60) -> str:
    """A value as JSON, for a message to somebody; cut where it is long."""
    try:
        text = as_json(value)
    except (ValueError, RecursionError):  # it contains itself, or a number beyond all measure
        text = f"a {type(value).__name__}"
    return text if len(text) <= most else f"{text[:most]}..."


def thawed(value: Any) -> Any:
    """Plain dicts and lists, which a tool may change, from the frozen ones of a call."""
    match value:
        case dict():
            return {name: thawed(one) for name, one in cast("dict[Any, Any]", value).items()}
        case list() | tuple():
            return [thawed(one) for one in cast("list[Any]", value)]
        case _:
            return value


def _key(name: Any, otherwise: Callable[[Any], Any]) -> str:
    plain = jsonable(name, otherwise)
    return plain if isinstance(plain, str) else json.dumps(plain)
