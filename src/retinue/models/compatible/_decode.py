"""Decode: the frames of Chat Completions as our chunks. Pure; tested with tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import uuid4

from retinue.errors import StreamIncomplete
from retinue.messages import ToolCall
from retinue.models import ChatChunk, ChatRequest, Stop, Usage
from retinue.models._repair import parse_tool_args
from retinue.models._wire import frame_of, refused, unreadable

_STOPS: Final[Mapping[str, Stop]] = {
    "stop": "end",
    "length": "max_tokens",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "refused",
}
_NOTHING: Final[Sequence[ChatChunk]] = ()


@dataclass(slots=True)
class _Call:
    """A call whose arguments are still coming."""

    id: str = ""
    name: str = ""
    args: str = ""


class Answer:
    """What has come of one answer. `read` gives the chunks of each frame, `end` the last ones."""

    def __init__(self, model: str, request: ChatRequest) -> None:
        self._model = model
        self._schemas = {tool.name: tool.parameters for tool in request.tools}
        self._calls: dict[int, _Call] = {}
        self._reason: str | None = None
        self._refused = False
        self._done = False
        self._usage: Usage | None = None

    def read(self, data: bytes, *, key: str | None = None) -> Iterable[ChatChunk]:
        """The chunks of a frame, in order.

        Args:
            data: What stands in the frame.
            key: What an error of the server must not repeat.

        Raises:
            ModelError: The frame is an error, or cannot be read.
        """
        if data == b"[DONE]":
            self._done = True
            return _NOTHING
        frame = frame_of(data, self._model)
        if frame.get("error"):
            raise refused(frame["error"], model=self._model, key=key)
        try:
            return self._read(frame)
        except (AttributeError, IndexError, KeyError, TypeError) as error:  # other JSON than agreed
            raise unreadable(data, self._model) from error

    def _read(self, frame: Mapping[str, Any]) -> Iterable[ChatChunk]:
        choices = frame.get("choices")
        usage = frame.get("usage")
        if usage:
            self._usage = usage_of(usage)
        if not choices:
            return _NOTHING
        choice = choices[0]
        if choice.get("finish_reason"):
            self._reason = choice["finish_reason"]
        delta = choice.get("delta")
        if not delta:
            return _NOTHING
        text = delta.get("content")
        if text and len(delta) == 1:  # nearly every frame of an answer
            return (ChatChunk(text=text),)
        return self._delta(delta)

    def end(self) -> Iterable[ChatChunk]:
        """The calls, what it cost, and why it stopped.

        Raises:
            StreamIncomplete: The server did not say that it was done.
            BadArguments: A call cannot be read.
        """
        if self._reason is None and not self._done:
            raise StreamIncomplete(
                f"The answer of {self._model!r} ended before it was done",
                hint="It is not whole. Ask again.",
            )
        if self._reason == "error":
            raise StreamIncomplete(
                f"{self._model!r} failed in the middle of its answer", hint="Ask again."
            )
        # A call of an answer that was cut is cut itself.
        calls = [] if self._reason == "length" else [*self._calls.values()]
        for call in calls:
            args = parse_tool_args(call.args, self._schemas.get(call.name, {}))
            yield ChatChunk(tool_call=ToolCall(id=call.id or _minted(), name=call.name, args=args))
        stop = _STOPS.get(self._reason or "", "end")
        if calls and stop == "end":  # so say some servers though they ask for a tool
            stop = "tool_calls"
        if self._refused:
            stop = "refused"
        yield ChatChunk(usage=self._usage, stop=stop)

    def _delta(self, delta: Mapping[str, Any]) -> Iterable[ChatChunk]:
        found: list[ChatChunk] = []
        if thinking := delta.get("reasoning_content") or delta.get("reasoning"):
            found.append(ChatChunk(thinking=thinking))
        if text := delta.get("content"):
            found.append(ChatChunk(text=text))
        if refusal := delta.get("refusal"):
            self._refused = True
            found.append(ChatChunk(text=refusal))
        for piece in delta.get("tool_calls") or ():
            self._add(piece)
        return found

    def _add(self, piece: Mapping[str, Any]) -> None:
        """A piece of a call; without an index it has an id of its own, or goes on with the last."""
        index = piece.get("index")
        if not isinstance(index, int):
            begins = bool(piece.get("id")) or not self._calls
            index = len(self._calls) if begins else len(self._calls) - 1
        call = self._calls.setdefault(index, _Call())
        call.id = piece.get("id") or call.id
        function = cast("Mapping[str, Any]", piece.get("function") or {})
        call.name = function.get("name") or call.name
        call.args += function.get("arguments") or ""


def usage_of(usage: Mapping[str, Any]) -> Usage:
    """Tokens as we count them; here, too, the input counts what came from a cache."""
    prompt = cast("Mapping[str, Any]", usage.get("prompt_tokens_details") or {})
    output = cast("Mapping[str, Any]", usage.get("completion_tokens_details") or {})
    return Usage(
        input=usage.get("prompt_tokens") or 0,
        output=usage.get("completion_tokens") or 0,
        cache_read=prompt.get("cached_tokens") or 0,
        cache_write=prompt.get("cache_write_tokens") or 0,
        thinking=output.get("reasoning_tokens") or 0,
    )


def _minted() -> str:
    return f"call_{uuid4().hex[:24]}"
