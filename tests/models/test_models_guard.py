"""The guard: whole answers or errors, and every stream closed once, however the reading ends."""

import asyncio
import gc
import logging
import weakref
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import (
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelSilent,
    ModelUnreachable,
    StreamIncomplete,
)
from retinue.messages import Message
from retinue.models import ChatChunk, ChatRequest
from retinue.models.guard import Guarded

REQUEST = ChatRequest(messages=(Message("hi"),))
END = ChatChunk(stop="end")
WAIT = "wait"
"""In a script: say nothing, for ever."""

type Line = Any
"""A chunk, an error, or WAIT."""


class Probe:
    """A model whose every attempt follows a script, and that counts what is done to it."""

    name = "probe"

    def __init__(self, *attempts: list[Line], refusals: int = 0) -> None:
        self.attempts = list(attempts)
        self.refusals = refusals
        self.asked = self.opened = self.closed = self.ended = self.read = 0

    @asynccontextmanager
    async def chat(self, request: ChatRequest):
        self.asked += 1
        if self.asked <= self.refusals:
            raise ModelOverloaded("busy", hint="wait")
        script = self.attempts.pop(0) if len(self.attempts) > 1 else self.attempts[0]
        self.opened += 1
        try:
            yield self.said(script)
        finally:
            self.closed += 1

    async def said(self, script: list[Line]) -> AsyncGenerator[ChatChunk]:
        try:
            for line in script:
                if isinstance(line, str):
                    await asyncio.Event().wait()
                elif isinstance(line, BaseException):
                    raise line
                else:
                    self.read += 1
                    yield line
        finally:
            self.ended += 1


class Fresh(Probe):
    """Holds no error that it raises."""

    async def said(self, script: list[Line]) -> AsyncGenerator[Any]:
        for line in script:
            if isinstance(line, BaseException):
                raise type(line)(*line.args)
            if line == WAIT:
                await asyncio.Event().wait()
            else:
                yield line


class Pauses:
    """Sleeps no time at all, and remembers how long it should have been."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def said(*words: str) -> list[Line]:
    return [ChatChunk(text=word) for word in words]


async def read(model: Any, into: list[ChatChunk] | None = None) -> list[ChatChunk]:
    into = [] if into is None else into
    async with model.chat(REQUEST) as chunks:
        async for chunk in chunks:
            into.append(chunk)
    return into


async def read_by_another_task(model: Any) -> list[ChatChunk]:
    """Open here, read there."""
    async with model.chat(REQUEST) as chunks:

        async def all_of_it() -> list[ChatChunk]:
            return [chunk async for chunk in chunks]

        return await asyncio.create_task(all_of_it())


def undisturbed() -> bool:
    """Whether no cancellation of this task is pending."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() == 0


@pytest.mark.parametrize("reading", [read, read_by_another_task])
async def test_a_whole_answer_passes_unchanged(reading) -> None:
    script = [*said("a", "b"), END]
    probe = Probe(script)
    assert await reading(Guarded(probe)) == script
    assert (probe.opened, probe.closed, probe.ended) == (1, 1, 1)


def test_it_bears_the_name_of_the_model() -> None:
    assert Guarded(Probe([END])).name == "probe"


async def test_an_answer_may_be_its_last_chunk_alone() -> None:
    assert await read(Guarded(Probe([END]))) == [END]


async def test_what_may_succeed_the_next_time_is_asked_again_before_the_first_chunk() -> None:
    pauses = Pauses()
    probe = Probe([END], refusals=2)
    assert await read(Guarded(probe, sleep=pauses, chance=lambda: 0.0)) == [END]
    assert pauses.taken == [0.5, 1.0]
    assert (probe.asked, probe.opened, probe.closed) == (3, 1, 1)


async def test_the_pause_grows_to_a_limit_and_chance_takes_up_to_half_of_it() -> None:
    pauses = Pauses()
    guarded = Guarded(Probe([END], refusals=7), retries=7, sleep=pauses, chance=lambda: 0.5)
    await read(guarded)
    assert pauses.taken == [0.375, 0.75, 1.5, 3.0, 6.0, 6.0, 6.0]


@pytest.mark.parametrize(("asked", "waited"), [(3.0, 3.0), (3600.0, 30.0), (-1.0, 0.0)])
async def test_the_provider_says_how_long_to_wait_up_to_a_limit(asked, waited) -> None:
    pauses = Pauses()
    error = ModelOverloaded("busy", hint="wait", retry_after=asked)
    await read(Guarded(Probe([error], [END]), sleep=pauses))
    assert pauses.taken == [waited]


