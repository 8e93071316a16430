"""Bell: who waits in this process is told at once what happened, or that it should look.

A store has one. It rings after it committed, in the order of its commits, and only in the thread of
the event loop. A writer thread, or a hint from another process, comes by `call_soon_threadsafe`:

    bell.tell(conversation, *news(changes, first=8))  # this process wrote events 8, 9, ...
    bell.tell(conversation, *pieces)                  # `Claims.tell`
    bell.look(conversation)                           # somebody else wrote something there
    bell.look()                                       # hints may have been lost: a reconnect
    bell.ring(run)                                    # it was queued, answered, asked to stop
    bell.close()                                      # the store is closed

`follow` in `_follow.py` listens to a conversation; `Claims.bell` returns `bell.runs()`.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import replace

from retinue.errors import StoreFailed
from retinue.messages.events import Event, LivePiece, TextAdded, ThinkingAdded

from . import Change, Grown, Happens

_LIMIT = 1_000
"""News that may wait for one listener; who is slower than that reads the store."""


class Bell:
    """Tells listeners of this process; who does not listen costs nothing."""

    def __init__(self) -> None:
        self._logs: dict[str, list[Ear[Event]]] = {}
        self._runs: list[Ear[str]] = []
        self._closed = False

    def tell(self, conversation: str, *news: Event) -> None:
        """Events that are committed, with their seq, and live pieces; in their order."""
        for ear in self._logs.get(conversation, ()):
            ear.tell(news)

    def look(self, conversation: str | None = None) -> None:
        """Something came, or went, that is not told; None: perhaps in every conversation."""
        ears = self._all() if conversation is None else self._logs.get(conversation, ())
        for ear in ears:
            ear.look()

    def ring(self, *runs: str) -> None:
        """There may be something to do with these runs."""
        for ear in self._runs:
            ear.tell(runs)

    def close(self) -> None:
        """Whoever listens, now or later, gets StoreFailed."""
        self._closed = True
        for ear in [*self._all(), *self._runs]:
            ear.close()

    @contextmanager
    def hear(self, conversation: str) -> "Generator[Ear[Event]]":
        """Listen to a conversation, within the block."""
        ears = self._logs.setdefault(conversation, [])
        try:
            with self._listening(ears) as ear:
                yield ear
        finally:
            if not ears:
                del self._logs[conversation]

    @asynccontextmanager
    async def runs(self) -> AsyncGenerator[AsyncIterator[str]]:
        """The ids that are rung, within the block."""
        with self._listening(self._runs) as ear:
            async with aclosing(_each(ear)) as ids:
                yield ids

    @contextmanager
    def _listening[News](self, ears: "list[Ear[News]]") -> "Generator[Ear[News]]":
        ear = Ear[News](_LIMIT)
        if self._closed:
            ear.close()
        ears.append(ear)
        try:
            yield ear
        finally:
            ears.remove(ear)

    def _all(self) -> "Iterator[Ear[Event]]":
        return (ear for ears in self._logs.values() for ear in ears)


class Ear[News]:
    """What one listener has not heard yet; not more than `limit` news."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._news: list[News] = []
        self._look = False
        self._closed = False
        self._wake: asyncio.Future[None] | None = None

    def tell(self, news: Sequence[News]) -> None:
        if len(self._news) + len(news) > self._limit:
            self._news.clear()
            self._look = True
        else:
            self._news.extend(news)
        self._stir()

    def look(self) -> None:
        self._look = True
        self._stir()

    def close(self) -> None:
        self._closed = True
        self._stir()

    async def heard(self, *, within: float | None = None) -> tuple[Sequence[News], bool]:
        """Wait for news; they, in order, and whether there may be more than they say.

        After `within` seconds of silence there are none, and it is time to look.

        Raises:
            StoreFailed: The store was closed.
        """
        if not (self._news or self._look or self._closed):
            await self._silence(within)
        if self._closed:
            raise StoreFailed("The store was closed", hint="Open it again.")
        heard, self._news = self._news, []
        look, self._look = self._look, False
        return heard, look

    async def _silence(self, within: float | None) -> None:
        loop = asyncio.get_running_loop()
        self._wake = loop.create_future()
        timer = None if within is None else loop.call_later(within, self.look)
        try:
            await self._wake
        finally:
            self._wake = None
            if timer is not None:
                timer.cancel()

    def _stir(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


def news(changes: Iterable[Change], *, first: int) -> Iterator[Event]:
    """What the readers in this process are told of a write: its events, and pieces, in order.

    Args:
        changes: As they were written.
        first: The seq that its first event got.
    """
    seq = first
    for change in changes:
        match change:
            case Happens(event=event):
                yield replace(event, seq=seq)
                seq += 1
            case Grown():
                yield piece(change)
            case _:
                pass


def piece(grown: Grown) -> LivePiece:
    """The same, as a reader is told it."""
    kind = TextAdded if grown.kind == "text" else ThinkingAdded
    return kind(message=grown.message, attempt=grown.attempt, offset=grown.offset, text=grown.text)


async def _each(ear: Ear[str]) -> AsyncGenerator[str]:
    while True:
        runs, _ = await ear.heard()
        for run in dict.fromkeys(runs):
            yield run
