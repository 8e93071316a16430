# /// script
# requires-python = ">=3.12"
# dependencies = ["pip"]
# ///
"""Build llama.cpp's `llama-server` once for this machine: `uv run scripts/llama_server.py`.

Prints where it is; `--path` only looks. The source is in the sdist of llama-cpp-python, which pip
gets from its index and holds against a hash; nothing else is downloaded. The program (10 MB, for
the CPU alone) stays in ~/.cache/retinue/llama-server, beside the log of its build.

Exit codes: 0 it is there; 1 it is not, and the last line says why; 69 this machine lacks the tools.
"""

import argparse
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

VERSION = "0.3.36"
SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"

OPTIONS = (
    "CMAKE_BUILD_TYPE=Release",
    "CMAKE_C_FLAGS_RELEASE=-O2 -DNDEBUG",
    "CMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG",  # -O3 takes a third longer
    "CMAKE_EXE_LINKER_FLAGS=-s",
    "BUILD_SHARED_LIBS=OFF",
    "FETCHCONTENT_FULLY_DISCONNECTED=ON",
    "GGML_ACCELERATE=OFF",
    "GGML_BLAS=OFF",
    "GGML_LLAMAFILE=OFF",
    "GGML_METAL=OFF",
    "GGML_NATIVE=OFF",  # a cache may be carried to another processor
    "GGML_OPENMP=OFF",
    "LLAMA_ALL_WARNINGS=OFF",
    "LLAMA_BUILD_APP=OFF",
    "LLAMA_BUILD_EXAMPLES=OFF",
    "LLAMA_BUILD_TESTS=OFF",
    "LLAMA_BUILD_UI=OFF",
    "LLAMA_OPENSSL=OFF",
    "LLAMA_USE_PREBUILT_UI=OFF",  # it would be downloaded
)


def main() -> int:
    """Look for the program, or make it."""
    parser = argparse.ArgumentParser(description="Build llama-server, and print where it is.")
    parser.add_argument("--path", action="store_true", help="do not build; exit 1 if it is missing")
    parser.add_argument("--limit", type=float, default=1800, metavar="SECONDS", help="of the build")
    given = parser.parse_args()
    program = place() / "llama-server"
    if not program.exists():
        if given.path:
            return 1
        if missing := [tool for tool in ("cmake", "c++") if not shutil.which(tool)]:
            print(f"No llama-server here: it needs {' and '.join(missing)}", file=sys.stderr)
            return os.EX_UNAVAILABLE
        try:
            make(program, Patience(given.limit))
        except (OSError, NotBuilt) as error:
            print(f"No llama-server: {error}; see {program.parent}/build.log", file=sys.stderr)
            return 1
    print(program)
    return 0


class NotBuilt(Exception):
    """A step did not succeed."""


class Patience:
    """So many seconds for everything together, or less if a signal says so.

    A signal only leaves a note: raised at any place, it could lose a process that just began.
    """

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds
        self.stopped = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)

    def stop(self, *_: object) -> None:
        """There is none left."""
        self.stopped = True

    def wait(self, for_whom: str) -> None:
        """Wait a moment longer, or lose patience."""
        if self.stopped:
            raise NotBuilt("it was stopped")
        if time.monotonic() > self.until:
            raise NotBuilt(f"{for_whom} took too long")
        time.sleep(0.05)


def place() -> Path:
    """The folder of this version."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "retinue", "llama-server", VERSION)


def make(program: Path, patience: Patience) -> None:
    """Put the whole program in its place, or nothing; of two who build, one waits for the other."""
    program.parent.mkdir(parents=True, exist_ok=True)
    with locked(program.parent / "lock", patience):
        if program.exists():
            return
        os.nice(10)
        work = program.parent / "work"
        shutil.rmtree(work, ignore_errors=True)  # of a build that was killed
        work.mkdir()
        try:
            with program.with_name("build.log").open("w") as log:
                Build(work, patience, log).made().replace(program)
        finally:
            shutil.rmtree(work, ignore_errors=True)


@contextmanager
def locked(path: Path, patience: Patience) -> Generator[None]:
    """Hold a lock that the system lets go of with this process."""
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                patience.wait("another build")
        yield


class Build:
    """One build, in an empty folder."""

    def __init__(self, work: Path, patience: Patience, log: IO[str]) -> None:
        self.work = work
        self.patience = patience
        self.log = log

    def made(self) -> Path:
        """The program, compiled and tried."""
        made = self.compiled(self.fetched())
        self.run(str(made), "--version")
        return made

    def fetched(self) -> Path:
        """The source of llama.cpp."""
        wanted = self.work / "requirements.txt"
        wanted.write_text(f"llama-cpp-python=={VERSION} --hash=sha256:{SHA256}\n")
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir")
        sdist = ("--no-deps", "--no-binary=llama-cpp-python", "--require-hashes")
        self.run(*pip, "download", *sdist, f"--dest={self.work}", f"--requirement={wanted}")
        (archive,) = self.work.glob("*.tar.gz")
        source = f"{archive.name.removesuffix('.tar.gz')}/vendor/llama.cpp"
        with tarfile.open(archive) as files:
            inside = [file for file in files if file.name.startswith(f"{source}/")]
            files.extractall(self.work, inside, filter="data")
        return self.work / source

    def compiled(self, source: Path) -> Path:
        """The program, made from its source."""
        made = self.work / "build"
        ninja = ("-G", "Ninja") if shutil.which("ninja") else ()
        self.run("cmake", *ninja, f"-S{source}", f"-B{made}", *(f"-D{one}" for one in OPTIONS))
        jobs = str(os.cpu_count() or 1)
        self.run("cmake", "--build", str(made), "--target", "llama-server", "-j", jobs)
        return made / "bin" / "llama-server"

    def run(self, *command: str) -> None:
        """Run a command to its end, or end it and all that it started."""
        name = Path(command[0]).name
        print("$", *command, file=self.log, flush=True)
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                self.patience.wait(name)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.returncode:
            raise NotBuilt(f"{name} ended with {process.returncode}")


if __name__ == "__main__":
    sys.exit(main())