async def test_after_so_many_retries_the_last_error_is_raised() -> None:
    pauses = Pauses()
    probe = Probe([END], refusals=9)
    with pytest.raises(ModelOverloaded, match="busy"):
        await read(Guarded(probe, retries=3, sleep=pauses))
    assert (probe.asked, len(pauses.taken)) == (4, 3)


async def test_what_will_not_succeed_the_next_time_is_asked_once() -> None:
    probe = Probe([ModelRejected("no such thing", hint="ask for another")])
    with pytest.raises(ModelRejected):
        await read(Guarded(probe, sleep=Pauses()))
    assert (probe.asked, probe.closed) == (1, 1)


async def test_nothing_is_asked_again_after_the_first_chunk() -> None:
    probe = Probe([*said("a"), ModelOverloaded("busy", hint="wait")])
    heard: list[ChatChunk] = []
    with pytest.raises(ModelOverloaded):
        await read(Guarded(probe, sleep=Pauses()), heard)
    assert heard == said("a")
    assert (probe.asked, probe.closed) == (1, 1)


async def test_asking_again_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "retinue"):
        await read(Guarded(Probe([END], refusals=1), sleep=Pauses(), chance=lambda: 0.0))
    [record] = caplog.records
    assert record.getMessage() == "model is asked again"
    assert record.__dict__["fields"] == {"model": "probe", "why": "busy", "after": 0.5}


async def test_an_end_without_the_last_chunk_is_no_end() -> None:
    heard: list[ChatChunk] = []
    with pytest.raises(StreamIncomplete) as caught:
        await read(Guarded(Probe(said("a", "b"))), heard)
    assert heard == said("a", "b")
    assert caught.value.hint


async def test_an_empty_answer_is_asked_for_again() -> None:
    probe = Probe([], [END])
    assert await read(Guarded(probe, sleep=Pauses())) == [END]
    assert (probe.opened, probe.closed) == (2, 2)


async def test_what_comes_after_the_last_chunk_is_neither_read_nor_waited_for() -> None:
    probe = Probe([END, *said("more"), WAIT])
    assert await read(Guarded(probe)) == [END]
    assert (probe.read, probe.ended, probe.closed) == (1, 1, 1)


@pytest.mark.parametrize("opened", ["a connection", "a stream"])
def test_a_model_that_never_begins_is_silent(opened, virtually) -> None:
    async def main() -> None:
        class Deaf(Probe):
            @asynccontextmanager
            async def chat(self, request: ChatRequest):
                if opened == "a connection":
                    await asyncio.Event().wait()
                async with super().chat(request) as chunks:
                    yield chunks

        pauses = Pauses()
        with pytest.raises(ModelSilent, match="for 120 s") as caught:
            await read(Guarded(Deaf([WAIT]), sleep=pauses))
        assert caught.value.hint
        assert len(pauses.taken) == 2
        assert undisturbed()

    virtually(main)


@pytest.mark.parametrize("reading", [read, read_by_another_task])
def test_a_model_that_stops_speaking_is_silent(reading, virtually) -> None:
    async def main() -> None:
        probe = Probe([*said("a", "b"), WAIT])
        with pytest.raises(ModelSilent):
            await reading(Guarded(probe))
        assert (probe.opened, probe.closed, probe.ended) == (1, 1, 1)
        assert undisturbed()

    virtually(main)


def test_a_model_that_goes_on_is_not_silent_however_long_it_takes(virtually) -> None:
    async def main() -> None:
        class Slow(Probe):
            async def said(self, script: list[Line]):
                for line in script:
                    await asyncio.sleep(50)
                    yield line

        script = [*said(*"abcdefghij"), END]
        assert await read(Guarded(Slow(script))) == script

    virtually(main)


def test_a_reader_that_takes_its_time_is_no_silence_of_the_model(virtually) -> None:
    async def main() -> None:
        script = [*said("a"), END]
        heard = []
        async with Guarded(Probe(script)).chat(REQUEST) as chunks:
            async for chunk in chunks:
                heard.append(chunk)
                await asyncio.sleep(1000)
        assert heard == script

    virtually(main)


def test_without_limits_there_is_no_watchdog(virtually) -> None:
    async def main() -> None:
        probe = Probe([*said("a"), WAIT])
        guarded = Guarded(probe, first_timeout=None, idle_timeout=None)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1e6):
                await read(guarded)
        assert probe.closed == 1

    virtually(main)


def test_a_model_that_swallows_its_cancellation_is_silent_all_the_same(virtually) -> None:
    async def main() -> None:
        class Stubborn(Probe):
            async def said(self, script: list[Line]):
                for line in script:
                    if line == WAIT:
                        try:
                            await asyncio.Event().wait()
                        except asyncio.CancelledError:
                            yield ChatChunk(text="too late")
                    else:
                        yield line

        for script in ([*said("a"), WAIT, END], [WAIT, END]):
            guarded = Guarded(Stubborn(script), retries=0)
            with pytest.raises(ModelSilent):
                await read(guarded)
            assert undisturbed()

    virtually(main)


