"""Chat Completions, as OpenAI and the many compatible servers speak it.

Sources: https://platform.openai.com/docs/api-reference/chat and .../chat-streaming (the chunks, the
errors), https://github.com/openai/openai-openapi (their schemas, samples in the tests),
https://docs.vllm.ai/en/latest/features/reasoning_outputs.html (thinking, under both its names),
https://openrouter.ai/docs/api-reference/streaming (comments that keep a stream open).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from retinue.errors import (
    ContextFull,
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnauthorized,
    UnknownModel,
)
from retinue.messages import (
    Audio,
    File,
    FrozenDict,
    Image,
    Message,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from retinue.models import ChatRequest, Stop, Usage
from retinue.models.scripted import WrittenCall

from ._answers import Line, Refusal
from ._fields import Fields, Unfit
from ._reading import NAME, bytes_of, tool_of
from ._wire import (
    Asked,
    Calls,
    Json,
    Lookup,
    Shelf,
    Wire,
    args_text,
    bearer,
    dumped,
    encoded,
    pieces,
    words,
)

_MADE: Final = 1_700_000_000
"""When everything here was created, in seconds since 1970."""


class Chat:
    """The wire of Chat Completions.

    Args:
        line_end: Of the lines of server-sent events.
        space: After their colons.
        reasoning: The field that thinking comes in.
    """

    name = "chat"
    media = "text/event-stream; charset=utf-8"
    asked_at = re.compile(r"/v1/chat/completions")
    stops: Mapping[Stop, str] = {
        "end": "stop",
        "tool_calls": "tool_calls",
        "max_tokens": "length",
        "refused": "content_filter",
    }
    counts = frozenset({"input", "output", "cache_read", "cache_write", "thinking"})

    def __init__(
        self, *, line_end: str = "\n", space: str = " ", reasoning: str = "reasoning_content"
    ) -> None:
        self._line_end = line_end
        self._space = space
        self.reasoning = reasoning
        self.quiet = f": still working{line_end}{line_end}".encode()
        self.lookups: Mapping[str, Lookup] = {"/v1/models": Lookup("GET", _models)}
        self.refusals = _REFUSALS

    def key(self, headers: Mapping[str, str]) -> str | None:
        return bearer(headers)

    def read(self, path: str, body: Any) -> Asked:
        said = Fields(body)
        system, messages = _conversation(said.each("messages"))
        if not system and not messages:
            raise Unfit("messages must have at least one message")
        limit = said.whole("max_completion_tokens")
        request = ChatRequest(
            messages=tuple(messages),
            system=system,
            tools=tuple([tool_of(tool) for tool in said.each("tools")]),
            tool_choice=_choice(said),
            output=_output(said),
            max_tokens=said.whole("max_tokens") if limit is None else limit,
            temperature=said.number("temperature"),
            options=FrozenDict({k: v for k, v in said.data.items() if k not in _OURS}),
        )
        return Asked(
            model=said.text("model"),
            streaming=said.flag("stream", default=False),
            request=request,
            body=said.data,
        )

    def writer(self, asked: Asked) -> "_Writer":
        return _Writer(self, asked)

    def whole(self, asked: Asked, lines: Sequence[Line], stop: str, usage: Usage) -> Json:
        text = "".join([line for line in lines if isinstance(line, str)])
        message: Json = {"role": "assistant", "content": text or None, "refusal": None}
        if thought := "".join([line.text for line in lines if isinstance(line, Thinking)]):
            message[self.reasoning] = thought
        if calls := [line for line in lines if isinstance(line, ToolCall | WrittenCall)]:
            message["tool_calls"] = [
                _named(call) | {"function": {"name": call.name, "arguments": args_text(call)}}
                for call in calls
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": stop}
        head = {"id": "chatcmpl-mock", "object": "chat.completion", "created": _MADE}
        return {**head, "model": asked.model, "choices": [choice], "usage": _usage(usage)}

    def frame(self, data: Any) -> bytes:
        return encoded(f"data:{self._space}{dumped(data)}{self._line_end}{self._line_end}")

    def error(self, status: int, message: str, code: str | None = None) -> Json:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def spellings(self) -> Sequence[Wire]:
        return Chat(line_end="\r\n"), Chat(space=""), Chat(reasoning="reasoning")


class _Writer:
    """Chunks, of one id."""

    def __init__(self, wire: Chat, asked: Asked) -> None:
        self._wire = wire
        self._tells = _tells(asked.body)
        self._called = 0
        self._head: Json = {
            "id": "chatcmpl-mock",
            "object": "chat.completion.chunk",
            "created": _MADE,
            "model": asked.model,
            "system_fingerprint": "fp_mock",
        }

    def opening(self) -> Iterator[bytes]:
        yield self._chunk({"role": "assistant", "content": ""})

    def text(self, text: str) -> Iterator[bytes]:
        for word in words(text):
            yield self._chunk({"content": word})

    def thinking(self, text: str) -> Iterator[bytes]:
        for word in words(text):
            yield self._chunk({self._wire.reasoning: word})

    def calls(self, calls: Calls) -> Iterator[bytes]:
        for place, call in enumerate(calls, self._called):
            start = {"index": place, **_named(call)}
            function = {"name": call.name, "arguments": ""}
            yield self._chunk({"tool_calls": [start | {"function": function}]})
            for piece in pieces(args_text(call)):
                function = {"arguments": piece}
                yield self._chunk({"tool_calls": [{"index": place, "function": function}]})
        self._called += len(calls)

    def ended(self, stop: str, usage: Usage) -> Iterator[bytes]:
        yield self._chunk({}, stop)
        if self._tells:
            yield self._wire.frame({**self._head, "choices": [], "usage": _usage(usage)})
        yield self._wire.frame("[DONE]")

    def _chunk(self, delta: Json, stop: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": stop}
        chunk: Json = {**self._head, "choices": [choice]}
        if self._tells:
            chunk["usage"] = None
        return self._wire.frame(chunk)


def _tells(body: Json) -> bool:
    """Whether the client wants to know what a stream cost; without asking, nobody is told."""
    match body.get("stream_options"):
        case {"include_usage": True}:
            return True
        case _:
            return False


def _named(call: ToolCall | WrittenCall) -> Json:
    """What identifies a call. Some servers leave the id out."""
    return {"id": call.id, "type": "function"} if call.id else {"type": "function"}


def _usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.thinking},
    }


def _models(shelf: Shelf, _: Any) -> Json:
    one = {"object": "model", "created": _MADE, "owned_by": "mock"}
    return {"object": "list", "data": [{"id": name, **one} for name in shelf.models]}


def _conversation(said: Iterable[Fields]) -> tuple[str | None, list[Message]]:
    """The instructions that stand at the beginning, and the messages after them."""
    system: list[str] = []
    messages: list[Message] = []
    names: dict[str, str] = {}
    for message in said:
        role = message.text("role")
        match role:
            case "system" | "developer":
                parts = _parts(message)
                if messages:
                    messages.append(Message(role="system", parts=parts))
                else:
                    system.append("".join([part.text for part in parts if isinstance(part, Text)]))
            case "user":
                messages.append(Message(role="user", parts=_parts(message)))
            case "assistant":
                calls = [_call(call) for call in message.each("tool_calls")]
                names |= {call.id: call.name for call in calls}
                messages.append(Message(role="assistant", parts=[*_parts(message), *calls]))
            case "tool":
                call_id = message.text("tool_call_id")
                content = [p for p in _parts(message) if isinstance(p, Text | Image | Audio | File)]
                result = ToolResult(
                    call_id=call_id, name=names.get(call_id, ""), content=_plain(content)
                )
                messages.append(Message(role="tool", parts=[result]))
            case _:
                raise Unfit(f"{message.at('role')} is {role!r}, which is no role")
    return "\n\n".join(system) or None, messages


def _plain(content: list[Text | Image | Audio | File]) -> str | list[Text | Image | Audio | File]:
    match content:
        case [Text(text=text)]:
            return text
        case _:
            return content


def _parts(message: Fields) -> list[Part]:
    match message.data.get("content"):
        case None:
            return []
        case str(text):
            return [Text(text=text)]
        case _:
            return [_part(part) for part in message.each("content")]


def _part(part: Fields) -> Part:
    kind = part.text("type")
    match kind:
        case "text":
            return Text(text=part.text("text"))
        case "image_url":
            image = part.fields("image_url")
            url = image.text("url")
            if not url.startswith("data:"):
                return Image(url=url)
            media_type, data = _data(url, image.at("url"))
            return Image(media_type=media_type, data=data)
        case "input_audio":
            sound = part.fields("input_audio")
            data = bytes_of(sound.text("data"), sound.at("data"))
            return Audio(media_type=f"audio/{sound.text('format')}", data=data)
        case "file":
            file = part.fields("file")
            media_type, data = _data(file.text("file_data"), file.at("file_data"))
            return File(name=file.optional_text("filename") or "", media_type=media_type, data=data)
        case _:
            raise Unfit(f"{part.at('type')} is {kind!r}, which is no kind of content")


def _data(url: str, at: str) -> tuple[str, bytes]:
    found = re.fullmatch(r"data:([^;,]+);base64,(.*)", url, re.DOTALL)
    if found is None:
        raise Unfit(f"{at} must be a data URL in base64")
    return found[1], bytes_of(found[2], at)


def _call(call: Fields) -> ToolCall:
    function = call.fields("function")
    try:
        args = Fields(json.loads(function.text("arguments")), function.at("arguments"))
    except ValueError:
        raise Unfit(f"{function.at('arguments')} must be JSON, as a text") from None
    name = function.fitting("name", pattern=NAME, longest=64)
    id = call.fitting("id", pattern=r"[\s\S]+", longest=40)
    return ToolCall(id=id, name=name, args=args.data)


def _choice(said: Fields) -> str:
    match said.data.get("tool_choice"):
        case None:
            return "auto"
        case "auto" | "none" | "required" as choice:
            return choice
        case _:
            return said.fields("tool_choice").fields("function").text("name")


def _output(said: Fields) -> FrozenDict | None:
    if not said.has("response_format"):
        return None
    form = said.fields("response_format")
    match form.text("type"):
        case "text":
            return None
        case "json_schema":
            return FrozenDict(form.fields("json_schema").fields("schema").data)
        case _:
            return FrozenDict()


_OURS: Final = frozenset(
    {
        "model",
        "messages",
        "stream",
        "tools",
        "tool_choice",
        "response_format",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
    }
)
"""Fields that have a word of ours."""

_REFUSALS: Sequence[tuple[Refusal, type[ModelError]]] = (
    (Refusal(400, "Unsupported value: 'temperature'", code="unsupported_value"), ModelRejected),
    (Refusal(401, "Incorrect API key provided.", code="invalid_api_key"), ModelUnauthorized),
    (Refusal(403, "Project does not have access to model."), ModelUnauthorized),
    (
        Refusal(
            404,
            "The model `m` does not exist or you do not have access to it.",
            code="model_not_found",
        ),
        UnknownModel,
    ),
    # https://github.com/crewAIInc/crewAI-examples/issues/121
    (
        Refusal(
            400,
            "This model's maximum context length is 8192 tokens. However, your messages resulted "
            "in 8227 tokens. Please reduce the length of the messages.",
            code="context_length_exceeded",
        ),
        ContextFull,
    ),
    # llama-server: https://github.com/ggml-org/llama.cpp/issues/19774
    (
        Refusal(
            400,
            "request (4390 tokens) exceeds the available context size (4096 tokens), "
            "try increasing it",
        ),
        ContextFull,
    ),
    (Refusal(429, "Rate limit reached for requests", code="rate_limit_exceeded"), ModelOverloaded),
    (Refusal(503, "The engine is currently overloaded, please try again later"), ModelOverloaded),
)
