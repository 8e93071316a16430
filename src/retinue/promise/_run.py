"""run: the one door for synchronous callers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from retinue.errors import PromiseError

from ._scope import Scope


def run[T](work: Awaitable[T] | Callable[[], Awaitable[T]]) -> T:
    """Run `work` in a scope and a loop of its own, and wait for all that it started.

    Args:
        work: An async function, a coroutine, or a promise made outside of any loop.

    Raises:
        PromiseError: A loop is running here already.
    """
    if asyncio._get_running_loop() is not None:
        if asyncio.iscoroutine(work):
            work.close()
        raise PromiseError("`run` was called where an event loop runs", hint="Use `await` there.")

    return asyncio.run(_in_a_scope(work))


async def _in_a_scope[T](work: Awaitable[T] | Callable[[], Awaitable[T]]) -> T:
    async with Scope():
        return await cast("Awaitable[T]", work if isinstance(work, Awaitable) else work())
