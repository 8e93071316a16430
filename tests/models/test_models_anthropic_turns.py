"""Anthropic: whole turns of an assistant, as the vendor sees them."""

from typing import Any

import pytest

from retinue import Scope, assistant, tool
from retinue.messages import Block, FrozenDict, Message, Text, Thinking, ToolCall
from retinue.models import Model, find_model
from retinue.testing.mock_llm import Answer, Anthropic, Event, MockLLM
from retinue.testing.mock_llm.anthropic._writing import signed

pytest.importorskip("anthropic", reason="needs the extra: uv sync --group vendors")

NAME = "claude-opus-5-5"
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"q": "x"}}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "url": "https://a.b", "encrypted_content": "Eq=="}],
}


def model_at(mock: MockLLM) -> Model:
    return find_model(f"anthropic:{NAME}", base_url=mock.url, api_key="sk-1", retries=0)


def came(index: int, block: dict[str, Any]) -> list[Event]:
    """A block that comes as it is."""
    return [
        Event({"type": "content_block_start", "index": index, "content_block": block}),
        Event({"type": "content_block_stop", "index": index}),
    ]


def own(mock: MockLLM, request: int) -> Any:
    """What of a request was said by the assistant, block for block."""
    messages = mock.requests[request].body["messages"]
    return [one["content"] for one in messages if one["role"] == "assistant"]


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def test_what_it_thought_goes_back_with_the_results_of_its_tools() -> None:
    async with MockLLM(wires=[Anthropic()], strict=True) as mock, Scope():
        call = ToolCall(id="toolu_1", name="add", args={"a": 2, "b": 40})
        mock.script(NAME, [Thinking(text="I add."), "Wait.", call], [Thinking(text="So."), "42."])
        adder = assistant("adder", model=model_at(mock), tools=[add], thinking="adaptive")
        asked, answered, last = await adder.inquire("2 + 40?")
        assert [request.status for request in mock.requests] == [200, 200]
    assert asked.parts[0] == Thinking(text="I add.", signature=signed("I add."))
    assert answered.tool_results[0].text == "42"
    assert last.text == "42."
    assert own(mock, 1) == [
        [
            {"type": "thinking", "thinking": "I add.", "signature": signed("I add.")},
            {"type": "text", "text": "Wait."},
            {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 2, "b": 40}},
        ]
    ]
    assert mock.requests[1].body["thinking"]["type"] == "adaptive"
    assert mock.requests[1].headers["anthropic-beta"].startswith("thinking-binding-controls")


async def test_a_turn_that_was_paused_goes_on_where_it_was() -> None:
    box = {"id": "container_1", "expires_at": "2026-11-20T12:00:00Z"}
    paused = Event(
        {
            "type": "message_delta",
            "delta": {"stop_reason": "pause_turn", "container": box},
            "usage": {"output_tokens": 5},
        }
    )
    async with MockLLM(wires=[Anthropic()], strict=True) as mock, Scope():
        mock.script(
            NAME,
            Answer(["I search. ", *came(1, SEARCH), paused], stop="pause"),
            [*came(0, FOUND), "It is there."],
        )
        search = {"type": "web_search_20260318", "name": "web_search"}
        finder = assistant("finder", model=model_at(mock), server_tools=[search])
        first, second = await finder.inquire("Where is it?")
        later = await finder.inquire(Message("Where is it?"), first, second, Message("Sure?"))
    assert (first.stop, second.stop) == ("pause", "end")
    assert second.parts == (
        Block(vendor="anthropic", data=FOUND),
        Text(text="It is there.", source=f"model:anthropic:{NAME}"),
    )
    asked = mock.requests[1].body
    assert [one["role"] for one in asked["messages"]] == ["user", "assistant"]
    assert own(mock, 1) == [[{"type": "text", "text": "I search. "}, SEARCH]]
    assert asked["container"] == "container_1"
    assert asked["tools"] == [search]
    text = {"type": "text", "text": "It is there."}
    assert own(mock, 2) == [[{"type": "text", "text": "I search. "}, SEARCH, FOUND, text]]
    assert "container" not in mock.requests[2].body
    assert later[-1].text == "It is there."


async def test_what_others_thought_does_not_go_along() -> None:
    said = [
        Message("2 + 2?"),
        Message(
            role="assistant",
            agent="adder",
            model="openai:gpt-6-sol",
            parts=[
                Thinking(text="Two and two.", signature=None),
                Block(vendor="openai", data=FrozenDict(type="reasoning", encrypted_content="g")),
                Text(text="Four."),
            ],
        ),
        Message("Sure?"),
    ]
    async with MockLLM(wires=[Anthropic()], strict=True) as mock, Scope():
        await assistant("adder", model=model_at(mock)).inquire(*said)
    assert own(mock, 0) == [[{"type": "text", "text": "Four."}]]
