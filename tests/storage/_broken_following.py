"""Stores that break one sentence of the contract each: what a reader is told."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from retinue.errors import NotFound
from retinue.messages.events import TextAdded, ThinkingAdded

from ._broken import broken

# -- following


def follows(wrong: Callable[..., Any]) -> Callable[..., Any]:
    """A follow that changes what the right one tells."""

    @asynccontextmanager
    async def follow(right: Any, store: Any, id: str, *, after: int = 0) -> Any:
        async with right(id, after=after) as events:
            yield wrong(events, store, id, after)

    follow.__name__ = wrong.__name__
    return follow


async def tells_only_what_was(events: Any, store: Any, id: str, after: int) -> Any:
    for event in await store.log("ann").events(id, after=after):
        yield event
    await asyncio.sleep(3600)


async def begins_where_it_likes(events: Any, store: Any, id: str, after: int) -> Any:
    for event in await store.log("ann").events(id):
        yield event
    async for event in events:
        yield event


async def tells_no_pieces(events: Any, store: Any, id: str, after: int) -> Any:
    async for event in events:
        if not isinstance(event, TextAdded | ThinkingAdded):
            yield event


async def tells_pieces_as_they_come(events: Any, store: Any, id: str, after: int) -> Any:
    with store._tables.bell.hear(id) as ear:
        for event in await store.log("ann").events(id, after=after):
            yield event
        while True:
            for event in (await ear.heard())[0]:
                yield event


async def tells_the_first_attempt(events: Any, store: Any, id: str, after: int) -> Any:
    async for event in events:
        yield replace(event, attempt=1) if isinstance(event, TextAdded) else event


broken("log.follow", "a reader is told what was and what comes")(follows(tells_only_what_was))
broken("log.follow", "a reader goes on after any seq")(follows(begins_where_it_likes))
broken(
    "log.follow",
    "live pieces are told once and kept nowhere",
    "pieces wait for the start of their message",
    "who comes in the middle is told what there is",
    "a message that is begun anew begins at 0",
)(follows(tells_no_pieces))
broken(
    "log.follow",
    "live pieces are told once and kept nowhere",
    "pieces wait for the start of their message",
    "nothing is told of a message after its end",
    "a slow reader misses no event",
)(follows(tells_pieces_as_they_come))
broken("log.follow", "a message that is begun anew begins at 0")(follows(tells_the_first_attempt))


@broken(
    "log.follow",
    "a reader finds no conversation that is not there",
    "a reader learns that its conversation was deleted",
    "nobody sees the conversations of others",
)
@asynccontextmanager
async def follows_nothing_for_ever(right: Any, store: Any, id: str, *, after: int = 0) -> Any:
    async def events() -> Any:
        with suppress(NotFound):
            async with right(id, after=after) as told:
                async for event in told:
                    yield event
        await asyncio.sleep(3600)

    yield events()
