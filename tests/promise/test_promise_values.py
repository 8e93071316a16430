"""Laws 1, 4 and 5 for promises of one value."""

import asyncio
import traceback
from contextvars import ContextVar
from typing import Any

import pytest

from retinue.errors import NothingToResolve, PromiseCancelled, PromiseError
from retinue.promise import Promise, Scope

pytestmark = pytest.mark.timeout(20)
EAGERNESS = pytest.mark.parametrize("eager", [True, False])
someone: ContextVar[str] = ContextVar("someone", default="nobody")


class Fatal(BaseException):
    """Like KeyboardInterrupt, but no signal to anybody."""


async def outcome(promise: Any) -> Any:
    try:
        return await promise
    except BaseException as error:
        return error


@EAGERNESS
async def test_law_1_a_resolver_runs_once_and_everybody_gets_the_same_object(eager: bool) -> None:
    runs: list[int] = []

    async def resolver(_: Any) -> object:
        runs.append(1)
        await asyncio.sleep(0)
        return object()

    async with Scope():
        promise = Promise(resolver, eager=eager)
        together = await asyncio.gather(*[outcome(promise) for _ in range(10)])
        assert {id(value) for value in together} == {id(await promise)}
    assert runs == [1]


@EAGERNESS
@pytest.mark.parametrize("kind", [ValueError, Fatal])
async def test_law_1_everybody_gets_the_same_error_with_its_first_traceback(
    eager: bool, kind: type[BaseException]
) -> None:
    async def resolver(_: Any) -> None:
        raise kind("no")

    async def reader(depth: int) -> BaseException:
        if depth:
            return await reader(depth - 1)
        return await outcome(promise)

    async with Scope():
        promise = Promise(resolver, eager=eager)
        first = await reader(3)
        names = [frame.name for frame in traceback.extract_tb(first.__traceback__)]
        await asyncio.sleep(0)
        bare = traceback.extract_tb(first.__traceback__)
        assert await reader(0) is first
        assert type(first) is kind
        assert names[-1] == "resolver"  # where it was raised is at the end, as ever
        assert [frame.name for frame in bare][-1] == "resolver"
        await asyncio.sleep(0)
        assert traceback.extract_tb(first.__traceback__) == bare


async def test_law_1_the_context_of_an_error_is_that_of_the_work_whatever_a_reader_handles() -> (
    None
):
    async def resolver(_: Any) -> None:
        try:
            raise KeyError("cause")
        except KeyError:
            raise ValueError("effect")  # noqa: B904 - the implicit context is what we look at

    async with Scope():
        promise = Promise(resolver)
        try:
            raise RuntimeError("the reader's own trouble")
        except RuntimeError:
            error = await outcome(promise)
        await asyncio.sleep(0)
        assert isinstance(error.__context__, KeyError)


async def test_none_is_a_value() -> None:
    async def resolver(_: Any) -> None:
        return None

    async with Scope():
        assert await Promise(resolver) is None
        assert await Promise(value=None) is None
        assert await Promise(value=5).aresolve() == 5


async def test_a_promise_knows_whether_it_is_done_and_by_which_error() -> None:
    error = ValueError()

    async def resolver(_: Any) -> None:
        raise error

    async with Scope():
        promise = Promise(resolver)
        assert not promise.done
        assert not promise.failed_with(error)
        await outcome(promise)
        assert promise.done
        assert promise.failed_with(error)
        assert not promise.failed_with(ValueError())


async def test_a_resolver_gets_its_promise() -> None:
    async def resolver(promise: Any) -> Any:
        return promise

    async with Scope():
        promise = Promise(resolver)
        assert await promise is promise


async def test_a_promise_of_nothing_says_so_at_the_reader() -> None:
    async with Scope():
        with pytest.raises(NothingToResolve) as caught:
            await Promise(eager=False)
        assert caught.value.hint


def test_a_promise_has_a_resolver_or_a_value() -> None:
    async def resolver(_: Any) -> int:
        return 1

    with pytest.raises(PromiseError, match="not both"):
        Promise(resolver, value=1)


@EAGERNESS
async def test_law_4_work_has_a_task_of_its_own_and_the_context_of_its_creator(
    eager: bool,
) -> None:
    seen: list[Any] = []

    async def resolver(_: Any) -> None:
        seen.append((asyncio.current_task(), someone.get()))
        someone.set("the work")
        await asyncio.sleep(0)
        seen.append((asyncio.current_task(), someone.get()))

    async with Scope():
        someone.set("creator")
        promise = Promise(resolver, eager=eager)
        someone.set("reader")
        await promise
        assert someone.get() == "reader"
    assert [name for _, name in seen] == ["creator", "the work"]
    assert seen[0][0] is seen[1][0] is not asyncio.current_task()


