"""follow: the one way to read a conversation on and on, over any log and a bell.

Whoever reads is told by the bell what is committed and what is being written. Where that leaves a
gap, and every few seconds in case a hint was lost, the log is read: first the tails, then the
events to the end, so that whatever a tail speaks of has been told before it.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Protocol

from retinue.messages.events import Event, LogEvent, MessageEnded

from . import Tail
from ._bell import Bell, Ear
from ._told import Told

PAGE = 500
"""Events that are read at once."""

PATIENCE = 5.0
"""Seconds of silence after which a reader looks whether a hint was lost."""


class Readable(Protocol):
    """What is needed of a log."""

    async def events(
        self, conversation: str, *, after: int = 0, limit: int = 500
    ) -> tuple[LogEvent, ...]: ...

    async def tails(self, conversation: str) -> tuple[Tail, ...]: ...


@asynccontextmanager
async def follow(
    log: Readable, bell: Bell, conversation: str, *, after: int = 0, patience: float = PATIENCE
) -> AsyncGenerator[AsyncIterator[Event]]:
    """What `Log.follow` gives: everything after that seq, and then whatever comes, for ever.

    A message that was shown in pieces is shown in pieces to its last letter, before it has ended.

    Args:
        log: Of the owner; what it raises is raised to the reader.
        bell: Where the store says what it wrote in this conversation.
        conversation: Which.
        after: The last seq that the reader knows.
        patience: Seconds of silence after which it looks for itself.

    Raises:
        NotFound: There is no such conversation, or no more.
        StoreFailed: The store is closed, or cannot be read.
    """
    with bell.hear(conversation) as ear:
        tails = await log.tails(conversation)  # it is found now, not at the first event
        events = _events(log, ear, conversation, Told(after), patience, tails)
        async with aclosing(events):
            yield events


async def _events(
    log: Readable,
    ear: Ear[Event],
    conversation: str,
    told: Told,
    patience: float,
    tails: tuple[Tail, ...],
) -> AsyncGenerator[Event]:
    look = True
    while True:
        if look:
            async with aclosing(_looked(log, conversation, told, tails)) as events:
                async for event in events:
                    yield event
        news, look = await ear.heard(within=patience)
        for heard in news:
            for event in told.hear(heard):
                yield event
        look = look or told.behind
        if look:
            tails = await log.tails(conversation)


async def _looked(
    log: Readable, conversation: str, told: Told, tails: tuple[Tail, ...]
) -> AsyncGenerator[Event]:
    """All events there are, and then what there is of open messages, by tails read before."""
    while True:
        ended: set[str] = set()
        page = await log.events(conversation, after=told.seq, limit=PAGE)
        for heard in page:
            if isinstance(heard, MessageEnded):
                ended.add(heard.message.id)
            for event in told.hear(heard):
                yield event
        if len(page) < PAGE:
            for piece in told.tails(tails, ended):
                yield piece
            return
        tails = await log.tails(conversation)
