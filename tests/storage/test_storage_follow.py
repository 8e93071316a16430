"""Following, case by case: gaps, late and lost hints, long logs, the end of a store."""

import asyncio
import datetime
from collections.abc import Sequence
from typing import Any

import pytest

from retinue.errors import NotFound, StoreFailed
from retinue.messages import Message, Text, Thinking
from retinue.messages.events import (
    Event,
    MessageEnded,
    MessageStarted,
    Restarted,
    RunStarted,
    TextAdded,
    ThinkingAdded,
)
from retinue.storage import Tail
from retinue.storage._bell import Bell
from retinue.storage._follow import PAGE, follow
from retinue.storage._told import _LIMIT, Told

AT = datetime.datetime(2031, 5, 1, tzinfo=datetime.UTC)


def started(seq: int, name: str = "m") -> MessageStarted:
    return MessageStarted(seq=seq, at=AT, message=name, role="assistant")


def ended(seq: int, text: str, name: str = "m", thinking: str = "") -> MessageEnded:
    parts = (Thinking(text=thinking), Text(text=text))
    return MessageEnded(seq=seq, at=AT, message=Message(parts=parts, id=name))


def text(offset: int, words: str, attempt: int = 1, name: str = "m") -> TextAdded:
    return TextAdded(message=name, attempt=attempt, offset=offset, text=words)


def heard(told: Told, *events: Event) -> list[Event]:
    return [one for event in events for one in told.hear(event)]


class Fixed:
    """A log whose events and tails are what a test says."""

    def __init__(self, *events: Any, tails: Sequence[Tail] = ()) -> None:
        self.log = list(events)
        self.open = tuple(tails)
        self.asked = 0

    async def events(self, _: str, *, after: int = 0, limit: int = 500) -> tuple[Any, ...]:
        self.asked += 1
        return tuple(self.log[after : after + limit])

    async def tails(self, _: str) -> tuple[Tail, ...]:
        return self.open


async def soon(events: Any) -> Any:
    return await asyncio.wait_for(anext(events), 10)


# -- what one reader is told


def test_events_are_told_in_order_and_a_gap_is_a_reason_to_look() -> None:
    told = Told(2)
    assert heard(told, RunStarted(seq=1), RunStarted(seq=2)) == []
    assert heard(told, RunStarted(seq=4)) == []
    assert told.behind
    assert [e.seq for e in heard(told, RunStarted(seq=3), RunStarted(seq=4))] == [3, 4]  # type: ignore[union-attr]
    assert told.seq == 4


def test_a_gap_in_a_text_waits_for_what_is_between() -> None:
    told = Told(0)
    assert heard(told, started(1), text(0, "ab"), text(4, "ef")) == [started(1), text(0, "ab")]
    assert told.behind
    assert heard(told, text(1, "bcd")) == [text(2, "cd"), text(4, "ef")]


def test_what_is_between_may_come_with_the_tails() -> None:
    told = Told(0)
    heard(told, started(1), text(0, "ab"), text(4, "ef"))
    tails = (Tail(message="m", attempt=1, text="abcd", thinking="Hm"),)
    assert list(told.tails(tails, ())) == [
        ThinkingAdded(message="m", offset=0, text="Hm"),
        text(2, "cd"),
        text(4, "ef"),
    ]
    assert not told.behind


def test_what_waits_is_told_in_its_order() -> None:
    told = Told(0)
    heard(told, started(1), text(4, "ef"), text(2, "cd"))
    tails = (Tail(message="m", attempt=1, text="ab"),)
    assert list(told.tails(tails, ())) == [text(0, "ab"), text(2, "cd"), text(4, "ef")]


def test_pieces_of_the_next_attempt_wait_for_it() -> None:
    told = Told(0)
    heard(told, started(1), text(0, "x", attempt=2), text(0, "ab"), text(0, "y", attempt=3))
    again = Restarted(seq=2, message="m", attempt=2)
    assert heard(told, again, text(2, "cd")) == [again, text(0, "x", attempt=2)]


def test_tails_that_lag_behind_take_nothing_back() -> None:
    told = Told(0)
    heard(told, started(1), text(0, "abcd"))
    assert list(told.tails((Tail(message="m", attempt=1, text="ab"),), ())) == []
    assert heard(told, text(4, "e")) == [text(4, "e")]


