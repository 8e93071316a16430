"""Writer: the one thread of this process that writes to the file.

What waits when it comes round is written together and committed once, so that many runs share the
wait for the disk. Each job has a savepoint of its own there: one that fails, fails alone.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from retinue.errors import StoreFailed
from retinue.storage._bells import Heard

from ._errors import failed
from ._file import patiently

_TOGETHER = 256
"""Jobs that are committed at once, at most."""


class Work:
    """One job's part of a transaction, and what others are told of it after the commit."""

    __slots__ = ("afterwards", "execute", "logs", "runs")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.execute = connection.execute
        self.logs: list[Heard] = []
        self.runs: list[str] = []
        self.afterwards: list[Callable[[sqlite3.Connection], None]] = []


@dataclass(slots=True)
class _Job:
    do: Callable[[Work], Any]
    future: "asyncio.Future[Any]"
    result: Any = None
    error: Exception | None = None
    work: Work | None = None

    def settle(self) -> None:
        if self.future.done():  # whoever waited was cancelled
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Writer:
    """Does jobs in their order.

    Args:
        connection: It is the writer's from now on, who closes it.
        name: Of the store, for errors.
        check: Raises where the file is not what it was when it was opened.
        sent: Called in the writer's thread with what was committed, and
        told: in the event loop's, before those who wait for their job go on.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        name: str,
        *,
        check: Callable[[sqlite3.Connection], None],
        sent: Callable[[Sequence[Work]], None],
        told: Callable[[Sequence[Work]], None],
    ) -> None:
        self._connection = connection
        self._name = name
        self._check = check
        self._sent = sent
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="retinue-writer", daemon=True)
        self._thread.start()

    async def do[T](self, job: Callable[[Work], T]) -> T:
        """What the job returns, once it is committed. It may be called twice, and has no effects
        but those on the database.

        Raises:
            StoreFailed: It could not be committed.
        """
        if self._closed:
            raise StoreFailed(f"{self._name} was closed", hint="Open it again.")
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(_Job(job, future))
        return await future

    async def close(self) -> None:
        """Finish what was begun."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while jobs := self._next():
            self._commit(jobs)
            works = [job.work for job in jobs if job.work is not None and job.error is None]
            self._sent(works)
            for job in jobs:
                self._finish(job)
            try:
                self._loop.call_soon_threadsafe(self._deliver, jobs, works)
            except RuntimeError:  # the loop is closed, and nobody waits any more
                continue
        self._connection.close()

    def _next(self) -> list[_Job]:
        """The jobs that wait; none when it is over."""
        first = self._jobs.get()
        jobs = [] if first is None else [first]
        while jobs and len(jobs) < _TOGETHER:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                self._jobs.put(None)  # after these
                break
            jobs.append(job)
        return jobs

    def _commit(self, jobs: list[_Job]) -> None:
        """Together; where that cannot be, each alone: what is small may fit on a full disk."""
        try:
            patiently(self._connection, "BEGIN IMMEDIATE")
            self._check(self._connection)
        except Exception as error:
            self._roll_back()
            for job in jobs:
                job.error = self._ours(error)
            return
        try:
            for job in jobs:
                self._try(job, alone=len(jobs) == 1)
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except Exception as error:
            self._roll_back()
            if len(jobs) == 1:
                jobs[0].error = self._ours(error)
                return
            for job in jobs:
                job.error = None
                self._commit([job])

    def _try(self, job: _Job, *, alone: bool) -> None:
        job.work = Work(self._connection)
        execute = self._connection.execute
        if not alone:
            execute("SAVEPOINT job")
        try:
            job.result = job.do(job.work)
        except Exception as error:
            if not self._connection.in_transaction:  # SQLite gave up what others did, too
                raise
            job.error = self._ours(error)
            execute("ROLLBACK" if alone else "ROLLBACK TO job")
        if not alone:
            execute("RELEASE job")

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def _ours(self, error: Exception) -> Exception:
        return failed(error, self._name) if isinstance(error, sqlite3.Error) else error

    def _finish(self, job: _Job) -> None:
        """What a job wants done outside of a transaction, once it is committed."""
        if job.work is None or job.error is not None:
            return
        try:
            for afterwards in job.work.afterwards:
                afterwards(self._connection)
        except sqlite3.Error as error:
            job.error = self._ours(error)

    def _deliver(self, jobs: list[_Job], works: list[Work]) -> None:
        try:
            self._told(works)
        finally:
            for job in jobs:
                job.settle()
