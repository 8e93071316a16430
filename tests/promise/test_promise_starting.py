"""Law 3: when work begins."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from retinue.promise import Promise, Scope, StreamedPromise

pytestmark = pytest.mark.timeout(20)


async def test_eager_work_begins_at_the_next_tick_never_in_the_constructor() -> None:
    trace: list[str] = []

    async def resolver(_: Any) -> None:
        trace.append("ran")

    async with Scope():
        Promise(resolver)
        StreamedPromise(lambda _: trace.append("streamed"))  # type: ignore[arg-type]
        trace.append("made")
        await asyncio.sleep(0)
        assert trace == ["made", "ran", "streamed"]


async def test_lazy_work_begins_when_somebody_waits() -> None:
    trace: list[str] = []

    async def resolver(_: Any) -> None:
        trace.append("ran")

    async with Scope():
        promise = Promise(resolver, eager=False)
        await asyncio.sleep(0)
        assert trace == []
        await promise
        assert trace == ["ran"]


async def test_work_never_begins_in_the_stack_of_a_reader() -> None:
    stacks: list[int] = []

    def depth() -> int:
        frame: Any = sys._getframe()
        names: list[str] = []
        while frame is not None:
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        assert "a_reader_deep_down" not in names
        return len(names)

    async def resolver(_: Any) -> None:
        stacks.append(depth())

    async def streamer(_: Any) -> AsyncIterator[int]:
        stacks.append(depth())
        yield 1

    async def a_reader_deep_down(n: int) -> None:
        if n:
            await a_reader_deep_down(n - 1)
        else:
            await Promise(resolver)
            await Promise(resolver, eager=False)
            await StreamedPromise(streamer)
            await anext(aiter(StreamedPromise(streamer, eager=False)))

    async with Scope():
        await a_reader_deep_down(50)
    assert len(set(stacks[:2])) == 1
    assert len(set(stacks[2:])) == 1


async def test_demand_moves_work_to_the_front() -> None:
    order: list[int] = []

    def numbered(number: int) -> Callable[[Any], Any]:
        async def resolver(_: Any) -> None:
            order.append(number)

        return resolver

    async with Scope():
        promises = [Promise(numbered(number)) for number in range(5)]
        await promises[3]
    assert order == [3, 0, 1, 2, 4]


async def test_what_started_work_starts_waits_for_the_next_tick() -> None:
    order: list[str] = []

    async def inner(_: Any) -> None:
        order.append("inner")

    async def outer(_: Any) -> None:
        order.append("outer")
        Promise(inner)

    async with Scope():
        Promise(outer)
        Promise(outer)
        await asyncio.sleep(0)
        assert order == ["outer", "outer"]
    assert order == ["outer", "outer", "inner", "inner"]


def test_starting_many_is_sliced_so_that_the_loop_can_look_at_its_sockets(
    virtually: Callable[..., Any],
) -> None:
    async def main() -> list[int]:
        clock = asyncio.get_running_loop().clock  # type: ignore[attr-defined]
        begun = 0
        slices: list[int] = []

        async def resolver(_: Any) -> None:
            nonlocal begun
            begun += 1
            clock.now += 0.001  # a millisecond of work before the first await

        async with Scope():
            for _ in range(20):
                Promise(resolver)
            while begun < 20:
                before = begun
                await asyncio.sleep(0)
                slices.append(begun - before)
        return slices

    slices = virtually(main)
    assert sum(slices) == 20
    assert max(slices) == 6  # the sixth is the one that goes over 5 ms
    assert len(slices) == 4


def test_demand_is_met_in_the_next_slice_whatever_else_waits(virtually: Callable[..., Any]) -> None:
    async def main() -> list[str]:
        clock = asyncio.get_running_loop().clock  # type: ignore[attr-defined]
        order: list[str] = []

        async def slow(_: Any) -> None:
            clock.now += 0.01
            order.append("slow")

        async def wanted(_: Any) -> None:
            order.append("wanted")

        async with Scope():
            for _ in range(10):
                Promise(slow)
            await asyncio.sleep(0)
            await Promise(wanted)
        return order

    assert virtually(main)[:3] == ["slow", "wanted", "slow"]


async def test_ten_thousand_promises_each_made_and_awaited_by_the_one_before() -> None:
    def nested(n: int, eager: bool) -> Promise[int]:
        async def resolver(_: Any) -> int:
            return 1 + await nested(n - 1, eager) if n else 0

        return Promise(resolver, eager=eager)

    async with Scope():
        assert await nested(10_000, True) == 10_000
        assert await nested(10_000, False) == 10_000


async def test_ten_thousand_streams_each_made_and_read_by_the_one_before() -> None:
    def nested(n: int) -> StreamedPromise[int, Any]:
        async def streamer(_: Any) -> AsyncIterator[int]:
            if n:
                async for piece in nested(n - 1):
                    yield piece + 1
            else:
                yield 0

        return StreamedPromise(streamer)

    async with Scope():
        assert await nested(10_000) == (10_000,)


async def test_a_start_that_is_interrupted_does_not_stop_the_others() -> None:
    """A second Ctrl-C may raise anywhere, also between two starts."""
    trace: list[str] = []

    async def resolver(_: Any) -> None:
        trace.append("ran")

    class Interrupted:
        _queued = False

        def _begin(self) -> None:
            raise RuntimeError("as if by a signal handler")

    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with Scope() as scope:
        scope.hub.start(Interrupted())
        Promise(resolver)
        await asyncio.sleep(0)
        assert trace == []
        await asyncio.sleep(0)
        assert trace == ["ran"]
    assert len(complaints) == 1
