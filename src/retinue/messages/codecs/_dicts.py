"""Messages and parts as dicts that JSON can hold.

A message is `{"id": ..., "role": ..., "agent": ..., "parts": [...]}` with its metadata beside them,
and "$class" where it is of a subclass; a part is `{"type": "text", "text": ...}`. What JSON does
not know is tagged: a date in the metadata is `{"$date": "2026-11-20"}`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Final, cast

from retinue.errors import MessageError
from retinue.messages._frozen import Record, plain
from retinue.messages._message import Message
from retinue.messages._parts import (
    Audio,
    Block,
    File,
    Image,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

from ._values import Classes, Restore, full_name, restored, unescaped

_TYPES: Final[dict[str, type[Any]]] = {
    "text": Text,
    "image": Image,
    "audio": Audio,
    "file": File,
    "thinking": Thinking,
    "tool_call": ToolCall,
    "tool_result": ToolResult,
    "block": Block,
}
_TYPE_OF: Final = {cls: name for name, cls in _TYPES.items()}
_OURS: Final = frozenset({"role", "parts", "agent"})


def message_to_dict(message: Message) -> dict[str, Any]:
    """The message as a dict of JSON values; `message_from_dict` gives it back, id and all."""
    form: dict[str, Any] = {"id": message.id, "role": message.role}
    if message.agent is not None:
        form["agent"] = message.agent
    form["parts"] = [part_to_dict(part) for part in message.parts]
    if type(message) is not Message:
        form["$class"] = full_name(type(message))
    metadata = {k: v for k, v in message.content().items() if k not in _OURS}
    return {**form, **to_plain(metadata)}


def message_from_dict(data: Mapping[str, Any], *, classes: Iterable[type[Any]] = ()) -> Message:
    """The message of which this is the dict form.

    Args:
        data: As `message_to_dict` gives it; the words may also be one `text`.
        classes: Of messages and values in it. Those that are imported are known already.

    Raises:
        MessageError: The data are malformed, or name a class that is not known.
    """
    try:
        return message_of_dict(data, Message, Classes(classes))
    except MessageError:
        raise
    except (ValueError, TypeError, RecursionError) as error:
        raise MessageError(
            f"These data are no message: {error}", hint="Compare them with `message_to_dict(...)`."
        ) from error


def message_of_dict[M: Message](
    data: Mapping[str, Any], kind: type[M], classes: Classes | None = None
) -> M:
    """The same, of this class; what its declared fields object to is raised as it is."""
    known = classes or Classes()
    values = dict(data)
    name = values.pop("$class", full_name(kind))
    cls = kind if name == full_name(kind) else known.find(name, kind)
    parts = values.pop("parts", ())
    if not isinstance(parts, list | tuple):
        raise MessageError(
            f"The parts of a message are a list, not {type(parts).__name__}",
            hint='Write them as [{"type": "text", "text": "..."}].',
        )
    values = {unescaped(k): restored(v, known, TAGS) for k, v in values.items()}
    return cls(parts=[part_of_dict(part, known) for part in cast("list[Any]", parts)], **values)


def part_to_dict(part: Part) -> dict[str, Any]:
    """The part as a dict of JSON values, with its "type"; bytes are base64."""
    form: dict[str, Any] = {"type": _TYPE_OF[type(part)]}
    for field in fields(part):
        value = getattr(part, field.name)
        if value is not None or field.default is not None:
            form[field.name] = _field_to_json(part, field.name, value)
    return form


def part_from_dict(data: Mapping[str, Any], *, classes: Iterable[type[Any]] = ()) -> Part:
    """The part of which this is the dict form.

    Raises:
        MessageError: The data are malformed, or of an unknown type.
    """
    return part_of_dict(data, Classes(classes))


def part_of_dict(data: Any, classes: Classes) -> Part:
    """The same, with the classes that are known; parts are left as they are."""
    if type(data) in _TYPE_OF:
        return data
    if not isinstance(data, Mapping):
        raise MessageError(
            f"A part of a message is an object, not {type(data).__name__}",
            hint='Write it as {"type": "text", "text": "..."}.',
        )
    values = dict(cast("Mapping[str, Any]", data))
    name = values.pop("type", None)
    cls = _TYPES.get(name) if isinstance(name, str) else None
    if cls is None:
        raise MessageError(
            f"{name!r} is no type of part that this release knows",
            hint=f"It knows {', '.join(_TYPES)}.",
        )
    known = {field.name for field in fields(cls)}
    try:
        return cls(
            **{
                key: _field_from_json(cls, key, value, classes) if key in known else value
                for key, value in values.items()
            }
        )
    except (TypeError, ValueError) as error:
        if isinstance(error, MessageError):
            raise
        raise MessageError(
            f"These data are no part of type {name!r}: {error}",
            hint=f"It has {', '.join(sorted(known))}.",
        ) from error


def _field_to_json(part: Part, name: str, value: Any) -> Any:
    match part, name:
        case Image() | Audio() | File(), "data":
            return to_plain(value)["$bytes"]
        case ToolResult(), "content":
            return value if isinstance(value, str) else [part_to_dict(inner) for inner in value]
        case ToolCall() | Block(), "args" | "data":
            return to_plain(value)
        case _:
            return value


def _field_from_json(cls: type[Any], name: str, value: Any, classes: Classes) -> Any:
    if name == "data" and cls is not Block:
        return None if value is None else restored({"$bytes": value}, classes, TAGS)
    if name == "data" or (name == "args" and isinstance(value, Mapping)):
        return restored(value, classes, TAGS)
    if name == "args":
        raise MessageError(
            f"The args of a tool call are an object, not {type(value).__name__}",
            hint='Write them as {"name": value}.',
        )
    if name == "content" and isinstance(value, list):
        return tuple([part_of_dict(inner, classes) for inner in cast("list[Any]", value)])
    kind = bool if name == "error" else str
    optional = name in {"url", "source", "signature"}
    if not isinstance(value, kind) and not (optional and value is None):
        raise MessageError(
            f"{name!r} of a part is {kind.__name__}, not {type(value).__name__}",
            hint="Compare it with `part_to_dict(...)`.",
        )
    return value


def record_to_dict(record: Record) -> dict[str, Any]:
    """The form of a record inside of a value."""
    if isinstance(record, Message):
        return {"$message": message_to_dict(record)}
    return {"$record": [full_name(type(record)), to_plain(record.content())]}


def to_plain(value: Any) -> Any:
    """The JSON form of a value; `restored` gives the value back."""
    return plain(value, record_to_dict, full_name)


def _message(data: Any, classes: Classes) -> Message:
    return message_of_dict(data, Message, classes)


def _record(data: Any, classes: Classes) -> Record:
    name, values = data
    cls: Any = classes.find(name, Record)
    return cls(**restored(values, classes, TAGS))


TAGS: Final[dict[str, Restore]] = {"$message": _message, "$record": _record}
