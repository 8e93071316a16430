"""A reader for whoever hands pieces on: errors stay pieces, in their place."""

from typing import Any

from retinue.promise import Reader


class RawReader(Reader[Any]):
    """A reader that is given each `Failure` as it is, so that it keeps its first traceback."""

    __slots__ = ()

    async def __anext__(self) -> Any:
        log = self._log
        while True:
            at = self._next
            if self._source._ahead is not None:
                self._source._want(at)
            if at < len(log.pieces):
                self._next = at + 1
                return log.pieces[at]
            if log.closed:
                raise StopAsyncIteration
            future, task = self._wait_for(at)
            try:
                await future
            except BaseException:
                self._log.leave(future)
                raise
            finally:
                self._went_on(task)
