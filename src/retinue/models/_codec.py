"""Requests, chunks and errors as neutral JSON: what a recording is made of.

Chunks and errors come back exactly. A request is written to be compared, it has what a model sees
of it: no ids, no provenance, no metadata, and of pictures, sound and files the hash.
"""

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from retinue import errors
from retinue.errors import MessageError, ModelError, RetinueError
from retinue.messages import Audio, Block, File, Image, Message, Text, Thinking, ToolCall, canonical

from . import ChatChunk, ChatRequest, Usage


def request_text(request: ChatRequest) -> str:
    """The canonical JSON of a request: equal for equal requests, in every process."""
    return canonical(
        {
            "system": request.system,
            "agent": request.agent,
            "messages": [_message(message) for message in request.messages],
            "tools": [
                {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
                for tool in request.tools
            ],
            "tool_choice": request.tool_choice,
            "output": request.output,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "options": request.options,
        }
    )


def request_key(request: ChatRequest) -> str:
    """SHA-256 of what a model sees of a request, as 64 hex digits."""
    return key_of(request_text(request))


def key_of(text: str) -> str:
    """The key of a request whose canonical text is there already."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def encode_chunk(chunk: ChatChunk) -> dict[str, Any]:
    """A chunk as JSON; what it does not have is left out.

    Raises:
        MessageError: It has a value that JSON and bytes cannot express.
    """
    found: dict[str, Any] = {}
    for name in ("text", "thinking", "signature", "stop", "model"):
        if (value := getattr(chunk, name)) is not None:
            found[name] = value
    if call := chunk.tool_call:
        found["tool_call"] = {"id": call.id, "name": call.name, "args": _encode(call.args)}
        if call.source is not None:
            found["tool_call"]["source"] = call.source
    if block := chunk.block:
        found["block"] = {"vendor": block.vendor, "data": _encode(block.data)}
        if block.source is not None:
            found["block"]["source"] = block.source
    if usage := chunk.usage:
        found["usage"] = usage.counted()
    if chunk.cost is not None:
        found["cost"] = str(chunk.cost)
    return found


def decode_chunk(data: Mapping[str, Any]) -> ChatChunk:
    """The chunk that was encoded.

    Raises:
        KeyError, TypeError, ValueError: The data is no chunk.
    """
    fields = dict(data)
    if call := fields.get("tool_call"):
        fields["tool_call"] = ToolCall(**{**call, "args": _decode(call["args"])})
    if block := fields.get("block"):
        fields["block"] = Block(**{**block, "data": _decode(block["data"])})
    if (usage := fields.get("usage")) is not None:
        fields["usage"] = Usage(**usage)
    if (cost := fields.get("cost")) is not None:
        fields["cost"] = Decimal(cost)
    return ChatChunk(**fields)


def encode_error(error: RetinueError) -> dict[str, Any]:
    """An error as JSON, under the name of the nearest class of our own tree."""
    name = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    found: dict[str, Any] = {"type": name, "message": str(error), "hint": error.hint}
    if isinstance(error, ModelError):
        found["retry_after"] = error.retry_after
    return {name: value for name, value in found.items() if value is not None}


def decode_error(data: Mapping[str, Any]) -> RetinueError:
    """The error that was encoded.

    Raises:
        AttributeError, KeyError, TypeError: The data is no error of ours.
    """
    fields = dict(data)
    kind: Any = getattr(errors, fields.pop("type"))
    return kind(fields.pop("message"), **fields)


def to_line(record: Mapping[str, Any]) -> bytes:
    """A record as one line of JSON that people can read; a lone surrogate survives it."""
    line = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return f"{line}\n".encode("utf-8", "surrogatepass")


def from_line(line: bytes) -> Any:
    """The record of a line.

    Raises:
        ValueError: It is no JSON.
    """
    return json.loads(line.decode("utf-8", "surrogatepass"))


def _message(message: Message) -> dict[str, Any]:
    parts = [_part(part) for part in message.parts]
    return {"role": message.role, "agent": message.agent, "parts": parts}


def _part(part: Any) -> Any:
    match part:
        case Text():
            return part.text
        case Thinking():
            return {"thinking": part.text, "signature": part.signature}
        case Image() | Audio() | File():
            data = None if part.data is None else hashlib.sha256(part.data).hexdigest()
            name = part.name if isinstance(part, File) else None
            return {"media": part.media_type, "url": part.url, "sha256": data, "name": name}
        case ToolCall():
            return {"call": part.name, "id": part.id, "args": part.args}
        case Block():
            return {"block": part.vendor, "data": part.data}
        case _:
            content = part.content
            if not isinstance(content, str):
                content = [_part(inner) for inner in content]
            return {
                "result": part.name,
                "id": part.call_id,
                "content": content,
                "error": part.error,
            }


def _encode(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else {"$float": repr(value)}
        case bytes():
            return {"$bytes": base64.b64encode(value).decode()}
        case list() | tuple():
            return [_encode(item) for item in cast("list[Any]", value)]
        case Mapping():
            # A key of the user's that looks like a tag of ours is escaped.
            pairs = cast("Mapping[str, Any]", value).items()
            return {f"${k}" if k.startswith("$") else k: _encode(v) for k, v in pairs}
        case _:
            raise MessageError(
                f"{type(value).__name__} cannot be recorded",
                hint="Arguments of calls are JSON; vendor blocks may have bytes as well.",
            )


def _decode(value: Any) -> Any:
    match value:
        case list():
            return tuple([_decode(item) for item in cast("list[Any]", value)])
        case {"$float": text}:
            return float(text)
        case {"$bytes": text}:
            return base64.b64decode(text)
        case dict():
            pairs = cast("dict[str, Any]", value).items()
            return {k.removeprefix("$"): _decode(v) for k, v in pairs}
        case _:
            return value
