"""Hooks for messages: asked before readers see one, told once of each, nothing lost or doubled."""

import asyncio
import contextlib
import logging
import pickle
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue.errors import HookFailed, MessageError
from retinue.messages import (
    ErrorMessage,
    Feed,
    Frozen,
    Message,
    MessageHooks,
    MessagePromise,
    MessageSequencePromise,
    Piece,
    join_messages,
    sequence_of,
    split_messages,
)
from retinue.promise import Hooks, Promise, Scope, StreamAppender, current

LIMIT = 5


class Note(Frozen):
    """A record that holds a message."""


class Log:
    """What a handler was told, batch by batch; fails the first `fail` times."""

    def __init__(self, fail: int = 0, error: type[Exception] = OSError) -> None:
        self.batches: list[tuple[Message, ...]] = []
        self.asked = 0
        self._fail = fail
        self._error = error

    async def __call__(self, messages: Sequence[Message]) -> None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.asked <= self._fail:
            raise self._error("down")
        self.batches.append(tuple(messages))

    @property
    def told(self) -> list[Message]:
        return [message for batch in self.batches for message in batch]

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.told]


def streamed(*pieces: Piece | BaseException, **options: Any) -> MessagePromise:
    async def stream(_: object) -> AsyncIterator[Piece]:
        for piece in pieces:
            await asyncio.sleep(0)
            if isinstance(piece, BaseException):
                raise piece
            yield piece

    return MessagePromise(stream, **options)


def growing(scope: Scope, **options: Any) -> tuple[Feed, MessageSequencePromise]:
    feed = Feed(scope, **options)
    return feed, MessageSequencePromise(feed, scope)


async def collect(sequence: MessageSequencePromise) -> list[str]:
    got: list[str] = []
    reader = aiter(sequence)
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                got.append(str(await (await anext(reader))))
            except StopAsyncIteration:
                return got
            except Exception as error:
                got.append(f"!{type(error).__name__}")


# -- told of messages


async def test_each_message_is_told_once_however_often_it_passes() -> None:
    log = Log()
    async with Scope(hooks=MessageHooks(on_message=log)):
        message = Message("same")
        for _ in range(3):
            await message.as_promise
        replies = sequence_of([message, message, "other", streamed("str", "eam")])
        relayed = sequence_of([replies, [replies]])
        await relayed
        await sequence_of(await relayed)
        async with Scope():
            await sequence_of([message, *await replies])
        again = pickle.loads(pickle.dumps(message))
        await sequence_of(again)
    assert sorted(log.texts) == ["other", "same", "stream"]


async def test_the_same_words_said_again_are_another_message() -> None:
    log = Log()
    async with Scope(hooks=MessageHooks(on_message=log)):
        await sequence_of(["x", "x"])
    assert log.texts == ["x", "x"]
    assert log.told[0].id != log.told[1].id


async def test_messages_of_one_tick_are_told_together_and_in_order() -> None:
    log = Log()
    async with Scope(hooks=MessageHooks(on_message=log)):
        await sequence_of([str(n) for n in range(5)])
        for _ in range(5):
            await asyncio.sleep(0)
        await sequence_of(["a", "b"])
    assert [[m.text for m in batch] for batch in log.batches] == [list("01234"), ["a", "b"]]


async def test_one_call_is_made_at_a_time_and_the_scope_waits_for_all() -> None:
    running = 0
    most = 0
    told: list[str] = []

    async def slow(messages: Sequence[Message]) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(5):
            await asyncio.sleep(0)
        told.extend(m.text for m in messages)
        running -= 1

    async with Scope(hooks=MessageHooks(on_message=slow)):
        for n in range(10):
            await sequence_of([str(n)])
            await asyncio.sleep(0)
    assert (most, told) == (1, [str(n) for n in range(10)])


