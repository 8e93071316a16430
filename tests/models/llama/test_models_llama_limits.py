"""What a real llama-server does when it is stopped, crowded, filled, misaddressed, or killed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any

import pytest

from retinue import Scope, assistant
from retinue.errors import (
    ContextFull,
    ModelError,
    ModelRejected,
    ModelUnauthorized,
    ModelUnreachable,
    PromiseCancelled,
    StreamIncomplete,
)
from retinue.messages import Image, Message, Text
from retinue.models import ChatChunk, Model, find_model, list_models

from ._server import PATIENCE, Server

type Ask = Callable[..., AbstractAsyncContextManager[Any]]
type Hear = Callable[..., Awaitable[list[ChatChunk]]]
type Serve = Callable[..., AbstractContextManager[Server]]

ENDLESS = {"ignore_eos": True}
"""It goes on until a limit stops it: here that of the slot, 8192 tokens."""


# -- stopped


async def test_leaving_an_answer_frees_its_slot(server: Server, model: Model, ask: Ask) -> None:
    before = await server.written()
    async with asyncio.timeout(PATIENCE), ask(model, "Talk.", options=ENDLESS) as chunks:
        async for _ in chunks:
            await server.until_busy(1)
            break
    await server.until_busy(0)
    assert await server.written() - before < 8000


async def test_cancelling_a_task_frees_the_slot(server: Server, model: Model, ask: Ask) -> None:
    before = await server.written()
    begun = asyncio.Event()

    async def listen() -> None:
        async with ask(model, "Talk.", options=ENDLESS) as chunks:
            async for _ in chunks:
                begun.set()

    task = asyncio.create_task(listen())
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await server.until_busy(0)
    assert await server.written() - before < 8000


async def test_stopping_an_assistant_frees_the_slot(server: Server, model: Model) -> None:
    before = await server.written()
    host = assistant("host", model=model, **ENDLESS)
    async with asyncio.timeout(PATIENCE), Scope():
        replies = host.inquire("Talk.")
        async for promise in replies:
            async for _ in promise:
                break
            break
        replies.cancel()
        with pytest.raises(PromiseCancelled):
            await replies
    await server.until_busy(0)
    assert await server.written() - before < 8000


# -- crowded


async def test_two_are_answered_at_once(server: Server, model: Model, ask: Ask) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        ask(model, "One.", options=ENDLESS) as one,
        ask(model, "Two.", options=ENDLESS) as two,
    ):
        assert await anext(aiter(one)) is not None
        assert await anext(aiter(two)) is not None
        assert await server.busy() == 2
    await server.until_busy(0)


async def test_more_than_it_has_slots_are_answered_in_turn(model: Model, hear: Hear) -> None:
    answers = await asyncio.gather(
        *[hear(model, f"Number {n}.", max_tokens=50, options=ENDLESS) for n in range(8)]
    )
    assert [chunks[-1].stop for chunks in answers] == ["max_tokens"] * 8


# -- filled


async def test_a_conversation_that_does_not_fit_is_context_full(model: Model, hear: Hear) -> None:
    with pytest.raises(ContextFull) as caught:
        await hear(model, "x" * 9000)
    assert caught.value.hint


async def test_an_assistant_says_that_its_context_is_full(model: Model) -> None:
    async with asyncio.timeout(PATIENCE), Scope():
        (message,) = await assistant("host", model=model).inquire("x" * 9000)
    assert message.stop_reason == "context_full"


async def test_an_answer_that_fills_the_context_was_cut(serve: Serve, hear: Hear) -> None:
    with serve("--ctx-size", 2 * 512) as small:
        model = find_model("compatible:tiny", base_url=small.base_url)
        last = (await hear(model, "x" * 300, options=ENDLESS))[-1]
    assert last.stop == "max_tokens"
    assert last.usage is not None
    assert last.usage.input + last.usage.output == 512


async def test_a_context_that_gets_full_in_the_middle_is_no_end(serve: Serve, ask: Ask) -> None:
    """Two answers share one context; the server breaks both off with an error in the stream."""
    with serve("--ctx-size", 1024, "--kv-unified") as small:
        model = find_model("compatible:tiny", base_url=small.base_url)
        heard: list[ChatChunk] = []

        async def listen(said: str) -> None:
            async with ask(model, said * 200, options=ENDLESS) as chunks:
                async for chunk in chunks:
                    heard.append(chunk)

        async with asyncio.timeout(PATIENCE):
            ends = await asyncio.gather(listen("a"), listen("b"), return_exceptions=True)
    assert [type(end) for end in ends] == [ContextFull, ContextFull]
    assert heard
    assert not [chunk for chunk in heard if chunk.stop is not None]


# -- misaddressed, refused


async def test_a_wrong_address_is_refused_with_a_hint(server: Server, hear: Hear) -> None:
    model = find_model("compatible:tiny", base_url=f"{server.url}/v2")
    with pytest.raises(ModelRejected) as caught:
        await hear(model, "hello")
    assert "/v2" in str(caught.value.hint)


async def test_a_server_of_one_model_answers_by_any_name(server: Server, hear: Hear) -> None:
    model = find_model("compatible:another", base_url=server.base_url)
    assert (await hear(model, "hello", max_tokens=2, options=ENDLESS))[-1].stop == "max_tokens"


async def test_a_key_is_asked_for_and_accepted(serve: Serve, hear: Hear) -> None:
    with serve("--api-key", "open-sesame") as locked:
        for key in (None, "wrong"):
            model = find_model("compatible:tiny", base_url=locked.base_url, api_key=key)
            with pytest.raises(ModelUnauthorized):
                await hear(model, "hello")
            with pytest.raises(ModelUnauthorized):
                await list_models("compatible", base_url=locked.base_url, api_key=key)
        model = find_model("compatible:tiny", base_url=locked.base_url, api_key="open-sesame")
        assert (await hear(model, "hello", max_tokens=2))[-1].stop is not None


async def test_a_picture_is_refused_by_who_cannot_see(server: Server, hear: Hear) -> None:
    model = find_model("compatible:tiny", base_url=server.base_url)
    picture = Image(data=b"\x89PNG\r\n\x1a\n", media_type="image/png")
    with pytest.raises(ModelError) as caught:
        await hear(model, Message(parts=[Text(text="Look."), picture], role="user"))
    assert not caught.value.retriable
    assert "not supported" in str(caught.value)


async def test_a_shape_that_is_none_is_refused(model: Model, hear: Hear) -> None:
    with pytest.raises(ModelRejected):
        await hear(model, "Fill it in.", output={"type": "nonsense"})


# -- killed


async def test_a_server_that_dies_leaves_no_whole_answer(serve: Serve, ask: Ask) -> None:
    with serve() as doomed:
        model = find_model("compatible:tiny", base_url=doomed.base_url, retries=0)
        with pytest.raises(StreamIncomplete):
            async with (
                asyncio.timeout(PATIENCE),
                ask(model, "Talk.", options=ENDLESS) as chunks,
            ):
                async for chunk in chunks:
                    assert chunk.stop is None
                    doomed.process.kill()
        with pytest.raises(ModelUnreachable):
            async with asyncio.timeout(PATIENCE), ask(model, "Are you there?"):
                pass
