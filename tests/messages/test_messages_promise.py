"""MessagePromise: a message on its way, token by token."""

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import PromiseCancelled, PromiseError, StreamCut
from retinue.messages import (
    Image,
    Message,
    MessagePromise,
    Piece,
    Text,
    Thinking,
    ToolCall,
)
from retinue.messages._message import Words
from retinue.promise import Promise, Scope, StreamAppender, StreamedPromise, run

LIMIT = 5


class Token(str):
    """Text that is not exactly of class str."""


class Numbered(Message):
    number: int


def streamed(*pieces: Piece | BaseException, **options: Any) -> MessagePromise:
    async def stream(_: object) -> AsyncIterator[Piece]:
        for piece in pieces:
            await asyncio.sleep(0)
            if isinstance(piece, BaseException):
                raise piece
            yield piece

    return MessagePromise(stream, **options)


async def test_tokens_come_before_the_message_and_every_reader_gets_all() -> None:
    async with Scope():
        with StreamAppender[Piece]() as tokens:
            promise = MessagePromise(tokens, role="assistant", agent="bob", topic="t")
            reader = aiter(promise)
            tokens.append("Hel")
            assert await anext(reader) == "Hel"
            assert (promise.role, promise.agent, promise.known) == (
                "assistant",
                "bob",
                {"topic": "t"},
            )
            assert promise.text_so_far == "Hel"
            tokens.append("lo")
        assert [token async for token in promise] == ["Hel", "lo"]
        message = await promise
        assert (await promise) is message
        assert message == Message("Hello", role="assistant", agent="bob", topic="t")


async def test_what_is_learnt_on_the_way_is_metadata_of_the_message() -> None:
    async def stream(promise: MessagePromise) -> AsyncIterator[Piece]:
        yield "x"
        promise.note(usage=3, stop="end")
        promise.note(stop="other", agent="late")

    async with Scope():
        message = await MessagePromise(stream, agent="early", stop="known")
        assert (message.usage, message.stop, message.agent) == (3, "other", "late")


async def test_the_id_is_known_before_the_message() -> None:
    async with Scope():
        promise = streamed("x")
        before = promise.id
        assert promise.id == before
        assert (await promise).id == promise.id == before
        assert (await streamed("x", id="mine")).id == "mine"
        assert streamed("x", id="mine").id == "mine"
        ready = Message("x")
        assert ready.as_promise.id == ready.id


async def test_parts_keep_their_place_between_the_words() -> None:
    image, call = Image(url="u"), ToolCall(id="1", name="t")
    async with Scope():
        promise = streamed("a", "b", image, "c", call)
        assert [piece async for piece in promise.pieces()] == ["a", "b", image, "c", call]
        assert [token async for token in promise] == ["a", "b", "c"]
        assert (await promise).parts == (Text(text="ab"), image, Text(text="c"), call)


async def test_pieces_of_thinking_are_one_thought_until_it_is_signed() -> None:
    async with Scope():
        message = await streamed(
            Thinking(text="a"),
            Thinking(text="b", signature="s"),
            Thinking(text="c"),
            "x",
            Thinking(text="d"),
        )
        assert message.parts == (
            Thinking(text="ab", signature="s"),
            Thinking(text="c"),
            Text(text="x"),
            Thinking(text="d"),
        )


async def test_words_keep_the_source_they_come_from() -> None:
    async with Scope():
        promise = streamed(
            "a",
            Words("b", "user"),
            Text(text="c", source="user"),
            Text(text="d", source="model:m"),
            "e",
            Words("f", None),
            source="model:m",
        )
        assert [token async for token in promise] == list("abcdef")
        assert promise.text_so_far == "abcdef"
        assert (await promise).parts == (
            Text(text="a", source="model:m"),
            Text(text="bc", source="user"),
            Text(text="de", source="model:m"),
            Text(text="f"),
        )


async def test_tokens_of_a_subclass_of_str_are_words_like_others() -> None:
    async with Scope():
        promise = streamed(Token("a"), "b", Token("c"))
        assert [token async for token in promise] == ["a", "b", "c"]
        assert promise.text_so_far == "abc"
        message = await promise
        assert message.parts == (Text(text="abc"),)
        assert type(message.text) is str


