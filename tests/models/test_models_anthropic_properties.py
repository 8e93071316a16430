"""Anthropic: what was said survives the way to the vendor and back, to the last block."""

import json
from collections.abc import Iterable
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
from retinue.models import ChatChunk, ChatRequest
from retinue.models._wire import Server, ServerSentEvents
from retinue.models.anthropic._decode import Answer
from retinue.models.anthropic._encode import encode
from retinue.models.view import shown
from retinue.testing.mock_llm import Anthropic
from retinue.testing.mock_llm.anthropic._writing import signed

SERVER = Server(name="anthropic:m", base_url="http://lab", unreachable="-", unauthorized="-")
WIRE = Anthropic()
OURS = "model:anthropic:claude-opus-5-5"

WORDS = st.text(max_size=20) | st.sampled_from(["\n\n", "\n\nAnd", " ", "a\u2028b"])
SAID = WORDS.filter(lambda text: bool(text.strip()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ARGS = st.dictionaries(st.text(), JSON | WORDS, max_size=3)
NAMES = st.sampled_from(["add", "look_up"])


def sent(*messages: Message, agent: str | None = None) -> dict[str, Any]:
    asked = ChatRequest(messages=messages, agent=agent)
    return json.loads(encode(asked, "claude-opus-5-5").body)


# -- an answer goes back as it came


def text(words: str, citations: Any = None) -> dict[str, Any]:
    return {"type": "text", "text": words} | ({"citations": citations} if citations else {})


CITATIONS = st.lists(
    st.fixed_dictionaries({"type": st.just("char_location"), "cited_text": WORDS}),
    min_size=1,
    max_size=2,
)
THOUGHTS = WORDS.map(
    lambda thought: {"type": "thinking", "thinking": thought, "signature": signed(thought)}
)
HIDDEN = WORDS.map(
    lambda thought: {"type": "thinking", "thinking": "", "signature": signed(thought)}
)
REDACTED = st.just({"type": "redacted_thinking", "data": "mock-data"})
SERVED = st.uuids().map(
    lambda id: [
        {"type": "server_tool_use", "id": f"s{id}", "name": "web_search", "input": {"q": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": f"s{id}", "content": [{"url": "u"}]},
    ]
)
CALLER = st.none() | st.just({"type": "code_execution_20260521", "tool_id": "s1"})
USES = st.builds(
    lambda id, name, args, caller: (
        {"type": "tool_use", "id": f"t{id}", "name": name, "input": args}
        | ({"caller": caller} if caller else {})
    ),
    st.uuids(),
    NAMES,
    ARGS,
    CALLER,
)
STEPS = (
    SAID.map(lambda words: [text(words)])
    | st.builds(lambda words, found: [text(words, found)], SAID, CITATIONS)
    | (THOUGHTS | HIDDEN | REDACTED).map(lambda block: [block])
    | SERVED
)


def as_the_vendor_would(steps: list[list[Any]], uses: list[Any]) -> list[dict[str, Any]]:
    """Blocks in an order that is one: texts that are not cited are not cut in two, and after the
    last thought something is said."""
    found: list[dict[str, Any]] = []
    for block in [block for step in steps for block in step]:
        if found and found[-1].keys() == block.keys() == {"type", "text"}:
            found[-1] = text(found[-1]["text"] + block["text"])
        else:
            found.append(block)
    found += uses
    while found and found[-1]["type"] in ("thinking", "redacted_thinking"):
        found.pop()
    return found


ANSWERS = st.builds(as_the_vendor_would, st.lists(STEPS, max_size=6), st.lists(USES, max_size=3))


def events_of(blocks: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """A stream of these blocks, cut as the vendor cuts them."""
    for index, block in enumerate(blocks):
        start, deltas = dict(block), list[dict[str, Any]]()
        if "text" in block:
            start["text"] = ""
            deltas += [{"type": "text_delta", "text": letter} for letter in block["text"]]
            found = start.pop("citations", ())
            deltas += [{"type": "citations_delta", "citation": one} for one in found]
        if "thinking" in block:
            start |= {"thinking": "", "signature": ""}
            deltas += [{"type": "thinking_delta", "thinking": one} for one in block["thinking"]]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        if "input" in block:
            start["input"] = {}
            written = json.dumps(block["input"])
            pieces = ("", written[:3], written[3:])
            deltas += [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for one in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": one}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    yield {"type": "message_stop"}


def message_of(chunks: Iterable[ChatChunk]) -> Message:
    """As an assistant would keep it: words in one part, as long as nothing comes between."""
    parts: list[Part] = []
    for chunk in chunks:
        match chunk, parts[-1:]:
            case ChatChunk(text=str(words)), [Text(text=before)]:
                parts[-1] = Text(text=before + words, source=OURS)
            case ChatChunk(text=str(words)), _:
                parts.append(Text(text=words, source=OURS))
            case ChatChunk(thinking=str(words)), [Thinking(text=before, signature=None)]:
                parts[-1] = Thinking(text=before + words)
            case ChatChunk(signature=str(signature)), [Thinking(text=before, signature=None)]:
                parts[-1] = Thinking(text=before, signature=signature)
            case ChatChunk(thinking=str() | None as words, signature=signature), _ if (
                words or signature
            ):
                parts.append(Thinking(text=words or "", signature=signature))
            case ChatChunk(tool_call=ToolCall() as call), _:
                parts.append(call)
            case ChatChunk(block=Block() as block), _:
                parts.append(block)
            case _:
                pass
    return Message(parts=parts, role="assistant", model="anthropic:claude-opus-5-5")


@given(ANSWERS)
def test_an_answer_goes_back_block_for_block(blocks: list[dict[str, Any]]) -> None:
    answer, cutter = Answer(SERVER, ChatRequest(messages=()), "m"), ServerSentEvents()
    chunks: list[ChatChunk] = []
    for event in events_of(blocks):
        for frame in cutter.feed(WIRE.frame(event)):
            chunks += answer.read(frame)
    message = message_of([*chunks, *answer.end()])

    results = [ToolResult(call_id=c.id, name=c.name, content="42") for c in message.tool_calls]
    body = sent(Message("Well?"), message, Message(parts=results, role="tool"), Message("And?"))
    back = [
        block for one in body["messages"] if one["role"] == "assistant" for block in one["content"]
    ]
    assert back == blocks
    WIRE.read("/v1/messages", body)  # and nothing of it is refused


# -- a conversation of ours arrives

TEXT = st.builds(Text, text=WORDS)
ADDRESSES = st.sampled_from(["https://example.com/a", "http://b.org/c.png"])
MEDIA = (
    st.builds(Image, media_type=st.sampled_from(["image/png", "image/webp"]), data=st.binary())
    | st.builds(Image, url=ADDRESSES)
    | st.builds(File, name=SAID, media_type=st.just("application/pdf"), data=st.binary())
    | st.builds(File, name=SAID, media_type=st.just("text/plain"), data=SAID.map(str.encode))
    | st.builds(File, name=SAID, media_type=st.just("application/pdf"), url=ADDRESSES)
)
OWN = WORDS.map(lambda thought: Thinking(text=thought, signature=signed(thought), source=OURS)) | (
    st.just(Block(vendor="anthropic", data={"type": "redacted_thinking", "data": "mock-1"}))
)
THEIRS = st.builds(Block, vendor=st.sampled_from(["openai", "gemini"]), data=ARGS) | st.builds(
    Thinking,
    text=WORDS,
    signature=st.none() | st.text(),
    source=st.sampled_from(["model:openai:gpt-6-sol", "model:gemini:gemini-4-argon"]),
)
IDS = st.sampled_from(["a", "b", "functions.add:0", "c d", ""])
CALLS = st.builds(ToolCall, id=IDS, name=NAMES, args=ARGS)
AGENTS = st.sampled_from([None, "writer", "critic"])


def answers(calls: list[ToolCall], contents: list[Any], keep: list[bool]) -> Message:
    """Results of most of these calls, in another order."""
    found = [
        ToolResult(call_id=call.id, name=call.name, content=content, error=error)
        for call, (content, error), kept in zip(calls, contents, keep, strict=False)
        if kept
    ]
    return Message(parts=reversed(found), role="tool")


def unique(calls: list[ToolCall]) -> list[ToolCall]:
    return list({call.id: call for call in calls}.values())


CONTENTS = st.tuples(WORDS | st.lists(TEXT | MEDIA, max_size=3), st.booleans())
TURNS = st.builds(
    lambda said, calls, contents, keep, agent: [
        Message(parts=[*said, *unique(calls)], role="assistant", agent=agent),
        answers(unique(calls), contents, keep),
    ],
    st.lists(TEXT | OWN | THEIRS, max_size=4),
    st.lists(CALLS, max_size=3),
    st.lists(CONTENTS, min_size=3, max_size=3),
    st.lists(st.booleans(), min_size=3, max_size=3),
    AGENTS,
)
CONVERSATIONS = st.lists(
    st.builds(lambda parts: [Message(parts=parts)], st.lists(TEXT | MEDIA, max_size=3))
    | st.builds(lambda words: [Message(words, role="system")], WORDS)
    | TURNS,
    max_size=6,
).map(lambda found: [message for some in found for message in some])


def told(part: Part) -> Any:
    match part:
        case Image(data=data, url=url) | File(data=data, url=url):
            return type(part), data, url
        case _:
            return part


def of_role(messages: Iterable[Message], role: str, *kinds: type[Any]) -> list[Any]:
    return [
        told(part)
        for message in messages
        if message.role == role
        for part in message.parts
        if isinstance(part, kinds)
    ]


def words_of(messages: Iterable[Message], role: str) -> list[str]:
    """What was said in a row, without the space around it, and with what is blank left out."""
    said = [(m.role, part) for m in messages for part in m.parts]
    runs = groupby(said, key=lambda one: (one[0], isinstance(one[1], Text)))
    found = [
        "".join([part.text for _, part in run])
        for (of, is_text), run in runs
        if is_text and of == role
    ]
    return ["".join(one.split()) for one in found if one.strip()]


@given(CONVERSATIONS, AGENTS)
def test_a_conversation_of_ours_arrives(messages: list[Message], agent: str | None) -> None:
    seen = shown(messages, agent)
    asked = [*messages, Message("Well?")]
    read = WIRE.read("/v1/messages", sent(*asked, agent=agent)).request  # nothing is refused

    there = read.messages
    assert of_role(there, "user", Image, File) == of_role(seen, "user", Image, File)
    calls = of_role(there, "assistant", ToolCall)
    assert [(c.name, c.args) for c in calls] == [
        (c.name, c.args) for c in of_role(seen, "assistant", ToolCall)
    ]
    results, ours = of_role(there, "tool", ToolResult), of_role(seen, "tool", ToolResult)
    assert [result.call_id for result in results] == [call.id for call in calls]
    for result, own in zip(results, ours, strict=True):
        assert result.error == own.error
        assert result.text.strip() in own.text or (own.error and result.text == "It failed.")
    kept = of_role(there, "assistant", Thinking, Block)
    own = [
        one
        for one in of_role(seen, "assistant", Thinking, Block)
        if (isinstance(one, Thinking) and one.source == OURS)
        or (isinstance(one, Block) and one.vendor == "anthropic")
    ]
    for one in kept:  # some that nothing was said after are not sent
        while not _same(own.pop(0), one):
            pass
    said = "".join(words_of(there, "assistant"))
    assert said == "".join(words_of(seen, "assistant"))
    for word in words_of(seen, "user"):
        assert word in "".join(words_of(there, "user"))


def _same(one: Any, other: Any) -> bool:
    match one, other:
        case Thinking(), Thinking():
            return (one.text, one.signature) == (other.text, other.signature)
        case _:
            return one == other
