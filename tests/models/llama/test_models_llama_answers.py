"""What a real llama-server answers, read by `compatible`: text, thoughts, shapes, calls, usage."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from retinue import Message, Scope, assistant
from retinue.messages import ToolCall, ToolSpec
from retinue.models import ChatChunk, Model, Usage, list_models
from retinue.models._schema import complaint
from retinue.models.auto import automatic
from retinue.tools import tool

from ._gguf import THOUGHT
from ._server import PATIENCE, Server

type Hear = Callable[..., Awaitable[list[ChatChunk]]]

ENDLESS = {"ignore_eos": True}
"""It goes on until a limit stops it."""


def text(chunks: list[ChatChunk]) -> str:
    return "".join([chunk.text or "" for chunk in chunks])


def thoughts(chunks: list[ChatChunk]) -> str:
    return "".join([chunk.thinking or "" for chunk in chunks])


def calls(chunks: list[ChatChunk]) -> list[ToolCall]:
    return [chunk.tool_call for chunk in chunks if chunk.tool_call is not None]


def usage(chunks: list[ChatChunk]) -> Usage:
    (found,) = [chunk.usage for chunk in chunks if chunk.usage is not None]
    return found


async def test_text_comes_in_pieces_and_is_counted(model: Model, hear: Hear) -> None:
    chunks = await hear(model, "Say something.", max_tokens=60, options=ENDLESS)
    assert len([chunk for chunk in chunks if chunk.text]) > 20
    assert chunks[-1].stop == "max_tokens"
    assert usage(chunks).output == 60
    assert usage(chunks).input > len("Say something.")


async def test_the_first_piece_is_there_while_the_rest_is_written(
    server: Server, model: Model, ask: Callable[..., Any]
) -> None:
    async with ask(model, "Talk.", options=ENDLESS) as chunks:
        async for chunk in chunks:
            assert chunk.stop is None
            assert await server.busy() == 1
            break
    await server.until_busy(0)


async def test_it_ends_by_itself(model: Model, hear: Hear) -> None:
    chunks = await hear(model, "Say something short.")
    assert chunks[-1].stop == "end"


async def test_what_it_has_read_before_is_counted_as_cached(model: Model, hear: Hear) -> None:
    question = "a question of some length, so that it is known again " * 5
    await hear(model, question, max_tokens=2)
    again = usage(await hear(model, question, max_tokens=2))
    assert 0 < again.cache_read <= again.input


async def test_an_assistant_streams_it(model: Model) -> None:
    host = assistant("host", model=model, system="Be brief.", max_tokens=50, **ENDLESS)
    async with asyncio.timeout(PATIENCE), Scope():
        replies = host.inquire("hello")
        pieces = [piece async for promise in replies async for piece in promise]
        (message,) = await replies
    assert len(pieces) > 20
    assert "".join(pieces) == message.text
    assert message.stop_reason == "max_tokens"
    assert message.usage["output"] == 50


async def test_many_turns_follow_one_another(model: Model, hear: Hear) -> None:
    """It closes the connection after each stream, though it promises to keep it."""
    for turn in range(40):
        chunks = await hear(model, f"Turn {turn}.", max_tokens=2, options=ENDLESS)
        assert chunks[-1].stop == "max_tokens"


# -- thoughts


async def test_thoughts_are_no_text(model: Model, hear: Hear) -> None:
    never_done = {**ENDLESS, "chat_template_kwargs": {"thinks": True}}
    never_done["logit_bias"] = [[THOUGHT, False]]
    chunks = await hear(model, "Think.", max_tokens=30, options=never_done)
    assert len(thoughts(chunks)) >= 10
    assert text(chunks) == ""


async def test_text_follows_thoughts(model: Model, hear: Hear) -> None:
    soon_done = {**ENDLESS, "chat_template_kwargs": {"thinks": True}}
    soon_done["logit_bias"] = [[THOUGHT, 10.0]]
    chunks = await hear(model, "Think.", max_tokens=300, options=soon_done)
    kinds = [bool(chunk.text) for chunk in chunks if chunk.text or chunk.thinking]
    assert True in kinds
    assert kinds == sorted(kinds)


# -- a shape that is asked for

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "mood": {"enum": ["déjà vu — 🙂", "ひま"]},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 9}, "maxItems": 3},
        "home": {"$ref": "#/$defs/Place"},
    },
    "required": ["name", "age", "mood", "tags", "home"],
    "additionalProperties": False,
    "$defs": {
        "Place": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "sunny": {"type": "boolean"}},
            "required": ["city", "sunny"],
            "additionalProperties": False,
        }
    },
}
CHOICE = {"anyOf": [{"const": "yes"}, {"type": "number"}, {"type": "null"}]}
LIST = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 4}


@pytest.mark.parametrize("schema", [PERSON, CHOICE, LIST], ids=["person", "choice", "list"])
async def test_an_answer_has_the_shape_that_was_asked_for(
    model: Model, hear: Hear, schema: dict[str, Any]
) -> None:
    for seed in range(5):
        chunks = await hear(model, "Fill it in.", output=schema, options={"seed": seed})
        assert complaint(json.loads(text(chunks)), schema) is None
        assert chunks[-1].stop == "end"


async def test_a_shape_that_was_cut_does_not_look_whole(model: Model, hear: Hear) -> None:
    chunks = await hear(model, "Fill it in.", output=PERSON, max_tokens=8)
    assert chunks[-1].stop == "max_tokens"


# -- tools

WEATHER = ToolSpec(
    name="weather",
    description="The weather of the next days.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
        "additionalProperties": False,
    },
)
COLOUR = ToolSpec(
    name="colour",
    description="Paint it.",
    parameters={
        "type": "object",
        "properties": {"to": {"enum": ["grün", "weiß"]}},
        "required": ["to"],
        "additionalProperties": False,
    },
)
TOOLS = {spec.name: spec for spec in (WEATHER, COLOUR)}


def assert_fits(call: ToolCall) -> None:
    assert complaint(call.args, TOOLS[call.name].parameters) is None


async def test_a_call_that_is_required_comes_and_fits(model: Model, hear: Hear) -> None:
    for seed in range(5):
        chunks = await hear(
            model,
            "Use a tool.",
            tools=tuple(TOOLS.values()),
            tool_choice="required",
            options={"seed": seed},
        )
        assert calls(chunks)
        for call in calls(chunks):
            assert call.id
            assert_fits(call)
        assert chunks[-1].stop == "tool_calls"
        assert usage(chunks).output > 0


@pytest.mark.parametrize("name", TOOLS)
async def test_a_tool_that_is_named_is_the_one_that_is_called(
    model: Model, hear: Hear, name: str
) -> None:
    for seed in range(5):
        chunks = await hear(
            model,
            "Use it.",
            tools=tuple(TOOLS.values()),
            tool_choice=name,
            options={"seed": seed},
        )
        assert {call.name for call in calls(chunks)} == {name}
        for call in calls(chunks):
            assert_fits(call)


async def test_what_it_calls_of_its_own_will_fits(model: Model, hear: Hear) -> None:
    made: list[ToolCall] = []
    for seed in range(40):
        tools = tuple(TOOLS.values())
        made += calls(await hear(model, "Perhaps.", tools=tools, options={"seed": seed}))
        if len(made) > 3:
            break
    assert made, "in forty answers no call"
    for call in made:
        assert_fits(call)


async def test_it_calls_nothing_where_it_may_not(model: Model, hear: Hear) -> None:
    tools = tuple(TOOLS.values())
    chunks = await hear(
        model, "No.", tools=tools, tool_choice="none", max_tokens=60, options=ENDLESS
    )
    assert calls(chunks) == []
    assert chunks[-1].stop == "max_tokens"


async def test_a_call_that_was_cut_is_not_made(model: Model, hear: Hear) -> None:
    long = replace(
        WEATHER,
        parameters={
            "type": "object",
            "properties": {"city": {"type": "string", "minLength": 1500}},
            "required": ["city"],
        },
    )
    chunks = await hear(model, "Use it.", tools=(long,), tool_choice="required", max_tokens=100)
    assert calls(chunks) == []
    assert chunks[-1].stop == "max_tokens"


async def test_an_assistant_goes_round_with_its_tools(model: Model) -> None:
    asked: list[tuple[str, int]] = []

    @tool(effect="none")
    def weather(city: str, days: int) -> str:
        """The weather of the next days."""
        asked.append((city, days))
        return f'Rain, with "wind" and {len(asked)} clouds: 雨'

    host = assistant("host", model=model, tools=[weather], max_steps=3, tool_choice="required")
    async with asyncio.timeout(PATIENCE), Scope():
        messages = await host.inquire("What will it be?")
    assert len(asked) >= 2
    rounds = [message for message in messages if message.tool_calls]
    assert [message.agent for message in rounds] == ["host"] * 3
    assert messages[-1].stop_reason == "max_steps"


# -- conversations


async def test_a_long_conversation_of_all_kinds_is_understood(model: Model, hear: Hear) -> None:
    call = ToolCall(id="1", name="weather", args={"city": "Turku", "days": 2})
    said = [
        Message("Hello", role="user"),
        Message("Good day.", role="assistant"),
        Message(parts=[call], role="assistant"),
        Message("And?", role="user"),
        Message("Nice to meet you all.", role="assistant", agent="ann"),
        Message("Once more.", role="user"),
    ]
    chunks = await hear(
        model, *said, system="Be kind.", agent="host", tools=(WEATHER,), max_tokens=30
    )
    assert chunks[-1].stop is not None


async def test_an_agent_that_spoke_last_says_nothing_twice(model: Model, hear: Hear) -> None:
    """The server takes the last words of an assistant for its own beginning, and repeats them."""
    said = [Message("Hello", role="user"), Message("XYZZY-4711", role="assistant", agent="host")]
    chunks = await hear(model, *said, agent="host", max_tokens=10, options=ENDLESS)
    assert "XYZZY-4711" not in text(chunks)


# -- finding it


async def test_it_says_which_model_it_has(server: Server) -> None:
    assert await list_models("compatible", base_url=server.base_url) == ("compatible:tiny",)


def test_it_is_found_by_whoever_has_chosen_no_model(server: Server) -> None:
    found = automatic(keys=(), ollama="127.0.0.1:1", llama_server=f"{server.url}/v1")
    assert found == ("compatible:tiny", server.base_url)
