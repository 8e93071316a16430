"""Laws 1, 2, 5 and 6 for streams."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from retinue.errors import PromiseCancelled, PromiseError, StreamCut
from retinue.promise import Promise, Scope, StreamAppender, StreamedPromise

pytestmark = pytest.mark.timeout(20)
EAGERNESS = pytest.mark.parametrize("eager", [True, False])
someone: ContextVar[str] = ContextVar("someone", default="nobody")


class Fatal(BaseException):
    """Like KeyboardInterrupt, but no signal to anybody."""


def counting(n: int, *, pause: bool = False) -> Callable[[Any], AsyncIterator[int]]:
    async def streamer(_: Any) -> AsyncIterator[int]:
        for number in range(n):
            if pause:
                await asyncio.sleep(0)
            yield number

    return streamer


async def pieces_of(stream: Any) -> list[Any]:
    """All pieces; errors are values here, too."""
    reader = aiter(stream)
    found: list[Any] = []
    while True:
        try:
            found.append(await anext(reader))
        except StopAsyncIteration:
            return found
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                raise
            found.append(error)


async def outcome(promise: Any) -> Any:
    try:
        return await promise
    except BaseException as error:
        return error


@EAGERNESS
@pytest.mark.parametrize("pause", [True, False])
async def test_law_2_every_reader_starts_at_the_first_piece_whenever_it_comes(
    eager: bool, pause: bool
) -> None:
    async with Scope():
        stream = StreamedPromise(counting(5, pause=pause), eager=eager)

        async def late(ticks: int) -> list[Any]:
            for _ in range(ticks):
                await asyncio.sleep(0)
            return await pieces_of(stream)

        everybody = await asyncio.gather(*[late(ticks) for ticks in range(12)])
        assert everybody == [[0, 1, 2, 3, 4]] * 12
        assert await pieces_of(stream) == [0, 1, 2, 3, 4]
        assert await stream == (0, 1, 2, 3, 4)


@EAGERNESS
async def test_law_1_a_streamer_runs_once(eager: bool) -> None:
    runs: list[int] = []

    async def streamer(_: Any) -> AsyncIterator[int]:
        runs.append(1)
        yield 1

    async with Scope():
        stream = StreamedPromise(streamer, eager=eager)
        await asyncio.gather(pieces_of(stream), pieces_of(stream), outcome(stream))
        await pieces_of(stream)
    assert runs == [1]


@EAGERNESS
@pytest.mark.parametrize("kind", [ValueError, Fatal])
async def test_law_5_an_error_is_a_piece_at_its_place_for_everybody(
    eager: bool, kind: type[BaseException]
) -> None:
    async def streamer(_: Any) -> AsyncIterator[int]:
        yield 1
        yield 2
        raise kind("third")

    async with Scope():
        stream = StreamedPromise(streamer, eager=eager)
        first, second = await pieces_of(stream), await pieces_of(stream)
        assert first[:2] == [1, 2]
        assert len(first) == 3
        assert type(first[2]) is kind
        assert first[2] is second[2] is await outcome(stream)


async def _no_iterator(_: Any) -> int:
    return 1


def _breaks(_: Any) -> Any:
    raise ZeroDivisionError


@EAGERNESS
@pytest.mark.parametrize("streamer", [_no_iterator, _breaks, lambda _: iter([1])])
async def test_law_5_a_streamer_that_is_none_is_an_error_and_then_the_end(
    eager: bool, streamer: Any
) -> None:
    async with Scope():
        stream = StreamedPromise(streamer, eager=eager)
        found = await pieces_of(stream)
        assert len(found) == 1
        assert isinstance(found[0], TypeError | ZeroDivisionError)
        assert await outcome(stream) is found[0]


class Steps:
    """An async iterator written by hand, which raises `error` as its last step."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.closed = 0

    def __aiter__(self) -> "Steps":
        return self

    def __anext__(self) -> Any:
        raise self.error

    async def aclose(self) -> None:
        self.closed += 1