@given(st.lists(st.text(max_size=4), max_size=8))
def test_the_text_is_what_was_streamed_however_it_was_cut(tokens: list[str]) -> None:
    async def read() -> tuple[list[str], Message]:
        promise = streamed(*tokens)
        return [token async for token in promise], await promise

    got, message = run(read())
    assert got == tokens
    assert message == Message("".join(tokens), role="assistant") if tokens else message.parts == ()


async def test_a_ready_message_is_a_promise_that_is_kept() -> None:
    message = Message("a", Image(url="u"), Text(text="b", source="user"), role="tool", n=1)
    promise = message.as_promise
    assert promise is message.as_promise
    assert (await promise) is message
    assert (promise.done, promise.role, promise.agent, promise.known) == (
        True,
        "tool",
        None,
        {"n": 1},
    )
    assert [token async for token in promise] == ["a", "b"]
    assert [piece async for piece in promise.pieces()] == ["a", Image(url="u"), "b"]
    assert str(promise) == promise.text_so_far == "ab"
    assert promise.cancel() is False


def test_a_ready_message_outlives_its_loop() -> None:
    promise = Message("x").as_promise
    for _ in range(2):

        async def read() -> Any:
            return [token async for token in promise], await promise

        assert run(read()) == (["x"], Message("x"))


async def test_an_error_between_tokens_reaches_reader_and_awaiter() -> None:
    async with Scope():
        promise = streamed("x", ValueError("mid"))
        reader = aiter(promise)
        assert await anext(reader) == "x"
        with pytest.raises(ValueError, match="mid"):
            await anext(reader)
        with pytest.raises(ValueError, match="mid"):
            await promise
        with pytest.raises(ValueError, match="mid"):
            str(promise)
        assert promise.text_so_far == "x"


async def test_a_message_that_is_not_valid_is_an_error_of_its_promise() -> None:
    async with Scope():
        promise = streamed("x", message_class=Numbered)
        assert [token async for token in promise] == ["x"]
        with pytest.raises(pydantic.ValidationError):
            await promise
        assert (await streamed("x", message_class=Numbered, number=1)).number == 1


async def test_the_text_of_a_message_that_is_not_whole_is_an_error_with_a_hint() -> None:
    async with Scope():
        with StreamAppender[Piece]() as tokens:
            promise = MessagePromise(tokens)
            tokens.append("half")
            with pytest.raises(PromiseError) as caught:
                str(promise)
            assert "await" in str(caught.value.hint).lower()
            assert f"{promise!r}"
        assert f"{promise}" == "half"


async def test_a_cut_or_cancelled_message_never_looks_whole() -> None:
    waiting = asyncio.Event()

    async def stream(_: object) -> AsyncIterator[Piece]:
        yield "half"
        await waiting.wait()
        yield "whole"

    async with Scope():
        promise = MessagePromise(stream)
        assert await anext(aiter(promise)) == "half"
        assert promise.cancel() is True
        with pytest.raises(PromiseCancelled):
            await promise
        assert promise.text_so_far == "half"
    async with Scope():
        lazy = MessagePromise(stream, eager=False)
        assert await anext(aiter(lazy)) == "half"
    with pytest.raises(StreamCut):
        await lazy


async def test_a_relayed_stream_shares_its_pieces() -> None:
    async with Scope():
        original = streamed("a", "b", source="model:m")
        relay = MessagePromise(original, role="user", agent="relay")
        assert [token async for token in relay] == ["a", "b"]
        assert await relay == Message("ab", role="user", agent="relay")
        plain: StreamedPromise[str, Any] = StreamedPromise(pieces=["x", "y"])
        assert (await MessagePromise(plain)).text == "xy"


async def test_readers_are_not_kept_alive_by_a_message() -> None:
    async with Scope():
        promise = streamed("a")
        await promise
        reader = aiter(promise)
        async for _ in reader:
            pass
        gone = weakref.ref(promise)
        del promise, reader
        gc.collect()
        assert gone() is None


async def test_a_reader_that_gives_up_takes_nobody_along() -> None:
    async with Scope():
        with StreamAppender[Piece]() as tokens:
            promise = MessagePromise(tokens)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.001):
                    await promise
            tokens.append("x")
        async with asyncio.timeout(LIMIT):
            assert (await promise).text == "x"


async def test_a_plain_promise_of_a_message_is_awaited_by_nobody_else() -> None:
    async def work(_: object) -> Message:
        return Message("x")

    async with Scope():
        assert (await Promise(work)).text == "x"
