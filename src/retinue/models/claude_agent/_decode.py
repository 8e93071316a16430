"""Decode: the events that Claude Code hands on, and its errors. Pure; tested with tables.

The events are those of the Messages API. What is made of them here is less than over the API: no
signatures and no opaque blocks, as nothing of that can be handed to Claude Code again.
"""

import json
from collections.abc import Iterable
from typing import Any, Final, cast

from retinue.errors import (
    ContextFull,
    ModelError,
    ModelUnauthorized,
    ModelUnreachable,
    StreamIncomplete,
    UnknownModel,
)
from retinue.messages import Text, ToolCall, ToolResult, ToolSpec
from retinue.models import ChatChunk, Stop
from retinue.models._repair import parse_tool_args
from retinue.models._wire import Server, call_id, text_of
from retinue.models._wire.status import error_of
from retinue.models.anthropic._decode import usage_of

from ._said import Began, Ended, Json, Said, Stopped

_STOPS: Final[dict[str, Stop]] = {
    "tool_use": "tool_calls",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "pause_turn": "pause",
    "refusal": "refused",
    "model_context_window_exceeded": "context_full",
}
"""Any other reason is an end."""
CUT: Final[tuple[Stop, ...]] = ("max_tokens", "refused", "context_full")
"""Stops that come in the middle of something; if that is a call, it is nobody's wish."""

_STATUS: Final = {
    "authentication_failed": 401,
    "billing_error": 402,
    "rate_limit": 429,
    "invalid_request": 400,
}
"""Of the kinds of error that Claude Code knows, where it does not say the status itself."""


def stop_of(reason: str | None) -> Stop:
    """Why an answer stopped."""
    return _STOPS.get(reason or "", "end")


class Events:
    """The events of the answers of one run, as they come.

    Args:
        offered: Tools of ours. Calls of them are read here: Claude Code reads what is no JSON as
            it sees fit.
    """

    def __init__(self, offered: Iterable[ToolSpec] = ()) -> None:
        self._schemas = {tool.name: tool.parameters for tool in offered}
        self._counts: dict[str, Any] = {}
        self._stop: Stop = "end"
        self._call: Json | None = None
        self._written: list[str] = []

    def read(self, event: Json) -> Iterable[Said]:
        """What an event says.

        Raises:
            KeyError, TypeError: It is not what was agreed.
            BadArguments: A call of one of our tools cannot be read.
        """
        match event["type"]:
            case "message_start":
                message = event["message"]
                self._counts = {}
                self._stop = "end"
                self._count(message.get("usage"))
                yield Began(model=text_of(message.get("model")))
            case "content_block_start":
                yield from self._whole_call()
                block = event["content_block"]
                if block["type"] == "text" and (text := text_of(block.get("text"))):
                    yield ChatChunk(text=text)
                if block["type"] == "tool_use" and block["name"] in self._schemas:
                    self._call, self._written = block, []
            case "content_block_delta":
                delta = event["delta"]
                if delta["type"] == "text_delta" and (text := text_of(delta["text"])):
                    yield ChatChunk(text=text)
                if delta["type"] == "thinking_delta" and (text := text_of(delta["thinking"])):
                    yield ChatChunk(thinking=text)
                if delta["type"] == "input_json_delta":
                    self._written.append(text_of(delta["partial_json"]))
            case "message_delta":
                self._stop = stop_of(event["delta"].get("stop_reason"))
                self._count(event.get("usage"))
                if self._stop not in CUT:
                    yield from self._whole_call()
            case "message_stop":
                yield Stopped(stop=self._stop, usage=usage_of(self._counts))
            case _:  # the ends of blocks, a ping, and what there may be one day
                pass

    def _whole_call(self) -> Iterable[ChatChunk]:
        """The call that came last, which is known now to be whole."""
        call, self._call = self._call, None
        if call is not None:
            args = parse_tool_args("".join(self._written), self._schemas[call["name"]])
            id = text_of(call.get("id")) or call_id()
            yield ChatChunk(tool_call=ToolCall(id=id, name=call["name"], args=args))

    def _count(self, usage: Json | None) -> None:
        if usage:
            self._counts |= {name: count for name, count in usage.items() if count is not None}


def result_of(id: str, name: str, content: Any, *, failed: bool) -> ToolResult:
    """What a tool answered; pictures and the like are named, not kept."""
    if not isinstance(content, str):
        rows = cast("list[Json]", content or [])
        content = [Text(text=_shown(row)) for row in rows]
    return ToolResult(call_id=id, name=name, content=content, error=failed, source=f"tool:{name}")


def error_in(ended: Ended, server: Server, *, kind: str | None = None) -> ModelError | None:
    """The error by which a run ended, in our words; None where it was none.

    Args:
        server: Who was asked.
        kind: What Claude Code calls it, where it did.
    """
    if not ended.failed:
        return None
    words = server.hide(ended.words.removeprefix("API Error: ")) or ended.outcome
    status = ended.status or _STATUS.get(kind or "")
    if ended.reason == "prompt_too_long":
        return ContextFull(f"This is more than {server.name!r} can read: {words}", hint=server.full)
    if kind == "model_not_found":
        return UnknownModel(f"{server.name!r} is not there: {words}", hint=server.unknown)
    if status == 401 and not server.api_key:
        return ModelUnauthorized(
            f"Claude Code has no login here, and there is no key: {words}", hint=server.unauthorized
        )
    if status is not None:
        return error_of(server, status, json.dumps({"error": {"message": words}}).encode())
    if ended.reason.startswith("aborted"):
        return StreamIncomplete(f"{server.name!r} was interrupted", hint="Ask again.")
    return ModelUnreachable(f"{server.name!r} failed: {words}", hint=server.unreachable)


def _shown(row: Json) -> str:
    return text_of(row.get("text")) if row.get("type") == "text" else f"[{row.get('type')}]"
