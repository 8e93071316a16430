"""Law 14: loops, threads, and no loop at all."""

import asyncio
import threading
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest

from retinue.errors import PromiseError
from retinue.promise import (
    Hooks,
    Promise,
    Scope,
    StreamAppender,
    StreamedPromise,
    current,
    run,
    scope_for_new_work,
)

pytestmark = pytest.mark.timeout(20)


async def late(_: Any) -> str:
    await asyncio.sleep(0)
    return "late"


async def numbers(_: Any) -> AsyncIterator[int]:
    for number in range(3):
        await asyncio.sleep(0)
        yield number


# -- run


def test_run_runs_an_async_function_a_coroutine_or_a_promise() -> None:
    async def work() -> str:
        return await Promise(late)

    assert run(work) == "late"
    assert run(work()) == "late"
    assert run(Promise(late)) == "late"
    assert run(StreamedPromise(numbers)) == (0, 1, 2)


def test_run_waits_for_what_was_started() -> None:
    trace: list[str] = []

    async def slow(_: Any) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        trace.append("done")

    async def main() -> str:
        Promise(slow)
        return "first"

    assert run(main) == "first"
    assert trace == ["done"]


def test_run_raises_what_the_work_raises() -> None:
    async def broken(_: Any) -> None:
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        run(Promise(broken))


async def test_run_where_a_loop_runs_says_what_to_do() -> None:
    async def work() -> None:
        raise AssertionError("it never begins")

    with pytest.raises(PromiseError) as caught:
        run(work())
    assert "await" in str(caught.value.hint)
    with pytest.raises(PromiseError):
        run(work)


def test_a_promise_made_without_a_loop_belongs_to_its_first_reader_with_all_it_starts() -> None:
    trace: list[Any] = []

    async def child(_: Any) -> None:
        await asyncio.sleep(0)
        trace.append("child")

    async def parent(_: Any) -> str:
        trace.append(current.get())
        Promise(child)
        return "parent"

    promise = Promise(parent)
    stream = StreamedPromise(numbers)

    async def main() -> None:
        async with Scope() as scope:
            assert await promise == "parent"
            assert await stream == (0, 1, 2)
        assert trace == [scope, "child"]

    asyncio.run(main())


def test_pieces_and_values_that_are_there_need_no_loop_at_all() -> None:
    value, pieces = Promise(value=1), StreamedPromise(pieces=[1, 2])
    with StreamAppender[int]() as appender:
        appender.append(1)
    assert value.done
    assert run(value) == 1
    assert run(value) == 1, "in another loop, too"
    assert run(pieces) == (1, 2)
    assert run(pieces) == (1, 2)
    assert run(StreamedPromise(appender)) == (1,)


def test_a_promise_that_was_kept_in_one_loop_can_be_read_in_another() -> None:
    promise, stream = Promise(late), StreamedPromise(numbers)
    assert run(promise) == run(promise) == "late"
    assert run(stream) == run(stream) == (0, 1, 2)


def test_a_promise_without_a_loop_can_be_cancelled() -> None:
    promise = Promise(late)
    assert promise.cancel()
    assert not promise.cancel()
    with pytest.raises(PromiseError):
        run(promise)


def test_without_a_loop_nobody_can_wait() -> None:
    promise = Promise(late)
    with pytest.raises(PromiseError) as caught:
        promise.__await__().send(None)
    assert "run" in str(caught.value.hint)
    assert scope_for_new_work() is None


# -- other loops


def test_a_promise_on_its_way_in_one_loop_cannot_be_awaited_in_another() -> None:
    async def main() -> None:
        async with Scope() as scope:
            gate = asyncio.Event()

            async def resolver(_: Any) -> int:
                await gate.wait()
                return 1

            async def streamer(_: Any) -> AsyncIterator[int]:
                await gate.wait()
                yield 1

            promise, stream = Promise(resolver), StreamedPromise(streamer)
            lazy = StreamedPromise(streamer, eager=False)

            async def elsewhere() -> None:
                for read in (promise, stream, anext(aiter(stream)), lazy, anext(aiter(lazy))):
                    with pytest.raises(PromiseError, match="another event loop"):
                        await read

            await asyncio.to_thread(asyncio.run, elsewhere())
            assert not scope.hub.watch.waits
            gate.set()
            assert await promise == 1
            assert await lazy == (1,)

    asyncio.run(main())


async def test_a_scope_in_the_loop_of_another_thread_has_nothing_to_do_with_ours() -> None:
    told: list[Any] = []

    async def hook(_: Any, outcome: Any) -> None:
        told.append((threading.get_ident(), outcome))

    async def elsewhere() -> Any:
        async with Scope() as scope:
            assert scope.root.hub.loop is asyncio.get_running_loop()
            assert scope.eager
            assert scope.hooks is None
            return await Promise(late)

    async def in_no_scope() -> Any:
        return await Promise(late), await StreamedPromise(numbers)

    async with Scope(eager=False, hooks=Hooks(on_resolved=[hook])):
        assert await asyncio.to_thread(asyncio.run, elsewhere()) == "late"
        assert await asyncio.to_thread(asyncio.run, in_no_scope()) == ("late", (0, 1, 2))
        assert await asyncio.to_thread(run, elsewhere) == "late"
    assert told == []


