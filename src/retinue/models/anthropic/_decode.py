"""Decode: the events of the Messages API as our chunks. Pure; tested with tables.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from retinue.errors import BadArguments
from retinue.messages import Block
from retinue.models import ChatChunk, ChatRequest, Stop, Usage
from retinue.models._wire import (
    Frame,
    Server,
    as_agreed,
    call_id,
    called,
    count_of,
    incomplete,
    refused,
    text_of,
)

VENDOR: Final = "anthropic"
"""Of the blocks that go back as they came."""

_STOPS: Final[Mapping[str, Stop]] = {
    "tool_use": "tool_calls",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "pause_turn": "pause",
    "refusal": "refused",
    "model_context_window_exceeded": "context_full",
}
"""Any other reason is an end."""
_CUT: Final = ("max_tokens", "context_full", "refused")
"""Stops that come in the middle of something; if that is a call, it is nobody's wish."""
_NOTHING: Final[Sequence[ChatChunk]] = ()


class _Coming:
    """A block that is coming.

    Args:
        data: How it began, and what of it needs no joining.
    """

    __slots__ = ("data", "kind", "pieces")

    def __init__(self, data: Frame) -> None:
        self.data = data
        self.kind = text_of(data["type"])
        self.pieces: list[str] = []
        """Of its text, or of the JSON of its input."""


