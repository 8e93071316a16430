"""Ollama: our requests in its words, and its lines as our chunks."""

import base64
import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import (
    BadArguments,
    ContextFull,
    ModelError,
    ModelRejected,
    ModelUnreachable,
    RetinueError,
    StreamIncomplete,
)
from retinue.messages import (
    Audio,
    File,
    Image,
    Message,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from retinue.models import ChatChunk, ChatRequest, Usage
from retinue.models._wire import Lines, Server
from retinue.models.ollama._decode import Answer
from retinue.models.ollama._encode import encode

SERVER = Server(name="ollama:m", base_url="http://lab", unreachable="Look.", unauthorized="Look.")
ADD = ToolSpec(
    name="add",
    description="Adds.",
    parameters={"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
)
REQUEST = ChatRequest(messages=(Message("hi"),), tools=(ADD,))


def sent(*messages: Message | str, **request: Any) -> dict[str, Any]:
    keep_alive = request.pop("keep_alive", None)
    said = tuple([Message(one) if isinstance(one, str) else one for one in messages])
    return json.loads(encode(ChatRequest(messages=said, **request), "m", keep_alive=keep_alive))


def parts(*found: Any, role: str = "user", **fields: Any) -> Message:
    return Message(parts=found, role=role, **fields)


# -- what is sent


def test_the_least_request_does_not_let_the_server_cut_the_conversation() -> None:
    assert sent("hi") == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "truncate": False,
    }


CALL = ToolCall(id="c1", name="add", args={"a": 1})
PICTURE = base64.b64encode(b"png").decode()


def answered(content: Any, **more: Any) -> Message:
    return parts(ToolResult(call_id="c1", name="add", content=content, **more), role="tool")


AS_RESULT = {"role": "tool", "tool_name": "add", "tool_call_id": "c1"}
MESSAGES: list[tuple[str, list[Message], list[dict[str, Any]]]] = [
    (
        "roles",
        [Message("Be brief.", role="system"), Message("yes?", role="assistant"), Message("why?")],
        [
            {"role": "system", "content": "Be brief."},
            {"role": "assistant", "content": "yes?"},
            {"role": "user", "content": "why?"},
        ],
    ),
    # https://docs.ollama.com/capabilities/tool-calling
    (
        "a call and its result",
        [parts("I add.", CALL, role="assistant"), answered("2")],
        [
            {
                "role": "assistant",
                "content": "I add.",
                "tool_calls": [{"id": "c1", "function": {"name": "add", "arguments": {"a": 1}}}],
            },
            {**AS_RESULT, "content": "2"},
        ],
    ),
    (
        "why it called is told again, not what it thought besides",
        [
            parts(Thinking(text="Well."), "Hello.", role="assistant"),
            parts(
                Thinking(text="I "),
                Thinking(text="must."),
                Thinking(text="Secret.", signature="x"),
                CALL,
                role="assistant",
            ),
            answered("no", error=True),
        ],
        [
            {"role": "assistant", "content": "Hello."},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "c1", "function": {"name": "add", "arguments": {"a": 1}}}],
                "thinking": "I must.",
            },
            {**AS_RESULT, "content": "Error: no"},
        ],
    ),
    (
        "a result that is a picture follows as the user's",
        [parts(CALL, role="assistant"), answered([Image(data=b"png")])],
        [
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "c1", "function": {"name": "add", "arguments": {"a": 1}}}],
            },
            {**AS_RESULT, "content": "The result follows."},
            {"role": "user", "content": "From add:", "images": [PICTURE]},
        ],
    ),
    (
        "pictures and texts",
        [
            parts(
                "a",
                Image(data=b"png"),
                File(name="b", media_type="text/x", data=b"b"),
                Thinking(text="hm"),
            )
        ],
        [{"role": "user", "content": "ab", "images": [PICTURE]}],
    ),
]


@pytest.mark.parametrize(
    ("messages", "wanted"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES]
)
def test_messages(messages: list[Message], wanted: list[dict[str, Any]]) -> None:
    assert sent(*messages)["messages"] == wanted


def test_the_system_stands_first() -> None:
    assert sent("hi", system="Be brief.")["messages"][0] == {
        "role": "system",
        "content": "Be brief.",
    }


@pytest.mark.parametrize(
    "part",
    [
        Image(url="https://x/y.png"),
        Audio(data=b"x"),
        File(name="a.pdf", media_type="application/pdf", data=b"x"),
        File(name="a.txt", media_type="text/plain", url="https://x"),
    ],
)
def test_what_cannot_be_said_is_refused(part: Any) -> None:
    with pytest.raises(ModelRejected, match=type(part).__name__.lower()) as caught:
        sent(parts("see", part))
    assert caught.value.hint


