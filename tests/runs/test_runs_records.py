"""Records: what is written comes back as it was; and what of it a run has still to come to."""

import builtins
import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue import errors
from retinue.errors import ModelOverloaded, PromiseCancelled, RetinueError
from retinue.messages import Message, ToolCall, ToolResult
from retinue.messages.codecs import value_from_json, value_to_json
from retinue.messages.codecs.errors import error_from_dict, error_to_dict
from retinue.messages.events import (
    MessageEnded,
    MessageStarted,
    ModelAnswered,
    RunStarted,
    ToolAnswered,
    ToolAsked,
    TurnStarted,
)
from retinue.runs._past import Past
from retinue.runs._records import Broken, StepRecord, TurnRecord, as_exception
from retinue.runs._telling import told
from retinue.storage import Entry, Journal

OURS = [
    kind
    for kind in vars(errors).values()
    if inspect.isclass(kind) and issubclass(kind, RetinueError)
]

PYTHONS = [
    kind
    for kind in vars(builtins).values()
    if inspect.isclass(kind)
    and issubclass(kind, Exception)
    and not issubclass(kind, UnicodeError | ExceptionGroup | Warning)
]


class Own(ValueError):
    """An error that only this module knows."""


class Odd(Exception):
    """One that is made of something else than its words."""

    def __init__(self, number: int, *, of: str) -> None:
        super().__init__(f"{number} of {of}")
        self.of = of


def again(error: BaseException) -> Exception:
    """As another process reads it."""
    return error_from_dict(value_from_json(value_to_json(error_to_dict(error))))


def same(one: BaseException, other: BaseException) -> None:
    assert type(other) is type(one)
    assert str(other) == str(one)
    assert getattr(other, "hint", None) == getattr(one, "hint", None)


@pytest.mark.parametrize("kind", OURS)
def test_our_errors_come_back_as_they_were(kind: type[RetinueError]) -> None:
    same(kind("what"), again(kind("what")))
    same(kind("what", hint="do this"), again(again(kind("what", hint="do this"))))


def test_how_long_to_wait_comes_back_too() -> None:
    error = again(ModelOverloaded("busy", retry_after=3.5))
    assert isinstance(error, ModelOverloaded)
    assert error.retry_after == 3.5


@pytest.mark.parametrize("kind", PYTHONS)
@pytest.mark.parametrize("args", [(), ("what",), (2, "what"), ("what", 3, None)])
def test_errors_of_python_come_back_as_they_were(
    kind: type[Exception], args: tuple[Any, ...]
) -> None:
    error = kind(*args)
    same(error, again(again(error)))


@given(st.text())
def test_a_key_that_is_missing_is_not_quoted_twice(key: str) -> None:
    same(KeyError(key), again(again(KeyError(key))))


def test_a_class_that_is_imported_is_found_again() -> None:
    same(Own("what"), again(Own("what")))
    odd = again(Odd(3, of="four"))
    assert isinstance(odd, Odd)
    assert str(odd) == "3 of four"


def test_a_class_that_is_not_known_here_keeps_its_name_and_its_words() -> None:
    data = {**error_to_dict(Own("what")), "name": "Elsewhere"}
    error = error_from_dict(data)
    assert isinstance(error, ValueError)
    assert (type(error).__name__, str(error)) == ("Elsewhere", "what")
    assert type(error_from_dict(data)) is type(error)


def test_an_error_that_cannot_be_made_of_words_is_of_what_it_is_a_kind_of() -> None:
    with pytest.raises(UnicodeDecodeError) as caught:
        b"\xff".decode()
    error = again(caught.value)
    assert isinstance(error, UnicodeError)
    assert (type(error).__name__, str(error)) == ("UnicodeDecodeError", str(caught.value))


def test_a_missing_file_is_still_a_missing_file() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        open("/nowhere/at/all")  # noqa: SIM115 - it is the error that is wanted
    error = again(caught.value)
    assert isinstance(error, FileNotFoundError)
    assert str(error) == str(caught.value)


def test_the_errors_of_a_group_come_back_with_it() -> None:
    group = again(ExceptionGroup("several", [Own("a"), ExceptionGroup("inner", [KeyError("b")])]))
    assert isinstance(group, ExceptionGroup)
    assert str(group) == "several (2 sub-exceptions)"
    matched, rest = group.split(Own)
    assert [str(error) for error in matched.exceptions] == ["a"]
    assert [str(error) for error in rest.exceptions] == ["inner (1 sub-exception)"]


