"""Body: what the requests over all these wires have in common. Pure; tested with tables."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from retinue.errors import ModelRejected
from retinue.messages import Message, Part, Text, ToolResult, ToolSpec
from retinue.models import ChatRequest
from retinue.models.view import shown

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Base64:
    """Bytes in a body, as the text that they are in Base64; `before` stands before it."""

    data: bytes
    before: str = ""


def dumped(body: Json) -> bytes:
    """The body as it is sent.

    Raises:
        ModelRejected: Something in it is no JSON.
    """
    media: list[Base64] = []

    def kept(value: Any) -> str:
        if not isinstance(value, Base64):
            raise TypeError(f"{type(value).__name__} is no JSON")
        media.append(value)
        return value.before + _MARK

    encoded = _utf8(written(body, kept))
    if not media:
        return encoded
    # Put in afterwards: the encoder of JSON would look at each letter of a picture.
    first, *others = encoded.split(_MARK.encode())
    pieces = [first]
    for one, after in zip(media, others, strict=True):
        pieces += (base64.b64encode(one.data), after)
    return b"".join(pieces)


def written(value: Any, default: Callable[[Any], str] | None = None) -> str:
    """JSON, in no more letters than it takes.

    Raises:
        ModelRejected: Something in it is no JSON.
    """
    try:
        return json.dumps(
            value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=default
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelRejected(
            f"This cannot be said in a request: {error}",
            hint="Options, schemas and arguments are plain JSON values.",
        ) from error


def system_of(request: ChatRequest) -> list[Json]:
    """The instructions as the first message, where there are any."""
    return [{"role": "system", "content": request.system}] if request.system else []


def conversation(request: ChatRequest) -> list[Message]:
    """The messages as the one who asks sees them; see `shown`.

    Where the last one is its own, the user asks it to go on: many servers would take that message
    for the beginning of the answer, and say it again, or refuse it.
    """
    messages = shown(request.messages, request.agent)
    if messages and messages[-1].role == "assistant":
        messages.append(Message("Go on.", role="user"))
    return messages


def function_of(tool: ToolSpec) -> Json:
    """What a model is told about a tool."""
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return {"type": "function", "function": function}


def told(result: ToolResult) -> tuple[str, list[Part]]:
    """The text of a result, and what has to follow beside it: on these wires a result is text."""
    text = result.text
    media: list[Part] = []
    if not isinstance(result.content, str):
        media = [part for part in result.content if not isinstance(part, Text)]
    if media:
        text = text or "The result follows."
        media.insert(0, Text(text=f"From {result.name}:"))
    if result.error and not text.startswith("Error"):
        text = f"Error: {text}"
    return text, media


def _utf8(text: str) -> bytes:
    """UTF-8; halves of a surrogate are joined where they meet, and replaced where they do not."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


_MARK: Final = uuid4().hex
"""Stands where media will; nobody can have written it."""
