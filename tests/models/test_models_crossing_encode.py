"""What one vendor has written, and another would refuse: names and ids of calls, thoughts."""

import json
from typing import Any

import pytest

from retinue.messages import Image, Message, Thinking, ToolCall, ToolResult, ToolSpec
from retinue.models import ChatRequest
from retinue.models.compatible._dialect import OF_OTHERS
from retinue.models.compatible._encode import encode as encode_chat
from retinue.models.gemini._encode import encode as encode_gemini
from retinue.models.ollama._encode import encode as encode_ollama
from retinue.models.openai._encode import encode as encode_responses
from retinue.testing.mock_llm import Chat, Ollama, Responses, Unfit

PNG = b"\x89PNG"
LONG = "call_" + "x" * 90
MADE_UP = "multi_tool_use.parallel"


def called(
    *ids: str, name: str = "add", model: str = "anthropic:other", content: Any = "42"
) -> Any:
    """A question, calls of these ids, and their results."""
    calls = [ToolCall(id=id, name=name, args={}) for id in ids]
    results = [ToolResult(call_id=id, name=name, content=content) for id in ids]
    return (
        Message("So."),
        Message(parts=calls, role="assistant", model=model),
        Message(parts=results, role="tool"),
    )


def chat(messages: Any, **request: Any) -> Any:
    asked = ChatRequest(messages=messages, **request)
    return json.loads(encode_chat(asked, "m", OF_OTHERS))


def responses(messages: Any, **request: Any) -> Any:
    return json.loads(encode_responses(ChatRequest(messages=messages, **request), "gpt-6-sol"))


def ollama(messages: Any) -> Any:
    return json.loads(encode_ollama(ChatRequest(messages=messages), "m"))


@pytest.mark.parametrize("id", [LONG, "x" * 41, "functions.add:0"])
def test_an_id_that_is_too_long_is_another_and_still_the_same_in_both_places(id: str) -> None:
    _, call, result = chat(called(id))["messages"]
    sent = call["tool_calls"][0]["id"]
    assert result["tool_call_id"] == sent
    assert (sent == id) == (len(id) <= 40)
    assert len(sent) <= 40


def test_long_ids_that_begin_alike_do_not_become_one() -> None:
    _, call, one, two = chat(called(f"{LONG}1", f"{LONG}2"))["messages"]
    assert [call["id"] for call in call["tool_calls"]] == [one["tool_call_id"], two["tool_call_id"]]
    assert one["tool_call_id"] != two["tool_call_id"]


def test_a_model_gets_its_own_long_ids_back() -> None:
    _, call, result = chat(called(LONG, model="compatible:m"))["messages"]
    assert call["tool_calls"][0]["id"] == result["tool_call_id"] == LONG


@pytest.mark.parametrize("id", [LONG, "x" * 64])
def test_openai_gets_ids_of_64_letters_at_most(id: str) -> None:
    body = responses(called(id))
    _, call, result = body["input"]
    assert call["call_id"] == result["call_id"]
    assert (call["call_id"] == id) == (len(id) <= 64)
    Responses().read("/v1/responses", body)


def test_a_name_that_a_model_made_up_is_written_in_letters_that_are_accepted() -> None:
    body = chat(called("c1", name=MADE_UP))
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == "multi_tool_use_parallel"
    Chat().read("/v1/chat/completions", body)
    body = responses(called("c1", name=MADE_UP))
    assert body["input"][1]["name"] == "multi_tool_use_parallel"
    Responses().read("/v1/responses", body)


def test_the_name_of_a_tool_that_is_offered_is_left_as_it_is() -> None:
    tools = (ToolSpec(name=MADE_UP, description="", parameters={}),)
    body = chat(called("c1", name=MADE_UP), tools=tools)
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == MADE_UP
    assert responses(called("c1", name=MADE_UP), tools=tools)["input"][1]["name"] == MADE_UP


def call_of_chat(**more: Any) -> Any:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}} | more
    said = {"role": "assistant", "tool_calls": [call]}
    return {"model": "m", "messages": [said, {"role": "tool", "tool_call_id": "c1", "content": ""}]}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"id": "x" * 41}, "maximum length 40, but got a string with length 41"),
        ({"function": {"name": "a.b", "arguments": "{}"}}, "does not match pattern"),
        ({"function": {"name": "a" * 65, "arguments": "{}"}}, "maximum length 64"),
    ],
)
def test_the_mock_refuses_what_openai_refuses(more: Any, words: str) -> None:
    Chat().read("/v1/chat/completions", call_of_chat())
    with pytest.raises(Unfit, match=words):
        Chat().read("/v1/chat/completions", call_of_chat(**more))


@pytest.mark.parametrize("more", [{"call_id": "x" * 65}, {"name": "a.b"}, {"name": "a" * 129}])
def test_the_mock_refuses_what_openai_refuses_over_responses(more: Any) -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "42"}
    Responses().read("/v1/responses", {"model": "m", "input": [call, output]})
    with pytest.raises(Unfit, match=r"Invalid 'input\[0\]"):
        Responses().read("/v1/responses", {"model": "m", "input": [call | more, output]})


@pytest.mark.parametrize("model", ["deepseek-v4-pro", "moonshotai/Kimi-K2.5"])
def test_models_that_want_their_thoughts_back_get_them_with_calls(model: str) -> None:
    calls = [ToolCall(id="c1", name="add", args={})]
    said = [
        Message(parts=[Thinking(text="Hm."), *more], role="assistant", model=made)
        for made in (f"router:{model}", "ollama:qwen3")
        for more in (calls, [])
    ]
    request = ChatRequest(messages=(Message("So."), *said))
    body = json.loads(encode_chat(request, model, OF_OTHERS))
    sent = [m.get("reasoning_content") for m in body["messages"] if m["role"] == "assistant"]
    assert sent == ["Hm.", None, "", None]
    assert "reasoning_content" not in encode_chat(request, "qwen3", OF_OTHERS).decode()


# -- what the generated conversations found


@pytest.mark.parametrize(
    ("thinking", "sent"),
    [
        ({"model": "ollama:m"}, True),
        ({}, True),
        ({"model": "compatible:m"}, False),
        ({"model": "openai:m"}, False),
    ],
)
def test_ollama_gets_the_thoughts_of_its_own_models_only(thinking: Any, sent: bool) -> None:
    parts = [Thinking(text="Hm."), ToolCall(id="c1", name="add", args={})]
    body = ollama((Message("So."), Message(parts=parts, role="assistant", **thinking)))
    assert ("thinking" in body["messages"][1]) == sent


def test_what_tools_show_follows_all_their_results_at_ollama() -> None:
    body = ollama(called("c1", "c2", content=[Image(data=PNG)]))
    assert [message["role"] for message in body["messages"][2:]] == ["tool", "tool", "user"]
    assert len(body["messages"][-1]["images"]) == 2
    Ollama().read("/api/chat", body)


def test_nothing_is_said_to_follow_a_result_that_shows_nothing() -> None:
    body = json.loads(encode_gemini(ChatRequest(messages=called("c1", content=[])), "m"))
    (answer,) = body["contents"][-1]["parts"]
    assert answer["functionResponse"]["response"] == {"output": ""}
