"""Scripts on disk: what they say, and complaints that name the file and the field."""

import json
import math
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from retinue.errors import SettingsError
from retinue.messages import Thinking, ToolCall
from retinue.models import Usage
from retinue.testing.mock_llm import (
    Answer,
    Cut,
    Disconnect,
    ErrorEvent,
    Event,
    Loris,
    Malformed,
    MockLLM,
    NoAnswer,
    Refusal,
    Silence,
    WrittenCall,
    load_script,
)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Any], Path]:
    def write(data: Any) -> Path:
        path = tmp_path / "script.json"
        path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        return path

    return write


REPLIES = [
    ("Hello", Answer(["Hello"])),
    (["one ", "two"], Answer(["one ", "two"])),
    ({"thinking": "hm"}, Answer([Thinking(text="hm")])),
    (
        [{"tool_call": {"id": "1", "name": "add", "args": {"a": 1}}}, {"tool_call": {"name": "f"}}],
        Answer([ToolCall(id="1", name="add", args={"a": 1}), ToolCall(id="", name="f")]),
    ),
    (
        {"tool_call": {"id": "1", "name": "add", "args": "{'a'"}},
        Answer([WrittenCall(id="1", name="add", args="{'a'")]),
    ),
    ({"event": {"a": None}}, Answer([Event({"a": None})])),
    ({"event": "raw"}, Answer([Event("raw")])),
    (["a", {"error": "Melted"}], Answer(["a", ErrorEvent("Melted")])),
    ([{"silence": 5}, {"silence": None}], Answer([Silence(5), Silence()])),
    ([{"loris": 5}, {"loris": None}], Answer([Loris(5), Loris()])),
    ([{"malformed": True}, {"cut": True}], Answer([Malformed(), Cut()])),
    (
        [{"disconnect": True}, {"disconnect": "reset"}],
        Answer([Disconnect(), Disconnect(reset=True)]),
    ),
    (
        {
            "lines": "x",
            "first_delay": 1,
            "frame_delay": 0.5,
            "segment": 3,
            "stop": "max_tokens",
            "usage": {"input": 9, "thinking": 1},
        },
        Answer(
            ["x"],
            first_delay=1,
            frame_delay=0.5,
            segment=3,
            stop="max_tokens",
            usage=Usage(input=9, thinking=1),
        ),
    ),
    ({"lines": []}, Answer([])),
    ({"status": 500}, Refusal(500)),
    (
        {"status": 429, "message": "Slow", "code": "x", "retry_after": 2, "first_delay": 1},
        Refusal(429, "Slow", code="x", retry_after=2, first_delay=1),
    ),
    ({"status": 503, "retry_after_date": 2}, Refusal(503, retry_after=timedelta(seconds=2))),
    ({"no_answer": 5}, NoAnswer(seconds=5)),
    ({"no_answer": None}, NoAnswer(seconds=math.inf)),
]


@pytest.mark.parametrize(("data", "reply"), REPLIES)
def test_each_reply_can_be_written(written, data: Any, reply: Any) -> None:
    assert load_script(written([data])) == {"*": [reply]}


def test_models_may_have_scripts_of_their_own(written) -> None:
    path = written({"a": ["one", {"status": 500}], "*": ["any"]})
    assert load_script(str(path)) == {
        "a": [Answer(["one"]), Refusal(500)],
        "*": [Answer(["any"])],
    }


async def test_what_a_file_says_can_be_served(written, connect) -> None:
    async with MockLLM() as mock, connect(mock) as client:
        for model, replies in load_script(written({"m": ["Hi"]})).items():
            mock.script(model, *replies)
        body = {"model": "m", "messages": [{"role": "user", "content": "Hello?"}], "stream": False}
        client.send("POST", "/api/chat", json.dumps(body).encode())
        assert (await client.got()).json["message"]["content"] == "Hi"


def test_the_script_in_the_documentation_can_be_served(written) -> None:
    page = (Path(__file__).parents[2] / "docs" / "mock_llm.md").read_text()
    [example] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert {
        name: len(replies) for name, replies in load_script(written(example.encode())).items()
    } == {
        "tiny": 5,
        "*": 1,
    }


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (3, "it must be a list of replies, or an object with such a list for each model"),
        (b"[", "it is no JSON: Expecting value"),
        (b"\xff", "it is no JSON"),
        (b"[" * 100_000, "it is no JSON"),
        ({"m": "hi"}, "m must be a list"),
        ({"m": ["a", 3]}, "m[1] is nothing that can be served: 3"),
        ([{"colour": "red"}], '[0] is nothing that can be served: {"colour": "red"}'),
        (["a", ["b", None]], "[1][1] is nothing that can be served: null"),
        ([{"lines": ["a", 3]}], "[0].lines[1] is nothing that can be served: 3"),
        ([{"lines": "a", "delay": 3}], "[0].delay is not known; known are first_delay, frame_del"),
        ([{"lines": "a", "first_delay": "1"}], "[0].first_delay must be a number, 0 or more"),
        ([{"lines": "a", "frame_delay": True}], "[0].frame_delay must be a number, 0 or more"),
        ([{"lines": "a", "segment": 0}], "[0].segment must be 1 or more"),
        ([{"lines": "a", "segment": 1.5}], "[0].segment must be a whole number"),
        ([{"lines": "a", "stop": 3}], "[0].stop must be a text"),
        ([{"lines": "a", "usage": 3}], "[0].usage must be a JSON object"),
        ([{"lines": "a", "usage": {"in": 3}}], "[0].usage.in is not known; known are cache_read"),
        ([{"lines": "a", "usage": {"input": -1}}], "[0].usage.input must be a number, 0 or more"),
        ([{"status": 200}], "[0].status must be a status of HTTP, from 300 to 599"),
        ([{"status": "429"}], "[0].status must be a number, 0 or more"),
        ([{"status": 429, "retry": 3}], "[0].retry is not known; known are code, first_delay"),
        ([{"status": 429, "message": 3}], "[0].message must be a text"),
        ([{"no_answer": "x"}], "[0].no_answer must be a number, 0 or more"),
        ([{"no_answer": 1, "x": 1}], "[0].x is not known; known are no_answer"),
        ([{"silence": -1}], "[0].silence must be a number, 0 or more"),
        ([[{"thinking": 3}]], "[0][0].thinking must be a text"),
        ([{"thinking": "x", "loud": True}], "[0].loud is not known; known are thinking"),
        ([{"tool_call": "add"}], "[0].tool_call must be a JSON object"),
        ([{"tool_call": {"id": "1"}}], "[0].tool_call.name must be a text"),
        ([{"tool_call": {"name": "f", "args": 3}}], "[0].tool_call.args must be a JSON object"),
        ([{"tool_call": {"name": "f", "arg": {}}}], "[0].tool_call.arg is not known; known are ar"),
        ([{"error": None}], "[0].error must be a text"),
    ],
)
def test_what_is_wrong_is_named(written, data: Any, complaint: str) -> None:
    path = written(data)
    with pytest.raises(SettingsError) as caught:
        load_script(path)
    assert str(caught.value).startswith(f"'{path}' cannot be used as a script: {complaint}")
    assert "A script is a JSON list of replies" in str(caught.value.hint)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load_script(tmp_path / "no.json")
    with pytest.raises(SettingsError, match="directory"):
        load_script(tmp_path)