def test_tools_are_offered_or_not() -> None:
    function = {"name": "add", "description": "Adds.", "parameters": ADD.parameters}
    assert sent("hi", tools=(ADD,))["tools"] == [
        {"type": "function", "function": json.loads(json.dumps(function))}
    ]
    assert "tools" not in sent("hi", tools=(ADD,), tool_choice="none")
    assert "tools" not in sent("hi", tool_choice="required")


@pytest.mark.parametrize("choice", ["required", "add"])
def test_a_tool_cannot_be_forced(choice: str) -> None:
    with pytest.raises(ModelRejected, match="cannot be told to use a tool"):
        sent("hi", tools=(ADD,), tool_choice=choice)


def test_structured_output_is_the_schema() -> None:
    assert sent("hi", output=ADD.parameters)["format"] == json.loads(json.dumps(ADD.parameters))


@pytest.mark.parametrize("keep_alive", ["10m", 300, -1, 0, 2.5])
def test_how_long_a_model_stays_loaded(keep_alive: Any) -> None:
    assert sent("hi", keep_alive=keep_alive)["keep_alive"] == keep_alive


def test_options_stand_where_ollama_looks_for_them() -> None:
    body = sent(
        "hi",
        max_tokens=9,
        temperature=0.5,
        options={"num_ctx": 8192, "think": "low", "keep_alive": "1h", "truncate": True},
    )
    assert body["options"] == {"num_predict": 9, "temperature": 0.5, "num_ctx": 8192}
    assert (body["think"], body["keep_alive"], body["truncate"]) == ("low", "1h", True)


# -- what comes


