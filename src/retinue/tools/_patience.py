"""How long a tool may take, and how often it may try."""

import asyncio
from collections.abc import Awaitable, Callable

from retinue.errors import ToolFailed, ToolTimeout

_PAUSE = 0.1
"""Seconds before the second try; before each further one twice as long."""


async def within[T](seconds: float | None, name: str, work: Awaitable[T]) -> T:
    """What `work` gives, if it comes in time; None is without limit.

    Raises:
        ToolTimeout: It did not; it was cancelled.
    """
    if seconds is None:
        return await work
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await work
    except TimeoutError as error:
        if not limit.expired():
            raise  # one of its own
        raise ToolTimeout(
            f"{name} did not end within {seconds:g} seconds, so it was stopped",
            hint="Ask it for less, or give it longer: timeout=...",
        ) from error


async def persistently[T](retries: int, work: Callable[[], Awaitable[T]]) -> T:
    """What `work` gives; if it fails or is too slow it is done again, `retries` times at most."""
    for attempt in range(retries):
        try:
            return await work()
        except (ToolFailed, ToolTimeout):
            await asyncio.sleep(_PAUSE * 2**attempt)
    return await work()
