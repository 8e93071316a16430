"""Ollama's own protocol.

Sources: https://github.com/ollama/ollama/blob/main/docs/api.md (requests, answers, the lists),
https://docs.ollama.com/api/errors (errors, also inside a stream), api/types.go and server/routes.go
of the same repository (ids of calls, which only newer servers give).
"""

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
from ._reading import bytes_of, tool_of
from ._wire import Asked, Calls, Json, Lookup, Shelf, Wire, dumped, encoded, words

_MADE: Final = "2026-11-20T00:00:00Z"
_VERSION: Final = "0.12.0"
_DIGEST: Final = "0" * 64


class Ollama:
    """The wire of Ollama.

    Args:
        line_end: After each object.
        between: What stands between the lines.
    """

    name = "ollama"
    media = "application/x-ndjson"
    asked_at = re.compile(r"/api/chat")
    stops: Mapping[Stop, str] = {"end": "stop", "tool_calls": "stop", "max_tokens": "length"}
    counts = frozenset({"input", "output"})

    def __init__(self, *, line_end: str = "\n", between: str = "") -> None:
        self._end = line_end + between
        self.quiet = line_end.encode()
        self.lookups: Mapping[str, Lookup] = {
            "/api/tags": Lookup("GET", _tags),
            "/api/ps": Lookup("GET", _ps),
            "/api/version": Lookup("GET", _version),
            "/api/show": Lookup("POST", _show),
        }
        self.refusals = _REFUSALS

    def key(self, headers: Mapping[str, str]) -> str | None:
        return None

    def read(self, path: str, body: Any) -> Asked:
        said = Fields(body)
        options = said.fields("options") if said.has("options") else Fields({})
        system, messages = _conversation(said.each("messages"))
        rest = {k: v for k, v in said.data.items() if k not in _OURS}
        rest |= {k: v for k, v in options.data.items() if k not in _OUR_OPTIONS}
        request = ChatRequest(
            messages=tuple(messages),
            system=system,
            tools=tuple([tool_of(tool) for tool in said.each("tools")]),
            output=_output(said),
            max_tokens=options.whole("num_predict"),
            temperature=options.number("temperature"),
            options=FrozenDict(rest),
        )
        return Asked(
            model=said.text("model"),
            streaming=said.flag("stream", default=True),
            request=request,
            body=said.data,
        )

    def writer(self, asked: Asked) -> "_Writer":
        return _Writer(self, asked)

    def whole(self, asked: Asked, lines: Sequence[Line], stop: str, usage: Usage) -> Json:
        message: Json = {
            "role": "assistant",
            "content": "".join([line for line in lines if isinstance(line, str)]),
        }
        if thought := "".join([line.text for line in lines if isinstance(line, Thinking)]):
            message["thinking"] = thought
        if calls := [line for line in lines if isinstance(line, ToolCall | WrittenCall)]:
            message["tool_calls"] = _called(calls)
        return _object(asked, message) | _end(stop, usage)

    def frame(self, data: Any) -> bytes:
        return encoded(f"{dumped(data)}{self._end}")

    def error(self, status: int, message: str, code: str | None = None) -> Json:
        return {"error": message}

    def spellings(self) -> Sequence[Wire]:
        return Ollama(line_end="\r\n"), Ollama(between="\n")


class _Writer:
    """Objects, one a line."""

    def __init__(self, wire: Ollama, asked: Asked) -> None:
        self._wire = wire
        self._asked = asked

    def opening(self) -> Iterator[bytes]:
        yield from ()

    def text(self, text: str) -> Iterator[bytes]:
        for word in words(text):
            yield self._line({"content": word})

    def thinking(self, text: str) -> Iterator[bytes]:
        for word in words(text):
            yield self._line({"content": "", "thinking": word})

    def calls(self, calls: Calls) -> Iterator[bytes]:
        yield self._line({"content": "", "tool_calls": _called(calls)})

    def ended(self, stop: str, usage: Usage) -> Iterator[bytes]:
        last = _object(self._asked, {"role": "assistant", "content": ""})
        yield self._wire.frame(last | _end(stop, usage))

    def _line(self, said: Json) -> bytes:
        return self._wire.frame(_object(self._asked, {"role": "assistant", **said}))


def _object(asked: Asked, message: Json) -> Json:
    return {"model": asked.model, "created_at": _MADE, "message": message, "done": False}


def _end(stop: str, usage: Usage) -> Json:
    return {
        "done": True,
        "done_reason": stop,
        "total_duration": 4_883_583_458,
        "load_duration": 1_334_875,
        "prompt_eval_count": usage.input,
        "prompt_eval_duration": 342_546_000,
        "eval_count": usage.output,
        "eval_duration": 4_535_599_000,
    }


