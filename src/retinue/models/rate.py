"""Rate and Rated: no more requests and tokens in a minute than a key may send."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from retinue import telemetry
from retinue.errors import SettingsError
from retinue.models import ChatChunk, ChatRequest, Model

from .tokens import estimate


@dataclass(slots=True)
class Sent:
    """One request that was let go: when, and how many tokens it counts for."""

    at: float
    tokens: int


class Rate:
    """What one key may send: in no `per` seconds more requests, or more tokens, than this.

    One object for all models of a key, in whatever loop they are asked. Who comes first is let go
    first; who stops waiting holds nobody up. A request that is larger than the whole is let go
    alone.

    Args:
        requests: How many, at most; None: any number.
        tokens: How many, sent and received, at most; None: any number.
        per: Seconds.
        clock: Tells the time, in seconds.
        sleep: Waits.

    Raises:
        SettingsError: Nothing could ever be sent.
    """

    def __init__(
        self,
        *,
        requests: int | None = None,
        tokens: int | None = None,
        per: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        for what, limit in (("requests", requests), ("tokens", tokens)):
            if limit is not None and limit < 1:
                raise SettingsError(
                    f"A rate of {limit} {what} lets nothing through",
                    hint="Give at least 1, or leave it out for any number.",
                )
        self.requests = requests
        self.tokens = tokens
        self.per = per
        self._clock = clock
        self._sleep = sleep
        self._sent: deque[Sent] = deque()
        self._counting = threading.Lock()
        self._doors: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}

    async def let_go(self, tokens: int = 0) -> Sent:
        """Wait until a request of so many tokens may be sent; it counts from then on."""
        # A lock is fair, and a waiter that is cancelled leaves it; but it belongs to one loop.
        async with self._door():
            while not isinstance(sent := self._counted(tokens), Sent):
                telemetry.event(logging.INFO, "model waits for its rate", seconds=sent)
                await self._sleep(sent)
            return sent

    def _door(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if loop not in self._doors:
            open_ones = {one: door for one, door in self._doors.items() if not one.is_closed()}
            self._doors = {**open_ones, loop: asyncio.Lock()}
        return self._doors[loop]

    def _counted(self, tokens: int) -> Sent | float:
        """The request, if it may be sent now; else the seconds until it may, so far as is known."""
        with self._counting:  # loops of other threads count here, too
            now = self._clock()
            due = self._due(now, tokens)
            if due > now:
                return due - now
            sent = Sent(now, tokens)
            self._sent.append(sent)
            return sent

    def _due(self, now: float, tokens: int) -> float:
        while self._sent and self._sent[0].at + self.per <= now:
            self._sent.popleft()
        due = now
        if self.requests is not None and len(self._sent) >= self.requests:
            due = self._sent[len(self._sent) - self.requests].at + self.per
        if self.tokens is not None:
            room = max(self.tokens - tokens, 0)
            used = sum([sent.tokens for sent in self._sent])
            for sent in self._sent:
                if used <= room:
                    break
                used -= sent.tokens
                due = max(due, sent.at + self.per)
        return due


class Rated:
    """A model that is asked no faster than its key allows.

    Before a request its tokens are estimated; what the answer says of usage takes the place of
    that. Put it around the guard, which would take the waiting for silence; what the guard asks
    again is not counted.

    Args:
        inner: The model.
        rate: Of its key; shared by all models of that key.
    """

    def __init__(self, inner: Model, rate: Rate) -> None:
        self.inner = inner
        self.rate = rate

    @property
    def name(self) -> str:
        return self.inner.name

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        """Wait for one's turn, then ask.

        Raises:
            ModelError: What the model raises.
        """
        sent = await self.rate.let_go(0 if self.rate.tokens is None else estimate(request))
        async with self.inner.chat(request) as chunks, aclosing(_corrected(chunks, sent)) as heard:
            yield heard


async def _corrected(chunks: AsyncIterator[ChatChunk], sent: Sent) -> AsyncGenerator[ChatChunk]:
    async for chunk in chunks:
        if chunk.usage is not None:
            sent.tokens = chunk.usage.input + chunk.usage.output
        yield chunk
