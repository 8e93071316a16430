"""Events: the words of the log, and their JSON form."""

import dataclasses
import datetime
import decimal
import json
import subprocess
import sys
from typing import Any, assert_never, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue.errors import MessageError
from retinue.messages import Message, Text, Thinking, ToolCall, ToolResult, events
from retinue.messages.codecs.events import (
    event_from_dict,
    event_from_json,
    event_to_dict,
    event_to_json,
)
from retinue.messages.events import (
    EVENTS,
    ErrorRaised,
    Event,
    Happened,
    InterruptAnswered,
    InterruptAsked,
    LivePiece,
    LogEvent,
    MessageEnded,
    MessageStarted,
    ModelAnswered,
    Restarted,
    RunEnded,
    RunStarted,
    TextAdded,
    ThinkingAdded,
    ThinkingEnded,
    ToolAnswered,
    ToolAsked,
    TurnEnded,
    TurnStarted,
)

AT = datetime.datetime(2026, 11, 20, 9, 30, tzinfo=datetime.UTC)
CALL = ToolCall(id="c", name="t", args={"$a": [1]})
COMMON: dict[str, Any] = {"seq": 7, "at": AT, "run": "r", "turn": "t", "agent": "bob"}

SOME: list[Event] = [
    RunStarted(**COMMON, version="2"),
    RunEnded(**COMMON, reason="max_steps"),
    TurnStarted(**COMMON, parent="p"),
    TurnEnded(**COMMON),
    MessageStarted(**COMMON, message="m", role="assistant"),
    MessageEnded(**COMMON, message=Message("hi", CALL, topic=AT)),
    ThinkingEnded(**COMMON, message="m", thinking=Thinking(text="hm", signature="s")),
    ToolAsked(**COMMON, message="m", call=CALL),
    ToolAnswered(**COMMON, result=ToolResult(call_id="c", name="t", content=[Text(text="ok")])),
    ModelAnswered(
        **COMMON,
        model="m",
        usage={"input": 3},
        cost=decimal.Decimal("0.0120"),
        table="prices 1",
        stop="end",
    ),
    InterruptAsked(**COMMON, interrupt="i", kind="approval", question={"$q": [AT]}, call=CALL),
    InterruptAnswered(**COMMON, interrupt="i", answer={"allow": True}, by="eve"),
    Restarted(**COMMON, message="m", attempt=2),
    ErrorRaised(**COMMON, error="ValueError", text="v", hint="h"),
    TextAdded(message="m", offset=3, text="x\n", attempt=2),
    ThinkingAdded(message="m", offset=0, text="hm"),
]


def test_there_is_a_word_for_everything_that_happens() -> None:
    assert [type(event) for event in SOME] == list(EVENTS)
    named = {*get_args(LogEvent.__value__), *get_args(LivePiece.__value__)}
    assert named == set(EVENTS)
    assert {cls for cls in EVENTS if not issubclass(cls, Happened)} == {TextAdded, ThinkingAdded}
    public = {name for name in vars(events) if name[0].isupper()}
    assert {cls.__name__ for cls in EVENTS} <= public


def test_events_do_not_change() -> None:
    for event in SOME:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(event, dataclasses.fields(event)[0].name, "other")
        assert not hasattr(event, "__dict__")
    question: dict[str, Any] = {"a": [1]}
    asked = InterruptAsked(interrupt="i", kind="input", question=question)
    question["a"].append(2)
    assert asked.question == {"a": (1,)}
    with pytest.raises(MessageError):
        InterruptAnswered(interrupt="i", answer={1, 2})


def test_an_event_knows_when_it_happened() -> None:
    before = datetime.datetime.now(datetime.UTC)
    event = RunStarted()
    assert before <= event.at <= datetime.datetime.now(datetime.UTC)
    assert (event.seq, event.run, event.turn, event.agent) == (None, None, None, None)


