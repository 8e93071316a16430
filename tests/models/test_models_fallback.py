"""Fallback: the first that begins to answer answers, and nothing is left open."""

import asyncio
import logging

import pytest

from retinue import Scope, assistant
from retinue.errors import (
    BudgetExceeded,
    ModelOverloaded,
    ModelRejected,
    ModelUnreachable,
    StreamIncomplete,
)
from retinue.messages import Text, join_messages
from retinue.models import ChatChunk
from retinue.models.fallback import Fallback
from retinue.models.scripted import Scripted

from ._probe import REQUEST, WAIT, Probe, read, read_a_part_in_each_way, said, text_of


def busy() -> ModelOverloaded:
    return ModelOverloaded("too much to do", hint="Wait a little.")


async def test_the_first_answers_where_it_can() -> None:
    first, second = Probe(said("yes"), name="a"), Probe(said("no"), name="b")
    model = Fallback(first, second)
    assert await read(model) == said("yes")
    assert model.name == "a"
    assert (first.closed, second.opened) == (1, 0)


@pytest.mark.parametrize(
    "failure",
    [[busy()], [ConnectionResetError("reset")], []],
    ids=["overloaded", "broken connection", "nothing at all"],
)
async def test_the_next_answers_and_says_who_it_is(failure: list[object]) -> None:
    first, second = Probe(failure, name="a"), Probe(said("hello"), name="b")
    assert await read(Fallback(first, second)) == [ChatChunk(model="b"), *said("hello")]
    assert (first.closed, first.ended, second.closed) == (1, 1, 1)


async def test_why_another_is_asked_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "retinue"):
        await read(Fallback(Probe([busy()], name="a"), Probe(said("hello"), name="b")))
    [record] = caplog.records
    assert record.fields == {"model": "a", "why": "too much to do", "by": "b"}


async def test_where_all_fail_the_last_error_names_the_others() -> None:
    models = [Probe([busy()], name=name) for name in ("a", "b")]
    last = Probe([ModelUnreachable("gone", hint="Look.")], name="c")
    with pytest.raises(ModelUnreachable, match="gone") as caught:
        await read(Fallback(*models, last))
    assert caught.value.hint == (
        "Look. Before that: 'a' failed: too much to do; 'b' failed: too much to do."
    )
    with pytest.raises(ModelUnreachable) as alone:
        await read(Fallback(Probe([OSError("no route")], name="a")))
    assert "no route" in str(alone.value)


@pytest.mark.parametrize("error", [ModelRejected("no"), BudgetExceeded("no"), ZeroDivisionError()])
async def test_what_is_not_retriable_is_for_the_caller(error: Exception) -> None:
    first, second = Probe([error], name="a"), Probe(said("hello"), name="b")
    with pytest.raises(type(error)):
        await read(Fallback(first, second))
    assert (first.closed, second.opened) == (1, 0)


async def test_a_refusal_by_the_second_tells_of_the_first_and_is_final() -> None:
    third = Probe(said("hello"), name="c")
    models = Probe([busy()], name="a"), Probe([ModelRejected("bad request")], name="b"), third
    with pytest.raises(ModelRejected) as caught:
        await read(Fallback(*models))
    assert caught.value.hint == "Before that: 'a' failed: too much to do."
    assert third.opened == 0


async def test_after_the_first_chunk_an_error_passes_through() -> None:
    first = Probe([ChatChunk(text="hal"), StreamIncomplete("broke off")], name="a")
    second = Probe(said("hello"), name="b")
    heard: list[ChatChunk] = []
    with pytest.raises(StreamIncomplete):
        async with Fallback(first, second).chat(REQUEST) as chunks:
            async for chunk in chunks:
                heard.append(chunk)
    assert text_of(heard) == "hal"
    assert (first.closed, second.opened) == (1, 0)


async def test_however_the_reader_leaves_everything_is_closed() -> None:
    first, second = Probe([busy()]), Probe([ChatChunk(text="a"), WAIT], name="b")
    await read_a_part_in_each_way(Fallback(first, second), second)
    assert first.opened == first.closed == 3
    assert second.opened == second.closed == second.ended == 3


async def test_a_cancellation_before_the_first_chunk_asks_nobody_else() -> None:
    first, second = Probe([WAIT], name="a"), Probe(said("hello"), name="b")
    reading = asyncio.create_task(read(Fallback(first, second)))
    async with asyncio.timeout(10):
        await first.waits.wait()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert reading.cancelled()
    assert (first.closed, first.ended, second.opened) == (1, 1, 0)


async def test_fallbacks_nest_and_the_one_who_answers_is_named_last() -> None:
    inner = Fallback(Probe([busy()], name="b"), Probe(said("hello"), name="c"))
    chunks = await read(Fallback(Probe([busy()], name="a"), inner))
    assert [chunk.model for chunk in chunks if chunk.model] == ["b", "c"]


async def test_the_message_says_who_answered() -> None:
    host = assistant(
        "host", model=Fallback(Scripted(busy(), name="a"), Scripted("Hello", name="b"))
    )
    [message] = await host.inquire("hi")
    assert message.model == "b"
    assert message.parts == (Text(text="Hello", source="model:b"),)


async def test_the_first_one_s_words_are_its_own() -> None:
    first, second = Scripted("Hello", name="a"), Scripted("no", name="b")
    [message] = await assistant("host", model=Fallback(first, second)).inquire("hi")
    assert message.model == "a"
    assert message.parts == (Text(text="Hello", source="model:a"),)


async def test_who_answered_is_known_where_it_is_handed_on_unfinished() -> None:
    model = Fallback(Scripted(busy(), name="a"), Scripted("Hello", name="b"))
    async with Scope():
        joined = await join_messages(assistant("host", model=model).inquire("hi"))
    assert joined.parts == (Text(text="Hello", source="model:b"),)
