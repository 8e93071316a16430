"""Laws 7 and 10: a scope owns everything started in it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from retinue.errors import PromiseCancelled, PromiseError, StreamCut
from retinue.promise import Promise, Scope, StreamedPromise, current

pytestmark = pytest.mark.timeout(20)


class Sleeper:
    """Work that sleeps for very long and remembers how it ended."""

    def __init__(self, cleaning: int = 1) -> None:
        self.state = "not begun"
        self.cleaning = cleaning

    async def __call__(self, _: Any = None) -> None:
        self.state = "begun"
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            for _ in range(self.cleaning):
                await asyncio.sleep(0)
            self.state = "cleaned up"
            raise


async def outcome(promise: Any) -> Any:
    try:
        return await promise
    except BaseException as error:
        return error


async def test_law_10_leaving_waits_for_what_was_started_and_for_what_that_started() -> None:
    trace: list[str] = []

    async def inner(_: Any) -> None:
        await asyncio.sleep(0)
        trace.append("inner")

    async def outer(_: Any) -> None:
        await asyncio.sleep(0)
        Promise(inner)
        trace.append("outer")

    async with Scope():
        Promise(outer)
    assert trace == ["outer", "inner"]


async def test_law_10_a_lazy_promise_nobody_wanted_is_not_waited_for() -> None:
    sleeper = Sleeper()
    async with Scope():
        promise = Promise(sleeper, eager=False)
    assert sleeper.state == "not begun"
    with pytest.raises(StreamCut):
        await promise


async def test_law_10_an_error_of_the_block_cancels_and_waits_for_the_cancellation() -> None:
    sleepers = [Sleeper(cleaning=n) for n in range(5)]
    with pytest.raises(KeyError):
        async with Scope():
            promises = [Promise(sleeper) for sleeper in sleepers]
            await asyncio.sleep(0)
            raise KeyError
    assert [sleeper.state for sleeper in sleepers] == ["cleaned up"] * 5
    assert all([isinstance(await outcome(promise), PromiseCancelled) for promise in promises])


async def test_law_10_what_had_not_begun_when_the_block_failed_never_begins() -> None:
    sleeper = Sleeper()
    with pytest.raises(KeyError):
        async with Scope():
            promise = Promise(sleeper)
            raise KeyError
    assert sleeper.state == "not begun"
    assert isinstance(await outcome(promise), PromiseCancelled)


@pytest.mark.parametrize("when", range(4))
async def test_law_10_being_cancelled_in_the_block_or_while_leaving_waits_for_the_children(
    when: int,
) -> None:
    sleeper = Sleeper(cleaning=3)

    async def host() -> None:
        async with Scope():
            Promise(sleeper)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    task = asyncio.create_task(host())
    for _ in range(when):
        await asyncio.sleep(0)
    task.cancel("enough")
    with pytest.raises(asyncio.CancelledError, match="enough"):
        await task
    assert sleeper.state == ("cleaned up" if when else "not begun")


async def test_law_10_being_cancelled_again_does_not_disturb_the_cleaning_up() -> None:
    sleeper = Sleeper(cleaning=5)

    async def host() -> None:
        async with Scope():
            Promise(sleeper)

    task = asyncio.create_task(host())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    while not task.done():  # as anyio's cancel scopes do
        task.cancel()
        await asyncio.sleep(0)
    assert sleeper.state == "cleaned up"


async def test_law_14_a_foreign_timeout_bounds_the_block_and_the_scope_bounds_the_work() -> None:
    sleeper = Sleeper()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            async with Scope():
                Promise(sleeper)
    assert sleeper.state == "cleaned up"
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_law_14_a_foreign_task_group_bounds_the_reader() -> None:
    sleeper = Sleeper()
    async with Scope() as scope:
        promise = Promise(sleeper)
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(promise.aresolve())
            await asyncio.sleep(0)
            reader.cancel()
        assert not promise.done
        scope.cancel()
    assert sleeper.state == "cleaned up"


async def test_law_7_a_cancelled_parent_takes_its_children_along() -> None:
    child, grandchild = Sleeper(), Sleeper()

    async def parent(_: Any) -> None:
        async with Scope():
            Promise(child)
            Promise(_grandparent(grandchild))
            await asyncio.sleep(3600)

    async with Scope():
        promise = Promise(parent)
        for _ in range(5):
            await asyncio.sleep(0)
        assert child.state == grandchild.state == "begun"
        promise.cancel()
        assert isinstance(await outcome(promise), PromiseCancelled)
        assert child.state == grandchild.state == "cleaned up"


def _grandparent(work: Any) -> Callable[[Any], Any]:
    async def resolver(_: Any) -> None:
        async with Scope():
            Promise(work)

    return resolver


async def test_law_7_cancelling_a_scope_stops_the_scopes_inside_too() -> None:
    near, far = Sleeper(), Sleeper()
    async with Scope() as outer:
        Promise(near)
        async with Scope():
            Promise(far)
            await asyncio.sleep(0)
            outer.cancel()
        assert far.state == "cleaned up"
    assert near.state == "cleaned up"


async def test_law_7_scopes_nested_thousands_deep_are_cancelled_like_any() -> None:
    begun: list[int] = []
    cleaned_up: list[int] = []
    all_begun = asyncio.Event()

    async def nested(n: int) -> None:
        async with Scope():
            begun.append(n)
            if n:
                await Promise(lambda _: nested(n - 1))
            all_begun.set()
            try:
                await asyncio.sleep(3600)
            finally:
                cleaned_up.append(n)

    async with Scope() as scope:
        Promise(lambda _: nested(3000))
        await all_begun.wait()
        scope.cancel()
    assert len(begun) == 3001
    assert cleaned_up == [0]


async def test_law_7_a_cancelled_scope_begins_nothing_more() -> None:
    sleeper = Sleeper()
    async with Scope() as scope:
        waiting = Promise(sleeper)
        lazy = Promise(sleeper, eager=False)
        scope.cancel()
        later = Promise(sleeper)
        for promise in (waiting, lazy, later):
            assert isinstance(await outcome(promise), PromiseCancelled)
    assert sleeper.state == "not begun"


async def test_law_10_a_scope_that_was_left_begins_nothing_more() -> None:
    sleeper = Sleeper()

    async def stranger() -> Any:
        left.set()
        await over.wait()
        return await outcome(Promise(sleeper))

    left, over = asyncio.Event(), asyncio.Event()
    async with Scope() as scope:
        task = asyncio.create_task(stranger())  # asyncio's own task outlives the scope
        await left.wait()
    over.set()
    assert isinstance(await task, StreamCut)
    coroutine = sleeper()
    with pytest.raises(PromiseError, match="was left"):
        scope.start(coroutine)
    assert sleeper.state == "not begun"


async def test_start_runs_a_coroutine_as_work_of_the_scope() -> None:
    trace: list[Any] = []

    async def work() -> str:
        trace.append(current.get())
        Promise(inner)
        return "done"

    async def inner(_: Any) -> None:
        await asyncio.sleep(0)
        trace.append("inner")

    async with Scope() as scope, Scope():
        assert await scope.start(work()) == "done"
    assert trace == [scope, "inner"]


async def test_a_started_task_that_is_cancelled_at_once_keeps_no_scope_open() -> None:
    async def work() -> None:
        raise AssertionError("it never begins")

    async with Scope() as scope:
        task = scope.start(work())
        task.cancel()
    assert task.cancelled()


async def test_a_scope_is_entered_once() -> None:
    scope = Scope()
    async with scope:
        with pytest.raises(RuntimeError):
            await scope.__aenter__()
    with pytest.raises(RuntimeError):
        await scope.__aenter__()


async def test_scopes_nest_and_hand_their_defaults_on() -> None:
    assert current.get() is None
    async with Scope(eager=False, capture_errors=True, errors_as_messages=True) as outer:
        assert current.get() is outer
        async with Scope() as inner:
            assert current.get() is inner
            assert inner.parent is outer
            assert (inner.eager, inner.capture_errors, inner.errors_as_messages) == (
                False,
                True,
                True,
            )
            async with Scope(eager=True, capture_errors=False, errors_as_messages=False) as third:
                assert (third.eager, third.capture_errors, third.errors_as_messages) == (
                    True,
                    False,
                    False,
                )
                assert third.root is outer
        assert current.get() is outer
    assert current.get() is None


async def test_leaving_restores_what_was_current_also_after_an_error() -> None:
    async with Scope() as outer:
        with pytest.raises(KeyError):
            async with Scope():
                raise KeyError
        assert current.get() is outer


async def test_farewells_are_said_before_the_scope_waits() -> None:
    gate = asyncio.Event()

    async def resolver(_: Any) -> str:
        await gate.wait()
        return "kept"

    async with Scope() as scope:
        promise = Promise(resolver)
        scope.before_leaving(gate.set)
    assert await promise == "kept"


async def test_a_farewell_that_fails_leaves_no_work_behind() -> None:
    trace: list[str] = []

    async def resolver(_: Any) -> None:
        await asyncio.sleep(0)
        trace.append("done")

    with pytest.raises(ZeroDivisionError):
        async with Scope() as scope:
            Promise(resolver)
            scope.before_leaving(lambda: 1 / 0)
    assert trace == ["done"]
    assert scope.closed


async def test_a_reader_outside_may_read_what_was_made_in_a_scope_that_was_left() -> None:
    async def streamer(_: Any) -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(0)
        yield 2

    async with Scope():
        stream = StreamedPromise(streamer)
    assert [piece async for piece in stream] == [1, 2]
    assert await stream == (1, 2)


async def test_scopes_side_by_side_do_not_wait_for_each_other() -> None:
    gate = asyncio.Event()

    async def resolver(_: Any) -> None:
        await gate.wait()

    async def first() -> None:
        async with Scope():
            Promise(resolver)

    async def second() -> None:
        async with Scope():
            Promise(_nothing)
        gate.set()

    await asyncio.gather(first(), second())


async def _nothing(_: Any) -> None:
    return None


async def test_a_trace_is_empty_where_nobody_has_a_name() -> None:
    async with Scope() as scope:
        assert scope.trace() == ()
        assert scope.name is None


async def test_after_the_scope_there_are_no_tasks_and_no_timers_of_ours(
    virtually: Callable[..., Any],
) -> None:
    def once() -> None:
        async def main() -> None:
            loop: Any = asyncio.get_running_loop()

            async def streamer(_: Any) -> AsyncIterator[int]:
                for number in range(10):
                    await asyncio.sleep(0.3)
                    yield number

            with pytest.raises(KeyError):
                async with Scope():
                    read = [Promise(_nothing), StreamedPromise(streamer, eager=False)]
                    async for _ in StreamedPromise(streamer):
                        pass
                    await anext(aiter(read[1]))
                    raise KeyError
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert loop.timers() == []
            await asyncio.sleep(0)
            assert loop.timers() == []
            assert len(loop._ready) == 0

        virtually(main)

    await asyncio.to_thread(once)
