"""What a run has left behind: processes that its tools have started, and not waited for.

They belong to no process of ours any more, nor to a group; what they have inherited tells them.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

MARK: Final = "RETINUE_RUN"
"""The variable by which the processes of a run are known."""
_ROUNDS: Final = 20
_PAUSE: Final = 0.01
"""Seconds between two rounds: who is about to end may have started another."""


def end_left(run: str) -> None:
    """End all processes of this run, at once. It takes a moment, and nothing where there is no
    /proc (macOS, Windows).

    Args:
        run: What stands in their variable.
    """
    for _ in range(_ROUNDS):
        left = list(_left(f"{MARK}={run}".encode()))
        if not left:
            return
        for process in left:
            with suppress(OSError):  # it has ended by itself
                os.kill(process, signal.SIGKILL)
        time.sleep(_PAUSE)


def _left(mark: bytes) -> Iterator[int]:
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is another person's
            if mark in (place / "environ").read_bytes().split(b"\0"):
                yield int(place.name)
