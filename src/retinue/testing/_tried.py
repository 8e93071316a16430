"""Tried: how a check of one of our kits is done, and what is said where it fails."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any


class CheckFailed(AssertionError):
    """What was expected, and what was seen."""

    def __init__(self, expected: str, seen: object) -> None:
        super().__init__(f"expected: {expected}\nseen: {seen}")


async def tried[B: AbstractAsyncContextManager[Any]](
    run: Callable[[B], Awaitable[None]], bench: B, *, limit: float
) -> Exception | None:
    """What went wrong within so many seconds, in the block of the bench too; None: nothing."""
    try:
        async with asyncio.timeout(limit), bench:
            await run(bench)
    except TimeoutError:
        return CheckFailed(f"an end within {limit:g} s", "none")
    except Exception as error:
        return error
    return None


def words_of(failure: Exception) -> str:
    """The failure in the report of a kit."""
    match failure:
        case CheckFailed():
            return str(failure).replace("\n", "\n  ")
        case _:
            return f"the check itself broke off with {type(failure).__name__}: {failure}"
