"""Responses: what was said survives the way to the vendor and back, to the last block."""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from retinue.messages import (
    Block,
    File,
    Image,
    Message,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from retinue.models import ChatRequest, Usage
from retinue.models._wire import conversation, told
from retinue.models.openai._decode import Answer
from retinue.models.openai._encode import encode
from retinue.testing.mock_llm import Responses

from ._decoding import message_of, read, server

SERVER = server("openai:m")
WORDS = st.text(max_size=20) | st.sampled_from(["\n\n", "\n\nAnd", " ", "a\u2028b"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ARGS = st.dictionaries(st.text(), JSON | WORDS, max_size=3)
NAMES = st.sampled_from(["add", "look_up"])


def sent(*messages: Message, agent: str | None = None) -> dict[str, Any]:
    return json.loads(encode(ChatRequest(messages=messages, agent=agent), "gpt-6-sol"))


def answered(lines: Sequence[Any], wire: Responses) -> tuple[list[dict[str, Any]], Message]:
    """The items of an answer as they were sent, and the message that we make of them."""
    asked = wire.read("/v1/responses", sent(Message("Well?")))
    writer = wire.writer(asked)
    frames = [*writer.opening()]
    for line in lines:
        match line:
            case str():
                frames += writer.text(line)
            case Thinking():
                frames += writer.thinking(line.text)
            case _:
                frames += writer.calls([line])
    frames += writer.ended("completed", Usage())
    chunks = read(Answer(SERVER, asked.request), b"".join(frames))
    return writer.response["output"], message_of(chunks)


LINES = st.lists(
    WORDS
    | st.builds(Thinking, text=WORDS)
    | st.builds(ToolCall, id=st.uuids().map(str), name=NAMES, args=ARGS),
    max_size=8,
)
WIRES = st.sampled_from([Responses(), Responses(raw=True, done=True), Responses(named=False)])


@given(LINES, WIRES)
def test_an_answer_goes_back_item_for_item(lines: list[Any], wire: Responses) -> None:
    items, message = answered(lines, wire)
    results = [ToolResult(call_id=c.id, name=c.name, content="42") for c in message.tool_calls]
    body = sent(Message("Well?"), message, Message(parts=results, role="tool"), Message("And?"))
    back = body["input"][1 : 1 + len(items)]
    assert back == items
    assert [item.get("call_id") for item in body["input"][1 + len(items) : -1]] == [
        result.call_id for result in results
    ]
    read = wire.read("/v1/responses", body).request  # and nothing of it is refused
    assert [c for m in read.messages for c in m.tool_calls] == list(message.tool_calls)


TEXT = st.builds(Text, text=WORDS)
KINDS = st.sampled_from(["image/png", "application/pdf", "text/plain"])
ADDRESSES = st.sampled_from(["https://example.com/a", "http://b.org/c.png"])
MEDIA = (
    st.builds(Image, media_type=st.sampled_from(["image/png", "image/jpeg"]), data=st.binary())
    | st.builds(Image, url=ADDRESSES)
    | st.builds(File, name=st.text(), media_type=KINDS, data=st.binary())
    | st.builds(File, name=st.text(), url=ADDRESSES)
)
THEIRS = st.builds(Block, vendor=st.sampled_from(["anthropic", "gemini"]), data=ARGS) | st.builds(
    Thinking, text=WORDS, signature=st.none() | st.text()
)
AGENTS = st.sampled_from([None, "writer", "critic"])
CALLS = st.builds(ToolCall, id=st.sampled_from("abcdef"), name=NAMES, args=ARGS)
RESULTS = st.builds(
    ToolResult,
    call_id=st.sampled_from("abcdef"),
    name=NAMES,
    content=WORDS | st.lists(TEXT | MEDIA, max_size=3),
    error=st.booleans(),
)


def messages(role: str, *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Message]:
    found = st.lists(st.one_of(*parts), max_size=4)
    return st.builds(Message, parts=found, role=st.just(role), agent=AGENTS)


CONVERSATIONS = st.lists(
    messages("user", TEXT, MEDIA)
    | messages("assistant", TEXT, CALLS, THEIRS)
    | messages("tool", RESULTS)
    | messages("system", TEXT),
    max_size=6,
).map(lambda found: [*found, Message("Well?")])


@given(CONVERSATIONS, AGENTS)
def test_any_conversation_is_understood(said: list[Message], agent: str | None) -> None:
    """Words, calls, results, and what users and tools show, arrive; what other vendors want back
    does not, nor do pictures of the model's own."""
    wire = Responses()
    body = sent(*said, agent=agent)
    request = ChatRequest(messages=tuple(said), agent=agent)
    read = wire.read("/v1/responses", body).request
    assert flat(read.messages) == flat(conversation(request), ours=True)


def flat(messages: Sequence[Message], *, ours: bool = False) -> list[Any]:
    """What is in a conversation, in order; the words that one says in a row are one."""
    entries = [
        (message.role, part)
        for message in messages
        for one in message.parts
        if not (message.role == "assistant" and isinstance(one, Image | File))
        if (part := flat_part(one, ours)) is not None
    ]
    found: list[Any] = []
    for (role, kind), run in groupby(entries, key=lambda entry: (entry[0], entry[1][0])):
        if kind == "text":
            found.append((role, "".join([words for _, (_, words) in run])))
        else:
            found += run
    return found


def flat_part(part: Part, ours: bool) -> tuple[Any, ...] | None:
    match part:
        case Text(text="") | File(data=b"", media_type="text/plain"):
            return None
        case Text(text=text):
            return "text", text
        case File(data=bytes(data), media_type="text/plain"):
            return "text", data.decode(errors="replace")
        case Image(data=None, url=url) | File(data=None, url=url):
            return type(part).__name__, url
        case Image(data=data, media_type=kind):
            return "Image", data, kind
        case File(data=data, media_type=kind, name=name):
            return "File", data, kind, name
        case ToolCall():
            return "call", part.id, part.name, json.dumps(part.args)
        case ToolResult():
            text, media = told(part) if ours else (part.text, shown(part))
            inner = [flat_part(one, ours) for one in (media[1:] if ours else media)]
            words = [one[1] for one in inner if one is not None and one[0] == "text"]
            others = [one for one in inner if one is not None and one[0] != "text"]
            return "result", part.call_id, "".join([text, *words]), others
        case _:
            return None


def shown(result: ToolResult) -> list[Part]:
    if isinstance(result.content, str):
        return []
    return [part for part in result.content if not isinstance(part, Text)]