@EAGERNESS
async def test_law_4_the_timeout_of_one_reader_poisons_nobody(eager: bool) -> None:
    gate = asyncio.Event()

    async def resolver(_: Any) -> str:
        await gate.wait()
        return "kept"

    async with Scope():
        promise = Promise(resolver, eager=eager)
        patient = asyncio.create_task(outcome(promise))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(promise, 0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await promise
        gate.set()
        assert await promise == await patient == "kept"


async def test_law_4_cancelled_readers_leave_nothing_behind() -> None:
    gate = asyncio.Event()

    async def resolver(_: Any) -> str:
        await gate.wait()
        return "kept"

    async with Scope():
        promise = Promise(resolver)
        readers = [asyncio.create_task(outcome(promise)) for _ in range(100)]
        await asyncio.sleep(0)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers)
        assert not promise._waiters
        gate.set()
        assert await promise == "kept"


async def test_law_4_a_task_group_that_fails_cancels_its_reader_alone() -> None:
    gate = asyncio.Event()

    async def resolver(_: Any) -> str:
        await gate.wait()
        return "kept"

    async def fail() -> None:
        raise ValueError

    async with Scope():
        promise = Promise(resolver)
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(promise.aresolve())
                await asyncio.sleep(0)
                group.create_task(fail())
        gate.set()
        assert await promise == "kept"


@EAGERNESS
@pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration, GeneratorExit])
async def test_law_5_an_error_that_steers_python_itself_reaches_the_reader_as_another(
    eager: bool, kind: type[BaseException]
) -> None:
    async def resolver(_: Any) -> None:
        raise kind

    async with Scope():
        promise = Promise(resolver, eager=eager)
        error = await outcome(promise)
        assert isinstance(error, PromiseError | RuntimeError)
        assert await outcome(promise) is error


async def test_law_5_work_that_waits_for_something_cancelled_is_cancelled() -> None:
    async def resolver(_: Any) -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        task.cancel("by hand")
        await task

    async with Scope():
        with pytest.raises(PromiseCancelled, match="by hand"):
            await Promise(resolver)


# -- law 7, cancel


async def test_law_7_cancelled_work_stops_and_readers_see_it() -> None:
    trace: list[str] = []

    async def resolver(_: Any) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            trace.append("cleaned up")

    async with Scope():
        promise = Promise(resolver)
        reader = asyncio.create_task(outcome(promise))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert promise.cancel()
        error = await reader
        assert isinstance(error, PromiseCancelled)
        assert str(error) == "cancelled"
        assert trace == ["cleaned up"]
        assert not promise.cancel()
        with pytest.raises(PromiseCancelled):
            await promise


@EAGERNESS
async def test_law_7_a_promise_cancelled_before_it_began_never_begins(eager: bool) -> None:
    runs: list[int] = []

    async def resolver(_: Any) -> None:
        runs.append(1)

    async with Scope():
        promise = Promise(resolver, eager=eager)
        assert promise.cancel()
        assert not promise.cancel()
        with pytest.raises(PromiseCancelled):
            await promise
    assert runs == []


async def test_law_7_work_may_survive_a_cancellation_and_still_keep_its_promise() -> None:
    async def resolver(_: Any) -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "something, at least"
        return "all"

    async with Scope():
        promise = Promise(resolver)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert promise.cancel()
        assert await promise == "something, at least"


async def test_work_can_cancel_itself() -> None:
    async def resolver(promise: Any) -> None:
        promise.cancel()
        await asyncio.sleep(60)

    async with Scope():
        with pytest.raises(PromiseCancelled):
            await Promise(resolver)


async def test_a_promise_read_by_a_coroutine_driven_by_hand_is_waited_for_all_the_same() -> None:
    gate = asyncio.Event()

    async def resolver(_: Any) -> str:
        await gate.wait()
        return "kept"

    async with Scope():
        promise = Promise(resolver)
        got: list[Any] = []

        def drive() -> None:  # outside of any task, as some frameworks do
            coroutine = outcome(promise)

            def on(future: Any = None) -> None:
                try:
                    coroutine.send(None).add_done_callback(on)
                except StopIteration as end:
                    got.append(end.value)

            on()

        asyncio.get_running_loop().call_soon(drive)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gate.set()
        await promise
        await asyncio.sleep(0)
        assert got == ["kept"]
