"""Kept: what belongs to an event loop, and is closed with it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Hashable
from contextvars import Context
from typing import Any


async def kept_on_loop[T](
    place: str, key: Hashable, make: Callable[[], T], close: Callable[[T], Awaitable[object]]
) -> T:
    """What is kept on the running loop in this place under this key; made where there is none yet.

    It is kept on the loop itself, so there is no global state to clean up, and closed when the loop
    shuts its async generators down, as asyncio.run does.
    """
    loop = asyncio.get_running_loop()
    kept: dict[Hashable, tuple[T, Any]] | None = getattr(loop, place, None)
    if kept is None:
        kept = {}
        setattr(loop, place, kept)
    if key not in kept:
        thing = make()
        closing = _closing(thing, close)
        kept[key] = thing, closing
        await anext(closing)
    return kept[key][0]


async def apart[T](making: Coroutine[Any, Any, T], close: Callable[[T], Awaitable[object]]) -> T:
    """Make a connection that belongs to nobody; it is closed if nobody waits for it any more.

    It outlives the turn that needed it first. Made in the context of that turn, its callbacks and
    timers would keep the turn, and all it read, for as long as the connection is kept.
    """
    made = asyncio.get_running_loop().create_task(making, context=Context())
    try:
        return await made
    except asyncio.CancelledError:
        if made.done() and not made.cancelled() and made.exception() is None:
            await close(made.result())
        raise


async def _closing[T](thing: T, close: Callable[[T], Awaitable[object]]) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await close(thing)
