"""Encode: our request in the words of Chat Completions. Pure; tested with tables."""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final, cast

from retinue.errors import ModelRejected
from retinue.messages import Audio, File, Image, Message, Part, Text, Thinking, ToolCall, ToolSpec
from retinue.models import ChatRequest
from retinue.models._wire import (
    Base64,
    Json,
    conversation,
    dumped,
    function_of,
    system_of,
    told,
    written,
)

from ._dialect import Dialect


def encode(request: ChatRequest, model: str, dialect: Dialect) -> bytes:
    """The body of the request.

    An option that is None takes a field out again that a server does not know, as in
    `stream_options=None`.

    Raises:
        ModelRejected: Something cannot be said on this wire.
    """
    body: Json = {
        "model": model,
        "messages": [*system_of(request), *_messages(request, model)],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    body |= _tools(request, dialect)
    free = not request.tools or request.tool_choice == "none"
    if request.output is not None and (free or dialect.form_with_tools):
        form = {"name": "answer", "schema": request.output, "strict": is_closed(request.output)}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    if request.max_tokens is not None:
        body[dialect.limit] = request.max_tokens
    if request.temperature is not None and dialect.sampling:
        body["temperature"] = request.temperature
    body |= request.options
    return dumped({name: value for name, value in body.items() if value is not None})


def is_closed(schema: Any) -> bool:
    """Whether a schema is one that OpenAI enforces: every object closed, every property required.

    Source: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
    """
    match schema:
        case Mapping():
            fields = cast("Mapping[str, Any]", schema)
            if fields.get("type") == "object" or "properties" in fields:
                properties = fields.get("properties", {})
                if fields.get("additionalProperties") is not False:
                    return False
                if set(properties) != set(fields.get("required", ())):
                    return False
            return all(is_closed(value) for value in fields.values())
        case list() | tuple():
            return all(is_closed(item) for item in cast("Iterable[Any]", schema))
        case _:
            return True


def name_of(name: str, offered: Iterable[ToolSpec]) -> str:
    """The name of a tool that was called, in letters that servers accept: models make names up, and
    OpenAI refuses the whole conversation for one with a dot in it. What is offered is accepted.

    Source: the error that mcp-use/mcp-use#90 quotes.
    """
    if any(tool.name == name for tool in offered):
        return name
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64] or "_"


def short_id(id: str, longest: int) -> str:
    """The id of a call, or another of 37 letters that stands for it where it is longer than this.

    Args:
        id: As another vendor, or a proxy, has written it.
        longest: The most letters that are accepted, 37 or more.
    """
    if len(id) <= longest:
        return id
    return f"call_{sha256(id.encode(errors='replace')).hexdigest()[:32]}"


def _messages(request: ChatRequest, model: str) -> Iterable[Json]:
    ids: dict[str, str] = {}
    for message in conversation(request):
        ids |= _ids(message, model)
        match message.role:
            case "assistant":
                said = _assistant(message, ids, request.tools)
                if "tool_calls" in said and _WANT_THOUGHTS.match(model):
                    said["reasoning_content"] = "".join(_thoughts(message, model))
                yield said
            case "tool":
                yield from _results(message, ids)
            case "system":
                yield {"role": "system", "content": message.text}
            case _:
                yield {"role": "user", "content": _content(message.parts)}


def _ids(message: Message, model: str) -> dict[str, str]:
    """The ids of the calls as they are sent. This model's own go back as they came: some proxies
    keep a signature in them."""
    own = _is_own(message, model)
    return {call.id: call.id if own else short_id(call.id, _ID) for call in message.tool_calls}


def _thoughts(message: Message, model: str) -> Iterable[str]:
    """What this model thought itself."""
    for part in message.parts:
        match part:
            case Thinking(text=text, signature=None) if _is_own(message, model):
                yield text
            case _:
                pass


def _is_own(message: Message, model: str) -> bool:
    return str(getattr(message, "model", "")).partition(":")[2] == model


