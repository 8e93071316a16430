"""How long models and tools take: as chance will have it, or one after another."""

import asyncio
import random
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import Context
from typing import Protocol

_TICKS = 20
"""Rounds of the event loop in which all that comes of a piece has come."""


class Pace(Protocol):
    async def pause(self) -> None:
        """Take your time."""
        ...

    def writing(self) -> AbstractContextManager[None]:
        """Something is being written, within the block."""
        ...


class Sleeping:
    """Each takes what it takes, side by side.

    Args:
        latency: Seconds, at most.
        seed: Of the chance by which it is less.
    """

    def __init__(self, latency: float, seed: int = 0) -> None:
        self._latency = latency
        self._chance = random.Random(seed)

    async def pause(self) -> None:
        await asyncio.sleep(self._chance.random() * self._latency)

    def writing(self) -> AbstractContextManager[None]:
        return nullcontext()


class OneByOne:
    """One of those who wait, by chance, goes on when all that came of the last one is written.

    So hardly anything is written together with anything else, on the slowest disk as on the
    fastest, and a process can be killed between any two things that happen.
    """

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        self._waiting: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None
        self._writes = 0
        self._written = asyncio.Event()
        self._written.set()

    async def pause(self) -> None:
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[None] = loop.create_future()
        self._waiting.append(mine)
        if self._task is None:
            self._task = loop.create_task(self._let_go(), context=Context())
        await mine

    @contextmanager
    def writing(self) -> Generator[None]:
        self._writes += 1
        self._written.clear()
        try:
            yield
        finally:
            self._writes -= 1
            if not self._writes:
                self._written.set()

    async def _let_go(self) -> None:
        while self._waiting:
            for _ in range(_TICKS):
                await asyncio.sleep(0)
            await self._written.wait()
            one = self._waiting.pop(self._chance.randrange(len(self._waiting)))
            if not one.done():
                one.set_result(None)
        self._task = None
