"""The guard around every stream that may go silent, break off or end early.

It asks again only before the first chunk, wants the chunk with `stop`, watches for silence between
chunks (not bytes), and closes what it opened: once, however the reading ends.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from types import TracebackType
from typing import Any, Final, NoReturn, Self, cast

from retinue import telemetry
from retinue.errors import ModelError, ModelSilent, ModelUnreachable, StreamIncomplete
from retinue.models import ChatChunk, ChatRequest, Model

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 8.0


class Guarded:
    """A model whose answers are whole, or an error; never silence, never half of one.

    Retried are errors that say they are `retriable`, and only before the first chunk: after it, the
    reader has seen a part. The answer ends with the chunk that has `stop`; what a model sends after
    it is neither waited for nor read, so a provider gives that chunk last, when its wire is read to
    the end. An OSError of the connection becomes a ModelError; what is no fault of the stream (a
    bug, a cancellation) passes through.

    Args:
        inner: The model.
        first_timeout: Seconds for opening the stream and for its first chunk; None: no limit.
        idle_timeout: Seconds between chunks, as long as somebody waits for one; None: no limit.
        retries: How many times to ask again. Between them it waits 0.5 s, 1 s, 2 s, ... up to 8 s,
            of which a random part is left out, at most half.
        retry_after_cap: The most seconds to wait where the provider says how long.
        sleep: Waits.
        chance: Gives numbers from 0 up to 1.
    """

    def __init__(
        self,
        inner: Model,
        *,
        first_timeout: float | None = 120.0,
        idle_timeout: float | None = 60.0,
        retries: int = 2,
        retry_after_cap: float = 30.0,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.inner = inner
        self.first_timeout = first_timeout
        self.idle_timeout = idle_timeout
        self.retries = retries
        self.retry_after_cap = retry_after_cap
        self._sleep = sleep
        self._chance = chance

    @property
    def name(self) -> str:
        return self.inner.name

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatChunk]]:
        """Ask; the first chunk is there when the block is entered.

        Raises:
            ModelSilent: No chunk for longer than the limit.
            StreamIncomplete: It ended, or broke off, before its last chunk.
            ModelError: What the model raises.
        """
        return _Stream(self, request)

    async def _pause(self, error: ModelError, attempt: int) -> None:
        if error.retry_after is None:
            seconds = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE) * (1 - self._chance() / 2)
        else:
            seconds = min(max(error.retry_after, 0.0), self.retry_after_cap)
        telemetry.event(
            logging.WARNING, "model is asked again", model=self.name, why=str(error), after=seconds
        )
        await self._sleep(seconds)


class _Stream:
    """One answer under guard: the block that opens and closes it, and its reader, in one object.

    The watchdog is one timer for the whole stream, which looks since when the reader waits; a
    timeout for each chunk would cost ten times as much. It cancels the waiting task and takes that
    back, as `asyncio.timeout` does.
    """

    __slots__ = (
        "_begun",
        "_block",
        "_cancelling",
        "_chunks",
        "_first",
        "_guard",
        "_limit",
        "_loop",
        "_next",
        "_over",
        "_request",
        "_silent",
        "_since",
        "_task",
        "_timer",
    )

    def __init__(self, guard: Guarded, request: ChatRequest) -> None:
        self._guard = guard
        self._request = request
        self._block: AbstractAsyncContextManager[AsyncIterator[ChatChunk]] | None = None
        self._chunks: AsyncIterator[ChatChunk] | None = None
        self._first: ChatChunk | None = None
        self._begun = False
        self._over = False
        self._silent = False
        self._since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            try:
                await self._open()
            except ModelError as error:
                if not error.retriable or attempt >= self._guard.retries:
                    raise
                await self._guard._pause(error, attempt)
                attempt += 1
            else:
                return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        self._first = None
        await self._close(error)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatChunk:
        if self._first is not None:
            chunk, self._first = self._first, None
        elif self._over:
            raise StopAsyncIteration
        else:
            # Not in a function of its own: it is done for each chunk.
            self._task = task = cast("asyncio.Task[Any]", asyncio.current_task())
            self._cancelling = task.cancelling()
            self._since = self._loop.time()
            try:
                chunk = await self._next()
            except BaseException as error:
                await self._fail(error)
            self._since = None
            if self._silent:  # the model swallowed the cancellation
                await self._fail(asyncio.CancelledError())
        if chunk.stop is not None:
            self._over = True
        return chunk

    async def _open(self) -> None:
        self._task = task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._cancelling = task.cancelling()
        self._since = self._loop.time()
        self._watch(self._guard.first_timeout)
        try:
            block = self._guard.inner.chat(self._request)
            chunks = await block.__aenter__()
            self._block, self._chunks = block, chunks
            self._next = chunks.__anext__
            first = await self._next()
        except BaseException as error:
            await self._fail(error)
        self._since = None
        if self._silent:
            await self._fail(asyncio.CancelledError())
        self._first = first
        self._begun = True
        self._watch(self._guard.idle_timeout)

    async def _fail(self, error: BaseException) -> NoReturn:
        """Close the stream, and raise what its end was: in our words, after the model's own."""
        self._since = None
        self._over = self._begun
        error = self._worded(error)
        try:
            await self._close(error)
        except Exception as translated:  # many a model translates its errors as its block is left
            error = translated
        try:
            match error:
                case OSError() | ModelUnreachable() if self._begun:
                    raise StreamIncomplete(
                        f"The answer of {self._guard.name!r} broke off: {error}", hint=_ASK_AGAIN
                    ) from error
                case OSError():
                    raise ModelUnreachable(
                        f"{self._guard.name!r} cannot be reached: {error}",
                        hint="Check the network and the model's address, then ask again.",
                    ) from error
                case _:
                    raise error
        finally:
            del error  # it holds this frame, and would be held by it

    def _worded(self, error: BaseException) -> BaseException:
        if self._silent:
            self._silent = False
            alone = self._task.uncancel() <= self._cancelling
            if alone or not isinstance(error, asyncio.CancelledError):
                silence = ModelSilent(
                    f"Nothing came from {self._guard.name!r} for {self._limit:g} s",
                    hint="Ask again, or give the model more time.",
                )
                silence.__cause__ = error
                return silence
        if isinstance(error, StopAsyncIteration):
            return StreamIncomplete(
                f"The answer of {self._guard.name!r} ended without the chunk that marks its end",
                hint=_ASK_AGAIN,
            )
        return error

    async def _close(self, error: BaseException | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        block, self._block = self._block, None
        if block is None:
            return
        try:
            # Chunks are often a generator; left open, it would wait for the garbage collector.
            aclose = getattr(self._chunks, "aclose", None)
            if aclose is not None:
                await aclose()
        finally:
            trace = None if error is None else error.__traceback__
            await block.__aexit__(None if error is None else type(error), error, trace)

    # -- the watchdog

    def _watch(self, limit: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if limit is not None:
            self._limit = limit
            self._look_at(self._loop.time() + limit)

    def _look_at(self, when: float) -> None:
        # In nobody's context: a timer that is cancelled stays with the loop until it is due, and
        # would keep the turn that began this stream, and all it read, as long as that.
        self._timer = self._loop.call_at(when, self._look, when, context=Context())

    def _look(self, when: float) -> None:
        now = self._loop.time()
        due = (now if self._since is None else self._since) + self._limit
        if now < due:
            self._look_at(due)
        elif now - when > _LATE:  # the loop was blocked: there may be a chunk nobody could read
            self._look_at(now + _LATE)
        else:
            self._timer = None
            self._silent = True
            self._task.cancel()


_LATE: Final = 0.05
_ASK_AGAIN: Final = "It is not whole. Ask again."
