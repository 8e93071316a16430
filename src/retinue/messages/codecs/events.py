"""Events as JSON: `{"v": 1, "type": "tool_asked", "seq": 7, "at": "...", "run": ..., ...}`.

What is None is left out. Fields that this release does not know are passed over when it reads: they
are a newer one's, and a change of what is there already comes with another version.
"""

import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from importlib import import_module
from typing import Any, Final, cast

from retinue.errors import MessageError
from retinue.messages._message import Message
from retinue.messages._parts import Thinking, ToolCall, ToolResult
from retinue.messages.events import EVENTS, Event, MessageEnded

from ._dicts import (
    TAGS,
    message_of_dict,
    message_to_dict,
    part_of_dict,
    part_to_dict,
    to_plain,
)
from ._json import VERSION, check_version, dumps, loads
from ._values import Classes, restored


def event_to_dict(event: Event) -> dict[str, Any]:
    """The event as a dict of JSON values."""
    cls = type(event)
    form: dict[str, Any] = {"v": VERSION, "type": _NAMES[cls]}
    for field in fields(event):
        value = getattr(event, field.name)
        if value is not None:
            form[field.name] = _form(cls, field.name).write(value)
    return form


def event_from_dict(data: Mapping[str, Any], *, classes: Iterable[type[Any]] = ()) -> Event:
    """The event of which this is the dict form.

    Args:
        data: As `event_to_dict` gives it.
        classes: Of messages and values in it. Those that are imported are known already.

    Raises:
        MessageError: It is of another version, of an unknown type, or malformed.
    """
    check_version(data)
    name = data.get("type")
    cls = _TYPES.get(name) if isinstance(name, str) else None
    if cls is None:
        raise MessageError(
            f"{name!r} is no type of event that this release knows",
            hint=f"It knows {', '.join(_TYPES)}.",
        )
    known = Classes(classes)
    values: dict[str, Any] = {}
    for field in fields(cls):
        value = data.get(field.name)
        if value is not None:
            values[field.name] = _value(cls, field.name, value, known)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise MessageError(
                f"This event of type {name!r} has no {field.name!r}",
                hint="Compare it with what `event_to_dict(...)` gives.",
            )
    return cast(Event, cls(**values))


def event_to_json(event: Event) -> str:
    """The event as JSON on one line."""
    return dumps(event_to_dict(event))


def event_from_json(text: str | bytes, *, classes: Iterable[type[Any]] = ()) -> Event:
    """The event of which this is the JSON.

    Raises:
        MessageError: It is no JSON, of another version, of an unknown type, or malformed.
    """
    return event_from_dict(loads(text), classes=classes)


def _value(cls: type[Any], name: str, data: Any, classes: Classes) -> Any:
    try:
        return _form(cls, name).read(data, classes)
    except (TypeError, ValueError, ArithmeticError) as error:
        hint = error.hint if isinstance(error, MessageError) else None
        raise MessageError(
            f"{name!r} of this event of type {_NAMES[cls]!r} is malformed: {error}",
            hint=hint or "Compare it with what `event_to_dict(...)` gives.",
        ) from error


def _form(cls: type[Any], name: str) -> "_Form":
    return _WHOLE if cls is MessageEnded and name == "message" else _FORMS.get(name, _TEXT)


@dataclass(frozen=True, slots=True)
class _Form:
    """How a field is written and read."""

    write: Callable[[Any], Any]
    read: Callable[[Any, Classes], Any]


def _same(value: Any) -> Any:
    return value


def _text(data: Any, _: Classes) -> str:
    if not isinstance(data, str):
        raise TypeError(f"it is {type(data).__name__}, not text")
    return data


def _number(data: Any, _: Classes) -> int:
    if not isinstance(data, int) or isinstance(data, bool):
        raise TypeError(f"it is {type(data).__name__}, not a whole number")
    return data


def _numbers(data: Any, classes: Classes) -> dict[str, int]:
    return {name: _number(number, classes) for name, number in dict(data).items()}


def _time(data: Any, classes: Classes) -> datetime.datetime:
    at = datetime.datetime.fromisoformat(_text(data, classes))
    if at.tzinfo is None:
        raise ValueError("it does not say in which time zone")
    return at


def _money(data: Any, classes: Classes) -> Any:
    return import_module("decimal").Decimal(_text(data, classes))


def _message(data: Any, classes: Classes) -> Any:
    return message_of_dict(dict(data), Message, classes)


def _part_form(kind: type[Any]) -> _Form:
    def read(data: Any, classes: Classes) -> Any:
        part = part_of_dict(data, classes)
        if not isinstance(part, kind):
            raise TypeError(f"it is {type(part).__name__}, not {kind.__name__}")
        return part

    return _Form(part_to_dict, read)


def _restored(data: Any, classes: Classes) -> Any:
    return restored(data, classes, TAGS)


_TEXT: Final = _Form(_same, _text)
_WHOLE: Final = _Form(message_to_dict, _message)
_FORMS: Final = {
    "answer": _Form(to_plain, _restored),
    "at": _Form(datetime.datetime.isoformat, _time),
    "attempt": _Form(_same, _number),
    "call": _part_form(ToolCall),
    "cost": _Form(str, _money),
    "offset": _Form(_same, _number),
    "question": _Form(to_plain, _restored),
    "result": _part_form(ToolResult),
    "seq": _Form(_same, _number),
    "thinking": _part_form(Thinking),
    "usage": _Form(dict, _numbers),
}
"""Of fields that are not text; those of one name are of one kind."""

_NAMES: Final = {cls: re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower() for cls in EVENTS}
_TYPES: Final = {name: cls for cls, name in _NAMES.items()}
