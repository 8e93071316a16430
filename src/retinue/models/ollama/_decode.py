"""Decode: the lines of Ollama's /api/chat as our chunks. Pure; tested with tables."""

from collections.abc import Iterable

from retinue.errors import ModelRejected
from retinue.messages import ToolCall
from retinue.models import ChatChunk, ChatRequest, Usage
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


class Answer:
    """What has come of one answer. `read` gives the chunks of each line, `end` the last ones."""

    def __init__(self, server: Server, request: ChatRequest) -> None:
        self.done = False
        self._server = server
        self._tools = request.tools
        self._called = False
        self._last: Frame = {}

    def read(self, frame: bytes) -> Iterable[ChatChunk]:
        """The chunks of a line, in order.

        Raises:
            ModelError: The line is an error, or cannot be read.
            BadArguments: A call cannot be read.
        """
        return as_agreed(frame, self._server, self._read)

    def end(self) -> Iterable[ChatChunk]:
        """What it cost, and why it stopped.

        Raises:
            StreamIncomplete: The server did not say that it was done.
            ModelRejected: It was asked nothing.
        """
        if not self.done:
            raise incomplete(self._server)
        usage = Usage(
            input=count_of(self._last, "prompt_eval_count"),
            output=count_of(self._last, "eval_count"),
        )
        match self._last.get("done_reason"):
            case "length":
                yield ChatChunk(usage=usage, stop="max_tokens")
            case "load" | "unload":
                raise ModelRejected(
                    f"{self._server.name!r} was asked nothing", hint="Pass at least one message."
                )
            case _:
                yield ChatChunk(usage=usage, stop="tool_calls" if self._called else "end")

    def _read(self, line: Frame) -> Iterable[ChatChunk]:
        if line.get("error"):
            raise refused(self._server, line["error"])
        if line.get("done"):
            self.done = True
            self._last = line
        message: Frame = line.get("message") or {}
        found: list[ChatChunk] = []
        if thinking := message.get("thinking"):
            found.append(ChatChunk(thinking=text_of(thinking)))
        if text := message.get("content"):
            found.append(ChatChunk(text=text_of(text)))
        for call in message.get("tool_calls") or ():
            self._called = True
            found.append(ChatChunk(tool_call=self._call(call)))
        return found

    def _call(self, call: Frame) -> ToolCall:
        """The call. Older servers give no ids; of some models the arguments come as text."""
        function = call["function"]
        name, args = function["name"], function.get("arguments")
        return called(self._tools, id=call.get("id"), name=name, args=args)
