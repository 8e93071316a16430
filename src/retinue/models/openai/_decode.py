"""Decode: the events of the Responses API as our chunks. Pure; tested with tables.

Sources: https://platform.openai.com/docs/api-reference/responses-streaming, and the types of the
vendor's package (openai 3.52, types/responses).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from retinue.errors import BadArguments, ModelError
from retinue.messages import Block
from retinue.models import ChatChunk, ChatRequest, Stop, Usage
from retinue.models._wire import (
    Frame,
    Json,
    Server,
    as_agreed,
    called,
    incomplete,
    refused,
    text_of,
)
from retinue.models.compatible._decode import usage_of

from ._items import BETWEEN, VENDOR, without_call, without_words

_CUT: Final[Mapping[str, Stop]] = {
    "max_output_tokens": "max_tokens",
    "max_tokens": "max_tokens",
    "content_filter": "refused",
}
"""Reasons of an answer that was not brought to its end, and yet is no error."""
_FOR_GOOD: Final = re.compile(r"invalid|image|policy|data_residency")
"""In the codes of failures that would come again: of what was asked, not of the server."""
_NOTHING: Final[Sequence[ChatChunk]] = ()


class Answer:
    """What has come of one answer. `read` gives the chunks of each event, `end` the last ones."""

    def __init__(self, server: Server, request: ChatRequest) -> None:
        self.done = False
        self._server = server
        self._tools = request.tools
        self._spoken = False
        self._called = False
        self._refused = False
        self._bad: BadArguments | None = None
        self._stop: Stop | None = None
        self._usage: Usage | None = None

    def read(self, frame: bytes) -> Iterable[ChatChunk]:
        """The chunks of an event, in order.

        Raises:
            ModelError: It is an error, or cannot be read.
        """
        if frame == b"[DONE]":  # some servers say it, after the event that marks the end
            return _NOTHING
        return as_agreed(frame, self._server, self._read)

    def end(self) -> Iterable[ChatChunk]:
        """What it cost, and why it stopped.

        Raises:
            StreamIncomplete: The server did not say that it was done.
            BadArguments: A call cannot be read.
        """
        if not self.done:
            raise incomplete(self._server)
        stop = self._stop
        if stop is None:  # a call of an answer that was cut may be cut itself
            if self._bad is not None:
                raise self._bad
            stop = "tool_calls" if self._called else "end"
        yield ChatChunk(usage=self._usage, stop="refused" if self._refused else stop)

    def _read(self, event: Frame) -> Iterable[ChatChunk]:
        match event.get("type"):
            case "response.output_text.delta":  # nearly every event of an answer
                return (ChatChunk(text=text_of(event["delta"])),)
            case "response.refusal.delta":
                self._refused = True
                return (ChatChunk(text=text_of(event["delta"])),)
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                return (ChatChunk(thinking=text_of(event["delta"])),)
            case "response.reasoning_summary_part.added" if event.get("summary_index"):
                return (ChatChunk(thinking=BETWEEN),)
            case "response.content_part.added" if self._spoken and _is_said(event["part"]):
                self._spoken = False
                return (ChatChunk(text=BETWEEN),)
            case "response.output_item.done":
                return self._item(event["item"])
            case "response.completed" | "response.incomplete" as kind:
                self._close(event["response"], cut=kind == "response.incomplete")
            case "response.failed":
                raise self._failure(event["response"].get("error"))
            case kind if kind == "error" or event.get("error"):
                raise self._failure(event.get("error") or event)
            case _:
                pass
        return _NOTHING

    def _item(self, item: Json) -> Iterable[ChatChunk]:
        """What is known of an item only when it is whole."""
        match item.get("type"):
            case "message":
                self._spoken = bool(item.get("content"))
                return (_block(without_words(item)),) if item.get("id") else _NOTHING
            case "function_call":
                return self._call(item)
            case "reasoning" if not item.get("encrypted_content"):
                return _NOTHING  # nobody can be reminded of it
            case _:
                return (_block(item),)

    def _call(self, item: Json) -> Iterable[ChatChunk]:
        if item.get("status") == "incomplete":
            return _NOTHING
        id, name, args = item.get("call_id"), item["name"], item["arguments"]
        try:
            call = called(self._tools, id=id, name=name, args=args)
        except BadArguments as error:
            self._bad = error
            return _NOTHING
        self._called = True
        chunk = ChatChunk(tool_call=call)
        return (chunk, _block(without_call(item, call))) if item.get("id") else (chunk,)

    def _close(self, response: Json, *, cut: bool) -> None:
        if cut:
            why = cast("Json", response.get("incomplete_details") or {})
            self._stop = _CUT.get(text_of(why.get("reason")))
            if self._stop is None:
                raise incomplete(self._server)
        if usage := response.get("usage"):
            self._usage = usage_of(usage, "input_tokens", "output_tokens")
        self.done = True

    def _failure(self, error: Any) -> ModelError:
        match error:
            case {"code": str(code)} if _FOR_GOOD.search(code):
                return refused(self._server, {"status": 400, **cast("Json", error)})
            case _:
                return refused(self._server, error or "The model failed to answer")


def _is_said(part: Mapping[str, Any]) -> bool:
    return part.get("type") in ("output_text", "refusal")


def _block(item: Json) -> ChatChunk:
    return ChatChunk(block=Block(vendor=VENDOR, data=item))
