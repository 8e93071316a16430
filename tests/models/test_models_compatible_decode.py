"""Chat Completions: its streams as our chunks, as vendors show and servers send them."""

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
from retinue.messages import Message, ToolCall
from retinue.models import ChatChunk, ChatRequest, Usage
from retinue.models.compatible._decode import Answer

from ._decoding import ADD, end, read, server, text

SERVER = server("compatible:m")
REQUEST = ChatRequest(messages=(Message("hi"),), tools=(ADD,))


def heard(stream: str | Iterable[Any], request: ChatRequest = REQUEST) -> list[ChatChunk]:
    """The chunks of a stream: as text, or as its frames."""
    return read(Answer(SERVER, request), stream)


def delta(reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": reason}]}


STREAMS: list[tuple[str, str, list[ChatChunk]]] = [
    (
        "OpenAI: https://platform.openai.com/docs/api-reference/chat-streaming",
        """\
data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,\
"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,\
"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,\
"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,\
"delta":{"content":"Hello"},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,\
"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,\
"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,\
"model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":1117,"completion_tokens":46,\
"total_tokens":1163,"prompt_tokens_details":{"cached_tokens":1024,"audio_tokens":0},\
"completion_tokens_details":{"reasoning_tokens":32,"audio_tokens":0}}}

data: [DONE]

""",
        [text("Hello"), end(usage=Usage(input=1117, output=46, cache_read=1024, thinking=32))],
    ),
    (
        "OpenAI: https://platform.openai.com/docs/guides/function-calling#streaming",
        """\
data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,\
"id":"call_DdmO9pD3xa9XTPNJ32zg2hcA","type":"function","function":{"name":"get_weather",\
"arguments":""}}],"refusal":null},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\\""}}]},\
"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":\
{"arguments":"location\\":\\"Paris, France\\"}"}}]},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: [DONE]

""",
        [
            ChatChunk(
                tool_call=ToolCall(
                    id="call_DdmO9pD3xa9XTPNJ32zg2hcA",
                    name="get_weather",
                    args={"location": "Paris, France"},
                )
            ),
            end("tool_calls"),
        ],
    ),
    (
        "llama-server as it answers: null first, then words, usage at last",
        """\
data: {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],\
"created":1,"id":"chatcmpl-x","model":"tiny","system_fingerprint":"b1-","object":\
"chat.completion.chunk"}

data: {"choices":[{"finish_reason":null,"index":0,"delta":{"reasoning_content":"R"}}]}

data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"d"}}],"created":1}

data: {"choices":[{"finish_reason":"length","index":0,"delta":{}}],"created":1}

:

data: {"choices":[],"usage":{"completion_tokens":6,"prompt_tokens":24,"total_tokens":30,\
"prompt_tokens_details":{"cached_tokens":23}},"timings":{"prompt_n":1}}

data: [DONE]

""",
        [
            ChatChunk(thinking="R"),
            text("d"),
            end("max_tokens", Usage(input=24, output=6, cache_read=23)),
        ],
    ),
    (
        "OpenRouter: https://openrouter.ai/docs/api-reference/streaming",
        """\
: OPENROUTER PROCESSING

: OPENROUTER PROCESSING

data: {"id":"gen-1","provider":"DeepSeek","model":"deepseek/deepseek-r1","object":\
"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"role":"assistant",\
"content":"","reasoning":"Hm","reasoning_details":[{"type":"reasoning.text","text":"Hm"}]},\
"finish_reason":null,"native_finish_reason":null,"logprobs":null}]}

data: {"id":"gen-1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi",\
"reasoning":null},"finish_reason":"stop","native_finish_reason":"stop"}]}

data: {"id":"gen-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},\
"finish_reason":null}],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}

data: [DONE]

""",
        [ChatChunk(thinking="Hm"), text("Hi"), end(usage=Usage(input=5, output=2))],
    ),
    (
        "vLLM: https://docs.vllm.ai/en/latest/features/reasoning_outputs.html",
        """\
data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":null},\
"logprobs":null,"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{"reasoning":"9.8 is"},"logprobs":null}]}

data: {"choices":[{"index":0,"delta":{"content":"9.8"},"finish_reason":"stop",\
"stop_reason":null}]}

data: [DONE]

""",
        [ChatChunk(thinking="9.8 is"), text("9.8"), end()],
    ),
]


@pytest.mark.parametrize(
    ("stream", "chunks"), [row[1:] for row in STREAMS], ids=[row[0] for row in STREAMS]
)
def test_streams_as_their_vendors_show_them(stream: str, chunks: list[ChatChunk]) -> None:
    assert heard(stream) == chunks


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("stop", "end"),
        ("length", "max_tokens"),
        ("content_filter", "refused"),
        ("model_length", "context_full"),
        ("eos_token", "end"),
    ],
)
def test_why_it_stopped(reason: str, stop: str) -> None:
    assert heard([delta(content="a"), delta(reason), "[DONE]"]) == [text("a"), end(stop)]


