"""Responses: its streams as our chunks, as the vendor shows and servers send them.

The first sample is that of https://platform.openai.com/docs/api-reference/responses/create, as
https://github.com/openai/openai-openapi has it, without the fields that nobody reads.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import (
    BadArguments,
    ContextFull,
    ModelOverloaded,
    ModelRejected,
    ModelUnreachable,
    RetinueError,
    StreamIncomplete,
)
from retinue.messages import Block, Message, ToolCall
from retinue.models import ChatChunk, ChatRequest, Usage
from retinue.models.openai._decode import Answer

from ._decoding import ADD, end, read, server, text

SERVER = server("openai:m")
REQUEST = ChatRequest(messages=(Message("hi"),), tools=(ADD,))


def heard(stream: str | Iterable[Any], request: ChatRequest = REQUEST) -> list[ChatChunk]:
    """The chunks of a stream: as text, or as its events."""
    return read(Answer(SERVER, request), stream)


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "sequence_number": 1, **fields}


def delta(words: str, kind: str = "output_text") -> dict[str, Any]:
    return event(f"{kind}.delta", item_id="i", output_index=0, content_index=0, delta=words)


def done(**item: Any) -> dict[str, Any]:
    return event("output_item.done", output_index=0, item=item)


def part(kind: str = "output_text") -> dict[str, Any]:
    return event("content_part.added", item_id="i", part={"type": kind, "text": ""})


def completed(**fields: Any) -> dict[str, Any]:
    return event("completed", response={"status": "completed", **fields})


def cut(reason: str | None, **fields: Any) -> dict[str, Any]:
    details = None if reason is None else {"reason": reason}
    return event("incomplete", response={"incomplete_details": details, **fields})


def thought(words: str) -> ChatChunk:
    return ChatChunk(thinking=words)


def kept(**item: Any) -> ChatChunk:
    return ChatChunk(block=Block(vendor="openai", data=item))


REFERENCE = """event: response.created
data: {"type":"response.created","response":{"id":"resp_67c9","object":"response","status":"in_progress","error":null,"incomplete_details":null,"output":[],"usage":null}}

event: response.in_progress
data: {"type":"response.in_progress","response":{"id":"resp_67c9","object":"response","status":"in_progress","error":null,"incomplete_details":null,"output":[],"usage":null}}

event: response.output_item.added
data: {"type":"response.output_item.added","output_index":0,"item":{"id":"msg_67c9","type":"message","status":"in_progress","role":"assistant","content":[]}}

event: response.content_part.added
data: {"type":"response.content_part.added","item_id":"msg_67c9","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"msg_67c9","output_index":0,"content_index":0,"delta":"Hi"}

event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"msg_67c9","output_index":0,"content_index":0,"delta":" there!"}

event: response.output_text.done
data: {"type":"response.output_text.done","item_id":"msg_67c9","output_index":0,"content_index":0,"text":"Hi there!"}

event: response.content_part.done
data: {"type":"response.content_part.done","item_id":"msg_67c9","output_index":0,"content_index":0,"part":{"type":"output_text","text":"Hi there!","annotations":[]}}

event: response.output_item.done
data: {"type":"response.output_item.done","output_index":0,"item":{"id":"msg_67c9","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi there!","annotations":[]}]}}

