"""Sequences: whatever is put in comes out flat, in order, with errors in their place."""

import asyncio
import contextlib
import gc
import random
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue.errors import (
    AppenderClosed,
    AppenderNotOpen,
    CircularWait,
    MessageError,
    PromiseCancelled,
    PromiseError,
)
from retinue.messages import (
    ErrorMessage,
    Feed,
    Frozen,
    Image,
    Message,
    MessagePromise,
    Messages,
    MessageSequenceAppender,
    MessageSequencePromise,
    Piece,
    sequence_of,
)
from retinue.promise import Failure, Promise, Scope, StreamAppender, StreamedPromise, run

LIMIT = 10


async def collect(sequence: MessageSequencePromise, limit: int = 50) -> list[str]:
    """What a patient reader of one iterator gets; an error by its name, in its place."""
    got: list[str] = []
    reader = aiter(sequence)
    async with asyncio.timeout(LIMIT):
        for _ in range(limit):
            try:
                got.append(str(await (await anext(reader))))
            except StopAsyncIteration:
                break
            except Exception as error:
                got.append(f"!{type(error).__name__}")
    return got


def growing(**options: Any) -> tuple[Feed, MessageSequencePromise]:
    """A sequence that is still open."""
    from retinue.promise import scope_for_new_work

    scope = scope_for_new_work()
    feed = Feed(scope, **options)
    return feed, MessageSequencePromise(feed, scope)


async def later(*items: Any) -> AsyncIterator[Any]:
    for item in items:
        await asyncio.sleep(0)
        if isinstance(item, BaseException):
            raise item
        yield item


async def test_everything_comes_out_flat_and_in_order() -> None:
    async def work(_: object) -> Any:
        return ["i", {"text": "j"}]

    class Odd(str):
        pass

    class Form(pydantic.BaseModel):
        text: str
        role: str = "tool"

    async with Scope():
        with StreamAppender[Piece]() as tokens:
            slow = MessagePromise(tokens)
            inner = sequence_of(["d", ("e", [["f"]])])
            stream: StreamedPromise[Any, Any] = StreamedPromise(pieces=["k", ["l"]])
            sequence = sequence_of(
                [
                    "a",
                    [Message("b"), slow, [], inner],
                    (x for x in ("g",)),
                    Message("h").as_promise,
                    Promise(work),
                    stream,
                    later("m", ["n", later("o")], sequence_of("p")),
                    Odd("qu"),
                    Form(text="r"),
                    Messages([Message("s")]),
                    Frozen(text="record", role="tool"),
                    {"a": "t"}.values(),
                    asyncio.ensure_future(asyncio.sleep(0, "u")),
                ]
            )
            reader = asyncio.create_task(collect(sequence))
            await asyncio.sleep(0)
            tokens.append("c")
        expected = [*"abcdefghijklmnop", "qu", *"rs", "record", *"tu"]
        assert await reader == expected
        got = await sequence
        assert [str(message) for message in got] == expected
        assert isinstance(got, Messages)
        assert got[expected.index("r")].role == "tool"
        assert await collect(sequence) == expected, "every reader gets all of it"


async def test_a_sequence_gives_promises_and_resolves_to_their_messages() -> None:
    async with Scope():
        message = Message("b")
        sequence = sequence_of(["a", {"k": 1}, message])
        promises = [promise async for promise in sequence]
        again = [promise async for promise in sequence]
        messages = await sequence
        assert all(one is other for one, other in zip(promises, again, strict=True))
        assert [await promise for promise in promises] == list(messages)
        assert (await promises[0]) is messages[0]
        assert messages[2] is message
        assert messages[1].k == 1
        assert (await sequence) is messages
        assert sequence_of(sequence) is sequence
        assert sequence.ended
        assert sequence.so_far == tuple(promises)
        assert sequence.identity is None
        assert sequence.cancel() is False


@pytest.mark.parametrize("messages", [(), [], [[], ()], iter(())])
async def test_nothing_is_an_empty_sequence(messages: Any) -> None:
    sequence = sequence_of(messages)
    assert await sequence == ()
    assert await collect(sequence) == []
    assert str(sequence) == ""


