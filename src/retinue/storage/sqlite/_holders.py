"""Holders: which processes are alive, by locks that the kernel frees when they die, and by how long
they have been silent.

Beside the database, in a folder of the user's alone, each holder has a file `<id>.lock`: locked as
long as it lives, and in it the machine's start and the steady clock of its last sign of life.
"""

import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from retinue.messages import new_id

try:
    import fcntl
except ImportError:  # Windows: a holder is known to be gone by its silence alone
    fcntl: Any = None

_BEAT = struct.Struct("<d")
_BOOT = Path("/proc/sys/kernel/random/boot_id")

_locked: set[int] = set()
"""Descriptors of locks of this process; a forked child would keep them locked after our death."""


class Holders:
    """The holders of one database.

    Args:
        folder: Where their files are; it is there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, int] = {}
        self._boot = _boot()

    def join(self) -> str:
        """Be a holder from now on, until `leave`, or the end of this process."""
        for file in self._folder.glob("*.lock"):  # of processes that were killed
            self.alive(file.stem)
        holder = new_id()
        self._files[holder] = _lock(self._path(holder))
        self.beat(holder)
        return holder

    def leave(self, holder: str) -> None:
        file = self._files.pop(holder, None)
        if file is not None:
            _locked.discard(file)
            os.close(file)
            self._path(holder).unlink(missing_ok=True)

    def leave_all(self) -> None:
        for holder in list(self._files):
            self.leave(holder)

    def beat(self, holder: str) -> None:
        """A sign of life. Who left has none."""
        file = self._files.get(holder)
        if file is not None:
            os.lseek(file, 0, os.SEEK_SET)
            os.write(file, _BEAT.pack(time.monotonic()) + self._boot)

    def alive(self, holder: str) -> bool:
        """Whether its process is there, frozen or not."""
        return self._silence(holder) is not None

    def gone(self, holder: str, *, lease: float) -> bool:
        """Whether its process is dead, or was silent for longer than `lease` seconds."""
        silence = self._silence(holder)
        return silence is None or silence > lease

    def _silence(self, holder: str) -> float | None:
        """Seconds since it gave a sign of life; None: it is dead."""
        path = self._path(holder)
        try:
            file = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            if _is_free(file):
                path.unlink(missing_ok=True)
                return None
            known = os.read(file, 100)
        finally:
            os.close(file)
        if known[_BEAT.size :] != self._boot:  # it begins just now, or was before a restart
            return 0.0 if fcntl is not None else None
        return time.monotonic() - _BEAT.unpack_from(known)[0]

    def _path(self, holder: str) -> Path:
        return self._folder / f"{holder}.lock"


def _lock(path: Path) -> int:
    """The descriptor of the file, locked; who finds it free before that takes it for a dead one's
    and removes it, and it is made again."""
    while True:
        file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        _locked.add(file)
        if fcntl is None:
            return file
        fcntl.flock(file, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(file).st_ino:
                return file
        _locked.discard(file)
        os.close(file)


def _is_free(file: int) -> bool:
    """Whether nobody has it locked; two who ask at once do not take each other for its holder."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _boot() -> bytes:
    """What tells this start of the machine from others; where there is no such thing, the locks,
    which do not outlive it, must do."""
    try:
        return _BOOT.read_bytes().strip()
    except OSError:
        return b"?"


def _forget() -> None:
    while _locked:
        with suppress(OSError):
            os.close(_locked.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
