"""Store: what is kept, opened for one command: to look at it, or to execute what is in it."""

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from retinue.app.retinue import Retinue
from retinue.errors import Ambiguous, NotFound, StoreFailed, UsageError
from retinue.promise import run as run_loop
from retinue.settings import Settings, current_folder
from retinue.storage import Conversation, RunRecord


@asynccontextmanager
async def visited(settings: Settings) -> AsyncGenerator[Retinue]:
    """The person's conversations, to look at and to order from; nothing is executed here.

    Raises:
        StoreFailed: It cannot be opened, or a file that is named is not there.
    """
    _refuse_what_is_not_there(settings.store)
    async with await Retinue.visit(settings.store) as retinue:
        yield retinue


def in_store[T](settings: Settings, work: Callable[[Retinue], Awaitable[T]]) -> T:
    """Do this with the person's conversations; Ctrl-C breaks it off by KeyboardInterrupt."""

    async def visit() -> T:
        async with visited(settings) as retinue:
            return await work(retinue)

    return run_loop(visit)


async def conversation_of(retinue: Retinue, prefix: str, program: str) -> Conversation:
    """The conversation whose id begins so.

    Raises:
        UsageError: There is none, or there are several.
    """
    try:
        return await retinue.log.find(prefix)
    except (Ambiguous, NotFound) as error:
        hint = f"See: {program} conversations --all"
        raise UsageError(str(error), hint=hint) from error


async def run_of(retinue: Retinue, prefix: str, program: str) -> RunRecord:
    """The run whose id begins so.

    Raises:
        UsageError: There is none, or there are several.
    """
    try:
        return await retinue.runs.find(prefix)
    except (Ambiguous, NotFound) as error:
        raise UsageError(str(error), hint=f"See: {program} tasks") from error


def folder_here() -> str:
    """The folder whose conversations are meant.

    Raises:
        UsageError: It is gone.
    """
    folder = current_folder()
    if folder is None:
        raise UsageError("The current folder is gone", hint="Go to another one, or say --all.")
    return os.fspath(folder.resolve())


def _refuse_what_is_not_there(store: str | None) -> None:
    """A name that is written wrongly would otherwise be a new and empty file."""
    if store is None or store == "memory:" or "://" in store or Path(store).expanduser().exists():
        return
    raise StoreFailed(
        f"There is no store {store}",
        hint="It is made when something is asked. See where it was chosen: retinue config",
    )