@pytest.mark.parametrize("one", ["x", Message("x"), Messages([Message("x")]), ["x"]], ids=repr)
async def test_one_message_is_a_sequence_in_every_way(one: Any) -> None:
    sequence = sequence_of(one)
    assert await collect(sequence) == ["x"]
    assert [m.text for m in await sequence] == ["x"]
    assert sequence.cancel() is False
    assert sequence.ended
    again = sequence_of([sequence, "y", sequence])
    assert await collect(again) == ["x", "y", "x"]


async def test_plain_words_get_the_role_and_name_of_who_says_them() -> None:
    for item in ("x", ["x"], later("x"), {"text": "x"}):
        (message,) = await sequence_of(item, role="assistant", agent="bob")
        assert message == Message("x", role="assistant", agent="bob")
    (message,) = await sequence_of({"text": "x", "role": "tool", "agent": None}, agent="bob")
    assert message == Message("x", role="tool")


async def test_an_error_comes_at_its_place_and_later_siblings_survive() -> None:
    def breaking() -> Iterator[str]:
        yield "d"
        raise KeyError("k")

    async def work(_: object) -> Any:
        raise OSError("o")

    async with Scope():
        sequence = sequence_of(
            [
                "a",
                ValueError("v"),
                "b",
                [TypeError("t"), "c"],
                breaking(),
                "e",
                later("f", LookupError("l")),
                Promise(work),
                {"text": "x", "parts": 5},
                "g",
            ]
        )
        assert await collect(sequence) == [
            *("a", "!ValueError", "b", "!TypeError", "c", "d", "!KeyError", "e", "f"),
            *("!LookupError", "!OSError", "!TypeError", "g"),
        ]
        with pytest.raises(ValueError, match="v"):
            await sequence
        with pytest.raises(ValueError, match="v"):
            str(await sequence_of(sequence))


async def test_every_reader_gets_the_same_error_object() -> None:
    error = ValueError("v")
    async with Scope():
        stream: StreamedPromise[Any, Any] = StreamedPromise(pieces=["a"])
        outer = sequence_of([sequence_of([later("a", error), "b"]), stream])
        caught: list[BaseException] = []
        for sequence in (outer, outer, sequence_of([outer])):
            try:
                await sequence
            except ValueError as found:
                caught.append(found)
        assert all(found is error for found in caught)
        assert len(caught) == 3


async def test_errors_of_a_stream_of_messages_keep_their_place_too() -> None:
    async with Scope():
        with StreamAppender[Any]() as items:
            items.append("a").append(ValueError("v")).append(["b"])
            stream: StreamedPromise[Any, Any] = StreamedPromise(items)
        assert await collect(sequence_of([stream, "c"])) == ["a", "!ValueError", "b", "c"]


async def test_awaiting_raises_the_first_error_that_is_a_cause() -> None:
    async def stream(_: object) -> AsyncIterator[Piece]:
        yield "x"
        raise ValueError("in a message")

    async with Scope():
        with pytest.raises(ValueError, match="in a message"):
            await sequence_of(
                [PromiseCancelled("stopped"), MessagePromise(stream), KeyError("later")]
            )
        with pytest.raises(PromiseCancelled):
            await sequence_of(["a", PromiseCancelled("stopped")])


@pytest.mark.parametrize(
    "item",
    [5, None, b"xy", bytearray(b"x"), object(), Image(url="u"), int],
    ids=lambda item: type(item).__name__,
)
async def test_what_is_no_message_is_refused_with_a_hint(item: Any) -> None:
    sequence = sequence_of(["a", item, "b"])
    assert await collect(sequence) == ["a", "!MessageError", "b"]
    with pytest.raises(MessageError) as caught:
        await sequence
    assert caught.value.hint


async def test_lists_may_be_nested_as_deep_as_you_like() -> None:
    nested: Any = "leaf"
    for _ in range(10_000):
        nested = [nested]
    assert await collect(sequence_of(nested)) == ["leaf"]


@pytest.mark.parametrize("demanded_first", [False, True])
async def test_sequences_may_be_nested_as_deep_as_you_like(demanded_first: bool) -> None:
    async with Scope():
        feed, sequence = growing()
        innermost = sequence
        for _ in range(10_000):
            sequence = sequence_of([sequence])
        reader = asyncio.create_task(collect(sequence))
        if demanded_first:
            await asyncio.sleep(0)
        feed.add(["leaf", later("later")])
        feed.end()
        assert await reader == ["leaf", "later"]
        assert await collect(innermost) == ["leaf", "later"]
        assert len(await sequence) == 2


