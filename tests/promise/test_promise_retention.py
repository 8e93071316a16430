"""Law 2: what is finished keeps nobody alive; and what nobody holds is gone at once."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest

from retinue.errors import PromiseError
from retinue.promise import Promise, Scope, StreamAppender, StreamedPromise

pytestmark = pytest.mark.timeout(20)


class Luggage:
    """Something that a reader, or some work, carries; it can be seen to go."""


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Whatever goes, goes without the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def broken(_: Any) -> None:
    raise ValueError("boom")


async def broken_stream(_: Any) -> AsyncIterator[int]:
    yield 1
    raise ValueError("boom")


async def ticks(n: int = 5) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


# -- readers


def sources() -> list[Any]:
    with StreamAppender[int](capture_errors=True) as appender:
        raise ValueError("boom")
    return [Promise(broken), StreamedPromise(broken_stream), StreamedPromise(appender)]  # type: ignore[unreachable]


async def at_once(source: Any, luggage: Luggage) -> None:
    with suppress(ValueError):
        await source


async def by_piece(source: Any, luggage: Luggage) -> None:
    if isinstance(source, StreamedPromise):
        try:
            async for _ in source:
                pass
        except ValueError:
            pass


async def slowly(source: Any, luggage: Luggage) -> None:
    """The error comes out through other awaits, which put the frames on it again."""
    try:
        try:
            await source
        finally:
            await ticks()
    except ValueError:
        await ticks()


async def through_a_scope(source: Any, luggage: Luggage) -> None:
    try:
        async with Scope():
            Promise(_slow)
            await source
    except ValueError:
        pass


async def while_handling_another(source: Any, luggage: Luggage) -> None:
    try:
        raise KeyError
    except KeyError:
        with suppress(ValueError):
            await source


async def to_the_end(source: Any, luggage: Luggage) -> None:
    await source


async def with_a_timeout(source: Any, luggage: Luggage) -> None:
    with suppress(ValueError):
        await asyncio.wait_for(source, 10)


async def _slow(_: Any) -> None:
    await ticks()


@pytest.mark.parametrize(
    "reader",
    [
        at_once,
        by_piece,
        slowly,
        through_a_scope,
        while_handling_another,
        to_the_end,
        with_a_timeout,
    ],
)
@pytest.mark.parametrize("which", range(3))
async def test_an_error_that_was_read_keeps_no_reader(reader: Any, which: int) -> None:
    async with Scope():
        source = sources()[which]
        luggage = Luggage()
        gone = weakref.ref(luggage)
        task = asyncio.create_task(reader(source, luggage))
        del luggage
        await asyncio.wait({task})
        task.exception()
        del task
        await ticks()
        gc.collect()
        assert gone() is None
        with pytest.raises(ValueError, match="boom"):
            await source


async def test_an_error_keeps_no_reader_that_has_gone_on_to_other_things() -> None:
    async with Scope():
        source = Promise(broken)
        begun, end = asyncio.Event(), asyncio.Event()
        gone: list[Any] = []

        async def once(luggage: Luggage) -> None:
            gone.append(weakref.ref(luggage))
            await source

        async def reader() -> None:
            with suppress(ValueError):
                await once(Luggage())
            begun.set()
            await end.wait()

        task = asyncio.create_task(reader())
        await begun.wait()
        await ticks()
        gc.collect()
        assert gone[0]() is None
        end.set()
        await task


async def test_many_errors_read_by_one_task_leave_nothing_on_it() -> None:
    async with Scope() as scope:
        for _ in range(100):
            with pytest.raises(ValueError, match="boom"):
                await Promise(broken)
        await ticks()
        gc.collect()
        task: Any = asyncio.current_task()
        assert len(scope.hub._raised[task]) == 0
        ours = [cb for cb, _ in task._callbacks if "Hub" in repr(cb)]
        assert len(ours) == 1


@pytest.mark.parametrize("eager", [True, False])
async def test_a_finished_stream_keeps_no_reader(eager: bool) -> None:
    async def streamer(_: Any) -> AsyncIterator[int]:
        for number in range(3):
            await asyncio.sleep(0)
            yield number

    async def reader(luggage: Luggage) -> None:
        async with Scope():
            Promise(_slow)
            async for _ in stream:
                pass
            await stream

    async with Scope() as scope:
        stream = StreamedPromise(streamer, eager=eager)
        luggage = Luggage()
        gone = weakref.ref(luggage)
        task = asyncio.create_task(reader(luggage))
        del luggage
        await task
        task = weakref.ref(task)
        await ticks()
        gc.collect()
        assert gone() is None
        assert task() is None
        assert not scope.hub.watch.waits
        assert not stream._log.readers
        assert stream._scope is None


@pytest.mark.parametrize("how", ["cancelled", "timeout", "left"])
async def test_a_stream_on_its_way_keeps_no_reader_that_stopped(how: str) -> None:
    gate = asyncio.Event()

    async def streamer(_: Any) -> AsyncIterator[int]:
        yield 1
        await gate.wait()
        yield 2

    async def reader(luggage: Luggage) -> None:
        async for _ in stream:
            if how == "left":
                return

    async with Scope():
        stream = StreamedPromise(streamer)
        luggage = Luggage()
        gone = weakref.ref(luggage)
        task = asyncio.create_task(reader(luggage))
        del luggage
        await ticks()
        if how == "timeout":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(task, 0)
        task.cancel()
        await asyncio.wait({task})
        del task
        await ticks()
        gc.collect()
        assert gone() is None
        gate.set()
        assert await stream == (1, 2)


# -- work


@pytest.mark.usefixtures("no_collector")
async def test_what_work_held_goes_when_it_ends_though_the_promise_stays() -> None:
    def promises(luggage: Luggage) -> list[Any]:
        async def resolver(_: Any) -> int:
            await asyncio.sleep(0)
            return id(luggage)

        async def streamer(_: Any) -> AsyncIterator[int]:
            await asyncio.sleep(0)
            yield id(luggage)

        return [
            Promise(resolver),
            Promise(resolver, eager=False),
            StreamedPromise(streamer),
            StreamedPromise(streamer, resolver, eager=False),
        ]

    async with Scope():
        luggage = Luggage()
        gone = weakref.ref(luggage)
        made = promises(luggage)
        del luggage
        for promise in made:
            await promise
        await ticks()
        assert gone() is None


@pytest.mark.usefixtures("no_collector")
async def test_a_promise_nobody_holds_is_gone_at_once() -> None:
    class Seen(StreamedPromise[int, Any]):
        __slots__ = ()

    async def streamer(_: Any) -> AsyncIterator[int]:
        await asyncio.sleep(0)
        yield 1

    async def resolver(_: Any) -> int:
        await asyncio.sleep(0)
        return 1

    async with Scope():
        with StreamAppender[int]() as appender:
            appender.append(1)
        made = [
            Promise(resolver),
            Seen(streamer),
            Seen(streamer, resolver),
            Seen(appender),
            Seen(streamer, eager=False),
        ]
        while made:
            promise = made.pop()
            gone = weakref.ref(promise)
            await promise
            await ticks()
            del promise
            assert gone() is None


@pytest.mark.usefixtures("no_collector")
async def test_a_scope_that_was_left_keeps_nobody() -> None:
    async def host(luggage: Luggage) -> Any:
        async with Scope() as scope:
            await Promise(_slow)
        return scope

    luggage = Luggage()
    gone = weakref.ref(luggage)
    task = asyncio.create_task(host(luggage))
    del luggage
    scope = await task
    task = weakref.ref(task)
    await ticks()
    assert gone() is None
    assert task() is None
    assert scope.closed


async def test_a_scope_outside_keeps_no_scopes_that_were_left_inside() -> None:
    async with Scope() as outer:
        for _ in range(10):
            async with Scope():
                await Promise(_slow)
            with pytest.raises(KeyError):
                async with Scope():
                    raise KeyError
        assert not outer._inner
        assert not outer._tasks


def test_a_loop_that_is_gone_takes_its_hub_along() -> None:
    async def main() -> Any:
        async with Scope() as scope:
            await Promise(_slow)
            Promise(broken)
        return weakref.ref(asyncio.get_running_loop()), weakref.ref(scope.hub.watch._members)

    loop, members = asyncio.run(main())
    gc.collect()
    assert loop() is None
    assert members() is None


def test_an_error_can_be_raised_where_no_loop_runs() -> None:
    async def main() -> Any:
        async with Scope():
            return Promise(broken)

    promise = asyncio.run(main())
    with pytest.raises(ValueError, match="boom"):
        promise.__await__().send(None)
    with pytest.raises(PromiseError):
        Promise(broken).__await__().send(None)