def test_the_mark_of_the_end_may_be_left_out_or_the_reason() -> None:
    assert heard([delta("stop", content="a")]) == [text("a"), end()]
    assert heard([delta(content="a"), "[DONE]"]) == [text("a"), end()]


CUT = [
    [delta(content="a")],
    [],
    [delta("error", content="a"), "[DONE]"],  # OpenRouter
    [delta("abort", content="a"), "[DONE]"],  # vLLM
    [delta("insufficient_system_resource", content="a"), "[DONE]"],  # DeepSeek
]


@pytest.mark.parametrize("stream", CUT)
def test_a_cut_answer_never_looks_finished(stream: list[Any]) -> None:
    with pytest.raises(StreamIncomplete, match="ended before it was done") as caught:
        heard(stream)
    assert caught.value.hint


ERRORS: list[tuple[Any, type[ModelError]]] = [
    ({"error": {"message": "The server had an error", "type": "server_error"}}, ModelUnreachable),
    # https://openrouter.ai/docs/api-reference/streaming
    (
        {
            "id": "cmpl-abc123",
            "error": {"code": "server_error", "message": "Provider disconnected unexpectedly"},
            "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
        },
        ModelUnreachable,
    ),
    ({"error": {"code": 429, "message": "slow down"}, "choices": []}, ModelOverloaded),
    # vLLM before 0.10
    ({"object": "error", "message": "slow down", "code": 429}, ModelOverloaded),
    ({"error": "a text"}, ModelUnreachable),
]


@pytest.mark.parametrize(("frame", "kind"), ERRORS)
def test_an_error_inside_a_stream_is_raised(frame: Any, kind: type[ModelError]) -> None:
    with pytest.raises(kind, match="'compatible:m'"):
        heard([delta(content="a"), frame, "[DONE]"])


def called(*pieces: dict[str, Any], reason: str = "tool_calls") -> list[ChatChunk]:
    """What pieces of calls come to, each in a frame of its own."""
    return heard([*[delta(tool_calls=[piece]) for piece in pieces], delta(reason), "[DONE]"])


def piece(args: str = "", /, name: str | None = None, **fields: Any) -> dict[str, Any]:
    function = {"arguments": args, **({"name": name} if name else {})}
    return {**fields, "function": function}


