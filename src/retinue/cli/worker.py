"""Worker: execute background runs in this process, until none is left, or somebody ends it."""

import asyncio
import signal

from retinue.promise import run as run_loop
from retinue.runs import Embedded
from retinue.settings import Settings
from retinue.storage import open_store

from ._background import is_for_workers
from ._cast import Cast
from ._exits import DONE, code_of_signal
from ._kept import Worker
from ._log import log_beside
from ._opening import open_settings
from ._screen import Screen
from ._signals import Stop, stopping_on_signals


def run(line: Worker, screen: Screen) -> int:
    """Execute runs; the exit code."""
    settings = open_settings(line.flags, screen)
    stop = Stop()

    async def work() -> None:
        with stopping_on_signals(stop, screen):
            await _execute(line, settings, screen)

    with log_beside(settings, line.verbosity, screen):
        try:
            run_loop(work)
        except (KeyboardInterrupt, asyncio.CancelledError):
            return code_of_signal(stop.signal or signal.SIGINT)
    return DONE


async def _execute(line: Worker, settings: Settings, screen: Screen) -> None:
    store = await open_store(settings.store)
    try:
        async with Embedded(store, Cast(settings), takes=is_for_workers) as engine:
            if line.until_idle:
                await engine.idle()
                return
            screen.remark(f"runs of {store.name} are executed here; Ctrl-C ends that")
            await asyncio.Event().wait()
    finally:
        await store.close()