async def test_messages_inside_of_others_are_told_before_them() -> None:
    log = Log()
    async with Scope(hooks=MessageHooks(on_message=log)):
        deep = Message("deep")
        inner = Message("inner", of={"list": [deep]})
        record = Note(about=Message("in a record"))
        outer = Message("outer", a=[inner, deep], b=frozenset([Message("in a set")]), c=record)
        await outer.as_promise
        await deep.as_promise
    texts = log.texts
    assert sorted(texts) == ["deep", "in a record", "in a set", "inner", "outer"]
    assert texts.index("deep") < texts.index("inner") < texts.index("outer")
    assert texts[-1] == "outer"


async def test_originals_of_joined_messages_are_told_before_them() -> None:
    log = Log()
    async with Scope(hooks=MessageHooks(on_message=log)):
        joined = join_messages(split_messages("a\n\nb"), delimiter="|")
        await sequence_of([joined])
    assert log.texts[-1] == "a|b"
    assert sorted(log.texts[:-1]) == ["a", "a\n\nb", "b"]


async def test_nesting_of_any_depth_is_told() -> None:
    message = Message("0")
    for n in range(1, 3000):
        message = Message(str(n), inner=message)
        message.hash  # noqa: B018 - kept by each, so that nothing recurses later
    log = Log()
    async with Scope(hooks=MessageHooks(on_message=log)):
        await message.as_promise
    assert log.texts == [str(n) for n in range(3000)]


async def test_a_message_from_outside_is_told_when_it_is_whole() -> None:
    log = Log()
    async with Scope():
        with StreamAppender[Piece]() as tokens:
            outside = MessagePromise(tokens)
            ready = Message("ready")
            await ready.as_promise
            async with Scope(hooks=MessageHooks(on_message=log)):
                sequence = sequence_of([outside, ready])
                tokens.append("whole")
                await asyncio.sleep(0)
                tokens.close()
                await sequence
    assert sorted(log.texts) == ["ready", "whole"]


async def test_what_failed_or_was_cut_is_not_told() -> None:
    log = Log()

    async def stuck(_: object) -> AsyncIterator[Piece]:
        yield "half"
        await asyncio.Event().wait()

    async with Scope(hooks=MessageHooks(on_message=log)):
        cut = MessagePromise(stuck)
        sequence = sequence_of(["a", streamed("half", ValueError()), cut, KeyError(), "b"])
        assert await anext(aiter(cut)) == "half"
        cut.cancel()
        assert await collect(sequence) == [
            "a",
            "!ValueError",
            "!PromiseCancelled",
            "!KeyError",
            "b",
        ]
    assert log.texts == ["a", "b"]


async def test_inner_and_outer_hooks_are_told_each_for_themselves() -> None:
    outer, inner = Log(), Log()
    async with Scope(hooks=MessageHooks(on_message=outer)):
        await sequence_of("before")
        async with Scope(hooks=Hooks()), Scope(hooks=MessageHooks(on_message=inner)):
            await sequence_of("inside")
        await sequence_of("after")
    assert outer.texts == ["before", "inside", "after"]
    assert inner.texts == ["inside"]


async def test_a_handler_may_use_promises_of_its_own_scope() -> None:
    scopes: list[Scope | None] = []

    async def storing(messages: Sequence[Message]) -> None:
        scopes.append(current.get())

        async def work(_: object) -> int:
            return len(messages)

        assert await Promise(work) == len(messages)

    async with Scope(hooks=MessageHooks(on_message=storing)) as scope, Scope():
        await sequence_of("x")
        for _ in range(5):
            await asyncio.sleep(0)
    assert scopes == [scope]


async def test_other_handlers_are_told_of_every_promise_as_ever() -> None:
    seen: list[Any] = []

    async def resolved(_: Promise[Any], outcome: Any) -> None:
        seen.append(outcome)

    async def work(_: object) -> int:
        return 5

    log = Log()
    async with Scope(hooks=MessageHooks(on_message=log, on_resolved=[resolved])):
        await Promise(work)
        message = Message("x")
        await message.as_promise
        await sequence_of([message])
    assert 5 in seen
    assert seen.count(message) == 1
    assert log.texts == ["x"]


