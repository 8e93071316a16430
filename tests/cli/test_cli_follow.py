"""From replies to events."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from retinue import MessagePromise, Scope
from retinue.agents import assistant, human
from retinue.cli._follow import arguments_of, error_raised, follow, watching
from retinue.errors import RetinueError, UsageError
from retinue.messages import Image, Message, Thinking, ToolCall, sequence_of
from retinue.messages.events import (
    Event,
    MessageEnded,
    MessageStarted,
    TextAdded,
    ThinkingEnded,
    ToolAnswered,
    ToolAsked,
)
from retinue.models import Usage
from retinue.models.scripted import Scripted


async def test_what_is_whole_already_is_told_in_the_same_words() -> None:
    message = Message("Look:", Image(url="http://x/y.png"), " nice", role="assistant", agent="ada")
    assert [type(event) for event in await told(message)] == [
        MessageStarted,
        TextAdded,
        TextAdded,
        MessageEnded,
    ]
    texts = [event for event in await told(message) if isinstance(event, TextAdded)]
    assert [(event.offset, event.text) for event in texts] == [(0, "Look:"), (5, " nice")]


async def test_a_thought_ends_where_something_else_begins() -> None:
    pieces = [
        Thinking(text="Hm"),
        Thinking(text="m.", signature="a"),
        Thinking(text="", signature="b"),
        "Yes.",
        Thinking(text="Or no?"),
    ]
    ended = [event for event in await told(pieces=pieces) if isinstance(event, ThinkingEnded)]
    assert [(event.thinking.text, event.thinking.signature) for event in ended] == [
        ("Hmm.", "a"),
        ("", "b"),
        ("Or no?", None),
    ]


async def test_tokens_are_counted_by_kind() -> None:
    usage = Usage(input=9, output=3).counted()
    events = await told(Message("x", usage=usage, model="m", stop="end"))
    (answered,) = [event for event in events if type(event).__name__ == "ModelAnswered"]
    assert answered.usage == {"input": 9, "output": 3}
    assert (answered.model, answered.stop) == ("m", "end")


def test_an_error_is_told_without_secrets() -> None:
    error = UsageError("bad key sk-0123456789", hint="Another one.")
    event = error_raised(error, {"sk-0123456789": "sk-…"})
    assert (event.error, event.text, event.hint) == ("UsageError", "bad key sk-…", "Another one.")
    assert error_raised(ValueError("x"), {}).hint is None


async def test_tools_are_told_of_when_they_begin_and_when_they_are_done() -> None:
    order: list[str] = []
    slow_may_end = asyncio.Event()

    async def slow() -> str:
        await slow_may_end.wait()
        return "slow"

    async def quick() -> str:
        return "quick"

    def tell(event: Event) -> None:
        match event:
            case ToolAsked(call=call):
                order.append(f"{call.name} asked")
            case ToolAnswered(result=result):
                order.append(f"{result.name} answered")
                slow_may_end.set()
            case _:
                pytest.fail(f"{event} is not about a tool")

    calls = [ToolCall(id="1", name="slow"), ToolCall(id="2", name="quick")]
    async with Scope():
        host = assistant("host", model=Scripted(calls, "Done."), tools=[slow, quick])
        with watching(tell):
            replies = host.inquire("go")
        await asyncio.wait_for(replies, 10)
    assert order == ["slow asked", "quick asked", "quick answered", "slow answered"]


async def test_nobody_else_can_be_asked_while_tools_are_watched() -> None:
    async with Scope():
        with watching(lambda _: None):
            replies = human("me").inquire("Your turn.")
        with pytest.raises(RetinueError, match="wants to ask a person"):
            await replies


def test_arguments_are_short() -> None:
    assert arguments_of(ToolCall(id="1", name="x", args={"path": "a.txt"})) == "a.txt"
    assert arguments_of(ToolCall(id="1", name="x", args={"a": 1, "b": [2]})) == "a=1 b=(2,)"
    assert arguments_of(ToolCall(id="1", name="x")) == ""


async def told(*messages: Message, pieces: Sequence[Any] | None = None) -> list[Any]:
    async def stream(_: object) -> AsyncIterator[Any]:
        for piece in pieces or ():
            yield piece

    async with Scope():
        said: list[Any] = [*messages] if pieces is None else [MessagePromise(stream)]
        found: list[Event] = [event async for event in follow(sequence_of(said))]
    return found
