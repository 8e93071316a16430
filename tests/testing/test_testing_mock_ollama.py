"""Ollama's protocol as the mock speaks it.

Samples: https://github.com/ollama/ollama/blob/main/docs/api.md and docs/api/errors.mdx (August
2026).
"""

import base64
import json
from typing import Any

import pytest

from retinue.messages import Image, Text, Thinking, ToolCall, ToolSpec
from retinue.models import Usage
from retinue.testing.mock_llm import Answer, ErrorEvent, MockLLM, Ollama, WrittenCall

STREAM: list[dict[str, Any]] = [
    {
        "model": "llama3.2",
        "created_at": "2023-08-04T08:52:19.385406455-07:00",
        "message": {"role": "assistant", "content": "The"},
        "done": False,
    },
    {
        "model": "llama3.2",
        "created_at": "2023-08-04T19:22:45.499127Z",
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
        "total_duration": 4883583458,
        "load_duration": 1334875,
        "prompt_eval_count": 26,
        "prompt_eval_duration": 342546000,
        "eval_count": 282,
        "eval_duration": 4535599000,
    },
]
CALLED = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"function": {"name": "get_weather", "arguments": {"city": "Tokyo"}}}],
}
HELLO = {"role": "user", "content": "hello"}


def like(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in ("model", "created_at")}


async def test_a_stream_is_as_the_documentation_shows_it(mock: MockLLM, ollama) -> None:
    mock.script("m", Answer("The", usage=Usage(input=26, output=282)))
    got = await ollama()
    assert got.headers["content-type"] == "application/x-ndjson"
    assert [like(line) for line in got.lines] == [like(line) for line in STREAM]
    assert {line["model"] for line in got.lines} == {"m"}


async def test_an_answer_in_one_piece_is_one_line(mock: MockLLM, ollama) -> None:
    call = ToolCall(id="", name="get_weather", args={"city": "Tokyo"})
    mock.script("m", Answer([Thinking(text="Hm."), "Well", call], usage=Usage(input=26)))
    said = (await ollama(stream=False)).json
    assert said["done"] is True
    assert (said["done_reason"], said["prompt_eval_count"]) == ("stop", 26)
    message = said["message"]
    assert (message["content"], message["thinking"]) == ("Well", "Hm.")
    assert message["tool_calls"][0]["function"]["arguments"] == {"city": "Tokyo"}


async def test_thoughts_have_a_field_of_their_own(mock: MockLLM, ollama) -> None:
    mock.script("m", [Thinking(text="Let me"), "See."])
    messages = [line["message"] for line in (await ollama()).lines]
    assert [(m["content"], m.get("thinking")) for m in messages] == [
        ("", "Let "),
        ("", "me"),
        ("See.", None),
        ("", None),
    ]


async def test_parallel_calls_come_in_one_line_and_ids_only_where_there_are_some(
    mock: MockLLM, ollama
) -> None:
    nameless = ToolCall(id="", name="get_weather", args={"city": "Tokyo"})
    named = ToolCall(id="call_7", name="get_weather", args={})
    mock.script("m", [nameless, named, "and", WrittenCall(id="", name="f", args="{'a'")])
    first, _, second, last = (await ollama()).lines
    one, other = first["message"]["tool_calls"]
    assert one["function"].pop("index") == 0
    assert {**first["message"], "tool_calls": [one]} == CALLED
    assert other == {
        "id": "call_7",
        "function": {"index": 1, "name": "get_weather", "arguments": {}},
    }
    [written] = second["message"]["tool_calls"]
    assert written["function"]["arguments"] == "{'a'"
    assert last["done_reason"] == "stop"


@pytest.mark.parametrize(("stop", "word"), [("end", "stop"), ("max_tokens", "length")])
async def test_why_it_ends_is_said_in_their_words(mock: MockLLM, ollama, stop, word) -> None:
    mock.script("m", Answer("x", stop=stop))
    assert (await ollama()).lines[-1]["done_reason"] == word


async def test_an_error_inside_a_stream_is_a_line(mock: MockLLM, ollama) -> None:
    mock.script("m", ["Yes", ErrorEvent("an error was encountered while running the model")])
    got = await ollama()
    assert got.status == 200
    assert got.lines[-1] == {"error": "an error was encountered while running the model"}


