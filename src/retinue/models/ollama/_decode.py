"""Decode: the lines of Ollama's /api/chat as our chunks. Pure; tested with tables."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from retinue.errors import ModelRejected
from retinue.messages import ToolCall
from retinue.models import ChatChunk, ChatRequest, Usage
from retinue.models._repair import parse_tool_args
from retinue.models._wire import (
    Frame,
    Server,
    call_id,
    count_of,
    frame_of,
    incomplete,
    refused,
    text_of,
    unreadable,
)


class Answer:
    """What has come of one answer. `read` gives the chunks of each line, `end` the last ones."""

    def __init__(self, server: Server, request: ChatRequest) -> None:
        self.done = False
        self._server = server
        self._schemas = {tool.name: tool.parameters for tool in request.tools}
        self._called = False
        self._last: Frame = {}

    def read(self, frame: bytes) -> Iterable[ChatChunk]:
        """The chunks of a line, in order.

        Raises:
            ModelError: The line is an error, or cannot be read.
            BadArguments: A call cannot be read.
        """
        found = frame_of(frame, self._server)
        if found.get("error"):
            raise refused(self._server, found["error"])
        if found.get("done"):
            self.done = True
            self._last = found
        try:
            return self._said(found.get("message") or {})
        except (AttributeError, KeyError, TypeError) as error:  # other JSON than agreed
            raise unreadable(frame, self._server) from error

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

    def _said(self, message: Mapping[str, Any]) -> Iterable[ChatChunk]:
        found: list[ChatChunk] = []
        if thinking := message.get("thinking"):
            found.append(ChatChunk(thinking=text_of(thinking)))
        if text := message.get("content"):
            found.append(ChatChunk(text=text_of(text)))
        for call in message.get("tool_calls") or ():
            self._called = True
            found.append(ChatChunk(tool_call=self._call(call)))
        return found

    def _call(self, call: Mapping[str, Any]) -> ToolCall:
        """The call; its arguments come as an object, from some models as its text."""
        function = cast("Mapping[str, Any]", call["function"])
        name = text_of(function["name"])
        args: Any = function.get("arguments")
        if isinstance(args, dict):
            whole = cast("Frame", args)
        else:
            written = args if isinstance(args, str) else json.dumps(args)
            whole = parse_tool_args(written, self._schemas.get(name, {}))
        # Older servers give no ids, and a result must say which call it belongs to.
        return ToolCall(id=text_of(call.get("id")) or call_id(), name=name, args=whole)
