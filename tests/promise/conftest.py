"""A loop whose clock jumps: long pauses take no time, and a program that hangs fails at once."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

DAY = 24 * 3600.0


class EverythingWaitsForEver(AssertionError):
    """No task can go on and no timer is set, or timers have been all there was for a day."""


class _JumpingSelector(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        events = super().select(0)
        if not events:
            if timeout is None or self.now > DAY:
                self.now = 0  # who catches this still has to clean up
                raise EverythingWaitsForEver
            self.now += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = _JumpingSelector()
        super().__init__(self.clock)
        self.set_exception_handler(self._remember)
        self.complaints: list[dict[str, Any]] = []

    def _remember(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.complaints.append(context)

    def time(self) -> float:
        return self.clock.now

    def timers(self) -> list[asyncio.TimerHandle]:
        """The timers that are set."""
        return [handle for handle in self._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]


def run_virtually[T](main: Callable[[], Awaitable[T]]) -> T:
    """Run `main()` in a virtual loop; whatever the loop complained of fails the test."""

    async def inside() -> T:
        return await main()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        result = runner.run(inside())
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        assert loop.complaints == []
        return result


@pytest.fixture(scope="session")
def virtually() -> Callable[[Callable[[], Awaitable[Any]]], Any]:
    return run_virtually
