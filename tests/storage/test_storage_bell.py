"""The bell tells who listens at once, never grows, and says when there may be more."""

import asyncio
from collections.abc import Awaitable

import pytest

from retinue.errors import StoreFailed
from retinue.messages.events import RunStarted, TextAdded, ThinkingAdded
from retinue.storage import Ends, Grown, Happens
from retinue.storage._bell import _LIMIT, Bell, news


def event(seq: int) -> RunStarted:
    return RunStarted(seq=seq)


async def soon[T](awaited: Awaitable[T]) -> T:
    return await asyncio.wait_for(awaited, 10)


async def test_who_listens_hears_what_is_told_in_order() -> None:
    bell = Bell()
    with bell.hear("c") as ear, bell.hear("other") as other:
        bell.tell("c", event(1), event(2))
        bell.tell("c", event(3))
        heard, look = await soon(ear.heard())
        assert [one.seq for one in heard] == [1, 2, 3]  # type: ignore[union-attr]
        assert not look
        assert await soon(other.heard(within=0.001)) == ([], True)


async def test_who_waits_is_woken() -> None:
    bell = Bell()
    with bell.hear("c") as ear:
        waiting = asyncio.ensure_future(ear.heard())
        await asyncio.sleep(0)
        bell.tell("c", event(1))
        bell.tell("c", event(2))
        heard, _ = await soon(waiting)
        assert len(heard) == 2


@pytest.mark.parametrize("everywhere", [True, False])
async def test_who_waits_is_told_to_look(everywhere: bool) -> None:
    bell = Bell()
    with bell.hear("c") as ear:
        waiting = asyncio.ensure_future(ear.heard())
        await asyncio.sleep(0)
        bell.look(None if everywhere else "c")
        assert await soon(waiting) == ([], True)


async def test_silence_is_a_reason_to_look() -> None:
    with Bell().hear("c") as ear:
        assert await soon(ear.heard(within=0.001)) == ([], True)
        assert await soon(ear.heard(within=0.001)) == ([], True)


async def test_who_does_not_listen_keeps_no_news_but_looks() -> None:
    bell = Bell()
    with bell.hear("c") as ear:
        for seq in range(_LIMIT):
            bell.tell("c", event(seq))
        bell.tell("c", event(_LIMIT))
        bell.tell("c", event(_LIMIT + 1))
        heard, look = await soon(ear.heard())
        assert look
        assert [one.seq for one in heard] == [_LIMIT + 1]  # type: ignore[union-attr]


async def test_a_cancelled_listener_loses_nothing() -> None:
    bell = Bell()
    with bell.hear("c") as ear:
        waiting = asyncio.ensure_future(ear.heard())
        await asyncio.sleep(0)
        waiting.cancel()
        bell.tell("c", event(1))
        await asyncio.wait({waiting})
        heard, _ = await soon(ear.heard())
        assert len(heard) == 1


def test_who_left_is_forgotten() -> None:
    bell = Bell()
    with bell.hear("c") as first:
        with bell.hear("c"):
            pass
        bell.tell("c", event(1))
        assert first._news
    assert not bell._logs


async def test_runs_are_rung_once_each() -> None:
    bell = Bell()
    bell.ring("nobody listens")
    async with bell.runs() as runs:
        bell.ring("a", "b")
        bell.ring("a")
        assert [await soon(anext(runs)), await soon(anext(runs))] == ["a", "b"]
        waiting = asyncio.ensure_future(anext(runs))
        await asyncio.sleep(0)
        bell.ring("c")
        assert await soon(waiting) == "c"
    assert not bell._runs


async def test_nobody_waits_for_a_store_that_is_closed() -> None:
    bell = Bell()
    with bell.hear("c") as ear, pytest.raises(StoreFailed) as caught:
        waiting = asyncio.ensure_future(ear.heard())
        await asyncio.sleep(0)
        bell.close()
        await soon(waiting)
    assert caught.value.hint == "Open it again."
    with bell.hear("c") as ear, pytest.raises(StoreFailed):
        await soon(ear.heard())
    async with bell.runs() as runs:
        with pytest.raises(StoreFailed):
            await soon(anext(runs))


def test_a_write_is_told_as_its_events_and_pieces() -> None:
    changes = (
        Happens(event=RunStarted()),
        Grown(message="m", attempt=2, offset=3, text="a"),
        Grown(message="m", attempt=2, offset=4, text="b", kind="thinking"),
        Ends(reason="done"),
        Happens(event=RunStarted(seq=1)),
    )
    first, text, thinking, last = news(changes, first=7)
    assert (getattr(first, "seq", None), getattr(last, "seq", None)) == (7, 8)
    assert text == TextAdded(message="m", attempt=2, offset=3, text="a")
    assert thinking == ThinkingAdded(message="m", attempt=2, offset=4, text="b")