def test_other_servers_spell_it_otherwise() -> None:
    frames = [wire.frame({"a": 1}) for wire in Ollama().spellings()]
    assert frames == [b'{"a": 1}\r\n', b'{"a": 1}\n\n']


async def test_the_lists_and_the_version(ask) -> None:
    tags = (await ask("/api/tags")).json["models"]
    running = (await ask("/api/ps")).json["models"]
    assert [model["name"] for model in tags] == [model["model"] for model in running] == ["mock"]
    assert {"modified_at", "size", "digest", "details"} <= set(tags[0])
    assert {"expires_at", "size_vram"} <= set(running[0])
    assert "." in (await ask("/api/version")).json["version"]
    shown = (await ask("/api/show", {"model": "mock"})).json
    assert "tools" in shown["capabilities"]
    assert shown["details"]["format"] == "gguf"
    got = await ask("/api/show", {})
    assert (got.status, got.json) == (400, {"error": "model must be a text"})


async def test_models_need_not_be_in_memory(connect) -> None:
    async with MockLLM(models=("a", "b"), loaded=("b",)) as mock, connect(mock) as client:
        mock.script("c", "hi")
        shelf: list[list[str]] = []
        for path in ("/api/tags", "/api/ps"):
            client.send("GET", path)
            shelf.append([model["name"] for model in (await client.got()).json["models"]])
    assert shelf == [["a", "b", "c"], ["b"]]


async def test_a_request_is_read_back_in_our_words(mock: MockLLM, ollama) -> None:
    schema = {"type": "object", "properties": {}}
    tool = {"name": "add", "description": "Adds.", "parameters": schema}
    calls = [{"function": {"name": name, "arguments": {"a": 1}}} for name in ("add", "look")]
    await ollama(
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Look:", "images": [base64.b64encode(b"\x89PNG").decode()]},
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "tool_name": "look", "content": "seen"},
        {"role": "tool", "tool_name": "add", "content": "2"},
        {"role": "system", "content": "Go on."},
        tools=[{"type": "function", "function": tool}],
        format=schema,
        options={"temperature": 0, "num_predict": 9, "seed": 4},
        keep_alive="5m",
    )
    asked = mock.asked("m")[0].asked
    assert asked is not None
    assert asked.system == "Be brief."
    first, second, third, fourth, fifth = asked.messages
    assert list(first.parts) == [Text(text="Look:"), Image(data=b"\x89PNG")]
    add, look = second.tool_calls
    assert [result.call_id for result in third.tool_results] == [look.id]
    assert [result.call_id for result in fourth.tool_results] == [add.id]
    assert (fifth.role, fifth.text) == ("system", "Go on.")
    assert asked.tools == (ToolSpec(name="add", description="Adds.", parameters=schema),)
    assert (asked.output, asked.tool_choice) == (schema, "auto")
    assert (asked.max_tokens, asked.temperature) == (9, 0)
    assert asked.options == {"seed": 4, "keep_alive": "5m"}


@pytest.mark.parametrize(("form", "output"), [("json", {}), ("", None), (None, None)])
async def test_the_form_of_the_answer_is_read_back(mock: MockLLM, ollama, form, output) -> None:
    await ollama(format=form)
    assert mock.asked("m")[0].asked.output == output


async def test_an_empty_conversation_only_loads_the_model(mock: MockLLM, ask) -> None:
    got = await ask("/api/chat", {"model": "m", "messages": []})
    assert got.status == 200
    assert got.lines[-1]["done"] is True


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ([{"role": "bot"}], "messages[0].role is 'bot', which is no role"),
        ([{**HELLO, "images": ["!"]}], "messages[0].images[0] must be base64"),
        ([{**HELLO, "images": [3]}], "messages[0].images[0] must be base64"),
        ([{"role": "tool", "tool_name": "x", "content": "1"}], "must be a response to"),
        ([HELLO, {"role": "assistant", "tool_calls": [3]}], "tool_calls[0] must be a JSON object"),
    ],
)
async def test_what_cannot_be_understood_is_refused(mock, ask, said, complaint) -> None:
    got = await ask("/api/chat", {"model": "m", "messages": said})
    assert got.status == 400
    assert complaint in got.json["error"]


async def test_letters_stay_letters(mock: MockLLM, ollama) -> None:
    mock.script("m", "Grüße")
    got = await ollama()
    assert "Grüße" in got.body.decode()
    assert json.loads(got.body.split(b"\n")[0])["message"]["content"] == "Grüße"