event: response.completed
data: {"type":"response.completed","response":{"id":"resp_67c9","object":"response","status":"completed","error":null,"incomplete_details":null,"output":[],"usage":{"input_tokens":37,"output_tokens":11,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":48}}}

"""  # noqa: E501
WORDLESS = {
    "id": "msg_67c9",
    "type": "message",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_text", "annotations": []}],
}


def test_a_stream_as_the_reference_shows_it() -> None:
    assert heard(REFERENCE) == [
        text("Hi"),
        text(" there!"),
        kept(**WORDLESS),
        end(usage=Usage(input=37, output=11)),
    ]


TWO = [
    {"type": "output_text", "text": "Yes, ", "annotations": []},
    {"type": "output_text", "text": "but no.", "annotations": []},
]
SEALED = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
CALLED = {"type": "function_call", "id": "fc_1", "call_id": "c1", "status": "completed"}
CALL = ChatChunk(tool_call=ToolCall(id="c1", name="add", args={"a": 1}))

STREAMS: list[tuple[str, list[Any], list[ChatChunk]]] = [
    ("nothing is said", [completed()], [end()]),
    (
        "events that nobody here knows",
        [event("queued"), {"type": "ping"}, {}, completed()],
        [end()],
    ),
    ("[DONE] after the end", [completed(), "[DONE]"], [end()]),
    (
        "a summary of what was thought, in parts",
        [
            event("reasoning_summary_part.added", summary_index=0),
            delta("Hm.", "reasoning_summary_text"),
            event("reasoning_summary_part.added", summary_index=1),
            delta("Yes.", "reasoning_summary_text"),
            done(**SEALED),
            completed(),
        ],
        [thought("Hm."), thought("\n\n"), thought("Yes."), kept(**SEALED), end()],
    ),
    (
        "what was thought, as it was",
        [part("reasoning_text"), delta("Hm.", "reasoning_text"), completed()],
        [thought("Hm."), end()],
    ),
    (
        "reasoning that nobody can be reminded of",
        [done(**{**SEALED, "encrypted_content": None}), completed()],
        [end()],
    ),
    (
        "a refusal",
        [
            part("refusal"),
            delta("No.", "refusal"),
            done(**{**WORDLESS, "content": [{"type": "refusal", "refusal": "No."}]}),
            completed(),
        ],
        [text("No."), kept(**{**WORDLESS, "content": [{"type": "refusal"}]}), end("refused")],
    ),
    (
        "two messages",
        [
            *(part(), delta("I look.")),
            done(**{**WORDLESS, "content": [{"type": "output_text", "text": "I look."}]}),
            *(part(), delta("It is.")),
            done(**{**WORDLESS, "content": [{"type": "output_text", "text": "It is."}]}),
            completed(),
        ],
        [
            text("I look."),
            kept(**{**WORDLESS, "content": [{"type": "output_text"}]}),
            *(text("\n\n"), text("It is.")),
            kept(**{**WORDLESS, "content": [{"type": "output_text"}]}),
            end(),
        ],
    ),
    (
        "several content parts of one message",
        [
            *(part(), delta("Yes, "), part(), delta("but no.")),
            done(**{**WORDLESS, "content": TWO}),
            completed(),
        ],
        [text("Yes, "), text("but no."), kept(**{**WORDLESS, "content": TWO}), end()],
    ),
    (
        "a message of a server that does not number them",
        [delta("Hi"), done(type="message", content=[{"type": "output_text"}]), completed()],
        [text("Hi"), end()],
    ),
    (
        "an item that nobody here knows",
        [done(type="web_search_call", id="ws_1", status="completed"), completed()],
        [kept(type="web_search_call", id="ws_1", status="completed"), end()],
    ),
    (
        "a call",
        [
            delta('{"a"', "function_call_arguments"),
            delta(":1}", "function_call_arguments"),
            done(**CALLED, name="add", arguments='{"a":1}'),
            completed(),
        ],
        [CALL, kept(**CALLED), end("tool_calls")],
    ),
    (
        "a call, written otherwise than we would",
        [done(**CALLED, name="add", arguments='{ "a": 1 }'), completed()],
        [CALL, kept(**CALLED, arguments='{ "a": 1 }'), end("tool_calls")],
    ),
    (
        "a call that is repaired",
        [done(**CALLED, name="add", arguments="{'a': 1,}"), completed()],
        [CALL, kept(**CALLED, arguments="{'a': 1,}"), end("tool_calls")],
    ),
    (
        "a call without arguments",
        [done(**CALLED, name="now", arguments=""), completed()],
        [
            ChatChunk(tool_call=ToolCall(id="c1", name="now")),
            kept(**CALLED, arguments=""),
            end("tool_calls"),
        ],
    ),
    (
        "a call of a server that does not number items",
        [
            done(type="function_call", call_id="c1", name="add", arguments='{"a":1}'),
            completed(),
        ],
        [CALL, end("tool_calls")],
    ),
    (
        "the limit of tokens",
        [delta("So far"), cut("max_output_tokens", usage={"output_tokens": 16})],
        [text("So far"), end("max_tokens", Usage(output=16))],
    ),
    ("the limit, in other words", [cut("max_tokens")], [end("max_tokens")]),
    ("a filter", [delta("So far"), cut("content_filter")], [text("So far"), end("refused")]),
    (
        "a call that was cut off",
        [
            done(**{**CALLED, "status": "incomplete"}, name="add", arguments='{"a"'),
            cut("max_output_tokens"),
        ],
        [end("max_tokens")],
    ),
    (
        "a call that was cut off, and nobody says so",
        [done(**CALLED, name="add", arguments='{"a'), cut("max_output_tokens")],
        [end("max_tokens")],
    ),
]


@pytest.mark.parametrize(
    ("stream", "chunks"), [one[1:] for one in STREAMS], ids=[one[0] for one in STREAMS]
)
def test_streams(stream: list[Any], chunks: list[ChatChunk]) -> None:
    assert heard(stream) == chunks


def test_calls_without_ids_are_given_some() -> None:
    nameless = {**CALLED, "call_id": "", "name": "add", "arguments": '{"a":1}'}
    chunks = heard([done(**nameless), done(**nameless), completed()])
    calls = [chunk.tool_call.id for chunk in chunks if chunk.tool_call is not None]
    blocks = [chunk.block.data["call_id"] for chunk in chunks if chunk.block is not None]
    assert len(set(calls)) == 2
    assert all(calls)
    assert blocks == calls


def failed(code: str | None, words: str = "It broke.") -> dict[str, Any]:
    return event("failed", response={"error": {"code": code, "message": words}})


ERRORS: list[tuple[str, list[Any], type[Exception], str]] = [
    ("no event that marks the end", [delta("So far")], StreamIncomplete, "before it was done"),
    ("only [DONE]", [delta("So far"), "[DONE]"], StreamIncomplete, "before it was done"),
    ("an end for no reason that is known", [cut("steered")], StreamIncomplete, "before it was"),
    ("an end for no reason at all", [cut(None)], StreamIncomplete, "before it was done"),
    ("a failure of theirs", [failed("server_error")], ModelUnreachable, "It broke."),
    ("a failure without a word", [event("failed", response={})], ModelUnreachable, "failed to"),
    ("too many requests", [failed("rate_limit_exceeded")], ModelOverloaded, "It broke."),
    ("too long a conversation", [failed("context_length_exceeded")], ContextFull, "It broke."),
    ("a picture that is none", [failed("invalid_image_format")], ModelRejected, "It broke."),
    ("what is against a policy", [failed("bio_policy")], ModelRejected, "It broke."),
    ("no more money", [failed("insufficient_quota")], ModelRejected, "wants to be paid"),
    (
        "the event of an error",
        [{"type": "error", "code": "server_error", "message": "It broke.", "param": None}],
        ModelUnreachable,
        "It broke.",
    ),
    (
        "the event of an error, as it comes",
        [
            {
                "type": "error",
                "error": {"type": "invalid_request_error", "code": None, "message": "No."},
            }
        ],
        ModelRejected,
        "No.",
    ),
    ("an error without an event", [{"error": {"message": "It broke."}}], ModelUnreachable, "It br"),
    ("half an event", ['{"type": "response.out'], StreamIncomplete, "cannot be read"),
    ("an event without what it is of", [event("output_text.delta")], StreamIncomplete, "cannot be"),
    ("words that are none", [delta(7)], StreamIncomplete, "cannot be read"),  # type: ignore[arg-type]
    (
        "arguments that nobody can read",
        [delta("I add."), done(**CALLED, name="add", arguments='{"a": "half'), completed()],
        BadArguments,
        "cannot be read",
    ),
]


@pytest.mark.parametrize(
    ("stream", "kind", "words"), [one[1:] for one in ERRORS], ids=[one[0] for one in ERRORS]
)
def test_errors(stream: list[Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        heard(stream)
    assert getattr(caught.value, "hint", None)


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ({}, Usage()),
        (
            {
                "input_tokens": 120,
                "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 16},
                "output_tokens": 34,
                "output_tokens_details": {"reasoning_tokens": 8},
                "total_tokens": 154,
            },
            Usage(input=120, output=34, cache_read=64, cache_write=16, thinking=8),
        ),
        ({"input_tokens": None, "input_tokens_details": None}, Usage()),
    ],
)
def test_usage(said: Any, usage: Usage) -> None:
    assert heard([completed(usage=said)])[-1].usage == (usage if said else None)


FIELDS = st.sampled_from(
    ["delta", "item", "part", "type", "content", "response", "error", "code", "id", "usage", "name"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(FIELDS, inner),
    max_leaves=10,
)
KINDS = st.sampled_from(
    [
        "response.output_text.delta",
        "response.reasoning_summary_part.added",
        "response.content_part.added",
        "response.output_item.done",
        "response.completed",
        "response.incomplete",
        "response.failed",
        "error",
        "message",
    ]
)


@given(st.lists(st.dictionaries(FIELDS, JSON | KINDS)), KINDS)
def test_whatever_comes_there_are_chunks_or_an_error_of_ours(events: list[Any], kind: str) -> None:
    with suppress(RetinueError):
        heard([{**one, "type": kind} for one in events])
    with suppress(RetinueError):
        heard(events)
