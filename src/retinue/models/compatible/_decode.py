"""Decode: the frames of Chat Completions as our chunks. Pure; tested with tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from retinue.models import ChatChunk, ChatRequest, Stop, Usage
from retinue.models._wire import (
    Frame,
    Server,
    as_agreed,
    called,
    count_of,
    incomplete,
    refused,
    text_of,
)

_STOPS: Final[Mapping[str, Stop]] = {
    "length": "max_tokens",
    "model_length": "context_full",
    "content_filter": "refused",
}
"""Any other reason is an end, of an answer or of calls: servers do not tell them apart alike."""
_BROKEN: Final = ("error", "abort", "insufficient_system_resource")
"""Reasons of an answer that is not whole: OpenRouter's, vLLM's, DeepSeek's."""
_NOTHING: Final[Sequence[ChatChunk]] = ()


@dataclass(slots=True)
class _Call:
    """A call whose arguments are still coming."""

    id: str = ""
    name: str = ""
    args: str = ""


class Answer:
    """What has come of one answer. `read` gives the chunks of each frame, `end` the last ones."""

    def __init__(self, server: Server, request: ChatRequest) -> None:
        self.done = False
        self._server = server
        self._tools = request.tools
        self._calls: list[_Call] = []
        self._numbered: dict[Any, _Call] = {}
        self._reason: str | None = None
        self._refused = False
        self._usage: Usage | None = None

    def read(self, frame: bytes) -> Iterable[ChatChunk]:
        """The chunks of a frame, in order.

        Raises:
            ModelError: The frame is an error, or cannot be read.
        """
        if frame == b"[DONE]":
            self.done = True
            return _NOTHING
        return as_agreed(frame, self._server, self._read)

    def _read(self, frame: Frame) -> Iterable[ChatChunk]:
        if frame.get("error"):
            raise refused(self._server, frame["error"])
        choices = frame.get("choices")
        usage = frame.get("usage")
        if usage:
            self._usage = usage_of(usage)
        if not choices:
            if frame.get("object") == "error":  # so did vLLM before it had an "error"
                raise refused(self._server, frame)
            return _NOTHING
        choice = choices[0]
        reason = choice.get("finish_reason")
        if reason:
            self._reason = text_of(reason)
        delta = choice.get("delta")
        if not delta:
            return _NOTHING
        text = delta.get("content")
        if text.__class__ is str and text and len(delta) == 1:  # nearly every frame of an answer
            return (ChatChunk(text=text),)
        return self._delta(delta)

    def end(self) -> Iterable[ChatChunk]:
        """The calls, what it cost, and why it stopped.

        Raises:
            StreamIncomplete: The server did not say that it was done.
            BadArguments: A call cannot be read.
        """
        if self._reason in _BROKEN or (self._reason is None and not self.done):
            raise incomplete(self._server)
        stop = _STOPS.get(self._reason or "")
        if stop is None:  # a call of an answer that was cut is cut itself
            for call in self._calls:
                tool_call = called(self._tools, id=call.id, name=call.name, args=call.args)
                yield ChatChunk(tool_call=tool_call)
                stop = "tool_calls"
        yield ChatChunk(usage=self._usage, stop="refused" if self._refused else stop or "end")

    def _delta(self, delta: Mapping[str, Any]) -> Iterable[ChatChunk]:
        found: list[ChatChunk] = []
        if thinking := delta.get("reasoning_content") or delta.get("reasoning"):
            found.append(ChatChunk(thinking=text_of(thinking)))
        if text := text_of(delta.get("content")):
            found.append(ChatChunk(text=text))
        if refusal := delta.get("refusal"):
            self._refused = True
            found.append(ChatChunk(text=text_of(refusal)))
        for piece in delta.get("tool_calls") or ():
            self._add(piece)
        return found

    def _add(self, piece: Mapping[str, Any]) -> None:
        """A piece of a call. Some servers give no index, or the same to all."""
        function = cast("Mapping[str, Any]", piece.get("function") or {})
        id, name = text_of(piece.get("id")), text_of(function.get("name"))
        index = piece.get("index")
        call = self._calls[-1] if index is None and self._calls else self._numbered.get(index)
        if call is None or _begins(call, id, name):
            call = self._numbered[index] = _Call()
            self._calls.append(call)
        call.id = id or call.id
        call.name = name or call.name
        call.args += text_of(function.get("arguments"))


def usage_of(
    usage: Mapping[str, Any], read: str = "prompt_tokens", written: str = "completion_tokens"
) -> Usage:
    """Tokens as we count them; here, too, the input counts what came from a cache.

    Args:
        usage: As the server counts.
        read, written: What it calls the tokens that the model read and wrote.
    """
    of_read = cast("Mapping[str, Any]", usage.get(f"{read}_details") or {})
    of_written = cast("Mapping[str, Any]", usage.get(f"{written}_details") or {})
    return Usage(
        input=count_of(usage, read),
        output=count_of(usage, written),
        cache_read=count_of(of_read, "cached_tokens"),
        cache_write=count_of(of_read, "cache_write_tokens"),
        thinking=count_of(of_written, "reasoning_tokens"),
    )


def _begins(call: _Call, id: str, name: str) -> bool:
    """Whether a piece with this id and name is of another call than the one before."""
    if id and call.id:
        return id != call.id
    return bool(name and call.args)