def _called(calls: Calls) -> list[Json]:
    """Calls. Older servers give no ids, and some models write the arguments as a text."""
    found: list[Json] = []
    for place, call in enumerate(calls):
        args = call.args if isinstance(call, WrittenCall) else dict(call.args)
        function = {"index": place, "name": call.name, "arguments": args}
        found.append({"id": call.id, "function": function} if call.id else {"function": function})
    return found


def _listed(name: str) -> Json:
    return {"name": name, "model": name, "size": 2_019_393_189, "digest": _DIGEST}


_DETAILS: Final[Json] = {
    "parent_model": "",
    "format": "gguf",
    "family": "mock",
    "families": ["mock"],
    "parameter_size": "3.2B",
    "quantization_level": "Q4_K_M",
}


def _tags(shelf: Shelf, _: Any) -> Json:
    return {
        "models": [
            _listed(name) | {"modified_at": _MADE, "details": _DETAILS} for name in shelf.models
        ]
    }


def _ps(shelf: Shelf, _: Any) -> Json:
    memory = {"details": _DETAILS, "expires_at": _MADE, "size_vram": 2_019_393_189}
    return {"models": [_listed(name) | memory for name in shelf.loaded]}


def _version(_: Shelf, __: Any) -> Json:
    return {"version": _VERSION}


def _show(_: Shelf, body: Any) -> Json:
    name = Fields(body).text("model")
    return {
        "modelfile": f"FROM {name}",
        "parameters": "",
        "template": "{{ .Prompt }}",
        "details": _DETAILS,
        "model_info": {"general.architecture": "mock", "mock.context_length": 131_072},
        "capabilities": ["completion", "tools", "thinking", "vision"],
    }


def _conversation(said: Iterable[Fields]) -> tuple[str | None, list[Message]]:
    """The instructions that stand at the beginning, and the messages after them."""
    system: list[str] = []
    messages: list[Message] = []
    waiting: dict[str, str] = {}
    for message in said:
        role = message.text("role")
        text = message.optional_text("content") or ""
        match role:
            case "system" if not messages:
                system.append(text)
            case "system":
                messages.append(Message(role="system", parts=[Text(text=text)]))
            case "user":
                messages.append(Message(role="user", parts=[*_said(text), *_images(message)]))
            case "assistant":
                calls = [
                    _call(call, f"call_{len(messages)}_{n}")
                    for n, call in enumerate(message.each("tool_calls"))
                ]
                waiting |= {call.id: call.name for call in calls}
                messages.append(Message(role="assistant", parts=[*_said(text), *calls]))
            case "tool":
                name = message.optional_text("tool_name") or ""
                call_id = message.optional_text("tool_call_id") or _first(waiting, name)
                name = waiting.pop(call_id, name)
                result = ToolResult(call_id=call_id, name=name, content=text)
                messages.append(Message(role="tool", parts=[result]))
            case _:
                raise Unfit(f"{message.at('role')} is {role!r}, which is no role")
    return "\n\n".join(system) or None, messages


def _first(waiting: Mapping[str, str], name: str) -> str:
    """The call that a result without an id belongs to: the first of that tool."""
    return next((call_id for call_id, tool in waiting.items() if tool == name), "")


def _said(text: str) -> list[Part]:
    return [Text(text=text)] if text else []


def _images(message: Fields) -> list[Part]:
    at = message.at("images")
    return [
        Image(data=bytes_of(data, f"{at}[{place}]"))
        for place, data in enumerate(message.items("images"))
    ]


def _call(call: Fields, otherwise: str) -> ToolCall:
    function = call.fields("function")
    args = function.fields("arguments").data
    return ToolCall(id=call.optional_text("id") or otherwise, name=function.text("name"), args=args)


def _output(said: Fields) -> FrozenDict | None:
    match said.data.get("format"):
        case None | "":
            return None
        case "json":
            return FrozenDict()
        case _:
            return FrozenDict(said.fields("format").data)


_OURS: Final = frozenset({"model", "messages", "stream", "tools", "format", "options"})
_OUR_OPTIONS: Final = frozenset({"num_predict", "temperature"})

_REFUSALS: Sequence[tuple[Refusal, type[ModelError]]] = (
    (Refusal(400, "invalid option: temperature"), ModelRejected),
    (Refusal(401, "unauthorized"), ModelUnauthorized),
    (Refusal(404, "model 'm' not found"), UnknownModel),
    (Refusal(400, "the input length exceeds the context length"), ContextFull),
    (Refusal(429, "too many requests"), ModelOverloaded),
    (
        Refusal(503, "server busy, please try again.  maximum pending requests exceeded"),
        ModelOverloaded,
    ),
)
