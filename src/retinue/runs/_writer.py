"""Writer: what happened in one run, on its way to the store, in its order."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from typing import Final, Protocol

from retinue.errors import BudgetExceeded, RetinueError, StoreFailed
from retinue.storage import Change, Claim, Written
from retinue.telemetry import event

_WAITS: Final = (0.05, 0.2, 1.0, 3.0, 5.0, 5.0, 10.0, 10.0, 10.0, 15.0)
"""Seconds between attempts to write while the store fails: about a minute in all."""


class Writes(Protocol):
    """Where it is written; see `retinue.storage.Claims`."""

    async def write(self, claim: Claim, number: int, *changes: Change) -> Written: ...


class Writer:
    """Puts down changes in the order they are given; many that come at once go together.

    Args:
        claims, claim: Where to write, and by what right.
        stop: Called when somebody has asked the run to stop.
        fail: Called once nothing can be written any more, with the reason.
    """

    def __init__(
        self,
        claims: Writes,
        claim: Claim,
        *,
        stop: Callable[[], None],
        fail: Callable[[RetinueError], None],
    ) -> None:
        self._claims = claims
        self._claim = claim
        self._stop: Callable[[], None] = stop
        self._fail: Callable[[RetinueError], None] = fail
        self._batches: deque[_Batch] = deque()
        self.number = 0
        """Of the last that is known to be written."""
        self._task: asyncio.Task[None] | None = None
        self.error: RetinueError | None = None

    def put(self, *changes: Change) -> None:
        """These come next; they are written soon, together with what else is put down now."""
        if self.error is None:
            last = self._batches[-1] if self._batches else None
            if last is None or not last.open:
                last = self._add(_Batch(open=True))
            last.changes += changes

    async def durable(self) -> None:
        """Wait until everything put down so far is written for good.

        Raises:
            StoreError: It cannot be: the run was taken up by somebody else, the store failed.
        """
        if self.error is not None:
            raise self.error
        if self._batches:
            with suppress(BudgetExceeded):  # what was refused is no concern of ours
                await self._batches[-1].wait()

    async def write(self, *changes: Change) -> None:
        """Put these down apart from all else: they can be refused without harm to the rest.

        Raises:
            BudgetExceeded: They were.
            StoreError: Nothing can be written any more.
        """
        if self.error is not None:
            raise self.error
        batch = self._add(_Batch(open=False))
        batch.changes += changes
        await batch.wait()

    def close(self) -> None:
        """Nothing is told any more."""
        self._stop = _nobody
        self._fail = _nobody

    def _add(self, batch: "_Batch") -> "_Batch":
        self._batches.append(batch)
        if self._task is None:
            # In a context of its own: it belongs to no turn, and must not be taken for one's task.
            self._task = asyncio.get_running_loop().create_task(self._work(), context=Context())
        return batch

    async def _work(self) -> None:
        await asyncio.sleep(0)  # what else happens in this tick goes along
        try:
            while self._batches:
                batch = self._batches[0]
                batch.open = False
                try:
                    await self._send(batch.changes)
                except BudgetExceeded as error:
                    batch.finish(error)
                else:
                    batch.finish(None)
                self._batches.popleft()
        except RetinueError as error:
            self._give_up(error)
        except BaseException as error:
            failed = StoreFailed(f"Nothing can be written: {type(error).__name__}: {error}")
            failed.__cause__ = error
            self._give_up(failed)
            if not isinstance(error, Exception):
                raise
        finally:
            self._task = None

    async def _send(self, changes: "list[Change]") -> None:
        """Write; try again, under the same number, while the store is out of reach."""
        number = self.number + 1
        for wait in (*_WAITS, None):
            try:
                written = await self._claims.write(self._claim, number, *changes)
            except StoreFailed as error:
                if wait is None:
                    raise
                event(logging.WARNING, "not written yet", run=self._claim.run.id, error=error)
                await asyncio.sleep(wait)
            else:
                self.number = number
                if written.stop_asked:
                    self._stop()
                return

    def _give_up(self, error: RetinueError) -> None:
        self.error = error
        while self._batches:
            self._batches.popleft().finish(error)
        self._fail(error)


def _nobody(*_: object) -> None:
    """Who was told is gone."""


class _Batch:
    """Changes that are written together; `open` while others may go along."""

    __slots__ = ("_done", "changes", "open")

    def __init__(self, *, open: bool) -> None:
        self.open = open
        self.changes: list[Change] = []
        self._done: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        if self._done is None:
            self._done = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._done)  # others wait for it, too

    def finish(self, error: RetinueError | None) -> None:
        if self._done is None or self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)
            self._done.exception()  # should nobody wait any more, that is no news
