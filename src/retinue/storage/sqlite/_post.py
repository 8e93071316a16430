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

_LARGEST = 8_000
"""Bytes; as many letters as a socket holds have room in its sender's buffer."""

_CAN = hasattr(socket, "AF_UNIX")
"""Windows has no such sockets: there nobody is told, and everybody looks."""

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
        self._out: dict[str, socket.socket] = {}

    def open(self) -> None:
        """Have the others write to us, from now on."""
        if self._box is not None or not _CAN:
            return
        box = _datagrams()
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
        if not (logs or runs):
            return
        others = self._others()
        for gone in self._out.keys() - others:
            self._out.pop(gone).close()
        data = Letter(tuple(logs), tuple(runs)).encoded() if others else b""
        for name in others:
            self._send(name, data)

    def close(self) -> None:
        if self._box is not None:
            asyncio.get_running_loop().remove_reader(self._box)
            self._box.close()
            self._box = None
            with suppress(FileNotFoundError):
                (self._folder / self._name).unlink()
        while self._out:
            self._out.popitem()[1].close()
        self._at.close()

    def _others(self) -> set[str]:
        with suppress(OSError):
            names = os.listdir(self._folder)
            return {name for name in names if name.endswith(".sock") and name != self._name}
        return set()

    def _send(self, name: str, data: bytes) -> None:
        try:
            self._to(name).send(data)
        except ConnectionRefusedError:  # its process was killed
            with suppress(FileNotFoundError):
                (self._folder / name).unlink()
        except OSError:
            pass  # its box is full, or gone by now

    def _to(self, name: str) -> socket.socket:
        """A way to each: letters that one does not read fill the buffer of their sender."""
        out = self._out.get(name)
        if out is None:
            out = self._out[name] = _datagrams()
            out.connect(self._at.path(name))
        return out

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


def _datagrams() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made
