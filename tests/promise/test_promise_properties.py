"""The laws under any schedule: replay, bounds, errors anywhere, cancellation at every await."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue.errors import CircularWait, PromiseCancelled, PromiseError, StreamCut
from retinue.promise import Promise, Scope, StreamAppender, StreamedPromise
from retinue.promise._circles import _LOOK

pytestmark = pytest.mark.timeout(60)
quick = settings(max_examples=80, deadline=None)
type Run = Callable[[Callable[[], Awaitable[Any]]], Any]


async def ticks(n: int) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


async def everything(source: Any) -> list[Any]:
    """The pieces, and the errors between them, of a whole reading."""
    reader = aiter(source)
    found: list[Any] = []
    while True:
        try:
            found.append(await anext(reader))
        except StopAsyncIteration:
            return found
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            found.append(error)


async def outcome(awaitable: Awaitable[Any]) -> Any:
    try:
        return await awaitable
    except BaseException as error:
        return error


@dataclass
class Source:
    """A streamer that pauses for some ticks before each piece, and perhaps breaks at the end."""

    pauses: list[int]
    breaks: bool = False
    made: int = 0
    asked: int = 0  # by readers, who count for it
    opened: list[Any] = field(default_factory=list)
    closed: list[Any] = field(default_factory=list)
    most_ahead: int = 0

    async def __call__(self, _: Any) -> AsyncIterator[int]:
        self.opened.append(asyncio.current_task())
        try:
            for number, pause in enumerate(self.pauses):
                await ticks(pause)
                self.made += 1
                self.most_ahead = max(self.most_ahead, self.made - self.asked)
                yield number
            if self.breaks:
                raise ValueError("boom")
        finally:
            try:
                await asyncio.sleep(0)
            finally:
                self.closed.append(asyncio.current_task())

    def check_closed(self) -> None:
        """However it ended: opened at most once, closed exactly then, in the same task."""
        assert len(self.opened) <= 1
        assert self.opened == self.closed


def nothing_is_left() -> None:
    loop: Any = asyncio.get_running_loop()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert loop.timers() == []


pauses = st.lists(st.integers(0, 3), max_size=6)
modes = st.sampled_from([{"eager": True}, {"eager": False}, {"read_ahead": 1}, {"read_ahead": 3}])


@dataclass
class Reading:
    begin: int  # the tick
    leave: int | None  # after so many pieces
    slow: int  # ticks between two pieces


readings = st.lists(
    st.builds(Reading, st.integers(0, 20), st.none() | st.integers(0, 5), st.integers(0, 2)),
    max_size=5,
)


@quick
@given(pauses=pauses, breaks=st.booleans(), mode=modes, readings=readings)
def test_law_2_any_number_of_readers_at_any_time_see_the_same(
    virtually: Run, pauses: list[int], breaks: bool, mode: dict[str, Any], readings: list[Reading]
) -> None:
    source = Source(pauses, breaks)
    ahead = mode.get("read_ahead", 0 if mode.get("eager") is False else None)

    async def read(stream: Any, how: Reading) -> list[Any]:
        await ticks(how.begin)
        reader = aiter(stream)
        found: list[Any] = []
        while how.leave is None or len(found) < how.leave:
            source.asked = max(source.asked, len(found) + 1)
            try:
                found.append(await anext(reader))
            except StopAsyncIteration:
                break
            except ValueError as error:
                found.append(error)
            await ticks(how.slow)
        return found

    async def main() -> None:
        async with Scope():
            stream = StreamedPromise(source, **mode)
            seen = await asyncio.gather(*[read(stream, how) for how in readings])
            if ahead is not None:
                assert source.most_ahead <= ahead
                await ticks(30)
                most = min(len(pauses), source.asked + ahead)
                assert source.made == (most if readings or ahead else 0)
            whole = await outcome(stream)
            pieces = await everything(stream)
        assert pieces[: len(pauses)] == list(range(len(pauses)))
        assert len(pieces) == len(pauses) + breaks
        if breaks:
            assert whole is pieces[-1]
        else:
            assert whole == tuple(pieces)
        for how, found in zip(readings, seen, strict=True):
            assert found == pieces[: how.leave]
        source.check_closed()
        nothing_is_left()

    virtually(main)


@quick
@given(
    pauses=st.lists(st.integers(0, 2), max_size=4),
    breaks=st.booleans(),
    mode=modes,
    victim=st.sampled_from(["work", "reader", "awaiting reader", "scope", "host"]),
)
def test_laws_4_7_and_10_cancellation_at_every_await(
    virtually: Run, pauses: list[int], breaks: bool, mode: dict[str, Any], victim: str
) -> None:
    """Cancel after 0, 1, 2 ... ticks, until everything is over before."""

    async def at(tick: int) -> bool:
        source = Source(pauses, breaks)
        kept: list[Any] = []

        async def reader(stream: Any) -> list[Any]:
            return await everything(stream)

        async def host() -> None:
            async with Scope() as scope:
                stream = StreamedPromise(source, **mode)
                tasks = [
                    asyncio.create_task(outcome(reader(stream))),
                    asyncio.create_task(outcome(reader(stream))),
                    asyncio.create_task(outcome(stream)),
                ]
                kept.extend([scope, stream, *tasks])
                await asyncio.gather(*tasks, return_exceptions=True)

        hosting = asyncio.create_task(host())
        await ticks(tick + 2)  # so that its tasks have begun
        scope, stream, first, second, whole = kept
        in_time = not hosting.done()
        match victim:
            case "work":
                stream.cancel()
            case "reader":
                first.cancel()
            case "awaiting reader":
                whole.cancel()
            case "scope":
                scope.cancel()
            case _:
                hosting.cancel()
        ended = await outcome(hosting)
        assert ended is None or isinstance(ended, asyncio.CancelledError)
        await asyncio.gather(first, second, whole)  # a host that was cancelled waits for no reader

        pieces = await everything(stream)
        numbers = [piece for piece in pieces if isinstance(piece, int)]
        assert numbers == list(range(len(numbers)))
        errors = pieces[len(numbers) :]
        stopped = [e for e in errors if isinstance(e, PromiseCancelled | StreamCut)]
        if victim in ("reader", "awaiting reader"):
            assert not stopped, "a reader's cancellation is private"
        if not stopped:
            assert len(numbers) == len(pauses)
            assert [type(error) for error in errors] == [ValueError] * breaks
        assert pieces == await everything(stream), "the same objects, for ever"
        assert (await outcome(stream)) in (errors[:1] or [tuple(numbers)])
        for task in (first, second):
            found = task.result()
            if not isinstance(found, asyncio.CancelledError):
                assert found == pieces
        source.check_closed()
        nothing_is_left()
        return in_time

    async def main() -> None:
        tick = 0
        while await at(tick):
            tick += 1
            assert tick < 100

    virtually(main)


@quick
@given(
    n=st.integers(0, 5),
    at=st.integers(0, 5),
    mode=modes,
    kind=st.sampled_from([ValueError, BaseException, asyncio.CancelledError, StopAsyncIteration]),
)
def test_law_5_an_error_at_every_piece(
    virtually: Run, n: int, at: int, mode: dict[str, Any], kind: type[BaseException]
) -> None:
    async def appended(stream: StreamAppender[int]) -> None:
        with stream:
            for number in range(n):
                await asyncio.sleep(0)
                if number == at:
                    stream.append(kind())
                stream.append(number)

    async def main() -> None:
        async with Scope() as scope:
            appender = StreamAppender[int]()
            scope.start(appended(appender))
            stream = StreamedPromise(appender, **mode)
            pieces, again = await asyncio.gather(everything(stream), everything(stream))
            assert pieces == again
            expected: list[Any] = list(range(n))
            if at < n:
                told = {
                    asyncio.CancelledError: PromiseCancelled,
                    StopAsyncIteration: PromiseError,
                }.get(kind, kind)
                assert type(pieces[at]) is told
                expected.insert(at, pieces[at])
            assert pieces == expected, "what came before it, it, and what came after it"
            assert (await outcome(stream)) == (pieces[at] if at < n else tuple(range(n)))

    virtually(main)


@dataclass
class Node:
    """Work that does something, has children of its own, and may fail."""

    pause: int
    fails: bool
    eager: bool
    waits: bool  # for its children
    scoped: bool  # whether its children are in a scope of its own
    children: list["Node"]


nodes = st.recursive(
    st.builds(
        Node,
        st.integers(0, 3),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.just([]),
    ),
    lambda inner: st.builds(
        Node,
        st.integers(0, 3),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)


@quick
@given(tree=nodes, cancel=st.none() | st.integers(0, 12))
def test_law_10_whatever_the_tree_of_works_the_scope_leaves_nothing_behind(
    virtually: Run, tree: Node, cancel: int | None
) -> None:
    made: list[Promise[Any]] = []
    running: set[int] = set()

    def planted(node: Node) -> Promise[Any]:
        async def grow(_: Any) -> None:
            promises = [planted(child) for child in node.children]
            await ticks(node.pause)
            if node.waits:
                for promise in promises:
                    await outcome(promise)
            if node.fails:
                raise ValueError

        async def work(promise: Any) -> str:
            running.add(id(promise))
            try:
                if node.scoped:
                    async with Scope():
                        await grow(promise)
                else:
                    await grow(promise)
                return "done"
            finally:
                try:
                    await asyncio.sleep(0)
                finally:
                    running.discard(id(promise))

        promise = Promise(work, eager=node.eager)
        made.append(promise)
        return promise

    async def host() -> None:
        async with Scope():
            planted(tree)

    async def main() -> None:
        task = asyncio.create_task(host())
        if cancel is not None:
            await ticks(cancel)
            task.cancel()
        await outcome(task)
        assert not running
        nothing_is_left()
        for promise in made:
            result = await outcome(promise)
            assert await outcome(promise) is result
            assert result == "done" or isinstance(result, ValueError | PromiseCancelled | StreamCut)
        await asyncio.sleep(1)
        nothing_is_left()

    virtually(main)


type Action = tuple[str, Any]

actions = st.lists(
    st.tuples(st.just("pause"), st.sampled_from([0.0, 0.6 * _LOOK, 1.4 * _LOOK, 8 * _LOOK, 30.0]))
    | st.tuples(st.sampled_from(["await", "task", "read", "scope"]), st.integers(0, 5))
    | st.tuples(st.sampled_from(["gather", "group"]), st.lists(st.integers(0, 5), max_size=3)),
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(scripts=st.lists(actions, min_size=6, max_size=6), eager=st.booleans())
def test_law_8_nothing_hangs_and_only_those_in_a_circle_are_told_so(
    virtually: Run, scripts: list[list[Action]], eager: bool
) -> None:
    """Six streams that wait for each other in any way at all."""
    streams: list[StreamedPromise[int, Any]] = []

    async def act(kind: str, what: Any) -> None:
        match kind:
            case "pause":
                await asyncio.sleep(what)
            case "await":
                await outcome(streams[what])
            case "task":
                await asyncio.create_task(outcome(streams[what]))
            case "read":
                await outcome(anext(aiter(streams[what])))
            case "scope":
                async with Scope():
                    Promise(lambda _: outcome(streams[what]))
            case "gather":
                await asyncio.gather(*[outcome(streams[n]) for n in what])
            case _:
                async with asyncio.TaskGroup() as group:
                    for n in what:
                        group.create_task(outcome(streams[n]))

    def scripted(script: list[Action]) -> Any:
        async def streamer(_: Any) -> AsyncIterator[int]:
            for number, (kind, what) in enumerate(script):
                await act(kind, what)
                yield number

        return streamer

    blamed: list[CircularWait] = []
    original = CircularWait.__init__

    def noted(error: CircularWait, *args: Any, **named: Any) -> None:
        blamed.append(error)
        original(error, *args, **named)

    async def main() -> None:
        async with Scope():
            streams.extend([StreamedPromise(scripted(s), eager=eager) for s in scripts])
            await asyncio.gather(*[outcome(stream) for stream in streams])
        nothing_is_left()

    CircularWait.__init__ = noted  # type: ignore[method-assign]
    try:
        virtually(main)
    finally:
        CircularWait.__init__ = original  # type: ignore[method-assign]
    if not _has_circle(scripts):
        assert not blamed


def _has_circle(scripts: list[list[Action]]) -> bool:
    waits_for = {
        n: {
            other
            for kind, what in script
            if kind != "pause"
            for other in (what if isinstance(what, list) else [what])
        }
        for n, script in enumerate(scripts)
    }
    while free := [n for n, others in waits_for.items() if not others & waits_for.keys()]:
        for n in free:
            del waits_for[n]
    return bool(waits_for)
