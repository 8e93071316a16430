"""Rate: never more in a minute than allowed, and who comes first goes first."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import ModelRejected, SettingsError
from retinue.messages import Message
from retinue.models import ChatChunk, ChatRequest
from retinue.models.rate import Rate, Rated

from ._probe import REQUEST, WAIT, Probe, read, read_a_part_in_each_way, said


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def rate(clock: Clock, **limits: Any) -> Rate:
    return Rate(**limits, clock=clock, sleep=clock.sleep)


async def test_requests_within_the_rate_do_not_wait() -> None:
    clock = Clock()
    model = Rated(Probe(said("hello")), rate(clock, requests=3))
    for _ in range(3):
        assert await read(model) == said("hello")
    assert model.name == "probe"
    assert clock.slept == []


async def test_one_too_many_waits_until_the_first_is_a_minute_old() -> None:
    clock = Clock()
    shared = rate(clock, requests=2)
    one, other = [Rated(Probe(said("hello")), shared) for _ in range(2)]
    await read(one)
    clock.now += 10
    await read(other)
    await read(one)
    assert clock.slept == [50.0]
    await read(other)
    assert clock.slept == [50.0, 10.0]


@given(
    gaps=st.lists(st.tuples(st.floats(0, 40), st.integers(0, 120)), max_size=30),
    requests=st.none() | st.integers(1, 4),
    tokens=st.none() | st.integers(1, 100),
)
def test_no_window_has_more_than_is_allowed(
    gaps: list[tuple[float, int]], requests: int | None, tokens: int | None
) -> None:
    clock = Clock()
    limits = rate(clock, requests=requests, tokens=tokens, per=30.0)

    async def send_all() -> list[Any]:
        gone: list[Any] = []
        for gap, size in gaps:
            clock.now += gap
            gone.append(await limits.let_go(size))
        return gone

    gone = asyncio.run(send_all())
    assert [sent.at for sent in gone] == sorted(sent.at for sent in gone)
    for first in gone:
        window = [sent for sent in gone if first.at <= sent.at < first.at + 30.0]
        assert requests is None or len(window) <= requests
        total = sum(sent.tokens for sent in window)
        counting = [sent for sent in window if sent.tokens]
        assert tokens is None or total <= tokens or len(counting) == 1


async def test_tokens_are_estimated_before_and_corrected_by_usage() -> None:
    clock = Clock()
    limits = rate(clock, tokens=100)
    model = Rated(Probe(said("hello", input=70, output=26)), limits)
    await read(model)  # by estimate 5, in truth 96
    await read(model)
    assert clock.slept == [60.0]


async def test_a_request_that_is_larger_than_the_whole_is_let_go_alone() -> None:
    clock = Clock()
    model = Rated(Probe(said("hello")), rate(clock, tokens=10))
    long = ChatRequest(messages=(Message("word " * 100),))
    await read(model, long)
    assert clock.slept == []
    await read(model)
    assert clock.slept == [60.0]


async def test_who_comes_first_is_let_go_first_and_who_leaves_holds_nobody_up() -> None:
    opened = asyncio.Event()
    now = 0.0

    async def sleep(_: float) -> None:
        nonlocal now
        await opened.wait()
        now += 60

    limits = Rate(requests=1, clock=lambda: now, sleep=sleep)
    probe = Probe(said("hello"))
    gone: list[str] = []

    async def ask(name: str) -> None:
        await limits.let_go()
        gone.append(name)

    await ask("first")
    tasks = {name: asyncio.create_task(ask(name)) for name in ("a", "b", "c", "d")}
    await asyncio.sleep(0)
    for name in ("a", "c"):  # the one who waits for the time, and one behind it
        tasks[name].cancel()
    opened.set()
    async with asyncio.timeout(10):
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    assert gone == ["first", "b", "d"]
    assert probe.opened == 0


def test_one_rate_serves_one_loop_after_another() -> None:
    clock = Clock()
    limits = rate(clock, requests=1)

    async def crowd() -> None:
        await asyncio.gather(*[limits.let_go() for _ in range(3)])

    for _ in range(3):
        asyncio.run(crowd())
    assert clock.now == 1000.0 + 8 * 60.0
    assert len(limits._doors) == 1


async def test_however_the_reader_leaves_everything_is_closed() -> None:
    probe = Probe([ChatChunk(text="a"), WAIT])
    await read_a_part_in_each_way(Rated(probe, rate(Clock(), requests=9)), probe)
    assert probe.opened == probe.closed == probe.ended == 3


async def test_an_error_of_the_model_passes_through() -> None:
    probe = Probe([ModelRejected("no")])
    with pytest.raises(ModelRejected):
        await read(Rated(probe, rate(Clock(), requests=9)), REQUEST)
    assert probe.closed == 1


@pytest.mark.parametrize("limits", [{"requests": 0}, {"tokens": -1}])
def test_a_rate_that_lets_nothing_through_is_refused(limits: dict[str, int]) -> None:
    with pytest.raises(SettingsError) as caught:
        Rate(**limits)
    assert caught.value.hint