@EAGERNESS
async def test_law_6_a_streamer_that_raises_stop_iteration_has_not_ended(eager: bool) -> None:
    async def generator(_: Any) -> AsyncIterator[int]:
        yield 1
        raise StopAsyncIteration

    async def sneaky(_: Any) -> AsyncIterator[int]:
        yield 1
        next(iter(()))

    def at_once(_: Any) -> Any:
        raise StopAsyncIteration

    async with Scope():
        for streamer in (generator, sneaky):
            found = await pieces_of(StreamedPromise(streamer, eager=eager))
            assert found[0] == 1
            assert isinstance(found[1], RuntimeError)
        for streamer in (at_once, lambda _: Steps(StopIteration())):
            stream = StreamedPromise(streamer, eager=eager)
            assert isinstance((await pieces_of(stream))[0], PromiseError)
            assert isinstance(await outcome(stream), PromiseError)


async def test_an_iterator_written_by_hand_is_a_streamer_and_is_closed_once() -> None:
    steps = Steps(StopAsyncIteration())
    async with Scope():
        assert await pieces_of(StreamedPromise(lambda _: steps)) == []
    assert steps.closed == 1


@EAGERNESS
async def test_an_appended_stop_iteration_does_not_end_the_reader(eager: bool) -> None:
    async with Scope():
        with StreamAppender[int]() as appender:
            appender.append(StopAsyncIteration()).append(2)
        found = await pieces_of(StreamedPromise(appender, eager=eager))
        assert isinstance(found[0], PromiseError)
        assert found[1] == 2


@EAGERNESS
async def test_law_3_one_task_drives_a_generator_from_start_to_its_finally(eager: bool) -> None:
    seen: list[Any] = []

    async def streamer(_: Any) -> AsyncIterator[int]:
        try:
            for number in range(3):
                someone.set(f"piece {number}")
                seen.append(asyncio.current_task())
                yield number
                assert someone.get() == f"piece {number}"
        finally:
            await asyncio.sleep(0)
            seen.append(asyncio.current_task())
            seen.append("closed")

    async with Scope():
        stream = StreamedPromise(streamer, eager=eager)
        assert await pieces_of(stream) == [0, 1, 2]
    assert seen.count("closed") == 1
    assert len(set(seen[:-1])) == 1
    assert seen[0] is not asyncio.current_task()


@EAGERNESS
@pytest.mark.parametrize("read", [0, 1, 2])
async def test_law_7_cancelling_a_stream_closes_its_generator_once_in_its_own_task(
    eager: bool, read: int
) -> None:
    seen: list[Any] = []

    async def streamer(_: Any) -> AsyncIterator[int]:
        seen.append(asyncio.current_task())
        try:
            for number in range(2):
                yield number
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            seen.append(asyncio.current_task())
            seen.append("closed")

    async with Scope():
        stream = StreamedPromise(streamer, eager=eager)
        reader = aiter(stream)
        for number in range(read):
            assert await anext(reader) == number
        if eager:
            await asyncio.sleep(0)
        assert stream.cancel()
        found = await pieces_of(stream)
        assert isinstance(found.pop(), PromiseCancelled)
        assert found == ([0, 1] if eager else list(range(read)))
        assert isinstance(await outcome(stream), PromiseCancelled)
        assert not stream.cancel()
    if eager or read:
        assert seen.count("closed") == 1
        assert seen[0] is seen[1]


async def test_law_7_cleaning_up_with_an_error_does_not_let_the_resolver_run_on() -> None:
    resolved: list[int] = []

    async def streamer(_: Any) -> AsyncIterator[int]:
        yield 1
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError("while cleaning up")

    async def resolver(_: Any) -> None:
        resolved.append(1)

    async with Scope():
        stream = StreamedPromise(streamer, resolver)
        await anext(aiter(stream))
        stream.cancel()
        assert isinstance(await outcome(stream), ValueError)
    assert resolved == []


async def test_law_6_ended_cancelled_and_cut_are_three_different_things() -> None:
    async with Scope() as scope:
        ended = StreamedPromise(counting(2))
        cancelled = StreamedPromise(counting(2), eager=False)
        cut = StreamedPromise(counting(2), eager=False)
        assert await anext(aiter(cancelled)) == await anext(aiter(cut)) == 0
        cancelled.cancel()
        assert not scope.closed
    assert await pieces_of(ended) == [0, 1]
    assert [type(piece) for piece in await pieces_of(cancelled)] == [int, PromiseCancelled]
    assert [type(piece) for piece in await pieces_of(cut)] == [int, StreamCut]
    assert isinstance(await outcome(cut), StreamCut)
    assert isinstance(await outcome(cancelled), PromiseCancelled)