def test_a_message_that_ended_while_its_tail_was_read_is_over() -> None:
    told = Told(1)
    assert heard(told, ended(2, "abc")) == [ended(2, "abc")]
    assert list(told.tails((Tail(message="m", attempt=1, text="ab"),), {"m"})) == []
    assert heard(told, text(2, "c")) == []


def test_a_tail_of_an_older_attempt_is_over() -> None:
    told = Told(1)
    heard(told, Restarted(seq=2, message="m", attempt=2))
    assert list(told.tails((Tail(message="m", attempt=1, text="ab"),), ())) == []
    assert heard(told, text(0, "x", attempt=2), text(1, "y")) == [text(0, "x", attempt=2)]


def test_what_was_begun_in_pieces_is_told_in_pieces_to_its_end() -> None:
    told = Told(0)
    heard(told, started(1), text(0, "ab"))
    end = ended(2, "abcd", thinking="Hm")
    assert heard(told, end) == [
        ThinkingAdded(message="m", offset=0, text="Hm"),
        text(2, "cd"),
        end,
    ]


def test_what_was_not_begun_in_pieces_is_told_whole() -> None:
    told = Told(0)
    assert heard(told, started(1), ended(2, "abcd")) == [started(1), ended(2, "abcd")]


def test_a_turn_that_begins_anew_without_a_message_is_an_event() -> None:
    event = Restarted(seq=1, attempt=2)
    assert heard(Told(0), event) == [event]


def test_pieces_that_wait_in_vain_are_bounded() -> None:
    told = Told(0)
    heard(told, *[text(at, "x", name="never") for at in range(_LIMIT)])
    assert not told.behind
    heard(told, text(_LIMIT, "x", name="never"))
    assert told.behind
    assert sum(map(len, told._waiting.values())) == 1


# -- following a log


async def test_silence_is_broken_by_looking() -> None:
    log = Fixed(RunStarted(seq=1))
    async with follow(log, Bell(), "c", patience=0.001) as events:
        assert (await soon(events)).seq == 1
        log.log.append(RunStarted(seq=2))
        assert (await soon(events)).seq == 2


async def test_events_that_are_told_in_order_are_not_read() -> None:
    log = Fixed(RunStarted(seq=1))
    bell = Bell()
    async with follow(log, bell, "c") as events:
        await soon(events)
        asked = log.asked
        waiting = asyncio.ensure_future(soon(events))
        await asyncio.sleep(0)
        for seq in range(2, 50):
            bell.tell("c", RunStarted(seq=seq))
        await waiting
        for _ in range(3, 50):
            await soon(events)
    assert log.asked == asked


async def test_a_gap_is_read() -> None:
    log = Fixed(RunStarted(seq=1))
    bell = Bell()
    async with follow(log, bell, "c", patience=60) as events:
        await soon(events)
        log.log += [RunStarted(seq=2), RunStarted(seq=3)]
        bell.tell("c", RunStarted(seq=3))
        assert [(await soon(events)).seq, (await soon(events)).seq] == [2, 3]


@pytest.mark.parametrize("count", [PAGE - 1, PAGE, PAGE + 1, 2 * PAGE])
async def test_pages_are_read_to_the_end(count: int) -> None:
    tail = Tail(message="m", attempt=1, text="ab")
    log = Fixed(started(1), *[RunStarted(seq=n) for n in range(2, count + 1)], tails=[tail])
    async with follow(log, Bell(), "c") as events:
        seqs = [(await soon(events)).seq for _ in range(count)]
        assert seqs == list(range(1, count + 1))
        assert await soon(events) == text(0, "ab")


async def test_what_cannot_be_read_is_said_to_the_reader() -> None:
    class Gone(Fixed):
        async def tails(self, conversation: str) -> Any:
            if self.asked:
                raise NotFound("it was deleted")
            return ()

    bell = Bell()
    async with follow(Gone(RunStarted(seq=1)), bell, "c") as events:
        await soon(events)
        bell.look("c")
        with pytest.raises(NotFound):
            await soon(events)
    log = Gone()
    log.asked = 1
    with pytest.raises(NotFound):
        async with follow(log, bell, "c"):
            raise AssertionError("it is not there")
    assert not bell._logs


async def test_a_store_that_is_closed_ends_its_readers() -> None:
    bell = Bell()
    async with follow(Fixed(RunStarted(seq=1)), bell, "c") as events:
        await soon(events)
        waiting = asyncio.ensure_future(soon(events))
        await asyncio.sleep(0)
        bell.close()
        with pytest.raises(StoreFailed, match="The store was closed"):
            await waiting