def test_a_model_that_renames_its_cancellation_is_silent_and_keeps_the_cause(virtually) -> None:
    async def main() -> None:
        class Renaming(Probe):
            async def said(self, script: list[Line]):
                yield script[0]
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    raise RuntimeError("cancelled") from None

        with pytest.raises(ModelSilent) as caught:
            await read(Guarded(Renaming(said("a"))))
        assert isinstance(caught.value.__cause__, RuntimeError)
        assert undisturbed()

    virtually(main)


@pytest.mark.parametrize("after", [-5e-10, 0.0, 5e-10])  # the clock is no finer than 1e-9
def test_silence_and_a_cancellation_in_one_tick_are_a_cancellation(after, virtually) -> None:
    async def main() -> None:
        probe = Probe([*said("a"), WAIT])
        reading = asyncio.create_task(read(Guarded(probe, idle_timeout=60)))
        asyncio.get_running_loop().call_later(60 + after, reading.cancel)
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert reading.cancelled()
        assert (probe.closed, probe.ended) == (1, 1)

    virtually(main)


def test_a_loop_that_was_blocked_is_no_silence_of_the_model(virtually) -> None:
    async def main() -> None:
        class Slow(Probe):
            async def said(self, script: list[Line]):
                for line in script:
                    await asyncio.sleep(10)
                    yield line

        loop: Any = asyncio.get_running_loop()
        loop.call_later(15, loop.block, 1000)
        script = [*said("a"), END]
        assert await read(Guarded(Slow(script), idle_timeout=12)) == script

    virtually(main)


def test_a_model_that_was_silent_while_the_loop_was_blocked_is_silent(virtually) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        loop.call_later(15, loop.block, 1000)
        with pytest.raises(ModelSilent):
            await read(Guarded(Probe([*said("a"), WAIT]), idle_timeout=60))
        assert loop.time() == pytest.approx(1015, abs=0.1)

    virtually(main)


def test_the_reader_s_own_timeout_stays_its_own(virtually) -> None:
    async def main() -> None:
        probe = Probe([*said("a"), WAIT])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await read(Guarded(probe))
        assert (probe.closed, probe.ended) == (1, 1)

    virtually(main)


async def test_the_error_of_a_broken_connection_is_ours_and_keeps_its_cause() -> None:
    broken = ConnectionResetError("peer went away")
    probe = Probe([broken], [*said("a"), broken])
    heard: list[ChatChunk] = []
    with pytest.raises(StreamIncomplete, match="broke off: peer went away") as caught:
        await read(Guarded(probe, sleep=Pauses()), heard)
    assert caught.value.__cause__ is broken
    assert caught.value.hint
    assert heard == said("a")
    assert (probe.opened, probe.closed) == (2, 2)


async def test_a_connection_that_cannot_be_made_is_unreachable() -> None:
    with pytest.raises(ModelUnreachable, match="refused") as caught:
        await read(Guarded(Probe([ConnectionRefusedError("refused")]), retries=0))
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)
    assert caught.value.hint


async def test_unreachable_after_the_first_chunk_is_incomplete() -> None:
    lost = ModelUnreachable("lost", hint="ask again")
    with pytest.raises(StreamIncomplete) as caught:
        await read(Guarded(Probe([*said("a"), lost])))
    assert caught.value.__cause__ is lost


async def test_a_bug_passes_through() -> None:
    bug = TypeError("a bug")
    for script in ([bug], [*said("a"), bug]):
        probe = Probe(script)
        with pytest.raises(TypeError) as caught:
            await read(Guarded(probe))
        assert caught.value is bug
        assert probe.closed == 1


async def test_errors_that_a_model_translates_at_its_end_are_retried_by_their_new_name() -> None:
    class Vendor(Exception): ...

    class Translating(Probe):
        @asynccontextmanager
        async def chat(self, request: ChatRequest):
            try:
                async with super().chat(request) as chunks:
                    yield chunks
            except Vendor as error:
                raise ModelOverloaded("busy", hint="wait") from error

    probe = Translating([Vendor()], [*said("a"), Vendor()])
    async with Guarded(probe, sleep=Pauses()).chat(REQUEST) as chunks:
        assert await anext(chunks) == ChatChunk(text="a")
        with pytest.raises(ModelOverloaded):  # inside of the block already
            await anext(chunks)
        assert (probe.opened, probe.closed) == (2, 2)
        with pytest.raises(StopAsyncIteration):
            await anext(chunks)


