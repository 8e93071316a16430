"""Promise, StreamedPromise, StreamAppender and their context, with their MiniAgents arguments."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Self, cast

from retinue import promise as core
from retinue.errors import AppenderClosed
from retinue.promise import UNSET, Failure, Hooks, Scope, current

from .errors import AppenderClosedError, NoActiveContextError

type ResolvedHandler = Callable[[core.Promise[Any], Any], Awaitable[None]]


class Promise[T](core.Promise[T]):
    """A value on its way.

    Args:
        resolver: Called once with the promise; what it returns, or raises, is the outcome.
        prefill_result: The outcome, where it is known already.
        start_soon: Start by itself, or on the first `await`. Default: the context's.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        resolver: Callable[[Self], Awaitable[T]] | None = None,
        prefill_result: T = UNSET,
        start_soon: bool | None = None,
    ) -> None:
        super().__init__(resolver, value=prefill_result, eager=start_soon)


class StreamedPromise[P, T](core.StreamedPromise[P, T], Promise[T]):
    """Pieces on their way, and then a value made of them.

    Args:
        streamer: An async generator function that gets the promise, an appender, or another stream.
        resolver: Makes the value after the last piece. Default: the tuple of all pieces.
        prefill_pieces, prefill_result: What is known already.
        start_soon: Run by itself, or piece by piece on demand. Default: the context's.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        streamer: "Callable[[Self], AsyncIterator[P]] | core.StreamAppender[P] | core.StreamedPromise[P, Any] | None" = None,  # noqa: E501
        resolver: Callable[[Self], Awaitable[T]] | None = None,
        prefill_pieces: Iterable[P] | None = None,
        prefill_result: T = UNSET,
        start_soon: bool | None = None,
    ) -> None:
        super().__init__(
            streamer, resolver, pieces=prefill_pieces, value=prefill_result, eager=start_soon
        )


class StreamAppender[P](core.StreamAppender[P]):
    """The writing end of a stream: open it, append pieces, close it. Use it in a `with` block.

    Without `capture_errors` an error that leaves the block is the writer's alone: the stream ends
    there, and its readers see no error.
    """

    __slots__ = ()

    def append(self, piece: P | BaseException) -> Self:
        """Add a piece; an exception becomes an error at its place."""
        try:
            return super().append(piece)
        except AppenderClosed as error:
            raise AppenderClosedError.of(error) from None

    def open(self) -> Self:
        """Open it, as its `with` block does."""
        try:
            return super().open()
        except AppenderClosed as error:
            raise AppenderClosedError.of(error) from None

    __enter__ = open

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if self._capture:
            return super().__exit__(kind, error, trace)
        self.close()
        return False


class PromisingContext(Scope):
    """Owns the promises made in its block; leaving the block waits for them.

    Args:
        start_everything_soon_by_default: Whether promises start by themselves. Default: the outer
            context's, True.
        appenders_capture_errors_by_default: Default: the outer context's, False.
        longer_hash_keys: Whether hash keys have 64 hex digits instead of 40. Default: the outer
            context's, False.
        on_promise_resolved: Async function(s) of (promise, value or error).
        hooks: Hooks that do more; those functions are added to them.
    """

    def __init__(
        self,
        *,
        start_everything_soon_by_default: bool | None = None,
        appenders_capture_errors_by_default: bool | None = None,
        longer_hash_keys: bool | None = None,
        on_promise_resolved: ResolvedHandler | Iterable[ResolvedHandler] = (),
        hooks: Hooks | None = None,
    ) -> None:
        handlers = several(on_promise_resolved)
        if handlers:
            hooks = hooks or Hooks()
            hooks.on_resolved += handlers
        super().__init__(
            eager=start_everything_soon_by_default,
            capture_errors=appenders_capture_errors_by_default,
            hooks=hooks,
        )
        if longer_hash_keys is None:
            outer = innermost(PromisingContext)
            longer_hash_keys = outer is not None and outer.longer_hash_keys
        self.longer_hash_keys = longer_hash_keys
        self._exits: list[Failure] = []

    @classmethod
    def get_current(cls) -> Self:
        """The innermost context of this kind that we are in.

        Raises:
            NoActiveContextError: We are in none.
        """
        found = innermost(cls)
        if found is None:
            raise NoActiveContextError(f"There is no {cls.__name__} around this")
        return found

    # KeyboardInterrupt and SystemExit are errors like any other here, for their readers to handle:
    # nothing is stopped for them. What nobody has read, or handled, is raised when this is left.

    def _exit_by(self, failure: Failure) -> None:
        failure.seen = False
        self._exits.append(failure)
        self._exit_signal = failure

    def _forgives(self, signal: Failure) -> bool:
        return all(failure.seen for failure in self._exits)


def innermost[C: Scope](kind: type[C]) -> C | None:
    """The innermost scope of that kind around the caller."""
    scope = current.get()
    while scope is not None and not isinstance(scope, kind):
        scope = scope.parent
    return scope


def several[H](handlers: H | Iterable[H]) -> list[H]:
    """One handler, or several, as a list."""
    return list(cast("Iterable[H]", handlers)) if isinstance(handlers, Iterable) else [handlers]