# -- when the handler fails


async def test_what_a_handler_did_not_take_is_given_to_it_again_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = Log(fail=1)
    hooks = MessageHooks(on_message=log)
    async with Scope(hooks=hooks):
        await sequence_of(["a", "b"])
        for _ in range(5):
            await asyncio.sleep(0)
        assert [m.text for m in hooks.owed] == ["a", "b"]
        await sequence_of("c")
    assert log.texts == ["c", "a", "b"]
    assert hooks.owed == ()
    assert "on_message failed" in caplog.text


async def test_a_handler_that_fails_again_fails_the_scope_and_nothing_is_lost() -> None:
    log = Log(fail=9)
    hooks = MessageHooks(on_message=log)
    with pytest.raises(HookFailed, match="3 messages") as caught:
        async with Scope(hooks=hooks):
            messages = await sequence_of(["a", "b"])
            for _ in range(5):
                await asyncio.sleep(0)
            await messages[0].as_promise
            await sequence_of("c")
    assert [m.text for m in hooks.owed] == ["a", "b", "c"]
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.hint
    assert log.asked == 3, "twice as they came, and once more for all of them"


async def test_what_is_said_while_the_scope_ends_is_told_too() -> None:
    told: list[str] = []

    async def talking(messages: Sequence[Message]) -> None:
        told.extend(m.text for m in messages)
        if len(told) < 3:
            await sequence_of(f"{told[-1]}!")

    async with Scope(hooks=MessageHooks(on_message=talking)):
        await sequence_of("a")
    assert told == ["a", "a!", "a!!"]


async def test_an_error_in_the_scope_loses_no_message() -> None:
    log = Log()
    with pytest.raises(ValueError, match="v"):
        async with Scope(hooks=MessageHooks(on_message=log)):
            await sequence_of(["a", "b"])
            raise ValueError("v")
    assert log.texts == ["a", "b"]


async def test_cancelling_the_scope_loses_and_doubles_no_message() -> None:
    entered = asyncio.Event()
    release = asyncio.Event()
    told: list[str] = []

    async def slow(messages: Sequence[Message]) -> None:
        entered.set()
        await release.wait()
        told.extend(m.text for m in messages)

    async def program() -> None:
        async with Scope(hooks=MessageHooks(on_message=slow)):
            await sequence_of(["a", "b"])
            await entered.wait()
            await asyncio.Event().wait()

    task = asyncio.create_task(program())
    async with asyncio.timeout(LIMIT):
        await entered.wait()
        task.cancel()
        await asyncio.sleep(0)
        release.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert told == ["a", "b"]


async def test_cancelling_a_scope_that_waits_for_its_work_loses_no_message() -> None:
    log = Log()
    leaving = asyncio.Event()

    async def work(_: object) -> None:
        leaving.set()
        await asyncio.Event().wait()

    async def program() -> None:
        async with Scope(hooks=MessageHooks(on_message=log)):
            Promise(work)
            await sequence_of("a")

    task = asyncio.create_task(program())
    async with asyncio.timeout(LIMIT):
        await leaving.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert log.texts == ["a"]


async def test_an_interruption_while_the_last_are_told_waits_for_them() -> None:
    entered = asyncio.Event()
    release = asyncio.Event()
    told: list[str] = []

    async def slow(messages: Sequence[Message]) -> None:
        entered.set()
        await release.wait()
        told.extend(m.text for m in messages)

    async def program() -> None:
        async with Scope(hooks=MessageHooks(on_message=slow)):
            await sequence_of(["a"])

    task = asyncio.create_task(program())
    async with asyncio.timeout(LIMIT):
        await entered.wait()
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        release.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert told == ["a"]