@pytest.mark.parametrize(
    "script",
    [
        [ModelRejected("no", hint="ask for another")],
        [*said("a"), ModelRejected("no", hint="ask for another")],
        [*said("a"), ConnectionResetError("gone")],
        said("a"),
        [*said("a"), WAIT],
    ],
)
def test_an_error_that_nobody_holds_is_gone_at_once(script, virtually) -> None:
    async def main() -> weakref.ref[BaseException]:
        try:
            await read(Guarded(Fresh(script)))
        except ModelError as error:
            return weakref.ref(error)
        raise AssertionError

    gc.collect()
    gc.disable()
    try:
        assert virtually(main)() is None
    finally:
        gc.enable()


async def test_a_reader_that_leaves_early_closes_the_stream() -> None:
    probe = Probe([*said("a", "b"), END])
    guarded = Guarded(probe)
    for read_one in (True, False):
        async with guarded.chat(REQUEST) as chunks:
            if read_one:
                await anext(chunks)
        assert probe.closed == probe.ended == probe.opened
        with pytest.raises(StopAsyncIteration):
            await anext(chunks)


async def test_a_reader_that_fails_closes_the_stream() -> None:
    probe = Probe([*said("a", "b"), END])
    with pytest.raises(ZeroDivisionError):
        async with Guarded(probe).chat(REQUEST) as chunks:
            await anext(chunks)
            raise ZeroDivisionError
    assert (probe.closed, probe.ended) == (1, 1)


async def test_a_generator_that_reads_closes_the_stream_when_it_is_closed() -> None:
    probe = Probe([*said("a", "b"), END])

    async def words():
        async with Guarded(probe).chat(REQUEST) as chunks:
            async for chunk in chunks:
                yield chunk.text

    reading = words()
    assert await anext(reading) == "a"
    await reading.aclose()
    assert (probe.closed, probe.ended) == (1, 1)


async def test_an_error_of_closing_is_not_lost() -> None:
    class Sticky(Probe):
        @asynccontextmanager
        async def chat(self, request: ChatRequest):
            async with super().chat(request) as chunks:
                yield chunks
            raise OSError("cannot close")

    with pytest.raises(OSError, match="cannot close"):
        await read(Guarded(Sticky([END])))


async def test_a_block_that_swallows_errors_does_not_make_an_answer_whole() -> None:
    class Swallowing(Probe):
        @asynccontextmanager
        async def chat(self, request: ChatRequest):
            try:
                async with super().chat(request) as chunks:
                    yield chunks
            except ModelRejected:
                pass

    rejected = ModelRejected("no", hint="ask for another")
    with pytest.raises(ModelRejected):
        await read(Guarded(Swallowing([*said("a"), rejected])))


@given(
    length=st.integers(0, 5),
    place=st.integers(0, 5),
    fault=st.sampled_from(
        [
            ModelOverloaded("busy", hint="wait"),
            ModelRejected("no", hint="ask for another"),
            ConnectionResetError("gone"),
            RuntimeError("a bug"),
            None,
            WAIT,
        ]
    ),
    retries=st.integers(0, 2),
)
def test_at_every_chunk_every_fault_is_met(virtually, length, place, fault, retries) -> None:
    async def main() -> None:
        script = said(*"abcde"[: min(place, length)])
        script += [END] if place > length else [] if fault is None else [fault]
        probe, pauses, heard = Probe(script), Pauses(), []
        guarded = Guarded(probe, retries=retries, sleep=pauses)
        if place > length:
            assert await read(guarded) == script
            assert probe.opened == 1
        else:
            expected = RuntimeError if isinstance(fault, RuntimeError) else ModelError
            with pytest.raises(expected) as caught:
                await read(guarded, heard)
            assert heard == [line for line in script if isinstance(line, ChatChunk)]
            again = not heard and getattr(caught.value, "retriable", False)
            assert probe.opened == (1 + retries if again else 1)
        assert probe.closed == probe.opened == len(pauses.taken) + 1
        assert probe.ended == probe.opened
        assert undisturbed()

    virtually(main)


@given(steps=st.integers(0, 12), refusals=st.integers(0, 2))
async def test_cancelled_at_any_moment_the_stream_is_closed_once(steps, refusals) -> None:
    class Stepping(Probe):
        async def said(self, script: list[Line]):
            try:
                for line in script:
                    await asyncio.sleep(0)
                    yield line
            finally:
                self.ended += 1
                await asyncio.sleep(0)  # closing takes its time

    async def step(_: float) -> None:
        await asyncio.sleep(0)

    probe = Stepping([*said("a", "b", "c"), END], refusals=refusals)
    reading = asyncio.create_task(read(Guarded(probe, sleep=step)))
    for _ in range(steps):
        await asyncio.sleep(0)
    reading.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([reading])
    assert reading.cancelled() or reading.result()[-1] == END
    assert probe.opened == probe.closed == probe.ended
