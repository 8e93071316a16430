"""From what a function returned to what a model is told."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from retinue.messages import Audio, File, Image, Message, Text, ToolCall, ToolResult

from ._json import as_json

type Content = Text | Image | Audio | File

_CONTENT = (Text, Image, Audio, File)
_PLAIN = (int, float, bool)


def as_result(call: ToolCall, name: str, value: Any, *, most: int) -> ToolResult:
    """Text stays text, parts stay parts, None is nothing, anything else becomes JSON.

    Args:
        call: What is answered.
        name: Of the tool; "tool:NAME" becomes the source of the result and of its parts.
        value: What the function returned. Messages count as their parts.
        most: Characters of text. What is beyond is left out, and the model is told how much.

    Raises:
        Exception: It contains itself, or cannot say what it is.
    """
    source = f"tool:{name}"
    content: str | Sequence[Content]
    if value is None:
        content = ""
    elif isinstance(value, str):
        content = _cut(value, most)
    elif value.__class__ in _PLAIN:
        content = as_json(value)
    elif parts := _parts(value):
        content = _cut_parts([replace(part, source=source) for part in parts], most)
    else:
        content = _cut(as_json(value), most)
    return ToolResult(call_id=call.id, name=name, content=content, source=source)


def _parts(value: Any) -> list[Content]:
    """The parts in a value that is one, or a message, or a list with one in it; else none."""
    match value:
        case Text() | Image() | Audio() | File():
            return [value]
        case Message():
            return [part for part in value.parts if isinstance(part, _CONTENT)]
        case list() | tuple():
            items = cast("Sequence[Any]", value)
            if any(isinstance(item, (*_CONTENT, Message)) for item in items):
                return [part for item in items for part in _parts(item) or [_as_text(item)]]
        case _:
            pass
    return []


def _as_text(value: Any) -> Text:
    return Text(text=value if isinstance(value, str) else as_json(value))


def _cut(text: str, most: int) -> str:
    left_out = len(text) - most
    if left_out <= 0:
        return text
    return (
        f"{text[:most]}\n[{left_out:,} of {len(text):,} characters were left out here; "
        "ask for less, or for a part]"
    )


def _cut_parts(parts: Sequence[Content], most: int) -> tuple[Content, ...]:
    """All parts, where the text goes on to `most` characters in all."""
    cut: list[Content] = []
    for part in parts:
        if isinstance(part, Text):
            shorter = _cut(part.text, most)
            most = max(most - len(part.text), 0)
            part = part if shorter == part.text else replace(part, text=shorter)
        cut.append(part)
    return tuple(cut)
