"""From replies to events."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from retinue import MessagePromise, Scope
from retinue.cli._follow import error_raised, follow
from retinue.errors import UsageError
from retinue.messages import Image, Message, Thinking, sequence_of
from retinue.messages.events import Event, MessageEnded, MessageStarted, TextAdded, ThinkingEnded
from retinue.models import Usage


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


async def told(*messages: Message, pieces: Sequence[Any] | None = None) -> list[Any]:
    async def stream(_: object) -> AsyncIterator[Any]:
        for piece in pieces or ():
            yield piece

    async with Scope():
        said: list[Any] = [*messages] if pieces is None else [MessagePromise(stream)]
        found: list[Event] = [event async for event in follow(sequence_of(said))]
    return found
