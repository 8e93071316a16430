"""Encode: our request in the words of Chat Completions. Pure; tested with tables."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from retinue.errors import ModelRejected
from retinue.messages import Audio, File, Image, Message, Part, Text, ToolCall, ToolResult, ToolSpec
from retinue.models import ChatRequest
from retinue.models.view import shown

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What servers of this wire want differently.

    Args:
        limit: What the limit of tokens is called.
        sampling: Whether a temperature is accepted; where not, it is left out.
        one_tool: Whether a tool to be used may be named. Where not (llama-server takes no notice of
            the name), it is the only one that is offered.
    """

    limit: str = "max_tokens"
    sampling: bool = True
    one_tool: bool = False


OF_OTHERS: Final = Dialect()
OF_OPENAI: Final = Dialect(limit="max_completion_tokens", one_tool=True)
OF_REASONING: Final = replace(OF_OPENAI, sampling=False)


def encode(request: ChatRequest, model: str, dialect: Dialect) -> bytes:
    """The body of the request.

    An option that is None takes a field out again that a server does not know, as in
    `stream_options=None`.

    Raises:
        ModelRejected: A part cannot be said on this wire.
    """
    body: Json = {
        "model": model,
        "messages": [*_system(request.system), *_messages(request)],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    body |= _tools(request, dialect)
    if request.output is not None:
        form = {"name": "answer", "schema": request.output, "strict": is_closed(request.output)}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    if request.max_tokens is not None:
        body[dialect.limit] = request.max_tokens
    if request.temperature is not None and dialect.sampling:
        body["temperature"] = request.temperature
    body |= request.options
    body = {name: value for name, value in body.items() if value is not None}
    # A lone surrogate is no text that any server could read.
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


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


def data_url(part: Image | File) -> str:
    """The part as an address that carries its own data (RFC 2397)."""
    return f"data:{part.media_type};base64,{base64.b64encode(part.data or b'').decode()}"


def _system(system: str | None) -> list[Json]:
    return [{"role": "system", "content": system}] if system else []


def _messages(request: ChatRequest) -> Iterable[Json]:
    for message in shown(request.messages, request.agent):
        match message.role:
            case "assistant":
                yield _assistant(message)
            case "tool":
                yield from _results(message)
            case "system":
                yield {"role": "system", "content": message.text}
            case _:
                yield {"role": "user", "content": _content(message.parts)}


def _assistant(message: Message) -> Json:
    said: Json = {"role": "assistant", "content": message.text or None}
    if calls := message.tool_calls:
        said["tool_calls"] = [_call(call) for call in calls]
    elif not message.text:
        said["content"] = ""  # it only thought, and null is for a message with calls
    return said


def _call(call: ToolCall) -> Json:
    args = json.dumps(call.args, ensure_ascii=False, separators=(",", ":"))
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": args}}


def _results(message: Message) -> Iterable[Json]:
    """Results are text on this wire; pictures and files of theirs follow as the user's."""
    beside: list[Part] = []
    for result in message.tool_results:
        text = result.text
        if not isinstance(result.content, str):
            media = [part for part in result.content if not isinstance(part, Text)]
            if media:
                text = text or "The result follows."
                beside += [Text(text=f"From {result.name}:"), *media]
        yield {"role": "tool", "tool_call_id": result.call_id, "content": _told(result, text)}
    if beside:
        yield {"role": "user", "content": _content(beside)}


def _told(result: ToolResult, text: str) -> str:
    return f"Error: {text}" if result.error and not text.startswith("Error") else text


def _content(parts: Iterable[Part]) -> str | list[Json]:
    """What a user says: a text where it is nothing else, which every server understands."""
    found: list[Json] = []
    for part in parts:
        match part:
            case Text(text=text):
                found.append({"type": "text", "text": text})
            case Image(url=url, data=data):
                address = url if data is None else data_url(part)
                found.append({"type": "image_url", "image_url": {"url": address}})
            case Audio():
                found.append(_audio(part))
            case File():
                found.append(_file(part))
            case _:
                pass  # thoughts, calls and blocks are not the user's
    if all(one["type"] == "text" for one in found):
        return "".join([one["text"] for one in found])
    return found


def _audio(part: Audio) -> Json:
    kind = _SOUNDS.get(part.media_type)
    if part.data is None or kind is None:
        what = part.media_type if part.data is not None else "by address"
        raise ModelRejected(
            f"Sound {what} cannot be said in Chat Completions",
            hint="Pass its data, as audio/wav or audio/mpeg.",
        )
    data = base64.b64encode(part.data).decode()
    return {"type": "input_audio", "input_audio": {"data": data, "format": kind}}


def _file(part: File) -> Json:
    if part.data is None:
        raise ModelRejected(
            f"The file {part.name!r} has only an address, and Chat Completions wants its data",
            hint="Load it first, and pass its data.",
        )
    if part.media_type.startswith("text/"):
        return {"type": "text", "text": part.data.decode(errors="replace")}
    return {"type": "file", "file": {"filename": part.name, "file_data": data_url(part)}}


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
    found: Json = {"tools": [_tool(tool) for tool in tools]}
    return found if choice == "auto" else found | {"tool_choice": choice}


def _tool(tool: ToolSpec) -> Json:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return {"type": "function", "function": function}


_SOUNDS: Final = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}
