"""A PostgreSQL server for the time of a benchmark, as it comes: nothing tuned, fsync on."""

import glob
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def server() -> Iterator[Callable[[str], str]]:
    """A way to make a database: from its name to its address.

    Root may not run it: then the system's user `postgres` does.
    """
    user = "postgres" if os.geteuid() == 0 else None
    folder = tempfile.mkdtemp(prefix="bench-pg-")
    if user is not None:
        shutil.chown(folder, user)
    port = _free_port()
    here = f"postgresql://bench@127.0.0.1:{port}"
    cluster = f"{folder}/data"

    def call(*command: str) -> None:
        done = subprocess.run(
            command,
            user=user,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            raise SystemExit(done.stdout.decode())

    def database(name: str) -> str:
        call(_program("psql"), "-qc", f'CREATE DATABASE "{name}"', f"{here}/postgres")
        return f"{here}/{name}"

    pg_ctl = _program("pg_ctl")
    call(_program("initdb"), "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-locale", cluster)
    options = f"-h 127.0.0.1 -p {port} -k {folder}"
    call(pg_ctl, "start", "-w", "-D", cluster, "-l", f"{folder}/log", "-o", options)
    try:
        yield database
    finally:
        call(pg_ctl, "stop", "-m", "fast", "-D", cluster)
        shutil.rmtree(folder)


def _program(name: str) -> str:
    """Debian keeps them off the path."""
    found = shutil.which(name) or next(
        iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), None
    )
    if found is None:
        sys.exit(f"PostgreSQL's {name} is not installed here.")
    return str(Path(found))


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