async def test_a_list_that_contains_itself_is_an_error_in_its_place() -> None:
    endless: list[Any] = ["a"]
    endless += [endless, ["b", endless], "c"]
    async with Scope():
        assert await collect(sequence_of(endless)) == [
            "a",
            "!CircularWait",
            "b",
            "!CircularWait",
            "c",
        ]
        twice = ["x"]
        assert await collect(sequence_of([twice, twice])) == ["x", "x"]


async def test_an_iterable_that_cannot_be_iterated_is_an_error_in_its_place() -> None:
    class Broken:
        def __iter__(self) -> Any:
            raise OSError("broken")

    assert await collect(sequence_of(["a", Broken(), "b"])) == ["a", "!OSError", "b"]


@pytest.mark.parametrize("out_of_order", [False, True])
async def test_a_sequence_that_contains_itself_is_an_error_in_its_place(out_of_order: bool) -> None:
    async with Scope():
        feed, sequence = growing()
        other_feed, other = growing()
        add = feed.add_out_of_order if out_of_order else feed.add
        add(sequence)
        add("a")
        other_feed.add(sequence)
        add(other)
        other_feed.end()
        feed.end()
        got = await collect(sequence)
        assert sorted(got) == ["!CircularWait", "!CircularWait", "a"]
        with pytest.raises(CircularWait) as caught:
            await sequence
        assert caught.value.hint


async def test_what_can_change_is_fixed_when_it_is_put_in() -> None:
    items: list[Any] = ["a", ["b"]]
    fields = {"text": "c", "n": [1]}
    sequence = sequence_of([items, fields])
    items[1].append("later")
    fields["text"] = "other"
    assert await collect(sequence) == ["a", "b", "c"]


async def test_messages_come_as_they_become_known_and_in_their_order() -> None:
    async with Scope():
        first, second = StreamAppender[Piece]().open(), StreamAppender[Piece]().open()
        feed, sequence = growing()
        feed.add([MessagePromise(first), MessagePromise(second)])
        reader = aiter(sequence)
        one, two = await anext(reader), await anext(reader)
        second.append("two")
        second.close()
        assert (await two).text == "two"
        assert not one.done
        first.close()
        feed.add("three")
        assert str(await (await anext(reader))) == "three"
        feed.end()
        with pytest.raises(StopAsyncIteration):
            await anext(reader)


async def test_what_is_out_of_order_overtakes_what_is_not_ready() -> None:
    async with Scope():
        slow_feed, slow = growing()
        feed, sequence = growing()
        feed.add(["a", slow, "z"])
        feed.add_out_of_order("b")
        feed.add_out_of_order([later("c", "d"), sequence_of("e"), ValueError("v")])
        reader = aiter(sequence)
        texts: list[str] = []
        for _ in range(6):
            try:
                texts.append(str(await (await anext(reader))))
            except ValueError:
                texts.append("!")
        assert texts[0] == "a"
        assert sorted(texts[1:]) == ["!", "b", "c", "d", "e"]
        slow_feed.add("s")
        slow_feed.end()
        feed.end()
        assert [str(await promise) async for promise in reader] == ["s", "z"]


async def test_the_same_sequence_may_be_put_in_twice() -> None:
    async with Scope():
        feed, inner = growing()
        outer_feed, outer = growing()
        outer_feed.add([inner, inner])
        outer_feed.add_out_of_order(inner)
        outer_feed.add_out_of_order(inner)
        outer_feed.end()
        reader = asyncio.create_task(collect(outer))
        await asyncio.sleep(0)
        feed.add(["a", "b"])
        feed.end()
        assert sorted(await reader) == ["a"] * 4 + ["b"] * 4


async def test_async_iterables_are_read_on_demand_and_closed() -> None:
    read: list[str] = []

    async def items() -> AsyncIterator[str]:
        try:
            for item in "abc":
                read.append(item)
                yield item
        finally:
            read.append("closed")

    async with Scope():
        sequence = sequence_of(["x", items()])
        await asyncio.sleep(0)
        assert read == []
        assert await collect(sequence) == ["x", "a", "b", "c"]
        assert read == ["a", "b", "c", "closed"]