def test_a_loop_that_is_torn_down_leaves_what_was_not_taken_owed() -> None:
    async def never(_: Sequence[Message]) -> None:
        await asyncio.Event().wait()

    hooks = MessageHooks(on_message=never)

    async def program() -> None:
        scope = Scope(hooks=hooks)
        await scope.__aenter__()
        await sequence_of("a")
        await asyncio.sleep(0)

    asyncio.run(program())
    assert [m.text for m in hooks.owed] == ["a"]


# -- asked before


async def test_nothing_of_a_message_is_seen_before_it_is_let_through() -> None:
    release = asyncio.Event()
    asked: list[str] = []

    async def gate(message: Message) -> None:
        asked.append(message.text)
        await release.wait()

    async with Scope(hooks=MessageHooks(before_message=gate)), asyncio.timeout(LIMIT):
        with StreamAppender[Piece]() as tokens:
            sequence = sequence_of([MessagePromise(tokens, role="tool", agent="bob", n=1), "b"])
            promises = [promise async for promise in sequence]
            assert (promises[0].role, promises[0].agent, promises[0].known) == (
                "tool",
                "bob",
                {"n": 1},
            )
            tokens.append("a")
            await asyncio.sleep(0)
        reading = asyncio.create_task(anext(aiter(promises[0])))
        for _ in range(10):
            await asyncio.sleep(0)
        assert sorted(asked) == ["a", "b"]
        assert not reading.done()
        release.set()
        assert await reading == "a"
        assert [m.text for m in await sequence] == ["a", "b"]


async def test_a_message_that_is_let_through_is_the_very_same() -> None:
    async def gate(message: Message) -> None:
        return None

    async with Scope(hooks=MessageHooks(before_message=gate)):
        message = Message("x")
        (shown,) = await sequence_of(message)
        assert shown is message


async def test_a_message_may_be_replaced_and_readers_see_the_other() -> None:
    log = Log()

    async def gate(message: Message) -> Message | None:
        return message.replaced(text=message.text.upper()) if message.text != "c" else None

    async with Scope(hooks=MessageHooks(before_message=gate, on_message=log)):
        sequence = sequence_of(["a", streamed("b", "b"), "c"])
        tokens = [[t async for t in promise] async for promise in sequence]
        assert tokens == [["A"], ["BB"], ["c"]]
        messages = await sequence
        assert [m.text for m in messages] == ["A", "BB", "c"]
        assert await sequence_of([sequence, messages]) == (*messages, *messages)
    assert sorted(log.texts) == ["A", "BB", "c"], "on_message is told of what readers see"


async def test_what_the_gate_raises_stands_in_the_place_of_the_message() -> None:
    log = Log()

    async def gate(message: Message) -> None:
        if message.text == "bad":
            raise PermissionError("no")

    async with Scope(hooks=MessageHooks(before_message=gate, on_message=log)):
        sequence = sequence_of(["a", "bad", streamed("x", ValueError()), "b"])
        assert await collect(sequence) == ["a", "!PermissionError", "!ValueError", "b"]
        with pytest.raises(PermissionError, match="no"):
            await sequence
    assert log.texts == ["a", "b"]


async def test_with_errors_as_messages_the_gates_errors_are_messages_too() -> None:
    log = Log()

    async def gate(message: Message) -> None:
        if message.text == "bad":
            raise PermissionError("no")

    async with Scope(hooks=MessageHooks(before_message=gate, on_message=log)) as scope:
        feed, sequence = growing(scope, errors_as_messages=True)
        feed.add(["a", "bad", KeyError("k")])
        feed.end()
        messages = await sequence
        assert [str(m) for m in messages] == ["a", "\nPermissionError: no", "KeyError: 'k'"]
        assert isinstance(messages[1], ErrorMessage)
    assert {m.id for m in log.told} == {m.id for m in messages}