ONE = ToolCall(id="1", name="add", args={"a": 1})
TWO = ToolCall(id="2", name="add", args={"a": 2})
CALLS: list[tuple[str, list[dict[str, Any]], list[ToolCall]]] = [
    (
        "one after the other",
        [
            piece(index=0, id="1", name="add"),
            piece('{"a"', index=0),
            piece(":1}", index=0),
            piece('{"a":2}', index=1, id="2", name="add"),
        ],
        [ONE, TWO],
    ),
    (
        "in turns",
        [
            piece('{"a":', index=0, id="1", name="add"),
            piece('{"a":', index=1, id="2", name="add"),
            piece("1}", index=0),
            piece("2}", index=1),
        ],
        [ONE, TWO],
    ),
    (
        "the id again and again",
        [piece('{"a":', index=0, id="1", name="add"), piece("1}", index=0, id="1", name="add")],
        [ONE],
    ),
    (
        "no index",
        [piece('{"a":', id="1", name="add"), piece("1}"), piece('{"a":2}', id="2", name="add")],
        [ONE, TWO],
    ),
    # Gemini, as NousResearch/hermes-agent#62937 and su-kaka/gcli2api#406 saw it
    (
        "the same index for all",
        [
            piece('{"a":1}', index=0, id="1", name="add"),
            piece('{"a":2}', index=0, id="2", name="add"),
        ],
        [ONE, TWO],
    ),
    (
        "the same index for all, in pieces",
        [
            piece('{"a":1}', index=0, id="1", name="add"),
            piece('{"a":', index=0, id="2", name="add"),
            piece("2}", index=0),
        ],
        [ONE, TWO],
    ),
    ("the id first", [piece(index=0, id="1"), piece('{"a":1}', index=0, name="add")], [ONE]),
    ("the name first", [piece(index=0, name="add"), piece('{"a":1}', index=0, id="1")], [ONE]),
    # llama-server sends whitespace of its own, weak models more
    ("spaces", [piece('{\n\n  "a" : 1 }', index=0, id="1", name="add")], [ONE]),
    ("JSON that can be mended", [piece("{'a': 1,}", index=0, id="1", name="add")], [ONE]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pieces", "calls"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS]
)
def test_calls_in_pieces(pieces: list[dict[str, Any]], calls: list[ToolCall]) -> None:
    wanted = [ChatChunk(tool_call=call) for call in calls]
    assert called(*pieces) == [*wanted, end("tool_calls")]


def test_a_call_that_comes_without_an_id_gets_one_of_its_own() -> None:
    first, second, _ = called(piece('{"a":1}', name="add"), piece('{"a":2}', name="add"))
    assert first.tool_call is not None
    assert second.tool_call is not None
    assert (first.tool_call.args, second.tool_call.args) == ({"a": 1}, {"a": 2})
    assert first.tool_call.id.startswith("call_")
    assert first.tool_call.id != second.tool_call.id


def test_words_may_come_before_calls() -> None:
    frames = [delta(content="I add."), delta(tool_calls=[piece('{"a":1}', id="1", name="add")])]
    assert heard([*frames, delta("tool_calls")]) == [
        text("I add."),
        ChatChunk(tool_call=ONE),
        end("tool_calls"),
    ]


def test_calls_are_calls_whatever_the_reason_says() -> None:
    assert called(piece('{"a":1}', id="1", name="add"), reason="stop")[-1] == end("tool_calls")
    assert heard([delta("tool_calls", content="a"), "[DONE]"])[-1] == end()


@pytest.mark.parametrize(
    ("reason", "stop"), [("length", "max_tokens"), ("content_filter", "refused")]
)
def test_a_call_that_was_cut_is_no_call(reason: str, stop: str) -> None:
    assert called(piece('{"a":1', id="1", name="add"), reason=reason) == [end(stop)]


def test_a_call_that_nobody_can_read_is_for_the_model_to_mend() -> None:
    with pytest.raises(BadArguments):
        called(piece('{"a":', id="1", name="add"))
    with pytest.raises(BadArguments):
        called(piece("", id="1", name="add"))


def test_a_refusal_is_text_and_the_reason() -> None:
    # https://platform.openai.com/docs/guides/structured-outputs#refusals
    frames = [delta(content=None, refusal="I'm sorry"), delta(refusal=", no."), delta("stop")]
    assert heard(frames) == [text("I'm sorry"), text(", no."), end("refused")]


def test_half_a_surrogate_passes() -> None:
    assert heard(['{"choices":[{"delta":{"content":"\\ud83d"}}]}', "[DONE]"])[0].text == "\ud83d"


WRONG: list[Any] = [
    {"choices": "abc"},
    {"choices": [1]},
    {"choices": [{"delta": "abc"}]},
    {"choices": [{"delta": {"content": 1}}]},
    {"choices": [{"delta": {"content": [{"type": "text", "text": "a"}]}}]},
    {"choices": [{"delta": {"reasoning": {"a": 1}}}]},
    {"choices": [{"delta": {"refusal": 1}}]},
    {"choices": [{"delta": {}, "finish_reason": ["stop"]}]},
    {"choices": [], "usage": [1]},
    {"choices": [], "usage": {"prompt_tokens_details": "many"}},
    delta(tool_calls=1),
    delta(tool_calls=[1]),
    delta(tool_calls=[{"index": [], "id": "1", "function": {"name": "add"}}]),
    delta(tool_calls=[{"id": 1}]),
    delta(tool_calls=[{"function": "add"}]),
    delta(tool_calls=[{"function": {"name": 1}}]),
    delta(tool_calls=[{"function": {"arguments": {"a": 1}}}]),
    "{",
    "[]",
]


@pytest.mark.parametrize("frame", WRONG, ids=str)
def test_other_json_than_agreed_is_an_error_that_shows_it(frame: Any) -> None:
    with pytest.raises(StreamIncomplete, match="a frame that cannot be read") as caught:
        heard([frame, delta("stop"), "[DONE]"])
    assert caught.value.hint


NAMES = [
    "choices", "delta", "content", "finish_reason", "tool_calls", "function", "arguments", "name",
    "id", "index", "usage", "prompt_tokens", "prompt_tokens_details", "error", "object", "message",
    "reasoning", "refusal",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(JSON | st.fixed_dictionaries({"choices": st.lists(JSON, min_size=1)})))
def test_any_json_is_chunks_or_one_of_our_errors(frames: list[Any]) -> None:
    with suppress(RetinueError):
        chunks = heard([*frames, "[DONE]"])
        assert chunks[-1].stop is not None
        assert all(type(c.text or "") is type(c.thinking or "") is str for c in chunks)


@given(st.binary())
def test_any_bytes_are_chunks_or_one_of_our_errors(data: bytes) -> None:
    answer = Answer(SERVER, REQUEST)
    with suppress(RetinueError):
        list(answer.read(data))


@pytest.mark.parametrize("depth", [500, 5000, 100_000])
def test_json_that_is_nested_too_deep_is_one_of_our_errors(depth: int) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth
    arguments = json.dumps({"choices": [{"delta": {"tool_calls": [piece(deep, name="add")]}}]})
    for frame in (f'{{"choices":[{deep}]}}', arguments):
        with suppress(RetinueError):
            heard([frame, delta("stop")])
