"""The log under every stream: who listens to it hears everything once, in order, on one stack."""

import asyncio
from typing import Any

import pytest

from retinue.promise import Log, Scope
from retinue.promise._hub import Hub, hub_of

pytestmark = pytest.mark.timeout(20)


class Ear:
    """A listener that copies what it hears into a log of its own."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.log: Log[Any] = Log()
        self.on_hearing: Any = None

    def hear(self, piece: Any) -> None:
        if self.on_hearing is not None:
            on_hearing, self.on_hearing = self.on_hearing, None
            on_hearing()
        self.log.push(piece)

    def hear_end(self) -> None:
        self.log.close()


@pytest.fixture
async def hub() -> Hub:
    return hub_of(asyncio.get_running_loop())


async def test_there_is_one_hub_for_a_loop(hub: Hub) -> None:
    async with Scope() as one:
        pass
    async with Scope() as other:
        assert one.hub is other.hub is hub


@pytest.mark.parametrize("before", range(4))
async def test_a_listener_hears_what_is_here_and_what_comes(hub: Hub, before: int) -> None:
    log: Log[int] = Log()
    ear = Ear(hub)
    for number in range(3):
        if number == before:
            log.listen(ear)
        log.push(number)
    if before == 3:
        log.close()
        log.listen(ear)
    log.close()
    log.close()
    assert ear.log.pieces == [0, 1, 2]
    assert ear.log.closed


async def test_who_begins_to_listen_while_others_are_told_hears_nothing_twice(hub: Hub) -> None:
    log: Log[int] = Log()
    first, second, third = Ear(hub), Ear(hub), Ear(hub)
    log.listen(first)
    log.listen(second)
    log.push(0)
    first.on_hearing = lambda: log.listen(third)
    log.push(1)
    log.push(2)
    log.close()
    for ear in (first, second, third):
        assert ear.log.pieces == [0, 1, 2]
        assert ear.log.closed


async def test_who_begins_to_listen_while_the_others_hear_the_end_hears_it_too(hub: Hub) -> None:
    log: Log[int] = Log([7])
    late = Ear(hub)
    log.when_closed(lambda: log.listen(late))
    log.close()
    assert late.log.pieces == [7]
    assert late.log.closed


async def test_a_chain_of_ten_thousand_listeners_uses_one_stack_frame(hub: Hub) -> None:
    first: Log[int] = Log()
    log = first
    for _ in range(10_000):
        ear = Ear(hub)
        log.listen(ear)
        log = ear.log
    first.push(1)
    first.push(2)
    first.close()
    assert log.pieces == [1, 2]
    assert log.closed


async def test_a_listener_that_fails_does_not_stop_what_is_told_to_others(hub: Hub) -> None:
    log: Log[int] = Log()
    ear = Ear(hub)

    def fail() -> None:
        raise ValueError

    ear.on_hearing = fail
    log.listen(ear)
    with pytest.raises(ValueError):  # noqa: PT011 - the listener's own
        log.push(1)
    log.push(2)
    assert ear.log.pieces == [2]


async def test_enders_are_called_once_at_the_end_or_at_once_after_it(hub: Hub) -> None:
    log: Log[int] = Log()
    calls: list[str] = []
    log.when_closed(lambda: calls.append("before"))
    log.when_closed(lambda: calls.append("before, too"))
    assert calls == []
    log.close()
    log.close()
    log.when_closed(lambda: calls.append("after"))
    assert calls == ["before", "before, too", "after"]


async def test_a_reader_that_leaves_is_forgotten() -> None:
    log: Log[int] = Log()
    future, other = (log.reader(asyncio.get_running_loop()) for _ in range(2))
    log.leave(future)
    log.leave(future)
    log.push(1)
    log.leave(other)
    assert other.done()
    assert not future.done()
    log.close()
    assert log.readers is None