async def test_law_6_a_writer_that_leaves_by_an_error_has_not_finished() -> None:
    async with Scope():
        for kind, told in [
            (ValueError, ValueError),
            (asyncio.CancelledError, PromiseCancelled),
            (GeneratorExit, StreamCut),
        ]:
            for capture in (True, False):
                appender = StreamAppender[int](capture_errors=capture)

                async def write(appender: Any, kind: type[BaseException]) -> None:
                    with appender:
                        appender.append(1)
                        raise kind

                raised = await outcome(write(appender, kind))
                # who is stopped must not go on, whoever else is told of it
                assert (raised is not None) == (not capture or kind is not ValueError)
                found = await pieces_of(StreamedPromise(appender))
                assert [type(piece) for piece in found] == [int, told]


# -- resolvers


async def _as_list(stream: Any) -> list[Any]:
    return [piece async for piece in stream]


@EAGERNESS
async def test_a_resolver_makes_the_value_after_the_last_piece(eager: bool) -> None:
    async with Scope():
        stream = StreamedPromise(counting(3, pause=True), _as_list, eager=eager)
        assert await stream == [0, 1, 2]
        assert await pieces_of(stream) == [0, 1, 2]


@EAGERNESS
async def test_a_broken_resolver_leaves_the_pieces_alone(eager: bool) -> None:
    async def bad(_: Any) -> None:
        raise TypeError("no whole")

    async with Scope():
        stream = StreamedPromise(counting(3), bad, eager=eager)
        error = await outcome(stream)
        assert isinstance(error, TypeError)
        assert await pieces_of(stream) == [0, 1, 2]
        assert await outcome(stream) is error


@EAGERNESS
async def test_a_resolver_may_read_what_an_appender_still_writes(eager: bool) -> None:
    async with Scope():
        with StreamAppender[int]() as appender:
            stream = StreamedPromise(appender, _as_list, eager=eager)
            value = asyncio.create_task(outcome(stream))
            for number in range(3):
                await asyncio.sleep(0)
                appender.append(number)
        assert await value == [0, 1, 2]


async def test_a_stream_whose_value_is_known_streams_all_the_same() -> None:
    async with Scope():
        stream = StreamedPromise(counting(3), value="three numbers")
        assert await stream == "three numbers"
        assert await pieces_of(stream) == [0, 1, 2]
        endless = StreamedPromise(_for_ever, value="known")
        assert await anext(aiter(endless)) == 0
        assert endless.cancel()
        assert isinstance((await pieces_of(endless))[-1], PromiseCancelled)


async def _for_ever(_: Any) -> AsyncIterator[int]:
    number = 0
    while True:
        yield number
        number += 1
        await asyncio.sleep(0)


def test_a_stream_is_given_one_source_and_one_value() -> None:
    with pytest.raises(PromiseError, match="not both"):
        StreamedPromise(counting(1), pieces=[1])
    with pytest.raises(PromiseError, match="not both"):
        StreamedPromise(counting(1), _as_list, value=1)
    with pytest.raises(PromiseError, match="-1 pieces ahead"):
        StreamedPromise(counting(1), read_ahead=-1)


# -- pieces that are there, streams of streams


async def test_known_pieces_need_no_work() -> None:
    async with Scope():
        before = len(asyncio.all_tasks())
        stream = StreamedPromise(pieces=[1, 2])
        empty = StreamedPromise(pieces=[])
        assert not stream.cancel()
        assert await pieces_of(stream) == [1, 2]
        assert await stream == (1, 2)
        assert await empty == ()
        assert len(asyncio.all_tasks()) == before


@EAGERNESS
async def test_streams_of_streams_share_their_pieces(eager: bool) -> None:
    async with Scope():
        first = StreamedPromise(counting(3, pause=True), eager=eager)
        third = StreamedPromise(StreamedPromise(first))
        assert third._log is first._log
        assert await anext(aiter(third)) == 0
        assert await third == (0, 1, 2)
        assert await StreamedPromise(first, _as_list) == [0, 1, 2]


@EAGERNESS
async def test_cancelling_a_stream_of_a_stream_leaves_the_first_alone(eager: bool) -> None:
    async with Scope():
        first = StreamedPromise(counting(3, pause=True), eager=eager)
        second = StreamedPromise(first)
        assert second.cancel()
        assert isinstance(await outcome(second), PromiseCancelled)
        assert await first == (0, 1, 2)


