"""Workers as whoever kills them sees them: real processes, which get real signals from outside."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from retinue.messages.codecs.events import event_from_dict
from retinue.messages.events import Event

from ._worker import Job

_ROOT = Path(__file__).parents[2]
_LIMIT = 2**22
"""Bytes that a line of a worker may have."""


class Workers:
    """Starts workers; all that are left end with it, also when a test has failed."""

    def __init__(self) -> None:
        # What is killed cannot say what it covered.
        environ = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
        self._door, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with inner:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tests.chaos._worker", str(inner.fileno())],
                pass_fds=[inner.fileno()],
                stdin=subprocess.DEVNULL,
                cwd=_ROOT,
                env=environ,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._door.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)

    @asynccontextmanager
    async def start(
        self, job: Job, *, hear: Callable[[str, Event], None] = lambda conversation, event: None
    ) -> "AsyncGenerator[Worker]":
        """A worker at this job; at the end of the block it is asked to leave, if it still lives.

        Args:
            job: What it is to do.
            hear: Called with what its followers are told, and of which conversation.
        """
        out, worker_out = os.pipe()
        worker_into, into = os.pipe()
        socket.send_fds(self._door, [json.dumps(asdict(job)).encode()], [worker_out, worker_into])
        os.close(worker_out)
        os.close(worker_into)
        worker = Worker(into, hear)
        try:
            async with asyncio.timeout(10):
                await worker.greet(out)
            yield worker
            async with asyncio.timeout(10):
                await worker.leave()
        finally:
            await worker.close()


class Worker:
    """One worker. Told by its process: not by its number, which another may get."""

    def __init__(self, into: int, hear: Callable[[str, Event], None]) -> None:
        self.said: list[dict[str, Any]] = []
        """What it said, but for what it was told."""
        self._into: int | None = into
        self._hear = hear
        self._stirred = asyncio.Event()
        self._ended = False
        self._pid: int | None = None

    async def greet(self, out: int) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(_LIMIT)
        self._transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(out, "rb")
        )
        self._listening = asyncio.create_task(self._listen(reader))
        first = await self._first(lambda words: "pid" in words)
        self._pid = os.pidfd_open(first["pid"])

    async def reaches(self) -> None:
        """Wait until it stands still at the point it was given."""
        await self._first(lambda words: "at" in words)

    async def is_fenced(self) -> None:
        """Wait until a write of it was refused: somebody else had taken the run up."""
        await self._first(lambda words: "fenced" in words)

    def goes_on(self) -> None:
        assert self._into is not None
        os.write(self._into, b"+")

    def send(self, what: signal.Signals) -> None:
        assert self._pid is not None
        signal.pidfd_send_signal(self._pid, what)

    async def kill(self) -> None:
        """SIGKILL; and wait until nothing is left of it."""
        self.send(signal.SIGKILL)
        await self.gone()

    async def gone(self) -> None:
        """Wait until the process is no more, and all that it said was heard."""
        assert self._pid is not None
        loop = asyncio.get_running_loop()
        gone = loop.create_future()
        loop.add_reader(self._pid, lambda: gone.done() or gone.set_result(None))
        try:
            await gone
        finally:
            loop.remove_reader(self._pid)
        await self._listening

    async def leave(self) -> None:
        """Have it end its work well; nothing, if it is dead."""
        self._hang_up()
        await self.gone()

    async def close(self) -> None:
        self._hang_up()
        if self._pid is not None:
            with suppress(ProcessLookupError):
                self.send(signal.SIGKILL)
            os.close(self._pid)
            self._pid = None
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        self._transport.close()

    def _hang_up(self) -> None:
        if self._into is not None:
            os.close(self._into)
            self._into = None

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while (line := await reader.readline()).endswith(b"\n"):  # it may be killed within one
                words = json.loads(line)
                if "heard" in words:
                    self._hear(words["of"], event_from_dict(words["heard"]))
                else:
                    self.said.append(words)
                    self._stirred.set()
        finally:
            self._ended = True
            self._stirred.set()

    async def _first(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            self._stirred.clear()
            for words in self.said:
                if fits(words):
                    return words
            assert not self._ended, "the worker has ended"
            await self._stirred.wait()