async def test_an_async_iterable_is_closed_when_its_reading_is_stopped() -> None:
    closed = asyncio.Event()
    never = asyncio.Event()

    async def items() -> AsyncIterator[Any]:
        try:
            yield "a"
            yield later_for_ever()
        finally:
            closed.set()

    async def later_for_ever() -> AsyncIterator[str]:
        await never.wait()
        yield "never"

    async with Scope():
        sequence = sequence_of([items(), "b"])
        reader = aiter(sequence)
        assert str(await (await anext(reader))) == "a"
        assert sequence.cancel() is True
        with pytest.raises(PromiseCancelled):
            await anext(reader)
        with pytest.raises(StopAsyncIteration):
            await anext(reader)
        async with asyncio.timeout(LIMIT):
            await closed.wait()
        with pytest.raises(PromiseCancelled):
            await sequence


async def test_cancelling_stops_what_was_read_out_of_order() -> None:
    closed = asyncio.Event()

    async def stuck() -> AsyncIterator[str]:
        try:
            yield "a"
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with Scope():
        feed, sequence = growing()
        feed.add_out_of_order(stuck())
        assert str(await (await anext(aiter(sequence)))) == "a"
        assert sequence.cancel() is True
        async with asyncio.timeout(LIMIT):
            await closed.wait()
        assert await collect(sequence) == ["a", "!PromiseCancelled"]


async def test_a_cancelled_sequence_stays_as_it_is_whatever_still_comes() -> None:
    async with Scope():
        inner_feed, inner = growing()
        feed, sequence = growing()
        feed.add(["a", inner, "later"])
        aside_feed, aside = growing()
        feed.add_out_of_order(aside)
        assert sequence.cancel() is True
        assert sequence.cancel() is False
        inner_feed.add("too late")
        inner_feed.end()
        aside_feed.add("too late")
        aside_feed.end()
        feed.end()
        assert await collect(sequence) == ["a", "!PromiseCancelled"]
        assert await collect(inner) == ["too late"], "what belongs to others goes on"


async def test_leaving_a_scope_by_an_error_ends_what_it_was_reading() -> None:
    never = asyncio.Event()

    async def stuck() -> AsyncIterator[str]:
        yield "a"
        await never.wait()

    sequence: Any = None
    with contextlib.suppress(KeyError):
        async with Scope():
            sequence = sequence_of([stuck(), "b"])
            assert str(await (await anext(aiter(sequence)))) == "a"
            raise KeyError
    assert await collect(sequence) == ["a", "!PromiseCancelled", "b"]


class Turnlike:
    """What feeds a sequence: a stand-in for a turn."""

    def __init__(self) -> None:
        self.stopped = 0
        self.label = "turn"
        self.main_task: Any = None

    def cancel_turn(self) -> None:
        self.stopped += 1


async def test_cancelling_replies_stops_the_turn_they_come_from_and_nobody_elses() -> None:
    async with Scope():
        owner = Turnlike()
        feed, replies = growing(owner=owner)
        feed.owned_log = True
        assert replies.cancel() is True
        assert owner.stopped == 1
        feed.end(Failure(PromiseCancelled("stopped")))
        assert replies.cancel() is False
        asking, asked = growing(owner=owner)
        asking.add("a")
        assert asked.cancel() is True
        assert owner.stopped == 1
        assert await collect(asked) == ["a", "!PromiseCancelled"]


async def test_a_sequence_says_who_can_bring_it_on() -> None:
    async with Scope():
        owner = Turnlike()
        feed, replies = growing(owner=owner)
        assert replies._producers() == (owner,)
        assert replies.main_task is None
        outer = sequence_of([sequence_of([replies])])
        assert outer._producers() == (owner,)
        assert growing()[1]._producers() is None
        aside_feed, aside = growing()
        feed.add_out_of_order(aside)
        assert replies._producers() is None, "anybody could"
        aside_feed.end()
        feed.end()
        assert await outer == ()


