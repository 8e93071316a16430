"""Decode: the lines of Ollama's /api/chat as our chunks. Pure; tested with tables."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast
from uuid import uuid4

from retinue.errors import StreamIncomplete
from retinue.messages import ToolCall
from retinue.models import ChatChunk, ChatRequest, Stop, Usage
from retinue.models._repair import parse_tool_args
from retinue.models._wire import frame_of, refused, unreadable

_STOPS: Final[Mapping[str, Stop]] = {"stop": "end", "length": "max_tokens"}


class Answer:
    """What has come of one answer. `read` gives the chunks of each line, `end` the last ones."""

    def __init__(self, model: str, request: ChatRequest) -> None:
        self._model = model
        self._schemas = {tool.name: tool.parameters for tool in request.tools}
        self._called = False
        self._last: Mapping[str, Any] | None = None

    def read(self, line: bytes, *, key: str | None = None) -> Iterable[ChatChunk]:
        """The chunks of a line, in order.

        Args:
            line: What stands in it.
            key: What an error of the server must not repeat.

        Raises:
            ModelError: The line is an error, or cannot be read.
            BadArguments: A call cannot be read.
        """
        frame = frame_of(line, self._model)
        if frame.get("error"):
            raise refused(frame["error"], model=self._model, key=key)
        if frame.get("done"):
            self._last = frame
        try:
            return self._said(frame.get("message") or {})
        except (AttributeError, KeyError, TypeError) as error:  # other JSON than agreed
            raise unreadable(line, self._model) from error

    def end(self) -> Iterable[ChatChunk]:
        """What it cost, and why it stopped.

        Raises:
            StreamIncomplete: The server did not say that it was done.
        """
        last = self._last
        if last is None:
            raise StreamIncomplete(
                f"The answer of {self._model!r} ended before it was done",
                hint="It is not whole. Ask again.",
            )
        stop = _STOPS.get(last.get("done_reason") or "stop", "end")
        if self._called and stop == "end":
            stop = "tool_calls"
        usage = Usage(input=last.get("prompt_eval_count") or 0, output=last.get("eval_count") or 0)
        yield ChatChunk(usage=usage, stop=stop)

    def _said(self, message: Mapping[str, Any]) -> Iterable[ChatChunk]:
        found: list[ChatChunk] = []
        if thinking := message.get("thinking"):
            found.append(ChatChunk(thinking=thinking))
        if text := message.get("content"):
            found.append(ChatChunk(text=text))
        for call in message.get("tool_calls") or ():
            self._called = True
            found.append(ChatChunk(tool_call=self._call(call)))
        return found

    def _call(self, call: Mapping[str, Any]) -> ToolCall:
        """The call; its arguments come as an object, from some models as its text."""
        function = cast("Mapping[str, Any]", call["function"])
        name: str = function["name"]
        args: Any = function.get("arguments") or {}
        if isinstance(args, str):
            args = parse_tool_args(args, self._schemas.get(name, {}))
        # Older servers give no ids, and a result must say which call it belongs to.
        return ToolCall(id=call.get("id") or f"call_{uuid4().hex[:24]}", name=name, args=args)
