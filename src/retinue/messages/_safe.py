"""Errors handed on as messages: what `errors_as_messages` makes of what goes wrong."""

from typing import Any, cast

from retinue.promise import Failure, Scope, StreamAppender, Work

from ._message import ErrorMessage, Message, MessagePromise, Piece


def safe(piece: MessagePromise | Failure, scope: Scope | None) -> MessagePromise | Failure:
    """The same, where errors are messages. KeyboardInterrupt and its like stay errors.

    Args:
        scope: The readers'.
    """
    if isinstance(piece, MessagePromise):
        if piece.done and piece._failure is None:
            return piece
        return SafePromise(piece, scope)
    if not isinstance(piece.error, Exception):
        return piece
    piece.seen = True
    return ErrorMessage(_words(piece.error), role="assistant").as_promise


class SafePromise(MessagePromise):
    """The same message, where an error in the middle is the end of its text.

    It runs nothing: from its first reader on, it listens to the original.
    """

    __slots__ = ("_listens", "_original", "hub")

    def __init__(self, original: MessagePromise, scope: Scope | None) -> None:
        super().__init__(
            StreamAppender(), role=original.role, agent=original.agent, source=original._source
        )
        self._class = original._class
        self.known = original.known
        self._original = original
        self._listens = False
        # it is made when the turn that spoke may be over
        self._scope = scope.home if scope is not None else None

    @property
    def original(self) -> MessagePromise:
        return self._original

    def hear(self, piece: Any) -> None:
        if isinstance(piece, Failure) and isinstance(piece.error, Exception):
            piece.seen = True
            self._class = ErrorMessage
            piece = f"\n{_words(piece.error)}"
        self._log.push(piece)

    def hear_end(self) -> None:
        self._log.close()

    def _listen(self) -> None:
        if not self._listens:
            self._listens = True
            self.hub = self._adopted().hub
            self._original._log.listen(self)

    def _want(self, at: int) -> None:
        self._listen()
        self._original._want(at)

    def _demand(self) -> None:
        self._listen()
        self._original._demand()
        super()._demand()

    def _whole(self, pieces: list[Piece]) -> Message:
        original = self._original
        if self._class is not ErrorMessage:
            original._conclude()
            failure = original._failure
            if failure is None:
                return cast(Message, original._value)
            # It came whole, and yet is no valid message of its class.
            if not isinstance(failure.error, Exception):
                failure.throw()
            failure.seen = True
            self._class = ErrorMessage
            pieces = [*pieces, f"\n{_words(failure.error)}"]
        return super()._whole(pieces)

    def cancel(self) -> bool:
        return self._original.cancel()

    def _producers(self) -> tuple[Work, ...] | None:
        return self._original._producers()


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