class Answer:
    """What has come of one answer. `read` gives the chunks of each event, `end` the last ones.

    Args:
        server: Who answers.
        request: What was asked.
        model: Which model was asked.
    """

    def __init__(self, server: Server, request: ChatRequest, model: str) -> None:
        self.done = False
        self._server = server
        self._model = model
        self._tools = request.tools
        self._coming: dict[int, _Coming] = {}
        self._call: _Coming | None = None
        self._bad: BadArguments | None = None
        self._said = False
        self._container: Frame = {}
        self._counts: Frame = {}
        self._usage = Usage()
        self._reason: str | None = None
        self._why: str = ""

    def read(self, frame: bytes) -> Iterable[ChatChunk]:
        """The chunks of an event, in order.

        Raises:
            ModelError: It is an error, or cannot be read.
        """
        return as_agreed(frame, self._server, self._read)

    def end(self) -> Iterable[ChatChunk]:
        """The last call, what it cost, and why it stopped.

        Raises:
            StreamIncomplete: The server did not say that it was done.
            BadArguments: A call cannot be read.
        """
        if not self.done or self._reason is None:
            raise incomplete(self._server)
        stop: Stop = _STOPS.get(self._reason, "end")
        if stop not in _CUT:
            yield from self._whole_call()
        if self._container:  # what runs in it goes on there
            yield ChatChunk(block=_kept({"type": "container", **self._container}))
        if self._bad is not None:
            raise self._bad
        if stop == "refused" and self._why and not self._said:
            yield ChatChunk(text=self._why)
        yield ChatChunk(usage=self._usage, stop=stop)

    def _read(self, found: Frame) -> Iterable[ChatChunk]:
        if found.get("error"):
            raise refused(self._server, found["error"])
        if found["type"] == "content_block_delta":  # nearly every one
            return self._delta(self._coming[found["index"]], found["delta"])
        return tuple(self._event(found))

    def _delta(self, block: _Coming, delta: Frame) -> Iterable[ChatChunk]:
        match delta["type"]:
            case "text_delta":
                text = text_of(delta["text"])
                block.pieces.append(text)
                return (ChatChunk(text=text),) if text else _NOTHING
            case "thinking_delta":
                text = text_of(delta["thinking"])
                return (ChatChunk(thinking=text),) if text else _NOTHING
            case "input_json_delta":
                block.pieces.append(text_of(delta["partial_json"]))
            case "citations_delta":
                block.data["citations"] = [*(block.data.get("citations") or ()), delta["citation"]]
            case _:  # a signature, and what there may be one day
                for name in delta.keys() - {"type"}:
                    before, value = block.data.get(name), delta[name]
                    if isinstance(before, str) and isinstance(value, str):
                        value = before + value
                    block.data[name] = value
        return _NOTHING

    def _event(self, found: Frame) -> Iterable[ChatChunk]:
        match found["type"]:
            case "content_block_start":
                return self._begin(found["index"], found["content_block"])
            case "content_block_stop":
                return self._finish(self._coming.pop(found["index"]))
            case "message_start":
                return self._start(found["message"])
            case "message_delta":
                delta = found["delta"]
                self._reason = delta.get("stop_reason") or self._reason
                details = cast("Frame", delta.get("stop_details") or {})
                self._why = text_of(details.get("explanation"))
                self._container = {**(delta.get("container") or self._container)}
                self._counted(found.get("usage"))
            case "message_stop":
                self.done = True
            case _:  # a ping, and what there may be one day
                pass
        return _NOTHING

    def _start(self, message: Frame) -> Iterable[ChatChunk]:
        self._counted(message.get("usage"))
        self._container = {**(message.get("container") or self._container)}
        answering = text_of(message.get("model"))
        if answering and not answering.startswith(self._model):  # not just with its date
            yield ChatChunk(model=f"anthropic:{answering}")

    def _begin(self, index: int, data: Frame) -> Iterable[ChatChunk]:
        """A block begins; a call before it was not cut."""
        block = self._coming[index] = _Coming(dict(data))
        yield from self._whole_call()
        match block.kind:
            case "text":
                text = text_of(block.data.get("text"))
                block.pieces.append(text)
                if text:
                    yield ChatChunk(text=text)
            case "thinking" if text := text_of(block.data.get("thinking")):
                yield ChatChunk(thinking=text)
            case _:
                pass

    def _finish(self, block: _Coming) -> Iterable[ChatChunk]:
        """A block ends."""
        match block.kind:
            case "text":
                text = "".join(block.pieces)
                self._said = self._said or bool(text)
                if block.data.get("citations"):
                    yield ChatChunk(block=_kept({**block.data, "text": text}))
            case "thinking":
                if signature := text_of(block.data.get("signature")):
                    yield ChatChunk(signature=signature)
            case "tool_use":
                block.data["name"] = text_of(block.data["name"])
                block.data["id"] = text_of(block.data.get("id")) or call_id()
                self._call = block
            case _:
                written = "".join(block.pieces)
                try:
                    data = {**block.data, "input": json.loads(written)} if written else block.data
                except ValueError:
                    return  # it was cut; the answer will say so
                yield ChatChunk(block=_kept(data))

    def _whole_call(self) -> Iterable[ChatChunk]:
        """The call that came last, which is known now to be whole."""
        block, self._call = self._call, None
        if block is None:
            return
        name, id = block.data["name"], block.data["id"]
        args: Any = "".join(block.pieces) or block.data.get("input") or {}
        try:
            call = called(self._tools, id=id, name=name, args=args)
        except BadArguments as error:
            self._bad = self._bad or error
            return
        yield ChatChunk(tool_call=call)
        more = {k: v for k, v in block.data.items() if k not in _OF_CALL and v is not None}
        if more and more != _DIRECT:  # who called, and for what; our call has no words for it
            yield ChatChunk(block=_kept({"type": "tool_use", "id": id, **more}))

    def _counted(self, usage: Frame | None) -> None:
        if usage:
            self._counts |= {name: count for name, count in usage.items() if count is not None}
            self._usage = usage_of(self._counts)


def usage_of(counts: Mapping[str, Any]) -> Usage:
    """Tokens as we count them; theirs of the input leave out what has to do with a cache."""
    read = count_of(counts, "cache_read_input_tokens")
    written = count_of(counts, "cache_creation_input_tokens")
    lifetimes = cast("Mapping[str, Any]", counts.get("cache_creation") or {})
    details = cast("Mapping[str, Any]", counts.get("output_tokens_details") or {})
    return Usage(
        input=count_of(counts, "input_tokens") + read + written,
        output=count_of(counts, "output_tokens"),
        cache_read=read,
        cache_write=written,
        cache_write_1h=count_of(lifetimes, "ephemeral_1h_input_tokens"),
        thinking=count_of(details, "thinking_tokens"),
    )


def _kept(data: Frame) -> Block:
    return Block(vendor=VENDOR, data=data)


_OF_CALL: Final = ("type", "id", "name", "input")
_DIRECT: Final = {"caller": {"type": "direct"}}