def _assistant(message: Message, ids: Mapping[str, str], offered: Iterable[ToolSpec]) -> Json:
    said: Json = {"role": "assistant", "content": message.text or None}
    if calls := message.tool_calls:
        said["tool_calls"] = [
            {"id": ids[call.id], "type": "function", "function": _called(call, offered)}
            for call in calls
        ]
    elif not message.text:
        said["content"] = ""  # it only thought, and null is for a message with calls
    return said


def _called(call: ToolCall, offered: Iterable[ToolSpec]) -> Json:
    return {"name": name_of(call.name, offered), "arguments": written(call.args)}


def _results(message: Message, ids: Mapping[str, str]) -> Iterable[Json]:
    """Results are text on this wire; pictures and files of theirs follow as the user's."""
    beside: list[Part] = []
    for result in message.tool_results:
        text, media = told(result)
        beside += media
        yield {"role": "tool", "tool_call_id": ids[result.call_id], "content": text}
    if beside:
        yield {"role": "user", "content": _content(beside)}


def _content(parts: Iterable[Part]) -> str | list[Json]:
    """What a user says: a text where it is nothing else, which every server understands."""
    found: list[Json] = []
    for part in parts:
        match part:
            case Text(text=text):
                found.append({"type": "text", "text": text})
            case Image(data=bytes(data), media_type=kind):
                found.append(_image(Base64(data, f"data:{kind};base64,")))
            case Image(url=str(url)):
                found.append(_image(url))
            case Audio(data=bytes(data), media_type=kind) if kind in _SOUNDS:
                sound = {"data": Base64(data), "format": _SOUNDS[kind]}
                found.append({"type": "input_audio", "input_audio": sound})
            case File(data=bytes(data), media_type=kind) if kind.startswith("text/"):
                found.append({"type": "text", "text": data.decode(errors="replace")})
            case File(data=bytes(data), media_type=kind, name=name):
                file = {"filename": name, "file_data": Base64(data, f"data:{kind};base64,")}
                found.append({"type": "file", "file": file})
            case Image() | Audio() | File():
                raise ModelRejected(
                    f"Chat Completions cannot be shown this {type(part).__name__.lower()}",
                    hint="Pass its data; of sounds, as audio/wav or audio/mpeg.",
                )
            case _:
                pass  # thoughts, calls and blocks are not the user's
    if all(one["type"] == "text" for one in found):
        return "".join([one["text"] for one in found])
    return found


def _image(address: str | Base64) -> Json:
    return {"type": "image_url", "image_url": {"url": address}}


def _tools(request: ChatRequest, dialect: Dialect) -> Json:
    """What may be used, and what must be."""
    tools = request.tools
    choice: str | Json = request.tool_choice
    if choice not in ("auto", "none", "required"):
        tools = tuple([tool for tool in tools if tool.name == choice])
        if not tools:
            raise ModelRejected(
                f"The tool to be used, {choice!r}, is not offered",
                hint="Offer it among the tools of the request.",
            )
        if dialect.one_tool:
            tools, choice = request.tools, {"type": "function", "function": {"name": choice}}
        else:
            choice = "required"
    if not tools:
        return {}
    found: Json = {"tools": [function_of(tool) for tool in tools]}
    if choice != "auto":
        found["tool_choice"] = choice
    if not dialect.thinks_with_tools:
        found["reasoning_effort"] = "none"
    return found


_ID: Final = 40
"""The most letters that OpenAI accepts in an id here, and so do routers that lead to it; sources:
vercel/ai#5171, langgenius/dify#28987."""
_WANT_THOUGHTS: Final = re.compile(r"(.*/)?(deepseek|kimi)", re.IGNORECASE)
"""Models that refuse calls of the past without what was thought before them; where that is unknown,
an empty text does. Others do not want it, and some servers refuse it (Groq).

Sources: https://api-docs.deepseek.com/guides/thinking_mode, and the errors that
anomalyco/opencode#24722, anomalyco/opencode#16318 and janhq/jan#8136 quote.
"""
_SOUNDS: Final = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}
