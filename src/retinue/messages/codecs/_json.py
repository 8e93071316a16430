"""Messages as one JSON text, with the version of its form: `{"v": 1, "messages": [...]}`."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from retinue.errors import MessageError
from retinue.messages._frozen import freeze
from retinue.messages._message import Message, Messages

from ._dicts import TAGS, message_from_dict, message_to_dict, to_plain
from ._values import Classes, restored

VERSION: Final = 1


def to_json(messages: Message | Iterable[Message]) -> str:
    """The messages as JSON on one line; `from_json` gives equal ones of the same ids."""
    some = (messages,) if isinstance(messages, Message) else messages
    return dumps({"v": VERSION, "messages": [message_to_dict(message) for message in some]})


def from_json(text: str | bytes, *, classes: Iterable[type[Any]] = ()) -> Messages:
    """The messages of which this is the JSON.

    Args:
        text: As `to_json` gives it.
        classes: Of messages and values in it. Those that are imported are known already.

    Raises:
        MessageError: It is no JSON, of another version, or malformed.
    """
    data = loads(text)
    check_version(data)
    messages = data.get("messages")
    if not isinstance(messages, list):
        raise MessageError(
            "This JSON has no list of messages", hint='It should be {"v": 1, "messages": [...]}.'
        )
    found = cast("list[Any]", messages)
    return Messages([message_from_dict(_object(data), classes=tuple(classes)) for data in found])


def value_to_json(value: Any) -> str:
    """Any value that may be part of a message as JSON on one line.

    Raises:
        MessageError: It is of a kind that can change, so it has no lasting form.
    """
    return dumps(to_plain(freeze(value)))


def value_from_json(text: str | bytes, *, classes: Iterable[type[Any]] = ()) -> Any:
    """The value of which this is the JSON, unable to change: lists are tuples.

    Raises:
        MessageError: It is no JSON, malformed, or names a class that is not known.
    """
    try:
        data = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise MessageError(
            f"This is no JSON: {error}", hint="Look whether the text is cut."
        ) from error
    return freeze(restored(data, Classes(classes), TAGS))


def dumps(data: Any) -> str:
    """JSON on one line; lone surrogates are escaped, so that UTF-8 can hold it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def loads(text: str | bytes) -> dict[str, Any]:
    """An object from JSON.

    Raises:
        MessageError: It is no JSON, or no object.
    """
    try:
        return _object(json.loads(text, parse_constant=_no_number))
    except (ValueError, RecursionError) as error:
        if isinstance(error, MessageError):
            raise
        raise MessageError(
            f"This is no JSON: {error}", hint="Look whether the text is cut, or the wrong file."
        ) from error


def check_version(data: Mapping[str, Any]) -> None:
    """Whether we can read this.

    Raises:
        MessageError: It is of another version.
    """
    version = data.get("v")
    if version.__class__ is not int or version != VERSION:
        raise MessageError(
            f"This JSON is of version {version!r}, and this release reads {VERSION}",
            hint="Read it with a newer release, or look whether it is the wrong file.",
        )


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise MessageError(
            f"An object is expected here, not {type(data).__name__}",
            hint="Compare it with what `to_json(...)` gives.",
        )
    return cast("dict[str, Any]", data)
