"""Anthropic: the events of the Messages API as our chunks, as the vendor shows them.

Samples: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import (
    BadArguments,
    ModelError,
    ModelOverloaded,
    ModelUnreachable,
    RetinueError,
    StreamIncomplete,
)
from retinue.messages import Block, Message, ToolCall, ToolSpec
from retinue.models import ChatChunk, ChatRequest, Usage
from retinue.models.anthropic._decode import Answer

from ._decoding import ADD, read, server, text

SERVER = server("anthropic:m")
NOW = ToolSpec(name="now", description="The time.", parameters={"type": "object"})
REQUEST = ChatRequest(messages=(Message("hi"),), tools=(ADD, NOW))


def heard(events: str | Iterable[Any], model: str = "claude-opus-5-5") -> list[ChatChunk]:
    """The chunks of a stream: as text, or as its events."""
    return read(Answer(SERVER, REQUEST, model), events)


def begun(index: int = 0, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(kind: str, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def stopped(index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def ended(reason: str | None = "end_turn", usage: Any = None, **fields: Any) -> list[Any]:
    last = {"type": "message_delta", "delta": {"stop_reason": reason, **fields}, "usage": usage}
    return [last, {"type": "message_stop"}]


def kept(**data: Any) -> ChatChunk:
    return ChatChunk(block=Block(vendor="anthropic", data=data))


def called(id: str, name: str, **args: Any) -> ChatChunk:
    return ChatChunk(tool_call=ToolCall(id=id, name=name, args=args))


def end(stop: Any = "end", usage: Usage | None = None) -> ChatChunk:
    return ChatChunk(usage=usage or Usage(), stop=stop)


def words(said: str, index: int = 0) -> list[Any]:
    """A block of text."""
    return [
        begun(index, type="text", text=""),
        delta("text_delta", index, text=said),
        stopped(index),
    ]


def call(json_pieces: Iterable[str], index: int = 0, id: str = "t1", **more: Any) -> list[Any]:
    """A block that asks for a tool."""
    block = {"type": "tool_use", "id": id, "name": "add", "input": {}} | more
    pieces = [delta("input_json_delta", index, partial_json=piece) for piece in json_pieces]
    return [begun(index, **block), *pieces, stopped(index)]


SAMPLE = """event: message_start
data: {"type": "message_start", "message": {"id": "msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyY", "type": "message", "role": "assistant", "content": [], "model": "claude-opus-5-5", "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 25, "output_tokens": 1}}}

event: content_block_start
data: {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "!"}}

event: content_block_stop
data: {"type": "content_block_stop", "index": 0}

event: message_delta
data: {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence":null}, "usage": {"output_tokens": 15}}

event: message_stop
data: {"type": "message_stop"}
"""  # noqa: E501


def test_a_stream_as_the_vendor_shows_it() -> None:
    assert heard(SAMPLE) == [text("Hello"), text("!"), end(usage=Usage(input=25, output=15))]


CITED = {"type": "char_location", "cited_text": "grass is green", "document_index": 0}
FOUND = {"type": "web_search_result", "url": "https://a.b", "encrypted_content": "Eq=="}

STREAMS: list[tuple[str, list[Any], list[ChatChunk]]] = [
    ("nothing", ended(), [end()]),
    ("words at the beginning of a block", [begun(type="text", text="Hi")], [text("Hi")]),
    (
        "a thought with its signature",
        [
            begun(type="thinking", thinking="", signature=""),
            delta("thinking_delta", thinking="Let me "),
            delta("thinking_delta", thinking="see."),
            delta("signature_delta", signature="EqQB"),
            delta("signature_delta", signature="Cg=="),
            stopped(),
            *words("Four.", 1),
        ],
        [
            ChatChunk(thinking="Let me "),
            ChatChunk(thinking="see."),
            ChatChunk(signature="EqQBCg=="),
            text("Four."),
        ],
    ),
    (
        "thoughts that are not shown",
        [
            begun(type="thinking", thinking="", signature=""),
            delta("thinking_delta", thinking=""),
            delta("signature_delta", signature="EqQB"),
            stopped(),
        ],
        [ChatChunk(signature="EqQB")],
    ),
    (
        "a thought that was there at once, and is not signed",
        [begun(type="thinking", thinking="Hm."), stopped()],
        [ChatChunk(thinking="Hm.")],
    ),
    (
        "a thought that nobody may read",
        [begun(type="redacted_thinking", data="EmwK"), stopped()],
        [kept(type="redacted_thinking", data="EmwK")],
    ),
    (
        "what is cited",
        [
            *words("As it says, "),
            begun(1, type="text", text="", citations=None),
            delta("citations_delta", 1, citation=CITED),
            delta("text_delta", 1, text="the grass "),
            delta("text_delta", 1, text="is green"),
            delta("citations_delta", 1, citation=CITED),
            stopped(1),
            *words(".", 2),
        ],
        [
            text("As it says, "),
            text("the grass "),
            text("is green"),
            kept(type="text", text="the grass is green", citations=[CITED, CITED]),
            text("."),
        ],
    ),
    (
        "the vendor's own tools",
        [
            begun(type="server_tool_use", id="srvtoolu_1", name="web_search", input={}),
            delta("input_json_delta", partial_json=""),
            delta("input_json_delta", partial_json='{"query": "gr'),
            delta("input_json_delta", partial_json='ass"}'),
            stopped(),
            begun(1, type="web_search_tool_result", tool_use_id="srvtoolu_1", content=[FOUND]),
            stopped(1),
        ],
        [
            kept(
                type="server_tool_use", id="srvtoolu_1", name="web_search", input={"query": "grass"}
            ),
            kept(type="web_search_tool_result", tool_use_id="srvtoolu_1", content=[FOUND]),
        ],
    ),
    (
        "a block of tomorrow, in pieces",
        [
            begun(type="compaction", content="Once"),
            delta("compaction_delta", content=" upon", part=1),
            stopped(),
        ],
        [kept(type="compaction", content="Once upon", part=1)],
    ),
    ("an event of tomorrow", [{"type": "weather", "sun": True}, {"type": "ping"}], []),
]


@pytest.mark.parametrize(
    ("events", "chunks"), [row[1:] for row in STREAMS], ids=[r[0] for r in STREAMS]
)
def test_what_comes_of_a_stream(events: list[Any], chunks: list[ChatChunk]) -> None:
    expected = chunks if chunks[-1:] == [end()] else [*chunks, end()]
    assert heard(events if events[-1:] == ended()[-1:] else [*events, *ended()]) == expected


CALLS: list[tuple[str, list[Any], list[ChatChunk]]] = [
    ("in pieces, the first of them empty", call(["", '{"a"', ": 1}"]), [called("t1", "add", a=1)]),
    ("without arguments", call([""], name="now"), [called("t1", "now")]),
    ("without any piece", call([], name="now"), [called("t1", "now")]),
    ("with arguments that are there at once", call([], input={"a": 2}), [called("t1", "add", a=2)]),
    ("sloppily written", call(["{'a': 2,}"]), [called("t1", "add", a=2)]),
    (
        "in parallel",
        [*words("I add."), *call(['{"a": 1}'], 1), *call(['{"a": 2}'], 2, id="t2")],
        [text("I add."), called("t1", "add", a=1), called("t2", "add", a=2)],
    ),
    (
        "with words between",
        [*call(['{"a": 1}']), *words("And", 1), *call(['{"a": 2}'], 2, id="t2")],
        [called("t1", "add", a=1), text("And"), called("t2", "add", a=2)],
    ),
    (
        "by the user's wish",
        call(['{"a": 1}'], caller={"type": "direct"}, toolset_name=None),
        [called("t1", "add", a=1)],
    ),
    (
        "by a program of the vendor's",
        call(['{"a": 1}'], caller={"type": "code_execution_20260521", "tool_id": "srvtoolu_1"}),
        [
            called("t1", "add", a=1),
            kept(
                type="tool_use",
                id="t1",
                caller={"type": "code_execution_20260521", "tool_id": "srvtoolu_1"},
            ),
        ],
    ),
]


@pytest.mark.parametrize(
    ("events", "chunks"), [row[1:] for row in CALLS], ids=[r[0] for r in CALLS]
)
def test_calls(events: list[Any], chunks: list[ChatChunk]) -> None:
    assert heard([*events, *ended("tool_use")]) == [*chunks, end("tool_calls")]


def test_a_call_without_an_id_is_given_one() -> None:
    first, _ = heard([*call(['{"a": 1}'], id=""), *ended("tool_use")])
    assert first.tool_call is not None
    assert first.tool_call.id.startswith("call_")


@pytest.mark.parametrize("reason", ["max_tokens", "refusal", "model_context_window_exceeded"])
@pytest.mark.parametrize("written", ['{"a": 1', '{"a": 1}'])
def test_the_last_call_of_an_answer_that_was_cut_is_nobodys_wish(reason: str, written: str) -> None:
    whole = call(['{"a": 1}'])
    found = heard([*whole, *call([written], 1, id="t2"), *ended(reason)])
    assert found[:-1] == [called("t1", "add", a=1)]


def test_what_the_vendors_tool_was_asked_is_left_out_where_it_was_cut() -> None:
    events = [
        begun(type="server_tool_use", id="s", name="web_search", input={}),
        delta("input_json_delta", partial_json='{"query": "gr'),
        stopped(),
    ]
    assert heard([*events, *ended("max_tokens")]) == [end("max_tokens")]


def test_a_call_that_nobody_can_read_is_an_error_after_all_others() -> None:
    events = [*call(['{"a": ']), *call(['{"a": 2}'], 1, id="t2"), *ended("tool_use")]
    answer, found = Answer(SERVER, REQUEST, "m"), list[ChatChunk]()
    for event in events:
        found += answer.read(json.dumps(event).encode())
    with pytest.raises(BadArguments):
        found += answer.end()
    assert found == [] or [one.tool_call for one in found] == [called("t2", "add", a=2).tool_call]


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", "end"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "max_tokens"),
        ("stop_sequence", "stop_sequence"),
        ("pause_turn", "pause"),
        ("refusal", "refused"),
        ("model_context_window_exceeded", "context_full"),
        ("of_tomorrow", "end"),
    ],
)
def test_why_it_stopped(reason: str, stop: str) -> None:
    assert heard([*words("So"), *ended(reason)]) == [text("So"), end(stop)]


WHY = {"type": "refusal", "category": "bio", "explanation": "Not about that."}


def test_a_refusal_without_words_says_why() -> None:
    assert heard(ended("refusal", stop_details=WHY)) == [text("Not about that."), end("refused")]


def test_a_refusal_in_mid_sentence_leaves_what_was_said() -> None:
    found = heard([*words("First, "), *ended("refusal", stop_details=WHY)])
    assert found == [text("First, "), end("refused")]


def test_what_it_cost_is_counted_with_what_a_cache_had() -> None:
    first = {
        "input_tokens": 10,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 1000,
        "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 600},
        "output_tokens": 1,
    }
    last = {
        "input_tokens": 20,
        "cache_read_input_tokens": None,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 3},
    }
    message = {"model": "m", "usage": first}
    found = heard([{"type": "message_start", "message": message}, *ended(usage=last)], "m")
    expected = Usage(
        input=1120, output=7, cache_read=100, cache_write=1000, cache_write_1h=600, thinking=3
    )
    assert found == [end(usage=expected)]


@pytest.mark.parametrize(
    ("asked", "answering", "told"),
    [
        ("claude-haiku-4-5", "claude-haiku-4-5-20251001", None),
        ("claude-fable-5-1", "claude-opus-5-5", "anthropic:claude-opus-5-5"),
        ("m", None, None),
    ],
)
def test_who_answers_is_told_where_it_is_another(asked: str, answering: Any, told: Any) -> None:
    start = {"type": "message_start", "message": {"model": answering}}
    found = heard([start, *ended()], asked)
    assert [chunk.model for chunk in found if chunk.model] == ([told] if told else [])


def test_where_code_runs_is_kept_for_what_follows() -> None:
    box = {"id": "container_1", "expires_at": "2026-11-20T12:00:00Z"}
    start = {"type": "message_start", "message": {"model": "m", "container": None}}
    assert heard([start, *ended("pause_turn", container=box)], "m") == [
        kept(type="container", **box),
        end("pause"),
    ]


ERRORS: list[tuple[str, Any, type[ModelError], str]] = [
    ("overloaded", {"type": "overloaded_error", "message": "Overloaded"}, ModelOverloaded, "Over"),
    ("a fault", {"type": "api_error", "message": "Internal"}, ModelUnreachable, "Internal"),
    ("just words", "Out of memory", ModelUnreachable, "Out of memory"),
]


@pytest.mark.parametrize(
    ("error", "kind", "said"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS]
)
@pytest.mark.parametrize("named", [True, False])
def test_an_error_inside_the_stream_is_typed(error: Any, kind: Any, said: str, named: bool) -> None:
    event = {"type": "error", "error": error} if named else {"error": error}
    with pytest.raises(kind, match=said):
        heard([*words("So"), event])


@pytest.mark.parametrize(
    "events",
    [
        [],
        words("So far"),
        [*words("So far"), ended()[0]],
        [*words("So far"), {"type": "message_stop"}],
    ],
)
def test_an_end_that_nobody_marked_is_an_error(events: list[Any]) -> None:
    with pytest.raises(StreamIncomplete, match="ended before it was done"):
        heard(events)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_delta", "index": [], "delta": {}},
        begun(text="x"),
        begun(type="text", text=7),
        stopped(3),
        {"type": "message_delta", "delta": None},
        {"type": "message_delta", "delta": {"stop_details": "because"}},
        {"type": "message_start", "message": {"usage": 3}},
        {"type": "message_start", "message": {"usage": {"output_tokens_details": 3}}},
        {"type": "message_start", "message": {"container": "c"}},
        {"type": "message_delta", "delta": {"container": 7}},
    ],
)
def test_other_json_than_agreed_cannot_be_read(event: Any) -> None:
    with pytest.raises(ModelError):
        heard([event, *ended()])


@pytest.mark.parametrize("block", [{}, {"name": 7}, {"name": "add", "id": 7}])
def test_a_call_of_nothing_cannot_be_read(block: Any) -> None:
    with pytest.raises(ModelError):
        heard([begun(type="tool_use", **block), stopped(), *ended("tool_use")])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["type", "index", "delta", "content_block", "message", "usage", "error", "text", "input"]
)
KINDS = st.sampled_from(
    [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "text",
        "tool_use",
        "thinking",
    ]
)


@given(
    st.lists(
        st.builds(
            lambda kind, fields: {**fields, "type": kind},
            KINDS,
            st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON | KINDS, max_size=4)),
        ),
        max_size=5,
    )
)
def test_nothing_that_comes_breaks_it(events: list[Any]) -> None:
    with suppress(RetinueError):
        heard([begun(type="text", text=""), *events, *ended()])