async def test_a_sequence_that_starts_on_demand_is_started_once() -> None:
    async with Scope():
        feed, sequence = growing()
        started: list[str] = []

        def start() -> None:
            started.append("now")
            feed.add("a")
            feed.end()

        sequence._on_demand = start
        outer = sequence_of([sequence])
        await asyncio.sleep(0)
        assert started == []
        assert await collect(outer) == ["a"]
        assert await collect(sequence) == ["a"]
        assert started == ["now"]


async def test_the_text_of_messages_on_their_way_is_an_error_with_a_hint() -> None:
    async with Scope():
        feed, sequence = growing()
        with pytest.raises(PromiseError) as caught:
            str(sequence)
        assert "await" in str(caught.value.hint)
        assert "MessageSequencePromise" in repr(sequence)
        feed.add(["a", "b"])
        feed.end()
        assert str(await sequence) == str(sequence) == "a\n\nb"


async def test_a_reader_that_gives_up_takes_nobody_along() -> None:
    async with Scope():
        feed, sequence = growing()
        for _ in range(3):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.001):
                    await sequence
        assert len(sequence._log.enders or ()) == 1
        reader = asyncio.create_task(collect(sequence))
        patient = asyncio.create_task(awaited(sequence))
        feed.add("x")
        feed.end()
        assert await reader == ["x"]
        assert len(await patient) == 1


async def awaited(sequence: MessageSequencePromise) -> Messages:
    return await sequence


async def test_a_reader_that_is_cancelled_while_a_message_fails_is_cancelled() -> None:
    async with Scope():
        with StreamAppender[Piece](capture_errors=True) as tokens:
            sequence = sequence_of([MessagePromise(tokens)])
            reader = asyncio.create_task(awaited(sequence))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            reader.cancel()
            raise ValueError("v")
        with pytest.raises(asyncio.CancelledError):
            await reader


async def test_a_sequence_that_nobody_holds_is_gone() -> None:
    async with Scope():
        feed, inner = growing()
        outer = sequence_of([inner])
        feed.add("x")
        feed.end()
        await outer
        gone = [weakref.ref(thing) for thing in (inner, outer)]
        del feed, inner, outer
        gc.collect()
        assert [ref() for ref in gone] == [None, None]


def test_without_a_loop_a_sequence_waits_for_its_first_reader() -> None:
    pending = sequence_of(["a", later("b"), "c"])
    outer = sequence_of([pending, "d", later("e")])
    feed, aside = growing()
    feed.add_out_of_order(["x", later("y")])
    feed.end()
    with pytest.raises(PromiseError):
        str(outer)

    async def read() -> tuple[list[str], list[str]]:
        await pending
        return await collect(outer), await collect(aside)

    assert run(read()) == (["a", "b", "c", "d", "e"], ["x", "y"])


def test_without_a_loop_nothing_can_be_pumped() -> None:
    feed, _ = growing()
    feed.add(later("x"))
    with pytest.raises(PromiseError) as caught:
        feed.go()
    assert caught.value.hint


async def test_an_appender_is_opened_written_and_closed() -> None:
    async with Scope():
        feed, sequence = growing()
        appender = MessageSequenceAppender(feed, capture_errors=False)
        with pytest.raises(AppenderNotOpen):
            appender.append("x")
        with appender:
            assert appender.is_open
            appender.append("a").append(["b"]).append("c", out_of_order=True)
        assert (appender.was_open, appender.is_open) == (True, False)
        appender.close()
        with pytest.raises(AppenderClosed):
            appender.append("x")
        with pytest.raises(AppenderClosed):
            appender.open()
        assert await collect(sequence) == ["a", "b", "c"]


@pytest.mark.parametrize("capture", [False, True])
async def test_an_error_that_leaves_the_block_of_an_appender_is_its_last_piece(
    capture: bool,
) -> None:
    async with Scope():
        feed, sequence = growing()
        raised: list[str] = []
        try:
            with MessageSequenceAppender(feed, capture_errors=capture) as appender:
                appender.append("a")
                raise ValueError("v")
        except ValueError as error:
            raised.append(str(error))
        assert raised == ([] if capture else ["v"])
        assert await collect(sequence) == ["a", "!ValueError"]


async def test_failures_may_be_put_in_as_they_are() -> None:
    failure = Failure(ValueError("v"))
    assert await collect(sequence_of(["a", failure])) == ["a", "!ValueError"]


# -- errors as messages