# -- threads


async def test_a_promise_made_in_a_thread_does_not_touch_the_loop() -> None:
    """asyncio.to_thread copies the context, and with it the current scope."""
    ready: list[int] = []

    def in_a_thread() -> Any:
        loop: Any = scope.hub.loop
        before = len(loop._ready), loop._scheduled[:]
        made = Promise(late), StreamedPromise(numbers), StreamAppender[int](), Promise(value=1)
        assert (len(loop._ready), loop._scheduled[:]) == before
        ready.append(1)
        return made

    async with Scope(hooks=Hooks(on_resolved=[])) as scope:
        promise, stream, appender, value = await asyncio.to_thread(in_a_thread)
        assert await promise == "late"
        assert await stream == (0, 1, 2)
        assert await value == 1
        with appender:
            appender.append(1)
        assert await StreamedPromise(appender) == (1,)
    assert ready


async def test_another_thread_calls_into_the_scope() -> None:
    trace: list[Any] = []

    async def child(_: Any) -> None:
        await asyncio.sleep(0)
        trace.append("child")

    async def work(n: int) -> int:
        trace.append(current.get())
        Promise(child)
        return n + 1

    async def broken() -> None:
        raise ValueError("boom")

    def in_a_thread() -> int:
        with pytest.raises(ValueError, match="boom"):
            scope.call_from_thread(broken).result(10)
        return scope.call_from_thread(work, 1).result(10)

    async with Scope() as scope:
        assert await asyncio.to_thread(in_a_thread) == 2
    assert trace == [scope, "child"]


async def test_a_call_from_another_thread_can_be_cancelled_from_both_sides() -> None:
    states: list[str] = []
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            states.append("cleaned up")
            ended.set()

    async with Scope() as scope:
        future = await asyncio.to_thread(scope.call_from_thread, work)
        await begun.wait()
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wrap_future(future)
        await ended.wait()
        begun.clear()
        future = await asyncio.to_thread(scope.call_from_thread, work)
        await begun.wait()
        scope.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wrap_future(future)
    assert states == ["cleaned up"] * 2


async def test_a_call_from_another_thread_comes_too_late_or_too_early() -> None:
    async def work() -> None:
        raise AssertionError("it never begins")

    scope = Scope()
    with pytest.raises(PromiseError) as caught:
        scope.call_from_thread(work)
    assert caught.value.hint
    async with scope:
        pass
    with pytest.raises(PromiseError):
        await asyncio.to_thread(scope.call_from_thread, work)


async def test_a_call_that_arrives_after_the_scope_was_left_is_refused() -> None:
    async def work() -> None:
        raise AssertionError("it never begins")

    async with Scope() as scope:
        future = scope.call_from_thread(work)  # it arrives at the next tick
    with pytest.raises(PromiseError, match="was left"):
        await asyncio.wrap_future(future)


async def test_another_thread_cannot_append_where_it_would_wake_no_reader() -> None:
    async with Scope() as scope:
        with StreamAppender[int]() as appender:
            reader = asyncio.create_task(anext(aiter(StreamedPromise(appender))))
            with pytest.raises(PromiseError) as caught:
                await asyncio.to_thread(appender.append, 1)
            assert "call_from_thread" in str(caught.value.hint)

            async def append() -> None:
                appender.append(2)

            await asyncio.wrap_future(await asyncio.to_thread(scope.call_from_thread, append))
            assert await reader == 2


# -- the loop itself as the owner


async def test_outside_of_any_scope_the_loop_owns_the_work() -> None:
    assert current.get() is None
    promise = Promise(late)
    assert await promise == "late"
    assert await StreamedPromise(numbers) == (0, 1, 2)
    async with Scope() as scope:
        assert scope.parent is None
        assert await promise == "late"


def test_a_task_thrown_away_with_its_loop_tells_nobody() -> None:
    kept: list[Any] = []

    async def for_ever(_: Any) -> None:
        await asyncio.get_running_loop().create_future()

    async def stream(_: Any) -> AsyncIterator[int]:
        yield 1
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        kept.extend([Promise(for_ever), StreamedPromise(stream)])
        asyncio.create_task(kept[0].aresolve())  # noqa: RUF006 - it is to be thrown away
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    import gc
    import sys

    unraisable: list[Any] = []
    hook, sys.unraisablehook = sys.unraisablehook, unraisable.append
    try:
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *_: None)  # "Task was destroyed but it is pending!"
        loop.run_until_complete(main())
        loop.close()
        del loop
        promise, read = kept
        kept.clear()
        del promise, read
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            gc.collect()
    finally:
        sys.unraisablehook = hook
    assert unraisable == []
