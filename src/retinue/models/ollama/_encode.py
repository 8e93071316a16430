"""Encode: our request in the words of Ollama's /api/chat. Pure; tested with tables."""

import base64
import json
from collections.abc import Iterable
from typing import Any, Final

from retinue.errors import ModelRejected
from retinue.messages import Audio, File, Image, Part, Text, ToolCall, ToolResult
from retinue.models import ChatRequest
from retinue.models.view import shown

type Json = dict[str, Any]

_BESIDE: Final = ("keep_alive", "logprobs", "shift", "think", "top_logprobs", "truncate")
"""Options that stand beside the others, not among them."""


def encode(request: ChatRequest, model: str, *, keep_alive: str | float | None = None) -> bytes:
    """The body of the request. A conversation that is too long is refused, not cut without a word.

    Raises:
        ModelRejected: Something cannot be said on this wire.
    """
    body: Json = {
        "model": model,
        "messages": [*_system(request.system), *_messages(request)],
        "stream": True,
        # By default Ollama drops the oldest messages, and nobody is told.
        "truncate": False,
        "shift": False,
    }
    if request.tools and request.tool_choice != "none":
        if request.tool_choice != "auto":
            raise ModelRejected(
                f"Ollama cannot be told to use a tool ({request.tool_choice!r})",
                hint="Leave the choice to the model, or ask for structured output.",
            )
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                },
            }
            for tool in request.tools
        ]
    if request.output is not None:
        body["format"] = request.output
    if keep_alive is not None:
        body["keep_alive"] = keep_alive
    options = _options(request)
    body |= {name: options.pop(name) for name in _BESIDE if name in options}
    if options:
        body["options"] = options
    # A lone surrogate is no text that any server could read.
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _options(request: ChatRequest) -> Json:
    """Source: https://docs.ollama.com/modelfile#valid-parameters-and-values"""
    known = {"num_predict": request.max_tokens, "temperature": request.temperature}
    return {**{k: v for k, v in known.items() if v is not None}, **request.options}


def _system(system: str | None) -> list[Json]:
    return [{"role": "system", "content": system}] if system else []


def _messages(request: ChatRequest) -> Iterable[Json]:
    for message in shown(request.messages, request.agent):
        match message.role:
            case "assistant":
                said: Json = {"role": "assistant", "content": message.text}
                if calls := message.tool_calls:
                    said["tool_calls"] = [_call(call) for call in calls]
                yield said
            case "tool":
                for result in message.tool_results:
                    yield from _result(result)
            case "system":
                yield {"role": "system", "content": message.text}
            case _:
                yield _with_media({"role": "user"}, message.parts)


def _call(call: ToolCall) -> Json:
    return {"id": call.id, "function": {"name": call.name, "arguments": call.args}}


def _result(result: ToolResult) -> Iterable[Json]:
    text = result.text
    media: list[Part] = []
    if not isinstance(result.content, str):
        media = [part for part in result.content if not isinstance(part, Text)]
        text = text or "The result follows."
    told = f"Error: {text}" if result.error and not text.startswith("Error") else text
    yield {
        "role": "tool",
        "tool_name": result.name,
        "tool_call_id": result.call_id,
        "content": told,
    }
    if media:
        yield _with_media({"role": "user"}, [Text(text=f"From {result.name}:"), *media])


def _with_media(said: Json, parts: Iterable[Part]) -> Json:
    texts: list[str] = []
    images: list[str] = []
    for part in parts:
        match part:
            case Text(text=text):
                texts.append(text)
            case Image(data=bytes(data)):
                images.append(base64.b64encode(data).decode())
            case File(data=bytes(data), media_type=kind) if kind.startswith("text/"):
                texts.append(data.decode(errors="replace"))
            case Image() | Audio() | File():
                kind = type(part).__name__.lower()
                raise ModelRejected(
                    f"Ollama cannot be shown this {kind}",
                    hint="It reads texts, and pictures that come with their data.",
                )
            case _:
                pass  # thoughts, calls and blocks are not the user's
    said["content"] = "".join(texts)
    if images:
        said["images"] = images
    return said
