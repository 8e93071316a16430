"""From the log to the words of every form of output."""

from typing import Any

import pytest

from retinue.cli._follow import Follower, arguments_of, error_raised, whole
from retinue.errors import UsageError
from retinue.messages import Image, Message, Thinking, ToolCall, ToolResult
from retinue.messages.events import (
    Event,
    MessageEnded,
    MessageStarted,
    ModelAnswered,
    Restarted,
    RunStarted,
    TextAdded,
    ThinkingEnded,
    ToolAnswered,
    ToolAsked,
    TurnStarted,
)
from retinue.models import Usage

CALL = ToolCall(id="1", name="add", args={"a": 1})
ANSWER = Message("Let me see.", CALL, role="assistant", agent="ada", usage={"input": 3})


def test_what_is_whole_is_told_in_the_same_words() -> None:
    message = Message("Look:", Image(url="http://x/y.png"), " nice", role="assistant", agent="ada")
    told = [*whole(message)]
    assert [type(event) for event in told] == [
        MessageStarted,
        TextAdded,
        TextAdded,
        MessageEnded,
    ]
    texts = [event for event in told if isinstance(event, TextAdded)]
    assert [(event.offset, event.text) for event in texts] == [(0, "Look:"), (5, " nice")]


def test_each_thought_has_its_end() -> None:
    message = Message(Thinking(text="Hm.", signature="a"), Thinking(text="", signature="b"), "Yes.")
    ended = [event for event in whole(message) if isinstance(event, ThinkingEnded)]
    assert [(event.thinking.text, event.thinking.signature) for event in ended] == [
        ("Hm.", "a"),
        ("", "b"),
    ]


def test_tokens_are_counted_by_kind() -> None:
    usage = Usage(input=9, output=3).counted()
    events = [*whole(Message("x", usage=usage, model="m", stop="end"))]
    (answered,) = [event for event in events if isinstance(event, ModelAnswered)]
    assert answered.usage == {"input": 9, "output": 3}
    assert (answered.model, answered.stop) == ("m", "end")


def test_what_came_in_pieces_is_not_told_again_at_its_end() -> None:
    events: list[Event] = [
        RunStarted(run="r"),
        TurnStarted(run="r", turn="t"),
        MessageStarted(message=ANSWER.id, role="assistant", run="r", turn="t"),
        TextAdded(message=ANSWER.id, offset=0, text="Let me see."),
        MessageEnded(message=ANSWER, run="r", turn="t"),
        ModelAnswered(model="m", run="r"),
        ToolAsked(call=CALL, run="r"),
    ]
    told = heard(*events)
    assert [type(event) for event in told] == [
        MessageStarted,
        TextAdded,
        ToolAsked,
        ModelAnswered,
        MessageEnded,
    ]
    assert {(event.run, event.turn) for event in told if not isinstance(event, TextAdded)} == {
        ("r", "t")
    }
    assert getattr(told[2], "message", None) == ANSWER.id


def test_a_message_that_is_whole_at_once_is_told_from_its_start() -> None:
    result = Message(parts=[ToolResult(call_id="1", name="add", content="1")], role="tool")
    told = heard(MessageEnded(message=result, run="r"))
    assert [type(event) for event in told] == [MessageStarted, ToolAnswered, MessageEnded]


def test_what_others_do_in_the_conversation_is_not_told() -> None:
    other = MessageStarted(message="m", role="assistant", run="other")
    piece = TextAdded(message="m", offset=0, text="x")
    assert heard(other, piece, MessageEnded(message=ANSWER, run="other")) == []
    assert heard(MessageEnded(message=Message("a question"))) == []


def test_that_it_begins_anew_is_told_of_messages_only() -> None:
    begun = MessageStarted(message="m", role="assistant", run="r")
    void = Restarted(message="m", attempt=2, run="r")
    assert heard(Restarted(attempt=2, run="r"), begun, void) == [begun, void]


def test_an_error_is_told_without_secrets() -> None:
    error = UsageError("bad key sk-0123456789", hint="Another one.")
    event = error_raised(error, {"sk-0123456789": "sk-…"})
    assert (event.error, event.text, event.hint) == ("UsageError", "bad key sk-…", "Another one.")
    assert error_raised(ValueError("x"), {}).hint is None


@pytest.mark.parametrize(
    ("args", "words"),
    [({"path": "a.txt"}, "a.txt"), ({"a": 1, "b": [2]}, "a=1 b=(2,)"), ({}, "")],
)
def test_arguments_are_short(args: dict[str, Any], words: str) -> None:
    assert arguments_of(ToolCall(id="1", name="x", args=args)) == words


def heard(*events: Event) -> list[Event]:
    follower = Follower("r")
    return [told for event in events for told in follower.hear(event)]