def test_what_is_no_exception_becomes_one() -> None:
    assert isinstance(error_from_dict({"type": "CancelledError", "message": ""}), PromiseCancelled)
    error = error_from_dict({"type": "SystemExit", "message": "3"})
    assert isinstance(error, RetinueError)
    assert str(error) == "SystemExit: 3"
    assert str(as_exception(KeyboardInterrupt("now"))) == "KeyboardInterrupt: now"
    assert as_exception(kept := Own("what")) is kept


def test_a_turn_comes_back_as_it_was() -> None:
    broken = Broken(id="2", role="assistant", agent="a", text="so far", error=Own("broke"))
    record = TurnRecord(
        agent="a",
        parent="p",
        replies=("1", broken, Own("in between")),
        error=Own("at last"),
        reason="failed",
        reads={"3": "hash"},
        state=(1, None, "x"),
    )
    read = TurnRecord.from_json(record.to_json())
    first, second, third = read.replies
    assert first == "1"
    assert isinstance(second, Broken)
    assert (second.id, second.role, second.agent, second.text) == ("2", "assistant", "a", "so far")
    same(broken.error, second.error)
    assert isinstance(third, Own)
    assert read.error is not None
    same(Own("at last"), read.error)
    assert (read.agent, read.parent, read.reason) == ("a", "p", "failed")
    assert (dict(read.reads), read.state) == ({"3": "hash"}, (1, None, "x"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.decimals(),
        lambda inner: st.lists(inner).map(tuple) | st.frozensets(st.text()),
        max_leaves=8,
    )
)
def test_what_a_step_gave_comes_back_as_it_was(value: Any) -> None:
    read = StepRecord.from_json(StepRecord(name="n", args=value, result=value).to_json())
    assert repr(read.result) == repr(value) or read.result == value
    assert read.error is None


def test_a_step_that_failed_fails_again() -> None:
    read = StepRecord.from_json(StepRecord(name="n", effect="once", error=Own("no")).to_json())
    assert read.error is not None
    same(Own("no"), read.error)
    assert read.effect == "once"


def past(*events: Any, entries: tuple[Entry, ...] = ()) -> Past:
    return Past(Journal(entries=entries, events=events, answers={}))


def entry(address: str, kind: Any, state: Any, record: TurnRecord | StepRecord) -> Entry:
    return Entry(address=address, kind=kind, turn="t", state=state, body=record.to_json())


def test_what_was_told_is_not_told_again_and_each_counts_once() -> None:
    call = ToolCall(id="1", name="x", args={})
    answered = ToolAnswered(result=ToolResult(call_id="1", name="x", content="y"), turn="t")
    model = ModelAnswered(model="m", turn="t")
    known = past(ToolAsked(call=call, turn="t"), model, model)
    assert known.was_told(ToolAsked(call=call, turn="t"))
    assert not known.was_told(ToolAsked(call=call, turn="t"))
    assert not known.was_told(answered)
    assert [known.was_told(model) for _ in range(3)] == [True, True, False]
    assert not past().was_told(model)


def test_messages_that_are_begun_anew_are_those_of_turns_that_are_not_over() -> None:
    message = Message("whole", id="1")
    record = TurnRecord(agent="a", parent="", replies=())
    known = past(
        RunStarted(agent="a"),
        TurnStarted(turn="t"),
        MessageStarted(message="1", role="assistant", turn="t"),
        MessageStarted(message="2", role="assistant", turn="t"),
        MessageStarted(message="3", role="assistant", turn="over"),
        MessageEnded(message=message, turn="t"),
        entries=(
            entry("over", "turn", "done", record),
            entry("t", "turn", "intent", record),
        ),
    )
    assert known.begun
    assert list(known.open_messages()) == [("2", "t")]
    assert known.turn("t") is None
    assert known.turn("over") is not None
    assert not past().begun


def test_a_turn_has_to_come_to_its_effects_and_its_messages_again() -> None:
    done = StepRecord(name="act", effect="once", result=1)
    free = StepRecord(name="look", result=1)
    known = past(
        MessageEnded(message=Message("x", id="1"), turn="t"),
        entries=(entry("e", "step", "done", done), entry("f", "step", "done", free)),
    )
    assert known.effects("t")
    known.claim("t", "e")
    assert not known.effects("t")
    assert known.unclaimed("t")
    known.claim("t", "1")
    known.claim("other", "1")
    assert not known.unclaimed("t")
    again = past(entries=(entry("e", "step", "done", done),))
    again.accept("t")
    assert not again.unclaimed("t")
    rehearsed = past(entries=(entry("e", "step", "done", done),))
    rehearsed.accept_all()
    assert not rehearsed.unclaimed("t")


def test_what_nobody_reads_in_a_log_is_not_told() -> None:
    assert told("something_else", {}) is None