def heard(lines: str | Iterable[Any], request: ChatRequest = REQUEST) -> list[ChatChunk]:
    """The chunks of lines: as text, or as their objects."""
    if not isinstance(lines, str):
        lines = "".join(
            [(one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines]
        )
    answer, cutter = Answer(SERVER, request), Lines()
    found: list[ChatChunk] = []
    for frame in [*cutter.feed(lines.encode()), *cutter.end()]:
        found += answer.read(frame)
    return [*found, *answer.end()]


def said(content: str = "", **more: Any) -> dict[str, Any]:
    return {"model": "m", "message": {"role": "assistant", "content": content, **more}}


DONE = {**said(), "done": True, "done_reason": "stop"}
NOTHING = Usage()


def end(stop: Any = "end", usage: Usage = NOTHING) -> ChatChunk:
    return ChatChunk(stop=stop, usage=usage)


STREAMS: list[tuple[str, str, list[ChatChunk]]] = [
    (
        "docs/api.md of ollama/ollama, Chat request (Streaming)",
        """\
{"model":"llama3.2","created_at":"2023-08-04T08:52:19.385406455-07:00","message":\
{"role":"assistant","content":"The","images":null},"done":false}
{"model":"llama3.2","created_at":"2023-08-04T19:22:45.499127Z","message":{"role":"assistant",\
"content":""},"done":true,"total_duration":4883583458,"load_duration":1334875,\
"prompt_eval_count":26,"prompt_eval_duration":342546000,"eval_count":282,\
"eval_duration":4535599000}
""",
        [ChatChunk(text="The"), end(usage=Usage(input=26, output=282))],
    ),
    (
        "https://docs.ollama.com/capabilities/thinking",
        """\
{"model":"qwen3","message":{"role":"assistant","content":"","thinking":"Okay"},"done":false}
{"model":"qwen3","message":{"role":"assistant","content":"","thinking":", r"},"done":false}
{"model":"qwen3","message":{"role":"assistant","content":"Three."},"done":false}
{"model":"qwen3","message":{"role":"assistant","content":""},"done_reason":"length","done":true}
""",
        [
            ChatChunk(thinking="Okay"),
            ChatChunk(thinking=", r"),
            ChatChunk(text="Three."),
            end("max_tokens"),
        ],
    ),
    (
        "calls as they have come since they have ids",
        """\
{"model":"m","message":{"role":"assistant","content":"","tool_calls":[{"id":"call_x1",\
"function":{"index":0,"name":"get_weather","arguments":{"city":"Tokyo"}}},{"id":"call_x2",\
"function":{"index":1,"name":"get_weather","arguments":{"city":"Turku"}}}]},"done":false}
{"model":"m","message":{"role":"assistant","content":""},"done_reason":"stop","done":true}
""",
        [
            ChatChunk(tool_call=ToolCall(id="call_x1", name="get_weather", args={"city": "Tokyo"})),
            ChatChunk(tool_call=ToolCall(id="call_x2", name="get_weather", args={"city": "Turku"})),
            end("tool_calls"),
        ],
    ),
]


@pytest.mark.parametrize(
    ("stream", "chunks"), [row[1:] for row in STREAMS], ids=[row[0] for row in STREAMS]
)
def test_streams_as_ollama_shows_them(stream: str, chunks: list[ChatChunk]) -> None:
    assert heard(stream) == chunks


def called(**function: Any) -> list[ChatChunk]:
    return heard([said(tool_calls=[{"function": {"name": "add", **function}}]), DONE])


def test_a_call_that_comes_without_an_id_gets_one_of_its_own() -> None:
    # docs/api.md of ollama/ollama, Chat request (Streaming with tools)
    calls = [{"function": {"name": "add", "arguments": {"a": n}}} for n in (1, 2)]
    one, two, stop = heard([said(tool_calls=calls), DONE])
    assert one.tool_call is not None
    assert two.tool_call is not None
    assert one.tool_call.id.startswith("call_")
    assert one.tool_call.id != two.tool_call.id
    assert stop == end("tool_calls")


@pytest.mark.parametrize("arguments", [{"a": 1}, '{"a": 1}', "{'a': 1}"])
def test_arguments_are_an_object_or_its_text(arguments: Any) -> None:
    call = called(arguments=arguments)[0].tool_call
    assert call is not None
    assert call.args == {"a": 1}


@pytest.mark.parametrize("arguments", [None, [], 1, "", "{", "true"])
def test_arguments_that_nobody_can_read_are_for_the_model_to_mend(arguments: Any) -> None:
    with pytest.raises(BadArguments):
        called(arguments=arguments)


def test_a_tool_without_arguments_needs_none() -> None:
    [chunk, _] = heard([said(tool_calls=[{"function": {"name": "now"}}]), DONE])
    assert chunk.tool_call is not None
    assert chunk.tool_call.args == {}


@pytest.mark.parametrize("lines", [[], [said("a")], [{**said("a"), "done": False}]])
def test_a_cut_answer_never_looks_finished(lines: list[Any]) -> None:
    with pytest.raises(StreamIncomplete, match="ended before it was done"):
        heard(lines)


@pytest.mark.parametrize("reason", ["load", "unload"])
def test_a_model_that_was_only_loaded_was_asked_nothing(reason: str) -> None:
    with pytest.raises(ModelRejected, match="was asked nothing"):
        heard([{**said(), "done": True, "done_reason": reason}])


ERRORS: list[tuple[Any, type[ModelError]]] = [
    # https://docs.ollama.com/api/errors
    ({"error": "an error was encountered while running the model"}, ModelUnreachable),
    # llm/llama_server.go of ollama/ollama: the map of Go, as it is printed
    (
        {"error": "llama-server chat error: map[code:500 message:Context size has been exceeded.]"},
        ContextFull,
    ),
    ({"error": {"message": "no", "code": 400}}, ModelRejected),
]


@pytest.mark.parametrize(("line", "kind"), ERRORS)
def test_an_error_inside_a_stream_is_raised(line: Any, kind: type[ModelError]) -> None:
    with pytest.raises(kind, match="'ollama:m'"):
        heard([said("a"), line])


WRONG: list[Any] = [
    {"message": "abc"},
    {"message": [1]},
    said(content=1),  # type: ignore[arg-type]
    said(thinking=["a"]),
    said(tool_calls=1),
    said(tool_calls=["add"]),
    said(tool_calls=[{}]),
    said(tool_calls=[{"function": {}}]),
    said(tool_calls=[{"function": {"name": None, "arguments": [1]}, "id": 1}]),
    said(tool_calls=[{"function": {"name": 1}}]),
    "{",
    "[1]",
]


@pytest.mark.parametrize("line", WRONG, ids=str)
def test_other_json_than_agreed_is_one_of_our_errors(line: Any) -> None:
    with pytest.raises((StreamIncomplete, BadArguments)) as caught:
        heard([line, DONE])
    assert caught.value.hint


NAMES = [
    "message", "content", "thinking", "tool_calls", "function", "name", "arguments", "id", "done",
    "done_reason", "prompt_eval_count", "eval_count", "error",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(JSON | st.fixed_dictionaries({"message": JSON, "done": JSON})))
def test_any_json_is_chunks_or_one_of_our_errors(lines: list[Any]) -> None:
    with suppress(RetinueError):
        chunks = heard([*lines, DONE])
        assert chunks[-1].stop is not None
        assert all(type(c.text or "") is type(c.thinking or "") is str for c in chunks)


PART = st.one_of(
    st.builds(Text, text=st.text()),
    st.builds(Image, data=st.none() | st.binary()),
    st.builds(File, name=st.text(), media_type=st.sampled_from(["text/x", "x"]), data=st.binary()),
    st.builds(Thinking, text=st.text(), signature=st.none() | st.text()),
    st.builds(ToolCall, id=st.text(), name=st.text(), args=st.dictionaries(st.text(), st.text())),
    st.builds(ToolResult, call_id=st.text(), name=st.text(), content=st.text()),
)


@given(
    st.lists(
        st.builds(
            Message,
            parts=st.lists(PART, max_size=4),
            role=st.sampled_from(["user", "assistant", "tool", "system"]),
        )
    )
)
def test_any_conversation_is_json_or_one_of_our_errors(messages: list[Message]) -> None:
    with suppress(RetinueError):
        assert all(isinstance(one["content"], str) for one in sent(*messages)["messages"])
