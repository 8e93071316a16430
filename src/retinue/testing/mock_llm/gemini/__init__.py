"""Google's Gemini API, and Vertex AI, where it is the same.

Sources: https://ai.google.dev/api/generate-content (requests, answers),
https://ai.google.dev/gemini-api/docs/thought-signatures (what is refused of them), and for
the words of refusals: https://github.com/google-gemini/gemini-cli/issues/16984,
https://github.com/lbjlaq/Antigravity-Manager/issues/3202
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from retinue.errors import (
    BadArguments,
    ContextFull,
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnauthorized,
    UnknownModel,
)
from retinue.messages import FrozenDict, Thinking, ToolCall, ToolSpec
from retinue.models import ChatRequest, Stop, Usage
from retinue.models._repair import parse_tool_args
from retinue.models.scripted import WrittenCall
from retinue.testing.mock_llm._answers import Line, Refusal
from retinue.testing.mock_llm._fields import Fields
from retinue.testing.mock_llm._wire import (
    Asked,
    Calls,
    Json,
    Lookup,
    Shelf,
    Wire,
    bearer,
    dumped,
    encoded,
    words,
)

from ._reading import conversation, sealed, text_of

_AT: Final = r"/v1(?:beta1?)?/(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/[^/]+/)?models"


class Gemini:
    """The wire of generateContent.

    Args:
        line_end: Of the lines of server-sent events.
        space: After their colons.
    """

    name = "gemini"
    media = "text/event-stream"
    asked_at = re.compile(rf"{_AT}/[^/:]+:(?:streamG|g)enerateContent")
    stops: Mapping[Stop, str] = {
        "end": "STOP",
        "tool_calls": "STOP",
        "max_tokens": "MAX_TOKENS",
        "refused": "SAFETY",
        "pause": "CONTINUATION",
    }
    counts = frozenset({"input", "output", "cache_read", "thinking"})
    wrong_key = Refusal(
        400, "API key not valid. Please pass a valid API key.", code="API_KEY_INVALID"
    )

    def __init__(self, *, line_end: str = "\r\n", space: str = " ") -> None:
        self._line_end = line_end
        self._space = space
        self.quiet = f": still working{line_end}{line_end}".encode()
        self.lookups: Mapping[str, Lookup] = _LOOKUPS
        self.refusals = _REFUSALS

    def key(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-goog-api-key") or bearer(headers)

    def read(self, path: str, body: Any) -> Asked:
        said = Fields(body)
        config = said.fields("generationConfig") if said.has("generationConfig") else Fields({})
        rest = {k: v for k, v in said.data.items() if k not in _OURS}
        rest |= {k: v for k, v in config.data.items() if k not in _OURS_OF_CONFIG}
        tools = _tools(said)
        request = ChatRequest(
            messages=tuple(conversation(said)),
            system=text_of(said.fields("systemInstruction"))
            if said.has("systemInstruction")
            else None,
            tools=tools,
            tool_choice=_choice(said),
            output=FrozenDict(config.fields("responseJsonSchema").data)
            if config.has("responseJsonSchema")
            else None,
            max_tokens=config.whole("maxOutputTokens"),
            temperature=config.number("temperature"),
            options=FrozenDict(rest),
        )
        model, _, method = path.rpartition("/")[2].partition(":")
        return Asked(
            model=model,
            streaming=method == "streamGenerateContent",
            request=request,
            body=said.data,
        )

    def writer(self, asked: Asked) -> "_Writer":
        return _Writer(self, asked)

    def whole(self, asked: Asked, lines: Sequence[Line], stop: str, usage: Usage) -> Json:
        writer = self.writer(asked)
        parts: list[Json] = []
        for line in lines:
            match line:
                case str():
                    parts.append({"text": line})
                case Thinking(text=text):
                    parts.append({"text": text, "thought": True})
                case ToolCall() | WrittenCall():
                    parts += writer.called([line])
                case _:
                    pass
        return writer.event(parts) | writer.end(stop, usage, parts)

    def frame(self, data: Any) -> bytes:
        end = self._line_end
        return encoded(f"data:{self._space}{dumped(data)}{end}{end}")

    def error(self, status: int, message: str, code: str | None = None) -> Json:
        error: Json = {"code": status, "message": message, "status": _STATUS.get(status, "UNKNOWN")}
        if code is not None:
            info = {"@type": f"{_TYPES}.ErrorInfo", "reason": code, "domain": "googleapis.com"}
            error["details"] = [info]
        return {"error": error}

    def spellings(self) -> Sequence[Wire]:
        return Gemini(line_end="\n"), Gemini(space="")


class _Writer:
    """Events, each with the parts that are new."""

    def __init__(self, wire: Gemini, asked: Asked) -> None:
        self._wire = wire
        self._asked = asked
        self._malformed = ""
        self._thought = False

    def opening(self) -> Iterator[bytes]:
        yield from ()

    def text(self, text: str) -> Iterator[bytes]:
        for word in words(text):
            yield self._frame({"text": word})

    def thinking(self, text: str) -> Iterator[bytes]:
        self._thought = True
        for word in words(text):
            yield self._frame({"text": word, "thought": True})

    def calls(self, calls: Calls) -> Iterator[bytes]:
        for part in self.called(calls):
            yield self._frame(part)

    def ended(self, stop: str, usage: Usage) -> Iterator[bytes]:
        part: Json = {"text": ""}
        if self._thought:
            part["thoughtSignature"] = sealed(part)
        yield self._wire.frame(self.event([part]) | self.end(stop, usage, [part]))

    def called(self, calls: Calls) -> list[Json]:
        """Calls; the first has a signature. What cannot be read as one is none."""
        found: list[Json] = []
        schemas = {tool.name: tool.parameters for tool in self._asked.request.tools}
        for call in calls:
            args = call.args
            if isinstance(call, WrittenCall):
                try:
                    args = parse_tool_args(call.args, schemas.get(call.name, {}))
                except BadArguments:
                    self._malformed = f"Malformed function call: {call.name}({call.args}"
                    continue
            said: Json = {"name": call.name, "args": json.loads(json.dumps(args))}
            part: Json = {"functionCall": said | ({"id": call.id} if call.id else {})}
            if not found:
                part["thoughtSignature"] = sealed(part)
            found.append(part)
        return found

    def event(self, parts: list[Json]) -> Json:
        candidate = {"content": {"parts": parts, "role": "model"}, "index": 0}
        return {
            "candidates": [candidate],
            "modelVersion": self._asked.model,
            "responseId": "mock-response",
        }

    def end(self, stop: str, usage: Usage, parts: list[Json]) -> Json:
        """What the last event has of its own, beside its parts."""
        candidate: Json = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if self._malformed:
            candidate |= {"finishReason": "MALFORMED_FUNCTION_CALL"}
            candidate |= {"finishMessage": self._malformed}
        else:
            candidate["finishReason"] = stop
        if stop == "CONTINUATION":
            candidate["continuationToken"] = sealed({"text": "paused"})
        return {"candidates": [candidate], "usageMetadata": _usage(usage)}

    def _frame(self, part: Json) -> bytes:
        return self._wire.frame(self.event([part]))


def _usage(usage: Usage) -> Json:
    return {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - usage.thinking,
        "totalTokenCount": usage.input + usage.output,
        "cachedContentTokenCount": usage.cache_read,
        "thoughtsTokenCount": usage.thinking,
    }


def _tools(said: Fields) -> tuple[ToolSpec, ...]:
    return tuple(
        [
            ToolSpec(
                name=tool.text("name"),
                description=tool.optional_text("description") or "",
                parameters=FrozenDict(
                    tool.fields("parametersJsonSchema").data
                    if tool.has("parametersJsonSchema")
                    else {}
                ),
            )
            for one in said.each("tools")
            for tool in one.each("functionDeclarations")
        ]
    )


def _choice(said: Fields) -> str:
    if not said.has("toolConfig") or not said.fields("toolConfig").has("functionCallingConfig"):
        return "auto"
    config = said.fields("toolConfig").fields("functionCallingConfig")
    match config.text("mode"), config.items("allowedFunctionNames"):
        case "ANY", [name]:
            return str(name)
        case "ANY", _:
            return "required"
        case mode, _:
            return mode.lower()


class _Lookups(Mapping[str, Lookup]):
    """Lookups whose paths have the name of a model in them."""

    def __getitem__(self, path: str) -> Lookup:
        for pattern, lookup in _FOUND:
            if pattern.fullmatch(path):
                return lookup
        raise KeyError(path)

    def __iter__(self) -> Iterator[str]:
        return iter([pattern.pattern for pattern, _ in _FOUND])

    def __len__(self) -> int:
        return len(_FOUND)


def _listed(shelf: Shelf, _: Any) -> Json:
    able = ["generateContent", "countTokens"]
    shown = {"version": "001", "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536}
    return {
        "models": [
            {"name": f"models/{name}", "supportedGenerationMethods": able, **shown}
            for name in shelf.models
        ]
    }


def _tokens(_: Shelf, body: Any) -> Json:
    said = Fields(body)
    asked = said.fields("generateContentRequest") if said.has("generateContentRequest") else said
    conversation(asked)
    return {"totalTokens": max(1, len(json.dumps(asked.data)) // 4)}


_FOUND: Final = (
    (re.compile(_AT), Lookup("GET", _listed)),
    (re.compile(rf"{_AT}/[^/:]+:countTokens"), Lookup("POST", _tokens)),
)
_LOOKUPS: Final = _Lookups()
_TYPES: Final = "type.googleapis.com/google.rpc"
_STATUS: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_OURS: Final = ("contents", "systemInstruction", "tools", "toolConfig", "generationConfig")
_OURS_OF_CONFIG: Final = (
    "responseJsonSchema",
    "responseMimeType",
    "maxOutputTokens",
    "temperature",
)
"""Fields that have a word of ours."""

_REFUSALS: Sequence[tuple[Refusal, type[ModelError]]] = (
    (Gemini.wrong_key, ModelUnauthorized),
    (Refusal(400, "Unable to process input image."), ModelRejected),
    (
        Refusal(403, "Your API key was reported as leaked. Please use another API key."),
        ModelUnauthorized,
    ),
    (
        Refusal(
            404,
            "models/m is not found for API version v1beta, or is not supported for "
            "generateContent. Call ListModels to see the list of available models.",
        ),
        UnknownModel,
    ),
    (
        Refusal(
            400,
            "The input token count (1250000) exceeds the maximum number of tokens allowed "
            "(1048576).",
        ),
        ContextFull,
    ),
    (
        Refusal(429, "You exceeded your current quota, please check your plan and billing."),
        ModelOverloaded,
    ),
    (Refusal(503, "The model is overloaded. Please try again later."), ModelOverloaded),
)