async def test_a_gate_is_asked_once_about_each_message() -> None:
    asked: list[str] = []

    async def gate(message: Message) -> Message | None:
        asked.append(message.text)
        await asyncio.sleep(0)
        return message.replaced(text=message.text + "!") if message.text == "b" else None

    async with Scope(hooks=MessageHooks(before_message=gate)):
        stream, message = streamed("a"), Message("b")
        one, two = sequence_of([stream, message]), sequence_of([message, stream])
        relayed = sequence_of([one, two, one])
        assert [m.text for m in await relayed] == ["a", "b!", "b!", "a", "a", "b!"]
        async with Scope():
            again = sequence_of(await relayed)
            assert [m.text for m in await again] == ["a", "b!", "b!", "a", "a", "b!"]
        assert [m.text for m in await sequence_of([message, await stream])] == ["b!", "a"]
    assert sorted(asked) == ["a", "b"]


async def test_inner_gates_are_asked_before_outer_ones() -> None:
    def marking(mark: str) -> Any:
        async def gate(message: Message) -> Message:
            return message.replaced(text=message.text + mark)

        return gate

    async with Scope(hooks=MessageHooks(before_message=marking("o"))):
        async with Scope(hooks=MessageHooks(before_message=marking("i"))):
            inside = await sequence_of("x")
            assert [m.text for m in inside] == ["xio"]
            promise = await anext(aiter(sequence_of(streamed("y"))))
        assert [m.text for m in await sequence_of([inside, promise])] == ["xio", "yio"]


async def test_a_gate_that_gives_something_else_is_an_error_with_a_hint() -> None:
    async def gate(message: Message) -> Any:
        return "text"

    async with Scope(hooks=MessageHooks(before_message=gate)):
        with pytest.raises(MessageError) as caught:
            await sequence_of("x")
        assert caught.value.hint


async def test_in_a_lazy_scope_a_gate_is_asked_on_demand() -> None:
    asked: list[str] = []

    async def gate(message: Message) -> None:
        asked.append(message.text)

    async with Scope(eager=False, hooks=MessageHooks(before_message=gate)):
        sequence = sequence_of(["a"])
        for _ in range(5):
            await asyncio.sleep(0)
        assert asked == []
        assert [m.text for m in await sequence] == ["a"]
        assert asked == ["a"]


async def test_hooks_of_another_kind_change_nothing() -> None:
    async with Scope(hooks=Hooks()):
        message = Message("x")
        (shown,) = await sequence_of([message])
        assert shown is message
        assert [p.done async for p in sequence_of([message])] == [True]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 5), max_size=5), max_size=6),
    st.sets(st.integers(0, 12)),
    st.booleans(),
)
def test_nothing_is_lost_or_doubled_whenever_the_handler_fails(
    rounds: list[list[int]], failures: set[int], gated: bool
) -> None:
    told: list[str] = []
    calls = 0

    async def handler(messages: Sequence[Message]) -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        if calls in failures:
            raise OSError("down")
        told.extend(m.id for m in messages)

    async def gate(message: Message) -> None:
        await asyncio.sleep(0)

    hooks = MessageHooks(on_message=handler, before_message=gate if gated else None)

    async def program() -> set[str]:
        said: set[str] = set()
        with contextlib.suppress(HookFailed):
            async with Scope(hooks=hooks):
                known = [Message(str(n)) for n in range(6)]
                for numbers in rounds:
                    inside = sequence_of([known[n] if n % 2 else streamed(str(n)) for n in numbers])
                    said |= {m.id for m in await sequence_of([inside, inside])}
                    await asyncio.sleep(0)
        return said

    logging.getLogger("retinue").disabled = True
    try:
        said = asyncio.run(asyncio.wait_for(program(), LIMIT))
    finally:
        logging.getLogger("retinue").disabled = False
    owed = [m.id for m in hooks.owed]
    assert len(told) == len(set(told)), "nothing is doubled"
    assert not set(told) & set(owed)
    assert {*told, *owed} == said, "nothing is lost"
