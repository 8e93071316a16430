"""What the tests of models share: the way to hear a whole answer, and a clock that jumps."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import settings

from retinue.messages import Message
from retinue.models import ChatChunk, ChatRequest, Model

settings.register_profile("unhurried", deadline=None)  # a busy machine is no fault
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def hear() -> Callable[..., Awaitable[list[ChatChunk]]]:
    """Ask a model something, and give all chunks of the answer."""

    async def hear(model: Model, *said: str | Message, **request: Any) -> list[ChatChunk]:
        messages = tuple([Message(one) if isinstance(one, str) else one for one in said])
        async with model.chat(ChatRequest(messages=messages, **request)) as chunks:
            return [chunk async for chunk in chunks]

    return hear


class JumpingSelector(selectors.DefaultSelector):
    """Never waits: its clock jumps to the next timer, and without one the test hangs no more."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "everything waits for ever"
        self.now += timeout
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.selector = JumpingSelector()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.now

    def block(self, seconds: float) -> None:
        """As a callback that does not return for so long."""
        self.selector.now += seconds


@pytest.fixture(scope="session")
def virtually() -> Callable[[Callable[[], Awaitable[Any]]], Any]:
    """Run `main()` in a loop in which pauses take no time, and everything takes its turn."""

    def run(main: Callable[[], Awaitable[Any]]) -> Any:
        async def inside() -> Any:
            return await main()

        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            return runner.run(inside())

    return run
