"""Law 3: what runs by itself, what on demand, and how far ahead."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from retinue.errors import StreamCut
from retinue.promise import Scope, StreamedPromise

pytestmark = pytest.mark.timeout(20)


class Source:
    """Streams numbers and remembers how many it made."""

    def __init__(self, n: int = 100) -> None:
        self.n = n
        self.made = 0
        self.closed = 0

    async def __call__(self, _: Any) -> AsyncIterator[int]:
        try:
            for number in range(self.n):
                self.made += 1
                yield number
        finally:
            self.closed += 1


async def ticks(n: int = 10) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


async def test_an_eager_stream_runs_without_a_reader() -> None:
    source = Source()
    async with Scope():
        StreamedPromise(source)
        assert source.made == 0
        await ticks()
        assert source.made == 100


async def test_a_lazy_stream_makes_exactly_what_was_asked_for() -> None:
    source = Source()
    async with Scope():
        stream = StreamedPromise(source, eager=False)
        await ticks()
        assert source.made == 0
        one, other = aiter(stream), aiter(stream)
        for asked in range(1, 4):
            await anext(one)
            await ticks()
            assert source.made == asked
        await anext(other)  # made already
        await ticks()
        assert source.made == 3
        await stream
        assert source.made == 100
    assert source.closed == 1


async def test_a_stream_may_run_ahead_of_its_fastest_reader_by_so_much() -> None:
    source = Source()
    async with Scope() as scope:
        stream = StreamedPromise(source, read_ahead=4)
        await ticks()
        assert source.made == 4
        fast, slow = aiter(stream), aiter(stream)
        for read in range(1, 10):
            assert await anext(fast) == read - 1
            await ticks()
            assert source.made == 4 + read
        for read in range(5):
            assert await anext(slow) == read
        await ticks()
        assert source.made == 13
        assert not scope._tasks
    assert source.made == 100, "leaving the scope lifts it"
    assert await stream == tuple(range(100))


async def test_to_run_nothing_ahead_is_to_be_lazy() -> None:
    source = Source()
    async with Scope():
        stream = StreamedPromise(source, read_ahead=0)
        await ticks()
        assert source.made == 0
        assert await anext(aiter(stream)) == 0
    with pytest.raises(StreamCut):
        await stream


async def test_whoever_wants_the_whole_wants_every_piece() -> None:
    for arguments in ({"eager": False}, {"read_ahead": 3}):
        source = Source()
        async with Scope():
            stream = StreamedPromise(source, **arguments)
            assert await StreamedPromise(stream) == tuple(range(100))


async def test_leaving_the_scope_cuts_what_waits_for_demand_and_closes_it() -> None:
    source = Source()
    async with Scope():
        stream = StreamedPromise(source, eager=False)
        reader = aiter(stream)
        assert [await anext(reader), await anext(reader)] == [0, 1]
    assert source.made == 2
    assert source.closed == 1
    with pytest.raises(StreamCut):
        await anext(reader)
    with pytest.raises(StopAsyncIteration):
        await anext(reader)


async def test_a_lazy_stream_nobody_wanted_never_begins_and_says_so_afterwards() -> None:
    source = Source()
    async with Scope():
        stream = StreamedPromise(source, eager=False)
    for _ in range(2):
        with pytest.raises(StreamCut):
            await anext(aiter(stream))
        with pytest.raises(StreamCut):
            await stream
    assert source.made == 0


async def test_a_piece_that_is_asked_for_is_made_before_the_scope_is_left() -> None:
    source = Source()

    async def read(stream: Any) -> list[int]:
        reader = aiter(stream)
        found = [await anext(reader)]
        await asyncio.sleep(0)
        found.append(await anext(reader))
        return found

    for ticks_before in range(6):
        async with Scope():
            stream = StreamedPromise(source, eager=False)
            stranger = asyncio.create_task(read(stream))  # the scope does not know it
            await ticks(ticks_before)
        try:
            assert await stranger == [0, 1]
        except StreamCut:
            assert ticks_before < 6  # cut between two demands, never in one


async def test_a_demand_in_the_very_tick_of_leaving_is_still_met() -> None:
    source = Source()
    async with Scope():
        stream = StreamedPromise(source, eager=False)
        reader = aiter(stream)
        assert await anext(reader) == 0
        await ticks()
        demand = asyncio.create_task(anext(reader))
        await asyncio.sleep(0)  # it has asked now, and nothing else has happened
    assert await demand == 1


async def test_a_demand_for_work_that_has_not_begun_keeps_the_scope_open_for_it() -> None:
    source = Source()
    async with Scope():
        stream = StreamedPromise(source, eager=False)
        demand = asyncio.create_task(stream.aresolve())
        await asyncio.sleep(0)
    assert await demand == tuple(range(100))


async def test_the_default_of_the_scope_decides() -> None:
    source = Source()
    async with Scope(eager=False):
        lazy = StreamedPromise(source)
        async with Scope():
            StreamedPromise(source)
        await ticks()
        assert source.made == 0
        async with Scope(eager=True):
            StreamedPromise(Source())
            eager = StreamedPromise(source)
        assert source.made == 100
        assert eager._log.closed
        assert not lazy._log.closed


async def test_cancelling_a_stream_that_waits_for_demand() -> None:
    source = Source()
    async with Scope() as scope:
        stream = StreamedPromise(source, eager=False)
        await anext(aiter(stream))
        await ticks()
        scope.cancel()
        await ticks()
        assert source.closed == 1
