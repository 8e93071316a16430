"""A PostgreSQL server of one's own, which can be killed and started again."""

import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PATIENCE = 20.0
"""Seconds that it may take to start, or to end."""


def program(name: str) -> str | None:
    """Debian keeps them off the path."""
    there = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)
    return shutil.which(name) or next(iter(there), None)


class Server:
    """A server in a folder; root may not run one: then the system's user `postgres` does.

    Attributes:
        address: Of a database in it.
    """

    @staticmethod
    def is_here() -> bool:
        """Whether this machine has what is needed."""
        return all(map(program, ("initdb", "postgres", "pg_isready")))

    def __init__(self, folder: Path) -> None:
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            shutil.chown(folder, self._user)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self._port = taken.getsockname()[1]
        self.address = f"postgresql://chaos@127.0.0.1:{self._port}/postgres"
        self._run("initdb", "-N", "-U", "chaos", "-A", "trust", "-E", "UTF8", "-D", self._data)

    def start(self) -> None:
        """And wait until somebody can come in."""
        options = ["-h", "127.0.0.1", "-p", str(self._port), "-k", str(self._folder)]
        command = [str(program("postgres")), "-D", self._data, *options, "-c", "fsync=off"]
        self._process = subprocess.Popen(command, **self._surroundings)
        until = time.monotonic() + PATIENCE
        while not self._answers():
            assert time.monotonic() < until, "the server does not start"
            assert self._process.poll() is None, "the server has ended"
            time.sleep(0.05)

    def stop(self, how: signal.Signals) -> None:
        """SIGINT: everybody is thrown out; SIGQUIT: the same, and nothing is put in order."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait(PATIENCE)

    def _answers(self) -> bool:
        ready = [str(program("pg_isready")), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        return subprocess.run(ready, timeout=PATIENCE).returncode == 0

    def _run(self, name: str, *arguments: str) -> None:
        command = [str(program(name)), *arguments]
        subprocess.run(command, check=True, timeout=2 * PATIENCE, **self._surroundings)

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    @property
    def _surroundings(self) -> dict[str, Any]:
        nothing = subprocess.DEVNULL
        return {
            "user": self._user,
            "cwd": self._folder,
            "stdin": nothing,
            "stdout": nothing,
            "stderr": nothing,
        }


@contextmanager
def running() -> Iterator[Server]:
    """A server that runs; nothing is left of it."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    server = None
    try:
        server = Server(folder)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop(signal.SIGQUIT)
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)
