"""StreamAppender: the writing end of a stream."""

import asyncio
from typing import Self

from retinue.errors import AppenderClosed, AppenderNotOpen, PromiseError

from ._log import Log, fail
from ._scope import scope_for_new_work


class StreamAppender[P]:
    """The writing end of a stream: open it, append pieces, close it. Use it in a `with` block.

    Args:
        capture_errors: Whether an error that leaves the block becomes the last piece, for the
            readers, instead of being raised. A cancellation is raised all the same. Default: the
            scope's.
    """

    __slots__ = ("_capture", "_loop", "_scope", "log", "was_open")

    def __init__(self, *, capture_errors: bool | None = None) -> None:
        scope = self._scope = scope_for_new_work()
        if capture_errors is None:
            capture_errors = scope is not None and scope.capture_errors
        self._capture = capture_errors
        self._loop = asyncio._get_running_loop()
        self.log: Log[P] = Log()
        self.was_open = False

    @property
    def is_open(self) -> bool:
        return self.was_open and not self.log.closed

    def open(self) -> Self:
        if self.log.closed:
            raise AppenderClosed(
                "This appender was closed; it cannot be opened again",
                hint="Make a new appender, and a new stream of it.",
            )
        self.was_open = True
        return self

    def append(self, piece: P | BaseException) -> Self:
        """Add a piece; an exception becomes an error at its place.

        Raises:
            AppenderNotOpen: It was not opened yet.
            AppenderClosed: It was closed, or the promise of the stream was cancelled.
            PromiseError: This is another thread, whose pieces would wake no reader.
        """
        if not self.was_open:
            raise AppenderNotOpen("Appended to an appender that is not open yet")
        if self.log.closed:
            raise AppenderClosed(
                "Appended to an appender that is closed",
                hint="Append before the `with` block ends; stop when the stream is cancelled.",
            )
        if self._loop is not asyncio._get_running_loop() and self._loop is not None:
            raise PromiseError(
                "Appended from outside of the loop that the appender belongs to",
                hint="From another thread use `scope.call_from_thread(...)`.",
            )
        self.log.push(fail(piece, self._scope) if isinstance(piece, BaseException) else piece)
        return self

    def close(self) -> None:
        """No more pieces; closing twice is harmless."""
        self.log.close()

    __enter__ = open

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        captured = self._capture and error is not None and not isinstance(error, NEVER_CAPTURED)
        if error is not None and not self.log.closed:
            # A writer that leaves by an error has not finished, whoever handles that error.
            failure = fail(error, self._scope)
            failure.seen = failure.seen or not captured
            self.log.push(failure)
        self.log.close()
        return captured


NEVER_CAPTURED = (AppenderClosed, asyncio.CancelledError, GeneratorExit)
"""The first is about the appender itself; the others stop the writer, who must not go on."""
