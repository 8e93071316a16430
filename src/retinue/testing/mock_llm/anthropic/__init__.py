"""Anthropic's Messages API, of the version of October 2026.

Sources: https://platform.claude.com/docs/en/api/messages (requests, answers),
https://platform.claude.com/docs/en/build-with-claude/streaming (the events),
https://platform.claude.com/docs/en/api/errors, and for what is refused `_rules.py`.
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
    ModelUnreachable,
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

from ._reading import conversation, text_of, tools_of
from ._rules import check
from ._writing import Answering


class Anthropic:
    """The wire of the Messages API.

    Args:
        line_end: Of the lines of server-sent events.
        space: After their colons.
    """

    name = "anthropic"
    media = "text/event-stream; charset=utf-8"
    asked_at = re.compile(r"/v1/messages")
    stops: Mapping[Stop, str] = {
        "end": "end_turn",
        "tool_calls": "tool_use",
        "max_tokens": "max_tokens",
        "stop_sequence": "stop_sequence",
        "refused": "refusal",
        "context_full": "model_context_window_exceeded",
        "pause": "pause_turn",
    }
    counts = frozenset(
        {"input", "output", "cache_read", "cache_write", "cache_write_1h", "thinking"}
    )

    def __init__(self, *, line_end: str = "\n", space: str = " ") -> None:
        self._line_end = line_end
        self._space = space
        self.quiet = self.frame({"type": "ping"})
        self.lookups: Mapping[str, Lookup] = {
            "/v1/messages/count_tokens": Lookup("POST", _count_tokens),
            "/v1/models": Lookup("GET", _models),
        }
        self.refusals = _REFUSALS

    def key(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-api-key") or bearer(headers)

    def read(self, path: str, body: Any) -> Asked:
        said = Fields(body)
        if not said.has("max_tokens"):
            raise Unfit("max_tokens: Field required")
        check(said)
        request = ChatRequest(
            messages=tuple(conversation(said.each("messages"))),
            system=text_of(said, "system"),
            tools=tools_of(said),
            tool_choice=_choice(said),
            output=_output(said),
            max_tokens=said.whole("max_tokens"),
            options=FrozenDict({k: v for k, v in said.data.items() if k not in _OURS}),
        )
        return Asked(
            model=said.text("model"),
            streaming=said.flag("stream", default=False),
            request=request,
            body=said.data,
        )

    def writer(self, asked: Asked) -> Answering:
        return Answering(asked, self.frame)

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
        return writer.message

    def frame(self, data: Any) -> bytes:
        # An event of another name would not be looked at, by the vendor's own package either.
        kind = "content_block_delta"
        if isinstance(data, dict):
            kind = cast("Json", data).get("type", kind)
        space, end = self._space, self._line_end
        return encoded(f"event:{space}{kind}{end}data:{space}{dumped(data)}{end}{end}")

    def error(self, status: int, message: str, code: str | None = None) -> Json:
        kind = "api_error" if status >= 500 else "invalid_request_error"
        kind = _KINDS.get(status) or code or kind
        return {
            "type": "error",
            "error": {"type": kind, "message": message},
            "request_id": "req_mock",
        }

    def spellings(self) -> Sequence[Wire]:
        return Anthropic(line_end="\r\n"), Anthropic(space="")


def _choice(said: Fields) -> str:
    if not said.has("tool_choice"):
        return "auto"
    choice = said.fields("tool_choice")
    match choice.text("type"):
        case "auto" | "none" as kind:
            return kind
        case "any":
            return "required"
        case "tool":
            return choice.text("name")
        case kind:
            raise Unfit(f"tool_choice: Input tag {kind!r} found using 'type' is not known")


def _output(said: Fields) -> FrozenDict | None:
    if not said.has("output_config") or not said.fields("output_config").has("format"):
        return None
    form = said.fields("output_config").fields("format")
    return FrozenDict(form.fields("schema").data)


def _count_tokens(_: Shelf, body: Any) -> Json:
    said = Fields(body)
    for name in said.data.keys() - _COUNTED:
        raise Unfit(f"{name}: Extra inputs are not permitted")
    check(said)
    return {"input_tokens": max(1, len(json.dumps(said.data)) // 4)}


def _models(shelf: Shelf, _: Any) -> Json:
    data = [
        {"type": "model", "id": name, "display_name": name, "created_at": _MADE, **_LIMITS}
        for name in shelf.models
    ]
    ends = {"first_id": shelf.models[0], "last_id": shelf.models[-1]} if data else {}
    return {"data": data, "has_more": False, **ends}


_MADE: Final = "2026-09-28T00:00:00Z"
_LIMITS: Final = {"max_input_tokens": 1_000_000, "max_tokens": 128_000, "lifecycle": "active"}
_OURS: Final = frozenset(
    {"model", "messages", "system", "stream", "tools", "tool_choice", "output_config", "max_tokens"}
)
"""Fields that have a word of ours."""
_COUNTED: Final = frozenset(
    {
        "cache_control",
        "messages",
        "model",
        "output_config",
        "speed",
        "system",
        "thinking",
        "tool_choice",
        "tools",
    }
)
_KINDS: Final = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}

_REFUSALS: Sequence[tuple[Refusal, type[ModelError]]] = (
    (Refusal(400, "temperature: Extra inputs are not permitted"), ModelRejected),
    (
        Refusal(
            400,
            "This model does not support assistant message prefill. The conversation must end "
            "with a user message.",
        ),
        ModelRejected,
    ),
    (
        Refusal(
            400,
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & "
            "Billing to upgrade or purchase credits.",
        ),
        ModelRejected,
    ),
    (Refusal(401, "invalid x-api-key"), ModelUnauthorized),
    (Refusal(402, "Your account has a billing problem."), ModelRejected),
    (Refusal(403, "Your API key does not have permission."), ModelUnauthorized),
    (Refusal(404, "model: claude-sonnet-9"), UnknownModel),
    (Refusal(400, "prompt is too long: 208310 tokens > 200000 maximum"), ContextFull),
    (
        Refusal(
            400,
            "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, "
            "decrease input length or `max_tokens` and try again",
        ),
        ContextFull,
    ),
    (Refusal(413, "Request exceeds the maximum size"), ContextFull),
    (
        Refusal(429, "This request would exceed your organization's rate limit."),
        ModelOverloaded,
    ),
    (Refusal(500, "Internal server error"), ModelUnreachable),
    (Refusal(529, "Overloaded"), ModelOverloaded),
)
