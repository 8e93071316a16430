"""Chat Completions as the mock speaks it: what goes out, and what is read back.

Samples: https://platform.openai.com/docs/api-reference/chat-streaming/streaming and
.../chat/create, as https://github.com/openai/openai-openapi has them (openapi.yaml, August 2026).
"""

import base64
import json
from typing import Any

import pytest

from retinue.messages import Audio, File, Image, Text, Thinking, ToolCall, ToolSpec
from retinue.models import Usage
from retinue.testing.mock_llm import Answer, Chat, ErrorEvent, Event, MockLLM, WrittenCall

STREAM = """
{"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini", "system_fingerprint": "fp_44709d6fcb", "choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}
{"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini", "system_fingerprint": "fp_44709d6fcb", "choices":[{"index":0,"delta":{"content":"Hello"},"logprobs":null,"finish_reason":null}]}
{"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini", "system_fingerprint": "fp_44709d6fcb", "choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}
"""  # noqa: E501
WHOLE: dict[str, Any] = {
    "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    "object": "chat.completion",
    "created": 1741569952,
    "model": "gpt-5.4",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hello! How can I assist you today?",
                "refusal": None,
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 19,
        "completion_tokens": 10,
        "total_tokens": 29,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}
CALL = ToolCall(id="call_1", name="add", args={"a": 1, "b": [2]})
VARYING = ("id", "created", "model", "system_fingerprint")


def like(sample: Any) -> Any:
    """The sample without what differs from one answer to another."""
    return {name: value for name, value in sample.items() if name not in VARYING}


def deltas(events: list[Any]) -> list[Any]:
    return [event["choices"][0]["delta"] for event in events[:-1] if event["choices"]]


async def test_a_stream_is_as_the_reference_shows_it(mock: MockLLM, chat) -> None:
    mock.script("m", "Hello")
    got = await chat()
    assert got.headers["content-type"].startswith("text/event-stream")
    *events, done = got.events
    assert done == "[DONE]"
    assert [like(event) for event in events] == [
        like(json.loads(line)) for line in STREAM.strip().split("\n")
    ]
    assert {event["model"] for event in events} == {"m"}
    assert len({event["id"] for event in events}) == 1


async def test_an_answer_in_one_piece_is_as_the_reference_shows_it(mock: MockLLM, chat) -> None:
    text = WHOLE["choices"][0]["message"]["content"]
    mock.script("m", Answer(text, usage=Usage(input=19, output=10)))
    got = await chat(stream=False)
    assert got.headers["content-type"] == "application/json"
    assert like(got.json) == like(WHOLE)


async def test_without_a_word_about_it_a_client_wants_one_piece(mock: MockLLM, ask) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    got = await ask("/v1/chat/completions", body)
    assert got.json["choices"][0]["message"]["content"] == "hi"


async def test_usage_comes_in_a_chunk_without_choices_where_it_is_wanted(mock, chat) -> None:
    usage = Usage(input=30, output=5, cache_read=20, cache_write=4, thinking=2)
    mock.script("m", Answer("Hi", usage=usage))
    assert all("usage" not in event for event in (await chat()).events[:-1])
    *events, last, _ = (await chat(stream_options={"include_usage": True})).events
    assert all(event["usage"] is None for event in events)
    assert last["choices"] == []
    assert last["usage"] == {
        "prompt_tokens": 30,
        "completion_tokens": 5,
        "total_tokens": 35,
        "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }


async def test_what_an_answer_costs_is_counted_where_nobody_says_it(mock: MockLLM, chat) -> None:
    mock.script("m", Answer([Thinking(text="hm hm"), "one two three", CALL]))
    usage = (await chat(stream_options={"include_usage": True})).events[-2]["usage"]
    assert usage["prompt_tokens"] > 10
    assert usage["completion_tokens"] == 2 + 3 + 8
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 2


async def test_words_and_thoughts_come_one_a_chunk(mock: MockLLM, chat) -> None:
    mock.script("m", [Thinking(text="Let me think."), "  One two\n\nthree "])
    assert deltas((await chat()).events)[1:-1] == [
        {"reasoning_content": "Let "},
        {"reasoning_content": "me "},
        {"reasoning_content": "think."},
        {"content": "  "},
        {"content": "One "},
        {"content": "two\n\n"},
        {"content": "three "},
    ]


async def test_parallel_calls_come_by_place_with_their_arguments_in_pieces(mock, chat) -> None:
    other = WrittenCall(id="", name="look", args="{'sloppy")
    mock.script("m", [CALL, other])
    events = (await chat()).events
    pieces = [delta["tool_calls"][0] for delta in deltas(events)[1:-1]]
    assert pieces[0] == {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "add", "arguments": ""},
    }
    args: dict[int, str] = {0: "", 1: ""}
    for piece in pieces:
        args[piece["index"]] += piece["function"]["arguments"]
    assert json.loads(args[0]) == {"a": 1, "b": [2]}
    assert args[1] == "{'sloppy"
    assert len([piece for piece in pieces if piece["index"] == 0]) == 4
    assert all("id" not in piece for piece in pieces if piece["index"] == 1)
    assert events[-2]["choices"][0]["finish_reason"] == "tool_calls"


