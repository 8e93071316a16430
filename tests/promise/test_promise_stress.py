"""Ten thousand at once: nothing is quadratic, and nothing is kept."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from retinue.promise import Promise, Scope, StreamAppender, StreamedPromise

pytestmark = pytest.mark.timeout(60)
MANY = 10_000


async def test_ten_thousand_eager_promises_at_once() -> None:
    gate = asyncio.Barrier(MANY + 1)

    async def resolver(_: Any) -> int:
        await gate.wait()
        return 1

    async with Scope() as scope:
        promises = [Promise(resolver) for _ in range(MANY)]
        await gate.wait()
        assert not scope._waiting_to_start
        assert len(scope._tasks or ()) >= MANY - 1  # the last to come passes the barrier at once
        assert sum([await promise for promise in promises]) == MANY
        assert not scope._tasks


async def test_ten_thousand_streams_at_once_read_by_ten_thousand_readers() -> None:
    async def streamer(_: Any) -> AsyncIterator[int]:
        for number in range(3):
            await asyncio.sleep(0)
            yield number

    async def read(stream: Any) -> int:
        return sum([piece async for piece in stream])

    async with Scope() as scope:
        streams = [StreamedPromise(streamer) for _ in range(MANY)]
        sums = await asyncio.gather(*[read(stream) for stream in streams])
        assert sums == [3] * MANY
        assert not scope.hub.watch.waits


async def test_ten_thousand_readers_of_one_stream_come_and_go() -> None:
    with StreamAppender[int]() as appender:
        async with Scope() as scope:
            stream = StreamedPromise(appender)

            async def first() -> int:
                return await anext(aiter(stream))

            async with asyncio.TaskGroup() as group:
                readers = [group.create_task(first()) for _ in range(MANY)]
                await asyncio.sleep(0)
                assert len(scope.hub.watch.waits) == MANY
                for reader in readers[::2]:
                    reader.cancel()
                await asyncio.sleep(0)
                appender.append(7)
            assert [reader.result() for reader in readers[1::2]] == [7] * (MANY // 2)
            assert not stream._log.readers


async def test_ready_values_and_known_pieces_cost_no_task() -> None:
    async with Scope() as scope:
        tasks = len(asyncio.all_tasks())
        promises: list[Any] = [Promise(value=number) for number in range(MANY)]
        promises += [StreamedPromise(pieces=[1]) for _ in range(MANY)]
        for promise in promises:
            await promise
        assert len(asyncio.all_tasks()) == tasks
        assert not scope._tasks
        assert not scope._waiting_to_start


async def test_what_a_kept_promise_costs_is_bounded_and_a_long_stream_costs_its_pieces() -> None:
    async def resolver(_: Any) -> None:
        await asyncio.sleep(0)

    async def streamer(_: Any) -> AsyncIterator[None]:
        for _ in range(MANY):
            yield None

    async with Scope():
        await Promise(resolver)
        gc.collect()
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            promises = [Promise(resolver) for _ in range(1000)]
            for promise in promises:
                await promise
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
            assert (after - before) / 1000 < 300
            stream = StreamedPromise(streamer)
            async for _ in stream:
                pass
            gc.collect()
            streamed, _ = tracemalloc.get_traced_memory()
            assert (streamed - after) / MANY < 24  # two pointers: in the log, and in the value
        finally:
            tracemalloc.stop()


async def test_a_reader_that_asks_again_and_again_with_a_timeout_leaves_nothing() -> None:
    with StreamAppender[int]() as appender:
        async with Scope() as scope:
            stream = StreamedPromise(appender)
            reader = aiter(stream)
            for _ in range(500):
                for read in (stream, anext(reader)):
                    task = asyncio.create_task(_outcome(read))
                    await asyncio.sleep(0)
                    task.cancel()
                    await task
            assert not stream._waiters
            assert not stream._log.readers
            assert len(stream._log.enders or ()) == 1
            assert not scope.hub.watch.waits


async def _outcome(awaitable: Any) -> Any:
    try:
        return await awaitable
    except asyncio.CancelledError:
        return None
