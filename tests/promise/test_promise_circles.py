"""Law 8: works that wait for each other are told so, and nobody else is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue.errors import CircularWait
from retinue.promise import Promise, Scope, StreamAppender, StreamedPromise, current
from retinue.promise._circles import _LOOK

pytestmark = pytest.mark.timeout(20)
type Run = Callable[[Callable[[], Any]], Any]
PAUSES = st.sampled_from([0.0, 0.6 * _LOOK, 1.4 * _LOOK, 8 * _LOOK, 30.0])
LONG = 60.0
"""Seconds; very many looks of the watch."""


class AgentLike(Scope):
    """A turn as the agents room has them: a scope that is a work, too, with any number of tasks."""

    is_turn = True

    def __init__(self, label: str, function: Callable[["AgentLike"], Any]) -> None:
        super().__init__()
        self.label = label
        self.main_task: asyncio.Task[Any] | None = None
        self.appender = StreamAppender[Any]().open()
        turn = self

        class Replies(StreamedPromise[Any, Any]):
            __slots__ = ()

            def _producers(self) -> Any:
                return (turn,)

        self.replies = Replies(self.appender)

        async def perform(_: Any) -> None:
            self.main_task = asyncio.current_task()
            try:
                async with self:
                    with self.appender:
                        await function(self)
            except CircularWait as error:
                self.caught = error

        self.promise = Promise(perform)


async def outcome(promise: Any) -> Any:
    try:
        return await promise
    except BaseException as error:
        return error


def waiting_for(promises: list[Any], which: int) -> Callable[[Any], Any]:
    async def resolver(_: Any) -> Any:
        return await promises[which]

    return resolver


def ring(n: int, *, eager: bool = True) -> list[Any]:
    promises: list[Any] = []
    promises += [Promise(waiting_for(promises, (which + 1) % n), eager=eager) for which in range(n)]
    return promises


@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_promises_that_wait_for_each_other_fail_by_name(
    virtually: Run, n: int, eager: bool
) -> None:
    async def main() -> None:
        async with Scope():
            promises = ring(n, eager=eager)
            errors = await asyncio.gather(*[outcome(promise) for promise in promises])
            assert all(isinstance(error, CircularWait) for error in errors)
            assert str(errors[0]).count("resolver") == n + 1  # the first name closes the circle
            assert errors[0].hint

    virtually(main)


def test_the_circle_is_named_not_those_who_wait_for_it(virtually: Run) -> None:
    async def main() -> None:
        async def outsider(_: Any) -> Any:
            return await promises[0]

        async with Scope():
            promises = ring(2)
            error = await outcome(Promise(outsider))
            assert isinstance(error, CircularWait)
            assert "outsider" not in str(error)
            assert str(error).count("waiting_for") == 3

    virtually(main)


def test_several_circles_at_once_are_all_found(virtually: Run) -> None:
    async def main() -> None:
        async with Scope():
            rings = [ring(n) for n in (1, 2, 3, 4)]
            for promises in rings:
                assert isinstance(await outcome(promises[0]), CircularWait)

    virtually(main)


def test_a_tail_that_leads_into_a_circle_outlives_its_own_reader(virtually: Run) -> None:
    """The newest wait is that of a reader outside; when it goes, the circle is still there."""

    async def main() -> None:
        async with Scope():
            promises = ring(2)
            for _ in range(2):
                with suppress(TimeoutError):
                    await asyncio.wait_for(outcome(promises[0]), 1.2 * _LOOK)
            assert isinstance(await outcome(promises[1]), CircularWait)

    virtually(main)


def test_a_stream_that_reads_itself_is_a_circle(virtually: Run) -> None:
    async def main() -> None:
        async def by_piece(stream: Any) -> AsyncIterator[int]:
            yield 1
            async for piece in stream:
                if piece == 2:
                    return
                yield piece + 1

        async def by_value(stream: Any) -> AsyncIterator[int]:
            yield 1
            await stream

        async def at_once(stream: Any) -> AsyncIterator[int]:
            async for piece in stream:
                yield piece

        async with Scope():
            assert await StreamedPromise(by_piece) == (1, 2), "what it has made, it may read"
            assert isinstance(await outcome(StreamedPromise(by_value)), CircularWait)
            assert isinstance(await outcome(StreamedPromise(at_once)), CircularWait)

    virtually(main)


@pytest.mark.parametrize("how", ["gather", "task", "group", "wait", "nested", "wait_for"])
def test_a_circle_through_helper_tasks_is_found(virtually: Run, how: str) -> None:
    async def main() -> None:
        async def resolver(_: Any) -> Any:
            match how:
                case "gather":
                    await asyncio.gather(back, asyncio.sleep(4 * _LOOK))
                case "task":
                    await asyncio.create_task(back.aresolve())
                case "group":
                    async with asyncio.TaskGroup() as group:
                        group.create_task(back.aresolve())
                        group.create_task(asyncio.sleep(4 * _LOOK))
                case "wait":
                    done, _ = await asyncio.wait(
                        [
                            asyncio.create_task(back.aresolve()),
                            asyncio.create_task(_pause(4 * _LOOK)),
                        ]
                    )
                    for task in done:
                        await task
                case "wait_for":
                    await asyncio.wait_for(back, None)
                case _:
                    await asyncio.gather(asyncio.gather(back, back), _pause(4 * _LOOK))

        async def returning(_: Any) -> Any:
            return await there

        async with Scope():
            there = Promise(resolver)
            back = Promise(returning)
            error = await outcome(there)
            if isinstance(error, ExceptionGroup):
                error = error.exceptions[0]
            assert isinstance(error, CircularWait)

    virtually(main)


async def _pause(seconds: float) -> None:
    await asyncio.sleep(seconds)


def test_a_scope_that_waits_for_what_waits_for_its_owner_is_in_the_circle(virtually: Run) -> None:
    async def main() -> None:
        async def owner(_: Any) -> None:
            await asyncio.sleep(6 * _LOOK)
            async with Scope():
                Promise(child)

        async def child(_: Any) -> None:
            await promise

        async with Scope():
            promise = Promise(owner)
            assert await outcome(promise) is None  # the child got the error, and nobody read it

    virtually(main)


# -- what is no circle


def test_lawful_mutual_streaming_is_no_circle_however_long_the_pauses(virtually: Run) -> None:
    async def main() -> None:
        async def ping(_: Any) -> AsyncIterator[int]:
            yield 0
            async for piece in answers:
                await asyncio.sleep(LONG)
                yield piece + 1
                if piece > 10:
                    return

        async def pong(_: Any) -> AsyncIterator[int]:
            async for piece in questions:
                await asyncio.sleep(LONG)
                yield piece + 1

        async with Scope():
            questions: Any = StreamedPromise(ping)
            answers: Any = StreamedPromise(pong)
            assert await questions == (0, 2, 4, 6, 8, 10, 12)
            assert await answers == (1, 3, 5, 7, 9, 11, 13)

    virtually(main)


def test_a_resolver_that_reads_what_an_appender_slowly_writes_is_no_circle(virtually: Run) -> None:
    async def main() -> None:
        async def as_list(stream: Any) -> list[int]:
            return [piece async for piece in stream]

        async with Scope():
            with StreamAppender[int]() as appender:
                stream = StreamedPromise(appender, as_list)
                for number in range(3):
                    await asyncio.sleep(LONG)
                    appender.append(number)
            assert await stream == [0, 1, 2]

    virtually(main)


def test_a_diamond_is_no_circle(virtually: Run) -> None:
    async def main() -> None:
        async def slow(_: Any) -> int:
            await asyncio.sleep(LONG)
            return 1

        async def two(_: Any) -> list[int]:
            return await asyncio.gather(bottom, bottom)

        async def top(_: Any) -> Any:
            return await asyncio.gather(left, right)

        async with Scope():
            bottom = Promise(slow)
            left, right = Promise(two), Promise(two)
            assert await Promise(top) == [[1, 1], [1, 1]]

    virtually(main)


def test_a_human_may_take_all_the_time_and_nothing_runs_meanwhile(virtually: Run) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        human = loop.create_future()

        async def ask(_: Any) -> str:
            return await human

        async def assistant(_: Any) -> Any:
            return await asyncio.gather(question, question)

        async with Scope() as scope:
            question = Promise(ask)
            reader = asyncio.create_task(outcome(Promise(assistant)))
            for _ in range(10):
                await asyncio.sleep(1)
            assert loop.timers() == [], "all waits are old: the watch sleeps"
            assert len(scope.hub.watch.waits) == 2
            human.set_result("an answer")
            assert await reader == ["an answer", "an answer"]

    virtually(main)


def test_a_stream_that_waits_for_demand_wakes_nobody(virtually: Run) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()

        async def streamer(_: Any) -> AsyncIterator[int]:
            for number in range(10):
                yield number

        async with Scope():
            stream = StreamedPromise(streamer, eager=False)
            reader = aiter(stream)
            await anext(reader)
            for _ in range(10):
                await asyncio.sleep(1)
            assert loop.timers() == []
            assert await anext(reader) == 1

    virtually(main)


def test_a_new_wait_wakes_the_watch_again(virtually: Run) -> None:
    async def main() -> None:
        async with Scope():
            for _ in range(3):
                await asyncio.sleep(LONG)
                promises = ring(2)
                assert isinstance(await outcome(promises[0]), CircularWait)

    virtually(main)


def test_a_cancelled_reader_in_the_moment_of_the_verdict_is_only_cancelled(virtually: Run) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for looks in (0.0, 1.0, 2.0, 2.000001, 3.0):
            async with Scope():
                promises = ring(1)
                reader = asyncio.create_task(outcome(promises[0]))
                loop.call_later(looks * _LOOK, reader.cancel)
                error = await reader
                assert isinstance(error, asyncio.CancelledError | CircularWait)
                assert isinstance(await outcome(promises[0]), CircularWait)

    virtually(main)


# -- turns


def test_turns_that_wait_for_each_others_replies_fail_by_name(virtually: Run) -> None:
    async def main() -> None:
        async def editor(turn: AgentLike) -> None:
            turn.appender.append(await turns[1].replies)

        async def writer(turn: AgentLike) -> None:
            async for piece in turns[0].replies:
                turn.appender.append(piece)

        async with Scope():
            turns = [AgentLike("editor", editor), AgentLike("writer", writer)]
            await asyncio.gather(*[turn.promise for turn in turns])
            caught = [turn.caught for turn in turns if hasattr(turn, "caught")]
            assert len(caught) >= 1
            assert "editor -> writer" in str(caught[0]) or "writer -> editor" in str(caught[0])

    virtually(main)


@pytest.mark.parametrize("joined", ["gather", "later", "promise"])
def test_a_circle_closes_when_the_last_free_task_ends(virtually: Run, joined: str) -> None:
    """Every task of the turns must be suspended in it; until then it is only a suspicion."""

    async def main() -> None:
        ended: list[float] = []
        loop = asyncio.get_running_loop()

        async def free() -> None:
            await asyncio.sleep(LONG)
            ended.append(loop.time())

        async def first(turn: AgentLike) -> None:
            helper = asyncio.create_task(free())
            match joined:
                case "gather":
                    await asyncio.gather(helper, second_turn.replies)
                case "later":
                    reader = asyncio.create_task(second_turn.replies.aresolve())
                    await helper
                    await reader
                case _:
                    inner = Promise(lambda _: second_turn.replies.aresolve())
                    await helper
                    await asyncio.gather(inner)

        async def second(_: AgentLike) -> None:
            await first_turn.replies

        async with Scope():
            first_turn = AgentLike("first", first)
            second_turn = AgentLike("second", second)
            await first_turn.promise
            await second_turn.promise
            assert ended, "nobody was accused before"
            assert ended[0] <= loop.time() <= ended[0] + 6, "but soon after"
            assert hasattr(first_turn, "caught") or hasattr(second_turn, "caught")

    virtually(main)


def test_a_turn_with_a_free_task_is_not_accused_and_may_be_helped_by_it(virtually: Run) -> None:
    async def main() -> None:
        async def first(turn: AgentLike) -> None:
            async def later() -> None:
                await asyncio.sleep(LONG)
                turn.appender.append("helped")

            helper = asyncio.create_task(later())
            await anext(aiter(second_turn.replies))
            await helper

        async def second(turn: AgentLike) -> None:
            turn.appender.append(await anext(aiter(first_turn.replies)))

        async with Scope():
            first_turn = AgentLike("first", first)
            second_turn = AgentLike("second", second)
            await asyncio.gather(first_turn.promise, second_turn.promise)
            assert await second_turn.replies == ("helped",)
            assert not hasattr(first_turn, "caught")
            assert not hasattr(second_turn, "caught")

    virtually(main)


def test_a_parked_stream_does_not_hide_the_circle_of_its_turn(virtually: Run) -> None:
    async def main() -> None:
        async def endless(_: Any) -> AsyncIterator[int]:
            while True:
                yield 1

        async def first(_: AgentLike) -> None:
            await anext(aiter(StreamedPromise(endless, eager=False)))
            await second_turn.replies

        async def second(_: AgentLike) -> None:
            await first_turn.replies

        async with Scope():
            first_turn = AgentLike("first", first)
            second_turn = AgentLike("second", second)
            await asyncio.gather(first_turn.promise, second_turn.promise)
            assert hasattr(first_turn, "caught") or hasattr(second_turn, "caught")

    virtually(main)


def test_circles_across_scopes_side_by_side_are_found(virtually: Run) -> None:
    async def main() -> None:
        promises: list[Any] = []
        both = asyncio.Barrier(2)

        async def part(other: int) -> Any:
            async with Scope():
                promises.append(Promise(waiting_for(promises, other), eager=False))
                await both.wait()
                return await outcome(promises[other])

        errors = await asyncio.gather(part(1), part(0))
        assert all(isinstance(error, CircularWait) for error in errors)

    virtually(main)


def test_circles_outside_of_any_scope_are_found(virtually: Run) -> None:
    async def main() -> None:
        promises: list[Any] = []
        both = asyncio.Barrier(2)

        async def part(other: int) -> Any:
            assert current.get() is None
            promises.append(Promise(waiting_for(promises, other)))
            await both.wait()
            return await outcome(promises[other])

        errors = await asyncio.gather(part(1), part(0))
        assert all(isinstance(error, CircularWait) for error in errors)

    virtually(main)


def test_a_chain_of_thousands_that_only_waits_is_followed_in_no_time(virtually: Run) -> None:
    async def main() -> None:
        async def link(n: int) -> int:
            if n == 0:
                await asyncio.sleep(LONG)
                return 0
            return 1 + await Promise(lambda _: link(n - 1))

        async with Scope():
            assert await Promise(lambda _: link(5000)) == 5000

    virtually(main)


def test_a_great_circle_of_thousands_is_found_in_no_time(virtually: Run) -> None:
    async def main() -> None:
        async with Scope():
            promises = ring(5000)
            assert isinstance(await outcome(promises[77]), CircularWait)

    virtually(main)


turn_actions = st.lists(
    st.tuples(st.just("pause"), PAUSES)
    | st.tuples(st.sampled_from(["whole", "first", "promise"]), st.integers(0, 3))
    | st.tuples(st.sampled_from(["task", "gather", "wait", "group"]), st.integers(0, 3)),
    max_size=3,
)


@settings(max_examples=100, deadline=None)
@given(scripts=st.lists(turn_actions, min_size=4, max_size=4))
def test_turns_never_hang_and_only_those_in_a_circle_are_told_so(
    virtually: Run, scripts: list[list[tuple[str, Any]]]
) -> None:
    """Helpers begin to wait when they are made, and the turn for them at its end."""
    turns: list[AgentLike] = []
    blamed: list[Any] = []

    async def told(awaitable: Any) -> None:
        result = await outcome(awaitable)
        if isinstance(result, CircularWait):
            blamed.append(result)

    async def join(how: str, helper: asyncio.Task[Any]) -> None:
        match how:
            case "gather":
                await asyncio.gather(helper, asyncio.sleep(0))
            case "wait":
                await asyncio.wait([helper])
            case "group":
                async with asyncio.TaskGroup() as group:
                    group.create_task(_joined(helper))
            case _:
                await helper

    async def _joined(helper: asyncio.Task[Any]) -> None:
        await helper

    def scripted(script: list[tuple[str, Any]]) -> Callable[[AgentLike], Any]:
        async def function(turn: AgentLike) -> None:
            helpers: list[tuple[str, asyncio.Task[Any]]] = []
            for kind, what in script:
                turn.appender.append(kind)
                match kind:
                    case "pause":
                        await asyncio.sleep(what)
                    case "whole":
                        await told(turns[what].replies)
                    case "first":
                        await told(anext(aiter(turns[what].replies)))
                    case "promise":
                        await Promise(lambda _, n=what: told(turns[n].replies))
                    case _:
                        helper = asyncio.create_task(told(turns[what].replies))
                        helpers.append((kind, helper))
            for how, helper in helpers:
                await join(how, helper)

        return function

    async def main() -> None:
        async with Scope():
            turns.extend([AgentLike(f"{n}", scripted(script)) for n, script in enumerate(scripts)])
            for turn in turns:
                await outcome(turn.promise)

    virtually(main)
    waits_for = {
        n: {what for kind, what in script if kind != "pause"} for n, script in enumerate(scripts)
    }
    while free := [n for n, others in waits_for.items() if not others & waits_for.keys()]:
        for n in free:
            del waits_for[n]
    assert waits_for or not blamed
