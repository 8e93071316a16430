"""What tests of decoders share: an answer read as it would be from the wire, but without one."""

import json
from collections.abc import Iterable
from typing import Any

from retinue.messages import Block, Message, Part, Text, Thinking, ToolCall, ToolSpec
from retinue.models import ChatChunk, Usage
from retinue.models._wire import Answer, Server, ServerSentEvents

ADD = ToolSpec(
    name="add",
    description="Adds.",
    parameters={"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
)


def server(name: str, **fields: Any) -> Server:
    """Who answers."""
    fields = {
        "base_url": "http://lab/v1",
        "unreachable": "Look.",
        "unauthorized": "Look.",
        **fields,
    }
    return Server(name=name, **fields)


def read(answer: Answer, stream: str | bytes | Iterable[Any]) -> list[ChatChunk]:
    """The chunks of a stream of events: as it is sent, or its events, as data or as their JSON."""
    if not isinstance(stream, str | bytes):
        events = [one if isinstance(one, str) else json.dumps(one) for one in stream]
        stream = "".join([f"data: {event}\n\n" for event in events])
    sent = stream.encode() if isinstance(stream, str) else stream
    cutter = ServerSentEvents()
    chunks: list[ChatChunk] = []
    for frame in [*cutter.feed(sent), *cutter.end()]:
        chunks += answer.read(frame)
    return [*chunks, *answer.end()]


def text(words: str) -> ChatChunk:
    return ChatChunk(text=words)


def end(stop: Any = "end", usage: Usage | None = None) -> ChatChunk:
    return ChatChunk(stop=stop, usage=usage)


def message_of(chunks: Iterable[ChatChunk]) -> Message:
    """As an assistant would keep it: words in one part, as long as nothing comes between."""
    parts: list[Part] = []
    for chunk in chunks:
        match chunk, parts[-1:]:
            case ChatChunk(text=str(text)), [Text(text=before)]:
                parts[-1] = Text(text=before + text)
            case ChatChunk(text=str(text)), _:
                parts.append(Text(text=text))
            case ChatChunk(thinking=str(text)), _:
                parts.append(Thinking(text=text))
            case ChatChunk(tool_call=ToolCall() as call), _:
                parts.append(call)
            case ChatChunk(block=Block() as block), _:
                parts.append(block)
            case _:
                pass
    return Message(parts=parts, role="assistant")
