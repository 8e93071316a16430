"""OpenAI's Responses API.

Sources: https://platform.openai.com/docs/api-reference/responses and .../responses-streaming (the
items, the events), https://github.com/openai/openai-openapi (their schemas), and for what is
refused: https://github.com/maximhq/bifrost/issues/5410 (reasoning that was lost),
https://github.com/continuedev/continue/issues/12620 (and what was said after it),
https://github.com/vercel/ai/issues/7099.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from retinue.errors import (
    ContextFull,
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnauthorized,
    UnknownModel,
)
from retinue.messages import FrozenDict, Thinking, ToolCall
from retinue.models import ChatRequest, Stop, Usage
from retinue.models.scripted import WrittenCall
from retinue.testing.mock_llm._answers import Line, Refusal
from retinue.testing.mock_llm._fields import Fields, Unfit
from retinue.testing.mock_llm._wire import (
    Asked,
    Json,
    Lookup,
    Shelf,
    Wire,
    bearer,
    dumped,
    encoded,
)

from ._reading import conversation, tools_of
from ._writing import Answering


class Responses:
    """The wire of the Responses API.

    Args:
        line_end: Of the lines of server-sent events.
        space: After their colons.
        named: Whether events have their name in a line of its own, too.
        done: Whether "[DONE]" follows the event that marks the end.
        raw: Whether thoughts come as they were thought, and not as a summary.
    """

    name = "responses"
    media = "text/event-stream; charset=utf-8"
    asked_at = re.compile(r"/v1/responses")
    stops: Mapping[Stop, str] = {
        "end": "completed",
        "tool_calls": "completed",
        "max_tokens": "max_output_tokens",
        "refused": "content_filter",
    }
    counts = frozenset({"input", "output", "cache_read", "cache_write", "thinking"})

    def __init__(
        self,
        *,
        line_end: str = "\n",
        space: str = " ",
        named: bool = True,
        done: bool = False,
        raw: bool = False,
    ) -> None:
        self._line_end = line_end
        self._space = space
        self._named = named
        self._done = done
        self._raw = raw
        self.quiet = f": still working{line_end}{line_end}".encode()
        self.lookups: Mapping[str, Lookup] = {
            "/v1/responses/input_tokens": Lookup("POST", _input_tokens)
        }
        self.refusals = _REFUSALS

    def key(self, headers: Mapping[str, str]) -> str | None:
        return bearer(headers)

    def read(self, path: str, body: Any) -> Asked:
        said = Fields(body)
        for name, now in _MOVED.items():
            if said.has(name):
                raise Unfit(
                    f"Unsupported parameter: {name!r}. In the Responses API, this parameter has "
                    f"moved to {now!r}. Try again with the new parameter."
                )
        if said.has("previous_response_id"):
            id = said.text("previous_response_id")
            raise Unfit(f"Previous response with id {id!r} not found.")
        messages = conversation(said, stored=said.flag("store", default=True))
        request = ChatRequest(
            messages=tuple(messages),
            system=said.optional_text("instructions"),
            tools=tools_of(said),
            tool_choice=_choice(said),
            output=_output(said),
            max_tokens=said.whole("max_output_tokens"),
            temperature=said.number("temperature"),
            options=FrozenDict({k: v for k, v in said.data.items() if k not in _OURS}),
        )
        return Asked(
            model=said.text("model"),
            streaming=said.flag("stream", default=False),
            request=request,
            body=said.data,
        )

    def writer(self, asked: Asked) -> Answering:
        return Answering(asked, self.frame, raw=self._raw, done=self._done)

    def whole(self, asked: Asked, lines: Sequence[Line], stop: str, usage: Usage) -> Json:
        writer = self.writer(asked)
        for line in lines:
            match line:
                case str():
                    list(writer.text(line))
                case Thinking(text=text):
                    list(writer.thinking(text))
                case ToolCall() | WrittenCall():
                    list(writer.calls([line]))
                case _:
                    pass
        list(writer.ended(stop, usage))
        return writer.response

    def frame(self, data: Any) -> bytes:
        space, end = self._space, self._line_end
        name = ""
        if isinstance(data, dict):
            data = _as_event(cast("Json", data))
            if self._named and "type" in data:
                name = f"event:{space}{data['type']}{end}"
        return encoded(f"{name}data:{space}{dumped(data)}{end}{end}")

    def error(self, status: int, message: str, code: str | None = None) -> Json:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def spellings(self) -> Sequence[Wire]:
        return (
            Responses(line_end="\r\n"),
            Responses(space="", named=False),
            Responses(done=True, raw=True),
        )


def _as_event(data: Json) -> Json:
    """An error is said in other words inside of a stream."""
    match data:
        case {"error": {"message": message, "code": code}} if "type" not in data:
            said = {"code": code, "message": message, "param": None, "sequence_number": 0}
            return {"type": "error", **said}
        case _:
            return data


def _input_tokens(_: Shelf, body: Any) -> Json:
    said = Fields(body)
    conversation(said, stored=False)
    return {
        "object": "response.input_tokens",
        "input_tokens": max(1, len(json.dumps(said.data)) // 4),
    }


def _choice(said: Fields) -> str:
    match said.data.get("tool_choice"):
        case None:
            return "auto"
        case "auto" | "none" | "required" as choice:
            return choice
        case _:
            return said.fields("tool_choice").text("name")


def _output(said: Fields) -> FrozenDict | None:
    if not said.has("text") or not said.fields("text").has("format"):
        return None
    form = said.fields("text").fields("format")
    match form.text("type"):
        case "text":
            return None
        case "json_schema":
            form.text("name")
            return FrozenDict(form.fields("schema").data)
        case _:
            return FrozenDict()


_OURS: Final = frozenset(
    {
        "model",
        "input",
        "instructions",
        "stream",
        "tools",
        "tool_choice",
        "text",
        "max_output_tokens",
        "temperature",
    }
)
"""Fields that have a word of ours."""
_MOVED: Final = {
    "messages": "input",
    "response_format": "text.format",
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
}

_REFUSALS: Sequence[tuple[Refusal, type[ModelError]]] = (
    (
        Refusal(
            400,
            "Unsupported parameter: 'temperature' is not supported with this model.",
            code="unsupported_parameter",
        ),
        ModelRejected,
    ),
    (
        Refusal(
            400,
            "The encrypted content could not be verified. Reason: Encrypted content could not be "
            "decrypted or parsed.",
            code="invalid_encrypted_content",
        ),
        ModelRejected,
    ),
    (Refusal(401, "Incorrect API key provided.", code="invalid_api_key"), ModelUnauthorized),
    (Refusal(403, "Project does not have access to model."), ModelUnauthorized),
    (
        Refusal(404, "The requested model 'm' does not exist.", code="model_not_found"),
        UnknownModel,
    ),
    # https://github.com/BerriAI/litellm/issues/29223
    (
        Refusal(
            400,
            "Your input exceeds the context window of this model. Please adjust your input and "
            "try again.",
            code="context_length_exceeded",
        ),
        ContextFull,
    ),
    (Refusal(429, "Rate limit reached for requests", code="rate_limit_exceeded"), ModelOverloaded),
    (
        Refusal(
            429,
            "You exceeded your current quota, please check your plan and billing details.",
            code="insufficient_quota",
        ),
        ModelRejected,
    ),
    (Refusal(503, "The engine is currently overloaded, please try again later"), ModelOverloaded),
)
