"""Encode: our request in the words of the Responses API. Pure; tested with tables.

Nothing is left with OpenAI (`store`): the whole conversation goes along each time, and with it
what they want back, reasoning that only they can read.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from retinue.errors import ModelRejected
from retinue.messages import (
    Audio,
    Block,
    File,
    Image,
    Message,
    Part,
    Text,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from retinue.models import ChatRequest
from retinue.models._wire import Base64, Json, conversation, dumped, told
from retinue.models.compatible._dialect import of_openai
from retinue.models.compatible._encode import is_closed, name_of

from ._items import BETWEEN, VENDOR, call_id_of, with_call, with_words


def encode(request: ChatRequest, model: str) -> bytes:
    """The body of the request.

    An option that is None takes a field out again, as in `store=None`; one that is a list or an
    object is added to ours, as in `tools=[{"type": "web_search"}]`.

    Raises:
        ModelRejected: Something cannot be said on this wire.
    """
    return dumped(_body(request, model))


def encode_count(request: ChatRequest, model: str) -> bytes:
    """The body that asks how many tokens the request is.

    Raises:
        ModelRejected: As of `encode`.
    """
    body = _body(request, model)
    return dumped({name: value for name, value in body.items() if name in _COUNTED})


def reasons(model: str) -> bool:
    """Whether this is the name of a model of OpenAI that reasons."""
    return re.match(r"(gpt-[5-9](?!.*chat)|o\d)", model) is not None


def _body(request: ChatRequest, model: str) -> Json:
    body: Json = {
        "model": model,
        "input": [
            item for message in conversation(request) for item in _items(message, request.tools)
        ],
        "stream": True,
        "store": False,
    }
    if request.system:
        body["instructions"] = request.system
    if not _PLAIN.match(model):  # those would refuse it
        body["include"] = ["reasoning.encrypted_content"]
    body |= _tools(request)
    if request.output is not None:
        form = {"name": "answer", "schema": request.output, "strict": is_closed(request.output)}
        body["text"] = {"format": {"type": "json_schema", **form}}
    if request.max_tokens is not None:
        body["max_output_tokens"] = request.max_tokens
    if request.temperature is not None and of_openai(model).sampling:
        body["temperature"] = request.temperature
    for name, value in request.options.items():
        body[name] = _joined(body.get(name), value)
    return {name: value for name, value in body.items() if value is not None}


def _joined(ours: Any, given: Any) -> Any:
    match ours, given:
        case list(), list() | tuple():
            return [*cast("list[Any]", ours), *cast("Iterable[Any]", given)]
        case dict(), Mapping():
            return {**cast("Json", ours), **cast("Mapping[str, Any]", given)}
        case _:
            return given


def _items(message: Message, offered: Iterable[ToolSpec]) -> Iterable[Json]:
    match message.role:
        case "assistant":
            return _said(message.parts, offered)
        case "tool":
            return [_result(result) for result in message.tool_results]
        case "system":
            return [{"role": "system", "content": message.text}]
        case _:
            return [{"role": "user", "content": _content(message.parts)}]


def _said(parts: Iterable[Part], offered: Iterable[ToolSpec]) -> list[Json]:
    """What the model said, as the items that it was; what another said is plain."""
    items: list[Json] = []
    words = between = ""
    call: ToolCall | None = None
    for part in parts:
        match part:
            case Text(text=text):
                words += text
            case ToolCall():
                items += _plain(words.removeprefix(between))
                words, call = "", part
                name = name_of(part.name, offered)
                items.append(with_call({"type": "function_call"}, part, name))
            case Block(vendor=vendor, data={"type": "message"} as rest) if vendor == VENDOR:
                words = words.removeprefix(between)
                whole = with_words(rest, words)
                items += _plain(words) if whole is None else [whole]
                words, call = "", None
                between = BETWEEN if rest.get("content") else ""
            case Block(vendor=vendor, data={"type": "function_call"} as rest) if vendor == VENDOR:
                if call is not None and call.id == rest.get("call_id"):
                    items[-1] = with_call(rest, call, name_of(call.name, offered))
            case Block(vendor=vendor, data=item) if vendor == VENDOR:
                items += _plain(words.removeprefix(between))
                words, call = "", None
                items.append(item)
            case _:
                pass  # thoughts are in the blocks; other vendors' blocks are theirs
    return items + _plain(words.removeprefix(between))


def _plain(words: str) -> list[Json]:
    return [{"role": "assistant", "content": words}] if words else []


def _result(result: ToolResult) -> Json:
    text, media = told(result)
    output: str | list[Json] = text
    if media:
        output = [_text(text), *_shown(media[1:])]  # the first one says whose they are
    id = call_id_of(result.call_id)
    return {"type": "function_call_output", "call_id": id, "output": output}


def _content(parts: Iterable[Part]) -> str | list[Json]:
    found = _shown(parts)
    if all(one["type"] == "input_text" for one in found):
        return "".join([one["text"] for one in found])
    return found


def _shown(parts: Iterable[Part]) -> list[Json]:
    """What a user, or a tool, says and shows."""
    found: list[Json] = []
    for part in parts:
        match part:
            case Text(text=text):
                found.append(_text(text))
            case Image(data=bytes(data), media_type=kind):
                found.append(_image(Base64(data, f"data:{kind};base64,")))
            case Image(url=str(url)):
                found.append(_image(url))
            case File(data=bytes(data), media_type=kind) if kind.startswith("text/"):
                found.append(_text(data.decode(errors="replace")))
            case File(data=bytes(data), media_type=kind, name=name):
                file = {"filename": name, "file_data": Base64(data, f"data:{kind};base64,")}
                found.append({"type": "input_file", **file})
            case File(url=str(url)):
                found.append({"type": "input_file", "file_url": url})
            case Audio():
                raise ModelRejected(
                    "The Responses API does not hear",
                    hint='A model that does is asked over Chat Completions: api="chat".',
                )
            case Image() | File():
                raise ModelRejected(
                    f"This {type(part).__name__.lower()} is empty", hint="Pass its data, or a url."
                )
            case _:
                pass  # thoughts, calls and blocks are not the user's
    return found


def _text(text: str) -> Json:
    return {"type": "input_text", "text": text}


def _image(address: str | Base64) -> Json:
    return {"type": "input_image", "detail": "auto", "image_url": address}


def _tools(request: ChatRequest) -> Json:
    """What may be used, and what must be."""
    choice: str | Json = request.tool_choice
    if choice not in ("auto", "none", "required"):
        if choice not in [tool.name for tool in request.tools]:
            raise ModelRejected(
                f"The tool to be used, {choice!r}, is not offered",
                hint="Offer it among the tools of the request.",
            )
        choice = {"type": "function", "name": choice}
    if not request.tools:
        return {}
    found: Json = {
        "tools": [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                # Left out, OpenAI would demand every argument, also those that may be left out.
                "strict": False,
            }
            for tool in request.tools
        ]
    }
    if choice != "auto":
        found["tool_choice"] = choice
    return found


_PLAIN: Final = re.compile(r"(ft:)?(gpt-[34]|chatgpt-|.*chat)")
"""Models that do not reason. Of a name of one's own, as Azure has them, nobody knows."""
_COUNTED: Final = frozenset(
    {
        "model",
        "input",
        "instructions",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "text",
        "reasoning",
        "truncation",
        "previous_response_id",
        "conversation",
        "personality",
    }
)
"""Source: https://developers.openai.com/api/docs/guides/token-counting"""