async def test_errors_become_messages_in_their_place() -> None:
    async with Scope():
        feed, sequence = growing(errors_as_messages=True)
        feed.add(["a", ValueError("v"), later("b", KeyError("k")), "c"])
        feed.end()
        messages = await sequence
        assert [str(m) for m in messages] == ["a", "ValueError: v", "b", "KeyError: 'k'", "c"]
        assert [type(m) for m in messages] == [
            Message,
            ErrorMessage,
            Message,
            ErrorMessage,
            Message,
        ]


async def test_an_error_in_the_middle_of_a_message_is_the_end_of_its_text() -> None:
    async def half(_: object) -> AsyncIterator[Piece]:
        yield "half"
        yield Image(url="u")
        raise ValueError("v")

    async with Scope():
        feed, sequence = growing(errors_as_messages=True)
        feed.add(MessagePromise(half, role="tool", agent="bob", n=1))
        feed.end()
        (promise,) = [promise async for promise in sequence]
        assert (promise.role, promise.agent, promise.known) == ("tool", "bob", {"n": 1})
        assert [token async for token in promise] == ["half", "\nValueError: v"]
        message = await promise
        assert isinstance(message, ErrorMessage)
        assert (message.text, message.n, message.role) == ("half\nValueError: v", 1, "tool")
        assert Image(url="u") in message.parts
        assert promise.cancel() is False


async def test_a_message_that_goes_well_is_the_very_same() -> None:
    async def whole(promise: MessagePromise) -> AsyncIterator[Piece]:
        yield "whole"
        promise.note(usage=1)

    async with Scope():
        original = MessagePromise(whole)
        lazy = MessagePromise(whole, eager=False)
        feed, sequence = growing(errors_as_messages=True)
        feed.add([original, lazy])
        feed.end()
        safe, safe_lazy = [promise async for promise in sequence]
        assert safe is not original
        assert [token async for token in safe_lazy] == ["whole"]
        assert (await safe) is (await original)
        assert (await safe_lazy) is (await lazy)


async def test_errors_are_messages_also_after_the_scope_is_left() -> None:
    async def half(_: object) -> AsyncIterator[Piece]:
        yield "half"
        raise ValueError("v")

    async with Scope():
        feed, sequence = growing(errors_as_messages=True)
        feed.add(MessagePromise(half))
        feed.end()
        (promise,) = [promise async for promise in sequence]
    assert str(await promise) == "half\nValueError: v"
    assert await collect(sequence) == ["half\nValueError: v"]


async def test_a_message_that_is_not_valid_is_an_error_message_with_its_text() -> None:
    class Numbered(Message):
        number: int

    async def words(_: object) -> AsyncIterator[Piece]:
        yield "words"

    async with Scope():
        feed, sequence = growing(errors_as_messages=True)
        feed.add(MessagePromise(words, message_class=Numbered))
        feed.end()
        (message,) = await sequence
        assert isinstance(message, ErrorMessage)
        assert message.text.startswith("words\nValidationError: 1 validation error")


async def test_a_cut_message_is_an_error_message_and_not_whole() -> None:
    never = asyncio.Event()

    async def stuck(_: object) -> AsyncIterator[Piece]:
        yield "half"
        await never.wait()

    async with Scope():
        feed, sequence = growing(errors_as_messages=True)
        feed.add(MessagePromise(stuck))
        feed.end()
        (promise,) = [promise async for promise in sequence]
        assert await anext(aiter(promise)) == "half"
        assert promise.cancel() is True
        message = await promise
        assert isinstance(message, ErrorMessage)
        assert message.text.startswith("half\nPromiseCancelled")


async def test_a_finished_message_is_safe_already() -> None:
    async with Scope():
        done = MessagePromise(StreamAppender[Piece]().open())
        done._log.push("x")
        done._log.close()
        await done
        feed, sequence = growing(errors_as_messages=True)
        feed.add(done)
        feed.end()
        assert [promise async for promise in sequence] == [done]


async def test_a_safe_message_says_who_can_bring_it_on() -> None:
    async def stream(_: object) -> AsyncIterator[Piece]:
        yield "x"

    async with Scope():
        original = MessagePromise(stream, eager=False)
        feed, sequence = growing(errors_as_messages=True)
        feed.add(original)
        feed.end()
        (safe,) = [promise async for promise in sequence]
        assert safe._producers() == (original,)