@pytest.mark.parametrize("event", SOME, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_from_its_json(event: Event) -> None:
    text = event_to_json(event)
    assert event_from_json(text) == event_from_json(text.encode()) == event
    form = event_to_dict(event)
    assert json.loads(text) == form
    assert event_from_dict(form) == event
    if isinstance(event, MessageEnded):
        again = event_from_json(text)
        assert isinstance(again, MessageEnded)
        assert again.message.id == event.message.id


def test_the_form_is_what_it_is_said_to_be() -> None:
    assert event_to_dict(SOME[7]) == {
        "v": 1,
        "type": "tool_asked",
        "seq": 7,
        "at": "2026-11-20T09:30:00+00:00",
        "run": "r",
        "turn": "t",
        "agent": "bob",
        "call": {"type": "tool_call", "id": "c", "name": "t", "args": {"$$a": [1]}},
        "message": "m",
    }
    assert event_to_dict(SOME[14]) == {
        "v": 1,
        "type": "text_added",
        "message": "m",
        "offset": 3,
        "text": "x\n",
        "attempt": 2,
    }
    assert {event_to_dict(event)["type"] for event in SOME} == {
        *("run_started", "run_ended", "turn_started", "turn_ended", "message_started"),
        *("message_ended", "thinking_ended", "tool_asked", "tool_answered", "model_answered"),
        *("interrupt_asked", "interrupt_answered", "restarted", "error_raised"),
        *("text_added", "thinking_added"),
    }
    assert event_to_dict(RunStarted(at=AT)) == {
        "v": 1,
        "type": "run_started",
        "at": "2026-11-20T09:30:00+00:00",
    }


@settings(max_examples=50)
@given(st.text(), st.text(), st.integers(0), st.datetimes(timezones=st.timezones()))
def test_any_words_come_back(message: str, text: str, offset: int, at: datetime.datetime) -> None:
    for event in (
        TextAdded(message=message, offset=offset, text=text),
        ErrorRaised(at=at.astimezone(datetime.UTC), error=message, text=text),
    ):
        assert event_from_json(event_to_json(event)) == event


def test_fields_of_a_newer_release_are_passed_over() -> None:
    form = {**event_to_dict(SOME[0]), "weather": "fine"}
    assert event_from_dict(form) == SOME[0]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"v": 2, "type": "run_started"},
        {"v": 1},
        {"v": 1, "type": "run_exploded"},
        {"v": 1, "type": 5},
        {"v": 1, "type": "restarted"},
        {"v": 1, "type": "restarted", "attempt": "two"},
        {"v": 1, "type": "restarted", "attempt": True},
        {"v": 1, "type": "run_started", "agent": 5},
        {"v": 1, "type": "run_started", "at": "yesterday"},
        {"v": 1, "type": "run_started", "at": "2026-11-20T09:30:00"},
        {"v": 1, "type": "run_started", "at": 5},
        {"v": 1, "type": "message_ended", "message": "m"},
        {"v": 1, "type": "message_ended", "message": {"parts": 5}},
        {"v": 1, "type": "tool_asked", "call": {"type": "text", "text": "x"}},
        {"v": 1, "type": "tool_asked", "call": 5},
        {"v": 1, "type": "tool_answered", "result": {}},
        {"v": 1, "type": "model_answered", "model": "m", "cost": "much"},
        {"v": 1, "type": "model_answered", "model": "m", "cost": 0.1},
        {"v": 1, "type": "model_answered", "model": "m", "usage": {"input": "3"}},
        {"v": 1, "type": "model_answered", "model": "m", "usage": 3},
        {"v": 1, "type": "interrupt_answered", "interrupt": "i", "answer": {"$nope": 1}},
    ],
    ids=repr,
)
def test_malformed_events_are_an_error_with_a_hint(data: Any) -> None:
    with pytest.raises(MessageError) as caught:
        event_from_dict(data)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["", "5", "[]", b"\xff"])
def test_what_is_no_json_object_is_no_event(text: Any) -> None:
    with pytest.raises(MessageError):
        event_from_json(text)


def test_a_reader_can_know_all_the_words() -> None:
    def shown(event: Event) -> str:
        match event:
            case TextAdded(text=text) | ThinkingAdded(text=text):
                return text
            case MessageEnded(message=message):
                return message.text
            case RunStarted() | RunEnded() | TurnStarted() | TurnEnded() | MessageStarted():
                return ""
            case ThinkingEnded() | ToolAsked() | ToolAnswered() | ModelAnswered() | Restarted():
                return ""
            case InterruptAsked() | InterruptAnswered() | ErrorRaised():
                return ""
            case _:
                assert_never(event)

    assert [shown(event) for event in SOME if shown(event)] == ["hi", "x\n", "hm"]


def test_events_are_loaded_by_who_needs_them() -> None:
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"  # coverage is there already, when it watches
        "import retinue.messages, retinue.messages.codecs\n"
        "assert 'retinue.messages.events' not in sys.modules\n"
        "import retinue.messages.codecs.events\n"
        "assert 'decimal' not in set(sys.modules) - before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
