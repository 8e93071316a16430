"""The process that is killed: an engine at a store, which stops at a chosen point.

`python -m tests.chaos._worker FD` imports everything once, and then forks a worker for each job it
is sent, so that of hundreds of processes each begins in a few milliseconds. All of them end with
it, and it ends when whoever started it does.
"""

import asyncio
import ctypes
import datetime
import json
import os
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

import retinue.storage.memory
import retinue.storage.sqlite
from retinue.errors import Fenced
from retinue.messages.codecs.events import event_to_dict
from retinue.runs import Embedded
from retinue.storage import Change, Claim, Claims, Store, Written, open_store

from ._pace import OneByOne, Pace, Sleeping
from ._program import Program

with suppress(ImportError):
    import retinue.storage.postgres

del retinue  # they are imported for those that are forked

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Point:
    """A moment in the life of a worker: "before" or "after" its n-th write or effect, from 1."""

    what: Literal["write", "effect"]
    n: int
    when: Literal["before", "after"]

    def __str__(self) -> str:
        return f"{self.when}-{self.what}-{self.n}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a worker is to do.

    Args:
        store: Its address.
        folder: Where effects and calls of models are counted.
        latency: Seconds that a model takes for a piece, at most. None: as little as it can, but
            one after another.
        seed: Of the chance in that.
        stop_at: Where it stands still until it is told to go on.
        lease, unload_after: Of the engine.
        follow: Conversations that it follows, each from this seq on, telling what it is told.
        clock: Seconds by which the clock on the wall is off, by turns, each time somebody looks.
    """

    store: str
    folder: str
    seed: int = 0
    latency: float | None = None
    stop_at: Point | None = None
    lease: float = 15.0
    unload_after: float = 0.05
    follow: tuple[tuple[str, int], ...] = ()
    clock: tuple[float, ...] = ()

    @classmethod
    def decoded(cls, form: dict[str, Any]) -> "Job":
        point = form.pop("stop_at")
        follow = tuple([(id, after) for id, after in form.pop("follow")])
        return cls(stop_at=Point(**point) if point else None, follow=follow, **form)


class Line:
    """To whoever started this worker: it says lines of JSON, and hears a byte: go on."""

    def __init__(self, out: int, into: int) -> None:
        self._out = out
        self._into = into

    def say(self, **words: Any) -> None:
        data = json.dumps(words).encode() + b"\n"
        while data:
            data = data[os.write(self._out, data) :]

    def stand_still(self) -> None:
        """The whole process does, until it is told to go on, or killed."""
        if not os.read(self._into, 1):
            os._exit(1)

    async def closed(self) -> None:
        """Until nobody has anything to say any more."""
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        loop.add_reader(self._into, lambda: os.read(self._into, 1) or over.set())
        await over.wait()
        loop.remove_reader(self._into)


class Gate:
    """Stands still at the chosen point.

    Args:
        line: Where it says that it is there.
        point: Which.
    """

    def __init__(self, line: Line, point: Point | None) -> None:
        self._line = line
        self._point = point
        self._counts: dict[tuple[str, str], int] = {}

    def pass_by(self, what: str, when: str) -> None:
        count = self._counts[what, when] = self._counts.get((what, when), 0) + 1
        point = self._point
        if point is not None and (what, count, when) == (point.what, point.n, point.when):
            self._line.say(at=str(point))
            self._line.stand_still()


class GatedClaims:
    """Claims whose writes pass by the gate."""

    def __init__(self, inner: Claims, gate: Gate, line: Line, pace: Pace) -> None:
        self._inner = inner
        self._gate = gate
        self._line = line
        self._pace = pace

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def claim(self, *args: Any, **options: Any) -> Claim | None:
        claim = await self._inner.claim(*args, **options)
        if claim is not None:
            self._line.say(claimed=claim.run.id, epoch=claim.epoch)
        return claim

    async def write(self, claim: Claim, number: int, *changes: Change) -> Written:
        self._gate.pass_by("write", "before")
        try:
            with self._pace.writing():
                written = await self._inner.write(claim, number, *changes)
        except Fenced:
            self._line.say(fenced=claim.run.id)
            raise
        self._gate.pass_by("write", "after")
        return written


class GatedStore:
    """The store as the engine of a worker sees it."""

    def __init__(self, inner: Store, gate: Gate, line: Line, pace: Pace) -> None:
        self._inner = inner
        self.claims = GatedClaims(inner.claims, gate, line, pace)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def work(job: Job, line: Line) -> None:
    """Execute what there is, until nobody has anything to say any more."""
    gate = Gate(line, job.stop_at)
    pace = OneByOne(job.seed) if job.latency is None else Sleeping(job.latency, job.seed)
    program = Program(Path(job.folder), pace, lambda when: gate.pass_by("effect", when))
    store = await open_store(job.store)
    try:
        following = [asyncio.create_task(_follow(store, line, *one)) for one in job.follow]
        seen: Any = GatedStore(store, gate, line, pace)
        async with Embedded(seen, program, lease=job.lease, unload_after=job.unload_after):
            await line.closed()
        for task in following:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    finally:
        await store.close()


async def _follow(store: Store, line: Line, conversation: str, after: int) -> None:
    async with store.log("ann").follow(conversation, after=after) as events:
        async for event in events:
            line.say(heard=event_to_dict(event), of=conversation)


def jump(offsets: tuple[float, ...]) -> None:
    """Have the clock on the wall jump, whenever somebody looks: as by an administrator's hand, or a
    time server's. Clocks that cannot jump stay as they are."""
    real, real_ns, off = datetime.datetime, time.time_ns, cycle(offsets)

    def time_ns() -> int:
        return real_ns() + int(next(off) * 1e9)

    class Real(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real)

    class Jumping(real, metaclass=Real):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return real.fromtimestamp(time_ns() / 1e9, tz)

    time.time_ns, time.time = time_ns, lambda: time_ns() / 1e9
    datetime.datetime = Jumping  # type: ignore[misc]


# -- where workers come from


def serve(door: socket.socket) -> None:
    """Fork a worker for each job that comes in, with the two ends of its line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    _end_with_parent()
    while True:
        data, fds, _, _ = socket.recv_fds(door, 65536, 2)
        if not data:
            return
        if not os.fork():
            door.close()
            _live(Job.decoded(json.loads(data)), Line(*fds))
        for fd in fds:
            os.close(fd)


def _live(job: Job, line: Line) -> None:
    """The rest of this process's life; what it has to complain of is in a file."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _end_with_parent()
    errors = os.open(f"{job.folder}/stderr", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.dup2(errors, sys.stderr.fileno())
    try:
        if job.clock:
            jump(job.clock)
        line.say(pid=os.getpid())
        asyncio.run(work(job, line), debug=False)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as door:
        serve(door)