async def test_reading_fails_where_the_value_cannot_be_made() -> None:
    class Broken(StreamedPromise[int, str]):
        __slots__ = ()

        def _whole(self, pieces: list[int]) -> str:
            raise ArithmeticError("no such whole")

    async with Scope():
        stream = Broken(counting(2))
        assert isinstance(await outcome(stream), ArithmeticError)
        assert await pieces_of(stream) == [0, 1]
        assert stream.failed_with(await outcome(stream))


async def test_a_cancellation_is_told_only_if_nothing_tells_more() -> None:
    async with Scope():
        with StreamAppender[int]() as appender:
            appender.append(asyncio.CancelledError()).append(ValueError("cause"))
        stream = StreamedPromise(appender)
        assert isinstance(await outcome(stream), ValueError)
        assert [type(e) for e in await pieces_of(stream)] == [PromiseCancelled, ValueError]


@EAGERNESS
async def test_law_4_the_timeout_of_one_reader_of_a_stream_poisons_nobody(eager: bool) -> None:
    gate = asyncio.Event()

    async def streamer(_: Any) -> AsyncIterator[int]:
        yield 0
        await gate.wait()
        yield 1

    async with Scope():
        stream = StreamedPromise(streamer, eager=eager)
        reader = aiter(stream)
        patient = asyncio.create_task(pieces_of(stream))
        assert await anext(reader) == 0
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(reader), 0.01)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(stream, 0.01)
        gate.set()
        assert await anext(reader) == 1  # the reader that gave up goes on where it was
        assert await patient == [0, 1]
        assert not stream._log.readers


async def test_a_stream_fed_by_an_appender_is_concluded_once_however_often_it_was_asked() -> None:
    async with Scope():
        with StreamAppender[int]() as appender:
            stream = StreamedPromise(appender)
            for _ in range(5):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(stream, 0.001)
            assert len(stream._log.enders or ()) == 1
        assert await stream == ()


async def test_two_tasks_may_share_one_reader_and_then_each_piece_goes_to_one_of_them() -> None:
    async with Scope():
        reader = aiter(StreamedPromise(counting(6, pause=True)))

        async def some() -> list[int]:
            return [piece async for piece in reader]

        one, other = await asyncio.gather(some(), some())
        assert sorted(one + other) == [0, 1, 2, 3, 4, 5]


async def test_a_promise_may_be_a_piece() -> None:
    async def late(_: Any) -> int:
        return 7

    async def streamer(_: Any) -> AsyncIterator[Promise[int]]:
        yield Promise(late)

    async with Scope():
        async for piece in StreamedPromise(streamer):
            assert await piece == 7


# -- the appender


async def test_an_appender_is_open_between_open_and_close() -> None:
    async with Scope():
        appender = StreamAppender[int]()
        assert not appender.is_open
        with pytest.raises(PromiseError) as not_open:
            appender.append(1)
        assert not_open.value.hint
        with appender:
            assert appender.is_open
            appender.append(1)
        assert not appender.is_open
        appender.close()
        for use in (appender.open, lambda: appender.append(2)):
            with pytest.raises(PromiseError) as closed:
                use()
            assert closed.value.hint
        assert await StreamedPromise(appender) == (1,)


async def test_an_appender_captures_by_default_what_its_scope_says() -> None:
    async with Scope(capture_errors=True):
        with StreamAppender[int]() as appender:
            raise ValueError
        assert isinstance(await outcome(StreamedPromise(appender)), ValueError)


async def test_cancelling_the_promise_tells_the_writer() -> None:
    async with Scope():
        with StreamAppender[int](capture_errors=True) as appender:
            stream = StreamedPromise(appender)
            assert stream.cancel()
            with pytest.raises(PromiseError):
                appender.append(1)
        assert isinstance(await outcome(stream), PromiseCancelled)


async def test_a_piece_that_comes_at_once_when_it_is_wanted_wakes_who_wanted_it() -> None:
    class AtOnce(StreamedPromise[int, Any]):
        """Wakes up by being read, as a sequence of messages may."""

        __slots__ = ()

        def _want(self, at: int) -> None:
            if at > 2:
                raise ArithmeticError
            self._log.push(at)

    async with Scope() as scope:
        appender = StreamAppender[int]().open()
        stream = AtOnce(appender)
        reader = aiter(stream)
        assert [await anext(reader) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ArithmeticError):
            await anext(reader)
        assert not stream._log.readers
        assert not scope.hub.watch.waits
