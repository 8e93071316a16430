"""Kept: what belongs to an event loop, and is closed with it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
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


async def _closing[T](thing: T, close: Callable[[T], Awaitable[object]]) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await close(thing)
