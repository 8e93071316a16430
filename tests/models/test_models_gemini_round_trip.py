"""Gemini: what was said survives the way to the vendor and back, to the last signature."""

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from retinue.messages import (
    Audio,
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
from retinue.models._wire import ServerSentEvents, told
from retinue.models.gemini._decode import Answer
from retinue.models.gemini._encode import encode
from retinue.models.view import shown
from retinue.testing.mock_llm import Gemini

from ._decoding import message_of, read, server

SERVER = server("gemini:m")
PATH = "/v1beta/models/m:streamGenerateContent"
WORDS = st.text(max_size=20) | st.sampled_from(["\n\n", " ", "a\u2028b"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ARGS = st.dictionaries(st.text(), JSON | WORDS, max_size=3)
NAMES = st.sampled_from(["add", "look_up"])
WIRES = st.sampled_from([Gemini(), *Gemini().spellings()])


def sent(*messages: Message, agent: str | None = None) -> dict[str, Any]:
    return json.loads(encode(ChatRequest(messages=messages, agent=agent), "gemini-3.8-flash"))


def answered(lines: Sequence[Any], wire: Any) -> tuple[list[dict[str, Any]], Message]:
    """The parts of an answer as they were sent, and the message that we make of them."""
    asked = wire.read(PATH, sent(Message("Well?")))
    writer = wire.writer(asked)
    frames: list[bytes] = []
    for line in lines:
        match line:
            case str():
                frames += writer.text(line)
            case Thinking():
                frames += writer.thinking(line.text)
            case _:
                frames += writer.calls(line)
    frames += writer.ended("STOP", Usage())
    sent_parts = [
        part
        for frame in ServerSentEvents().feed(b"".join(frames))
        for part in json.loads(frame)["candidates"][0]["content"]["parts"]
    ]
    chunks = read(Answer(SERVER, asked.request, "m"), b"".join(frames))
    return sent_parts, message_of(chunks)


def joined(parts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parts as they must come back: no thoughts without a signature, plain words in one."""
    found: list[dict[str, Any]] = []
    for part in parts:
        if "thoughtSignature" not in part and (part.get("thought") or part.get("text") == ""):
            continue
        if part.keys() == {"text"} and found and found[-1].keys() == {"text"}:
            found[-1] = {"text": found[-1]["text"] + part["text"]}
        else:
            found.append(part)
    return found


CALLED = st.builds(ToolCall, id=st.uuids().map(str), name=NAMES, args=ARGS)
LINES = st.lists(WORDS | st.builds(Thinking, text=WORDS), max_size=6)
CALLS = st.lists(CALLED, max_size=3)


@given(LINES, CALLS, WIRES)
def test_an_answer_goes_back_part_for_part(
    lines: list[Any], calls: list[ToolCall], wire: Gemini
) -> None:
    parts, message = answered(["So: ", *lines, calls], wire)
    results = [ToolResult(call_id=c.id, name=c.name, content="42") for c in message.tool_calls]
    body = sent(Message("Well?"), message, Message(parts=results, role="tool"), Message("And?"))
    back = [turn["parts"] for turn in body["contents"] if turn["role"] == "model"]
    assert [part for turn in back for part in turn] == joined(parts)
    read = wire.read(PATH, body).request  # and nothing of it is refused
    assert [c for m in read.messages for c in m.tool_calls] == calls


TEXT = st.builds(Text, text=WORDS)
ADDRESSES = st.sampled_from(["https://example.com/a.png", "http://b.org/c.png"])
MEDIA = (
    st.builds(Image, media_type=st.sampled_from(["image/png", "image/jpeg"]), data=st.binary())
    | st.builds(Image, url=ADDRESSES)
    | st.builds(Audio, data=st.binary())
    | st.builds(File, name=st.text(), media_type=st.just("application/pdf"), data=st.binary())
    | st.builds(File, name=st.text(), media_type=st.just("text/plain"), data=st.binary())
)
THEIRS = st.builds(Block, vendor=st.sampled_from(["anthropic", "openai"]), data=ARGS) | st.builds(
    Thinking, text=WORDS, signature=st.none() | st.text()
)
AGENTS = st.sampled_from([None, "writer", "critic"])
RESULTS = st.builds(
    ToolResult,
    call_id=st.sampled_from("abcdef"),
    name=NAMES,
    content=WORDS | st.lists(TEXT | MEDIA, max_size=3),
    error=st.booleans(),
)


def told_apart(part: Part) -> Any:
    return part.id if isinstance(part, ToolCall) else object()


def messages(role: str, *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Message]:
    found = st.lists(st.one_of(*parts), max_size=4, unique_by=told_apart)
    return st.builds(Message, parts=found, role=st.just(role), agent=AGENTS)


CONVERSATIONS = st.lists(
    messages("user", TEXT, MEDIA)
    | messages(
        "assistant",
        TEXT,
        st.builds(ToolCall, id=st.sampled_from("abcdef"), name=NAMES, args=ARGS),
        THEIRS,
    )
    | messages("tool", RESULTS)
    | messages("system", TEXT),
    max_size=6,
).map(lambda found: [Message("So."), *found, Message("Well?")])


@given(CONVERSATIONS, AGENTS)
def test_any_conversation_is_understood(said: list[Message], agent: str | None) -> None:
    """Words, calls, results, and what users and tools show, arrive; what other vendors want back
    does not."""
    body = sent(*said, agent=agent)
    read = Gemini().read(PATH, body).request
    assert flat(read.messages) == flat(ours(shown(said, agent)))


def ours(messages: Sequence[Message]) -> Iterable[Message]:
    """The conversation as it should arrive: what tools show follows them, as the user's."""
    for message in messages:
        match message.role:
            case "system":
                yield Message(f"<system>\n{message.text}\n</system>", role="user")
            case "tool":
                answers = [
                    ToolResult(call_id=r.call_id, name=r.name, content=words_of(r), error=r.error)
                    for r in message.tool_results
                ]
                media = [part for result in message.tool_results for part in told(result)[1]]
                yield Message(parts=answers, role="tool")
                yield Message(parts=media, role="user")
            case _:
                yield message


def words_of(result: ToolResult) -> str:
    return result.text or ("" if isinstance(result.content, str) else "The result follows.")


def flat(messages: Iterable[Message]) -> list[Any]:
    """What is in a conversation, in order; the words that one says in a row are one."""
    entries = [
        (message.role, part)
        for message in messages
        for one in message.parts
        if (part := flat_part(one)) is not None
    ]
    found: list[Any] = []
    for (role, kind), run in groupby(entries, key=lambda entry: (entry[0], entry[1][0])):
        if kind == "text":
            found.append((role, "".join([words for _, (_, words) in run])))
        else:
            found += run
    return found


def flat_part(part: Part) -> tuple[Any, ...] | None:
    match part:
        case Text(text="") | File(data=b"", media_type="text/plain"):
            return None
        case Text(text=text):
            return "text", text
        case File(data=bytes(data), media_type="text/plain"):
            return "text", data.decode(errors="replace")
        case Image(data=data, url=url) | Audio(data=data, url=url) | File(data=data, url=url):
            return type(part).__name__, data, url, part.media_type
        case ToolCall():
            return "call", part.id, part.name, json.dumps(part.args)
        case ToolResult():
            return "result", part.call_id, part.text, part.error
        case _:
            return None
