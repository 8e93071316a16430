"""Law 13: hooks."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from retinue.errors import PromiseError
from retinue.promise import Hooks, Promise, Scope, StreamAppender, StreamedPromise, current

pytestmark = pytest.mark.timeout(20)


class Told:
    def __init__(self) -> None:
        self.outcomes: list[Any] = []

    async def __call__(self, promise: Any, outcome: Any) -> None:
        await asyncio.sleep(0)
        self.outcomes.append(outcome)


async def late(_: Any) -> str:
    return "late"


async def broken(_: Any) -> None:
    raise ValueError("boom")


async def numbers(_: Any) -> AsyncIterator[int]:
    yield 1
    yield 2


async def test_every_promise_is_told_once_here_and_further_out() -> None:
    outer, inner = Told(), Told()
    async with Scope(hooks=Hooks(on_resolved=[outer])):
        async with Scope(hooks=Hooks(on_resolved=[inner])):
            Promise(value="ready")
            promise = Promise(late, eager=False)
            await promise
            await promise
            Promise(broken)
            StreamedPromise(numbers)
            with StreamAppender[int]() as appender:
                StreamedPromise(appender)
                appender.append(3)
        assert sorted(map(str, inner.outcomes)) == ["(1, 2)", "(3,)", "boom", "late", "ready"]
        Promise(value="outside")
    assert sorted(map(str, outer.outcomes)) == [
        "(1, 2)",
        "(3,)",
        "boom",
        "late",
        "outside",
        "ready",
    ]
    assert "outside" not in inner.outcomes


async def test_the_scope_waits_for_its_hooks_and_what_they_start_is_its_own() -> None:
    trace: list[Any] = []

    async def work(_: Any) -> None:
        await asyncio.sleep(0)
        trace.append("work of a hook")

    async def hook(_: Any, outcome: Any) -> None:
        if outcome == "late":
            trace.append(current.get())
            Promise(work)

    async with Scope(hooks=Hooks(on_resolved=[hook])) as scope, Scope():
        Promise(late)
    assert trace == [scope, "work of a hook"]


def _not_async(*_: Any) -> Any:
    raise ArithmeticError


async def _fails(*_: Any) -> None:
    raise ArithmeticError


@pytest.mark.parametrize("hook", [_not_async, _fails, lambda: None])
async def test_a_hook_that_fails_is_logged_and_harms_nobody(
    hook: Any, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told()
    async with Scope(hooks=Hooks(on_resolved=[hook, told])):
        assert await Promise(late) == "late"
    assert told.outcomes == ["late"]
    assert [r.getMessage() for r in caplog.records].count("a hook failed") == 1


async def test_a_scope_that_was_left_is_told_nothing_more() -> None:
    told = Told()
    async with Scope(hooks=Hooks(on_resolved=[told])):
        appender = StreamAppender[int]().open()
        stream = StreamedPromise(appender)
    appender.append(1).close()
    assert await stream == (1,)
    assert told.outcomes == []


async def test_hooks_serve_one_scope_at_a_time() -> None:
    told = Told()
    hooks = Hooks(on_resolved=[told])
    async with Scope(hooks=hooks):
        with pytest.raises(PromiseError) as caught:
            Scope(hooks=hooks)
        assert caught.value.hint
        await Promise(late)
    async with Scope(hooks=hooks):
        await Promise(late)
    assert told.outcomes == ["late", "late"]


class Owing(Hooks):
    """Hooks that have something left to do at the end."""

    def __init__(self, trace: list[str], error: BaseException | None = None) -> None:
        super().__init__()
        self.trace = trace
        self.error = error

    async def finish(self) -> None:
        await asyncio.sleep(0)
        self.scope.start(self.more())
        self.trace.append("finished")
        if self.error is not None:
            raise self.error

    async def more(self) -> None:
        await asyncio.sleep(0)
        self.trace.append("more")


async def test_the_last_thing_in_a_scope_is_what_its_hooks_still_owe() -> None:
    trace: list[str] = []
    async with Scope(hooks=Owing(trace)):
        async with Scope():
            Promise(late)
        assert trace == []
    assert trace == ["finished", "more"]


@pytest.mark.parametrize("how", ["error", "cancel"])
async def test_hooks_finish_also_when_the_block_did_not(how: str) -> None:
    trace: list[str] = []

    async def host() -> None:
        async with Scope(hooks=Owing(trace)):
            if how == "error":
                raise KeyError
            await asyncio.sleep(3600)

    task = asyncio.create_task(host())
    await asyncio.sleep(0)
    if how == "cancel":
        task.cancel()
    with pytest.raises(KeyError if how == "error" else asyncio.CancelledError):
        await task
    assert trace == ["finished", "more"]


async def test_what_hooks_could_not_do_comes_out_of_the_scope_and_no_work_stays_behind() -> None:
    trace: list[str] = []
    with pytest.raises(ArithmeticError):
        async with Scope(hooks=Owing(trace, ArithmeticError())) as scope:
            pass
    assert scope.closed
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert trace == ["finished", "more"]
