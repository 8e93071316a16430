"""Background: processes that execute runs when nobody waits for them at a terminal."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from retinue.app.retinue import Retinue
from retinue.errors import RetinueError
from retinue.settings import Settings, worker_file
from retinue.storage import RunRecord

from ._options import SETTINGS
from ._screen import Screen

_LARGE: Final = 1024 * 1024
"""Bytes of a log after which another one is begun."""

_LEASE: Final = 15.0
"""Seconds of silence after which a process counts as gone; that of the engine."""


async def see_to(
    retinue: Retinue, run: str, settings: Settings, flags: Mapping[str, str], screen: Screen
) -> None:
    """If the run is to be executed and no process is there to do so: start a worker, or say how."""
    claims = retinue.store.claims
    holder = await claims.join()
    try:
        due = await claims.due(holder, lease=_LEASE)
    finally:
        await claims.leave(holder)
    for one in due:
        if one.id != run:
            continue
        if is_for_workers(one):
            thread = await retinue.log.conversation(one.conversation)
            start_worker(settings, flags, folder=thread.folder)
        else:
            screen.remark(f"it goes on in its conversation: {screen.program} -r {one.conversation}")


def is_for_workers(run: RunRecord) -> bool:
    """Whether it is for processes without a person. What was asked at a terminal goes on with
    whoever comes back to it; that it is to stop can be seen to by anybody.
    """
    return run.background or run.stop_asked


def start_worker(
    settings: Settings, flags: Mapping[str, str], *, folder: str | None = None
) -> None:
    """Start a process that executes what is to be done, and ends when that is done.

    It outlives this one and its terminal; what it has to say goes into the worker's log.

    Args:
        settings: Where the store is.
        flags: What was said about settings, by their names: it gets the same.
        folder: Where it begins, if that is still there; by default here.

    Raises:
        RetinueError: It cannot be started, or the store is in the memory of this process.
    """
    if settings.store == "memory:":
        raise RetinueError(
            "What is only in memory ends with this command",
            hint="Name a file with --store, or leave --background out.",
        )
    said = [f"{SETTINGS[name].names[-1]}={value}" for name, value in flags.items()]
    # -P: what lies in this folder must not be taken for a module of Python's.
    command = [sys.executable, "-P", "-m", "retinue", "worker", "--until-idle", "-v", *said]
    try:
        with _log() as log:
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=folder if folder is not None and os.path.isdir(folder) else None,
            )
    except OSError as error:
        raise RetinueError(
            f"No process can be started for it: {error.strerror}",
            hint="It waits. To have it done: retinue worker",
        ) from error


def _log() -> IO[bytes]:
    path = worker_file(os.environ) or Path(os.devnull)
    with suppress(OSError):
        if path.stat().st_size > _LARGE:
            path.replace(path.with_suffix(".log.1"))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))
