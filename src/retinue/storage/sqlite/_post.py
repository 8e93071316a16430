"""Post: tells other processes at the same file that there is something to read.

Each has a socket in a folder of the user's alone, and gets the ids of what changed as a datagram.
That is a hint: one that does not fit is lost, and readers look for themselves every few seconds.
"""

import asyncio
import json
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from retinue.messages import new_id

from ._writer import Work

_LARGEST = 60_000
_QUEUE = 10
"""Datagrams that a socket holds at least, by Linux; who finds as many may have missed some."""


@dataclass(frozen=True, slots=True)
class Letter:
    """Where something changed: logs by owner and conversation, and runs."""

    logs: tuple[tuple[str, str], ...]
    runs: tuple[str, ...]

    def encoded(self) -> bytes:
        """As a datagram; where it would be too large it says no more than that there is much."""
        data = json.dumps([self.logs, self.runs]).encode()
        return data if len(data) <= _LARGEST else b"null"

    @classmethod
    def decoded(cls, data: bytes) -> "Letter | None":
        form = json.loads(data)
        if form is None:
            return None
        logs, runs = form
        return cls(tuple([(owner, id) for owner, id in logs]), tuple(runs))


class Post:
    """The letter box of this process, and the way to all others.

    Args:
        folder: Where the sockets are; it is there.
        read: Called in the event loop with each letter; with None where there may be more than
            letters say.
    """

    def __init__(self, folder: Path, read: Callable[[Letter | None], None]) -> None:
        self._folder = folder
        self._read = read
        self._name = f"{new_id()}.sock"
        self._at = _Short(folder)
        self._box: socket.socket | None = None
        self._out = _datagrams()

    def open(self) -> None:
        """Have the others write to us, from now on."""
        if self._box is not None or self._out is None:
            return
        box = _datagrams()
        assert box is not None
        try:
            box.bind(self._at.path(self._name))
        except OSError:  # the path is too long for a socket: nobody tells us, and we look
            box.close()
            return
        self._box = box
        asyncio.get_running_loop().add_reader(box, self._empty)

    def send(self, works: Sequence[Work]) -> None:
        """Tell the others, from whatever thread, what was committed."""
        logs = {(log.owner, log.conversation) for work in works for log in work.logs}
        runs = {run for work in works for run in work.runs}
        if self._out is None or not (logs or runs):
            return
        data = Letter(tuple(logs), tuple(runs)).encoded()
        for name in self._others():
            self._send(self._out, data, name)

    def close(self) -> None:
        if self._box is not None:
            asyncio.get_running_loop().remove_reader(self._box)
            self._box.close()
            self._box = None
            with suppress(FileNotFoundError):
                (self._folder / self._name).unlink()
        if self._out is not None:
            self._out.close()
            self._out = None
        self._at.close()

    def _others(self) -> list[str]:
        with suppress(OSError):
            names = os.listdir(self._folder)
            return [name for name in names if name.endswith(".sock") and name != self._name]
        return []

    def _send(self, out: socket.socket, data: bytes, name: str) -> None:
        try:
            out.sendto(data, self._at.path(name))
        except ConnectionRefusedError:  # its process was killed
            with suppress(FileNotFoundError):
                (self._folder / name).unlink()
        except OSError:
            pass  # its box is full, or gone by now

    def _empty(self) -> None:
        letters: list[bytes] = []
        with suppress(BlockingIOError):
            while self._box is not None and len(letters) < 10 * _QUEUE:
                letters.append(self._box.recv(_LARGEST))
        for letter in dict.fromkeys(letters):
            self._read(Letter.decoded(letter))
        if len(letters) >= _QUEUE:
            self._read(None)


class _Short:
    """A folder, by a path that leaves room for a name in the 108 bytes of a socket's address."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._file: int | None = None
        if os.path.isdir("/proc/self/fd"):
            self._file = os.open(folder, os.O_RDONLY)
            self._folder = f"/proc/self/fd/{self._file}"

    def path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _datagrams() -> socket.socket | None:
    """None where there are no such sockets, as on Windows."""
    if not hasattr(socket, "AF_UNIX"):
        return None
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made