async def test_a_class_that_leaves_the_program_is_no_message() -> None:
    class Leaving(Message):
        number: int = 0

        @pydantic.model_validator(mode="after")
        def leave(self) -> "Leaving":
            raise SystemExit(3)

    async def program() -> None:
        async with Scope():
            with StreamAppender[Piece]() as tokens:
                tokens.append("x")
            feed, sequence = growing(errors_as_messages=True)
            feed.add(MessagePromise(tokens, message_class=Leaving))
            feed.end()
            await sequence

    with pytest.raises(SystemExit):
        await program()


async def test_an_exit_signal_is_no_message() -> None:
    async def leave(_: object) -> AsyncIterator[Piece]:
        yield "a"
        raise SystemExit(3)

    async def program() -> None:
        async with Scope():
            feed, sequence = growing(errors_as_messages=True)
            feed.add(MessagePromise(leave))
            feed.end()
            await sequence

    with pytest.raises(SystemExit):
        await program()


# -- any structure, any interleaving

LEAF = st.integers(0, 9)
TREES = st.recursive(
    LEAF,
    lambda inner: st.tuples(
        st.sampled_from(["list", "tuple", "generator", "sequence", "growing", "async", "promise"]),
        st.lists(inner, max_size=4),
    ),
    max_leaves=16,
)


def leaves(tree: Any) -> list[str]:
    if isinstance(tree, int):
        return [f"!{tree}" if tree == 0 else str(tree)]
    return [leaf for inner in tree[1] for leaf in leaves(inner)]


class Zero(Exception):
    pass


@settings(max_examples=150, deadline=None)
@given(TREES, st.randoms(use_true_random=False), st.integers(1, 3), st.booleans())
def test_any_structure_flattens_to_its_leaves_for_any_interleaving_of_readers(
    tree: Any, rng: random.Random, readers: int, early: bool
) -> None:
    async def program() -> None:
        pauses = [rng.randrange(3) for _ in range(20)]

        async def pause() -> None:
            for _ in range(pauses[rng.randrange(20)]):
                await asyncio.sleep(0)

        def build(tree: Any) -> Any:
            if tree == 0:
                return Zero()
            if isinstance(tree, int):
                kind = rng.randrange(3)
                if kind == 0:
                    return str(tree)
                if kind == 1:
                    return Message(str(tree))

                async def stream(_: object) -> AsyncIterator[Piece]:
                    await pause()
                    yield str(tree)

                return MessagePromise(stream)
            kind, inner = tree[0], [build(item) for item in tree[1]]
            match kind:
                case "list":
                    return inner
                case "tuple":
                    return tuple(inner)
                case "generator":
                    return (item for item in inner)
                case "sequence":
                    return sequence_of(inner)
                case "growing":
                    feed, sequence = growing()

                    async def grow() -> None:
                        for item in inner:
                            await pause()
                            feed.add(item)
                        await pause()
                        feed.end()

                    growers.append(asyncio.create_task(grow()))
                    return sequence
                case "async":
                    return paused(inner)
                case _:

                    async def work(_: object) -> Any:
                        await pause()
                        return inner

                    return Promise(work)

        async def paused(items: list[Any]) -> AsyncIterator[Any]:
            for item in items:
                await pause()
                yield item

        async def read(sequence: MessageSequencePromise) -> list[str]:
            await pause()
            got: list[str] = []
            reader = aiter(sequence)
            while True:
                await pause()
                try:
                    got.append(str(await (await anext(reader))))
                except StopAsyncIteration:
                    return got
                except Zero:
                    got.append("!0")

        growers: list[asyncio.Task[None]] = []
        expected = leaves(tree)
        async with asyncio.timeout(LIMIT), Scope():
            sequence = sequence_of([build(tree)])
            if not early:
                await asyncio.gather(*growers)
            got = await asyncio.gather(*(read(sequence) for _ in range(readers)))
            assert got == [expected] * readers
            if "!0" in expected:
                with pytest.raises(Zero):
                    await sequence
            else:
                assert [m.text for m in await sequence] == expected
            await asyncio.gather(*growers)

    asyncio.run(program())