async def test_calls_in_one_piece(mock: MockLLM, chat) -> None:
    mock.script("m", [Thinking(text="hm"), CALL])
    message = (await chat(stream=False)).json["choices"][0]["message"]
    assert message["content"] is None
    assert message["reasoning_content"] == "hm"
    [call] = message["tool_calls"]
    assert (call["id"], call["type"]) == ("call_1", "function")
    assert json.loads(call["function"]["arguments"]) == {"a": 1, "b": [2]}


@pytest.mark.parametrize(
    ("stop", "word"),
    [("end", "stop"), ("max_tokens", "length"), ("refused", "content_filter"), ("eos", "eos")],
)
async def test_why_it_ends_is_said_in_their_words_or_in_yours(mock, chat, stop, word) -> None:
    mock.script("m", Answer("x", stop=stop))
    assert (await chat()).events[-2]["choices"][0]["finish_reason"] == word
    assert (await chat(stream=False)).json["choices"][0]["finish_reason"] == word


async def test_an_error_inside_a_stream_ends_it_unless_something_follows(mock, chat) -> None:
    mock.script("m", ["One", ErrorEvent("Melted")], ["One", ErrorEvent("Melted"), "two"])
    error = {"message": "Melted", "type": "server_error", "param": None, "code": None}
    assert (await chat()).events[-1] == {"error": error}
    assert (await chat()).events[-1] == "[DONE]"


async def test_a_frame_of_ones_own_goes_out_as_it_is(mock: MockLLM, chat) -> None:
    mock.script("m", [Event({"choices": [], "own": "ü"}), Event("not { json")])
    got = await chat()
    assert b'data: {"choices": [], "own": "\xc3\xbc"}\n\ndata: not { json\n\n' in got.body


@pytest.mark.parametrize(
    ("place", "line"),
    [(0, 'data: {"a": 1}\r\n\r\n'), (1, 'data:{"a": 1}\n\n'), (2, 'data: {"a": 1}\n\n')],
)
def test_other_servers_spell_it_otherwise(place: int, line: str) -> None:
    assert Chat().spellings()[place].frame({"a": 1}) == line.encode()


async def test_the_models_are_listed(mock: MockLLM, ask) -> None:
    mock.script("tiny", "hi")
    mock.script("*", "hi")
    listed = (await ask("/v1/models")).json
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["mock", "tiny"]
    assert {"id", "object", "created", "owned_by"} == set(listed["data"][0])


# -- what is read back


async def test_a_request_is_read_back_in_our_words(mock: MockLLM, chat) -> None:
    png, wav, pdf = b"\x89PNG", b"RIFF", b"%PDF"
    url = "data:image/png;base64," + base64.b64encode(png).decode()
    file = "data:application/pdf;base64," + base64.b64encode(pdf).decode()
    sound = {"data": base64.b64encode(wav).decode(), "format": "wav"}
    schema = {"type": "object", "properties": {}}
    tool = {"name": "add", "description": "Adds.", "parameters": schema}
    function = {"name": "add", "arguments": '{"a": 1}'}
    await chat(
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look:"},
                {"type": "image_url", "image_url": {"url": url}},
                {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
                {"type": "input_audio", "input_audio": sound},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": file}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "1"},
        {"role": "system", "content": "Go on."},
        tools=[{"type": "function", "function": tool}],
        tool_choice={"type": "function", "function": {"name": "add"}},
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        max_completion_tokens=9,
        temperature=0,
        seed=4,
    )
    [request] = mock.asked("m")
    asked = request.asked
    assert asked is not None
    assert asked.system == "Be brief.\n\nBe kind."
    first, second, third, fourth = asked.messages
    assert list(first.parts) == [
        Text(text="Look:"),
        Image(media_type="image/png", data=png),
        Image(url="https://x/y.png"),
        Audio(media_type="audio/wav", data=wav),
        File(name="a.pdf", media_type="application/pdf", data=pdf),
    ]
    assert second.tool_calls == (ToolCall(id="c", name="add", args={"a": 1}),)
    [result] = third.tool_results
    assert (result.call_id, result.name, result.text) == ("c", "add", "1")
    assert (fourth.role, fourth.text) == ("system", "Go on.")
    assert asked.tools == (ToolSpec(name="add", description="Adds.", parameters=schema),)
    assert (asked.tool_choice, asked.output) == ("add", schema)
    assert (asked.max_tokens, asked.temperature, asked.options) == (9, 0, {"seed": 4})


@pytest.mark.parametrize(
    ("more", "choice", "output"),
    [
        ({}, "auto", None),
        ({"tool_choice": "required"}, "required", None),
        ({"tool_choice": "none", "response_format": {"type": "text"}}, "none", None),
        ({"response_format": {"type": "json_object"}, "max_tokens": 3}, "auto", {}),
    ],
)
async def test_choices_are_read_back(mock: MockLLM, chat, more, choice, output) -> None:
    await chat(**more)
    asked = mock.asked("m")[0].asked
    assert (asked.tool_choice, asked.output) == (choice, output)
    assert asked.max_tokens == more.get("max_tokens")


HELLO = {"role": "user", "content": "hello"}
CALLING = {
    "role": "assistant",
    "tool_calls": [
        {"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}
        for id in ("a", "b")
    ],
}
RESULT = {"role": "tool", "tool_call_id": "a", "content": "1"}


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ([], "messages must have at least one message"),
        ("hello", "messages must be a list"),
        (["hello"], "messages[0] must be a JSON object"),
        ([{"content": "hello"}], "messages[0].role must be a text"),
        ([{"role": "bot", "content": "x"}], "messages[0].role is 'bot', which is no role"),
        ([{"role": "user", "content": 3}], "messages[0].content must be a list"),
        ([{"role": "user", "content": [{"type": "smell"}]}], "is 'smell', which is no kind"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}],
            "messages[0].content[0].image_url.url must be a data URL in base64",
        ),
        (
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,!"}}
                    ],
                }
            ],
            "url must be base64",
        ),
        (
            [
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{"}}],
                }
            ],
            "messages[0].tool_calls[0].function.arguments must be JSON, as a text",
        ),
        ([HELLO, CALLING, HELLO], "did not have response messages: a, b"),
        ([HELLO, CALLING, RESULT, HELLO], "did not have response messages: b"),
        ([HELLO, CALLING, RESULT], "did not have response messages: b"),
        ([HELLO, RESULT], "must be a response to a preceding message"),
    ],
)
async def test_what_the_vendor_would_refuse_is_refused(mock, ask, said, complaint) -> None:
    got = await ask("/v1/chat/completions", {"model": "m", "messages": said})
    assert got.status == 400
    error = got.json["error"]
    assert complaint in error["message"]
    assert (error["type"], error["code"]) == ("invalid_request_error", None)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"model": None}, "model must be a text"),
        ({"stream": "yes"}, "stream must be true or false"),
        ({"temperature": -1}, "temperature must be a number, 0 or more"),
        ({"max_tokens": 1.5}, "max_tokens must be a whole number"),
        ({"tools": [{"type": "function"}]}, "tools[0].function must be a JSON object"),
        ({"tool_choice": {}}, "tool_choice.function must be a JSON object"),
    ],
)
async def test_a_wrong_field_is_named(mock: MockLLM, ask, more, complaint) -> None:
    body = {"model": "m", "messages": [HELLO], **more}
    got = await ask("/v1/chat/completions", body)
    assert (got.status, got.json["error"]["message"]) == (400, complaint)
