"""Sequences of messages on their way: flat, in order, growing as they become known."""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol, cast

from retinue.errors import PromiseCancelled, PromiseError, StreamCut
from retinue.promise import UNSET, Failure, Log, Reader, Scope, StreamedPromise, Work, current

from ._message import Message, MessagePromise, Messages

if TYPE_CHECKING:
    from ._feed import Feed

_LOOK_DOWN = 256
"""How many sequences within sequences are searched for the one that would contain itself."""


class Recorder(Protocol):
    """What a turn is recorded by, as far as its messages are concerned; see `retinue.steps`."""

    @property
    def address(self) -> str: ...

    def said(self, message: Any, *, copied: bool) -> Any: ...

    def heard(self, what: Any) -> None: ...


class MessageSequencePromise(StreamedPromise[MessagePromise, Messages]):
    """Messages on their way: iterate it for promises of them, await it for all of them.

    An error is raised at its place; going on with the same iterator gives what comes after it.
    """

    __slots__ = ("_feed", "_on_demand")

    def __init__(self, feed: "Feed", scope: Scope | None) -> None:
        self._feed = feed
        self._on_demand: Callable[[], None] | None = None
        self._scope = scope
        self._log = feed.log
        self._value = UNSET
        self._failure = self._waiters = self._task = self._context = None
        self._resolver = self._streamer = self._origin = self._ahead = self._gate = None
        self._wanted = 0
        self._queued = self._cut = False
        self._started = True

    def __aiter__(self) -> Reader[MessagePromise]:
        listening = _listening()
        return Reader(self) if listening is None else _HeardReader(self, listening)

    def __await__(self) -> Generator[Any, None, Messages]:
        listening = _listening()
        if listening is None:
            return (yield from self._all())
        try:
            return (yield from self._all())
        finally:
            for piece in self._log.pieces:
                listening.heard(piece)
            if self._log.closed:
                listening.heard(self)

    def _all(self) -> Generator[Any, None, Messages]:
        if self._value is UNSET and self._failure is None:
            if not self._log.closed:
                yield from self._wait_for_end()
            found: list[Message] = []
            failures: list[Failure] = []
            for piece in self._log.pieces:
                if isinstance(piece, Failure):
                    failures.append(piece)
                    continue
                if piece._value is not UNSET:
                    found.append(piece._value)
                    continue
                try:
                    found.append((yield from piece.__await__()))
                except BaseException as error:
                    if not piece.failed_with(error):
                        raise  # it is the reader that was interrupted
                    failures.append(cast(Failure, piece._failure))
            if failures:
                self._settle_failure(_most_telling(failures))
            else:
                self._settle(Messages(found))
        if self._failure is not None:
            self._failure.throw()
        return self._value

    def __str__(self) -> str:
        if self._value is UNSET:
            raise PromiseError(
                "These messages are still on their way, so they have no text yet",
                hint="Await them first: `str(await replies)`.",
            )
        return str(self._value)

    @property
    def so_far(self) -> tuple[MessagePromise, ...]:
        """The messages that have come until now, done or not."""
        return tuple([p for p in self._log.pieces if isinstance(p, MessagePromise)])

    @property
    def ended(self) -> bool:
        """Whether all of them have come; some may still be on their way."""
        return self._log.closed

    @property
    def identity(self) -> str | None:
        """What a recording knows them by: the turn they come from, or their content if they were
        there when they were passed; never whether they have come in the meantime."""
        recorder = self.recorder
        return recorder.address if recorder is not None else None

    @property
    def recorder(self) -> Recorder | None:
        """What the turn is recorded by whose replies these are."""
        return self._feed.recorder

    def when_ended(self, tell: Callable[[], None]) -> None:
        """Call this when all of them have come, done or not."""
        self._log.when_closed(tell)

    @property
    def pieces(self) -> tuple[MessagePromise | Failure, ...]:
        """What has come until now, with the errors in their places."""
        return tuple(self._log.pieces)

    def _wait_for_end(self) -> Generator[Any, None, None]:
        """Wait as a reader of the whole; woken once, at the end."""
        if self._waiters is None:
            self._log.when_closed(self._wake)
        while not self._log.closed:
            yield from self._wait()

    def _demand(self) -> None:
        self._feed.go()
        if self._on_demand is not None:
            on_demand, self._on_demand = self._on_demand, None
            on_demand()

    def _want(self, at: int) -> None:
        if self._on_demand is not None or not self._feed.going:
            self._demand()

    def _working_task(self) -> Any:
        owner = self._feed.owner
        return owner.main_task if owner is not None else None

    def cancel(self) -> bool:
        """Stop the turn these replies come from, and what it started."""
        if self._log.closed:
            return False
        owner = self._feed.owner
        stop = getattr(owner, "cancel_turn", None)
        if stop is not None and self._feed.owned_log:
            stop()
        else:
            self._feed.cut(PromiseCancelled("cancelled"))
        return True

    def _producers(self) -> tuple[Work, ...] | None:
        feed = self._feed
        for _ in range(_LOOK_DOWN):
            if feed.asides or feed.pumping:
                return None
            if feed.child is None:
                break
            feed = feed.child._feed
        return (feed.owner,) if feed.owner is not None else None


class KeptSequencePromise(MessageSequencePromise):
    """Messages that are all there already, with the face of a promise; shared, never copied."""

    __slots__ = ("_promises",)

    _context = _failure = _task = _waiters = _scope = None
    _resolver = _streamer = _origin = _ahead = _gate = _on_demand = None
    _queued = _cut = False
    _started = True

    def __init__(self, messages: Messages) -> None:
        self._value = messages
        self._promises: Log[MessagePromise] | None = None

    @property
    def _log(self) -> Log[MessagePromise]:
        if self._promises is None:
            self._promises = Log([message.as_promise for message in self._value], closed=True)
        return self._promises

    @property
    def identity(self) -> str | None:
        return self._value.hash

    @property
    def recorder(self) -> None:
        return None

    def _demand(self) -> None:
        pass

    def _want(self, at: int) -> None:
        pass

    def cancel(self) -> bool:
        return False


NO_MESSAGES = KeptSequencePromise(Messages())


class _HeardReader(Reader[MessagePromise]):
    """A reader in a turn that is recorded: what a turn does may depend on all that it read."""

    __slots__ = ("_listening",)

    def __init__(self, source: MessageSequencePromise, listening: Recorder) -> None:
        super().__init__(source)
        self._listening = listening

    async def __anext__(self) -> MessagePromise:
        try:
            promise = await super().__anext__()
        except BaseException:  # the end, or an error in its place
            if self._log.closed:
                self._listening.heard(self._source)
            raise
        self._listening.heard(promise)
        return promise


def _listening() -> Recorder | None:
    """What the turn is recorded by that reads here."""
    scope: Any = current.get()
    while scope is not None and not scope.is_turn:
        scope = scope.parent
    return scope.recorder if scope is not None else None


def leads_to(sequence: MessageSequencePromise, feed: "Feed") -> bool:
    """Whether what goes into `feed` comes out of `sequence`: then it must not go in again."""
    todo = [sequence]
    for _ in range(_LOOK_DOWN):
        if not todo:
            break
        some = todo.pop()
        if some.ended:
            continue
        inner = some._feed
        if inner is feed:
            return True
        if inner.child is not None:
            todo.append(inner.child)
        todo.extend(inner.asides or ())
    return False


def _most_telling(failures: list[Failure]) -> Failure:
    """The first that is the cause of something: a cancellation is seldom that."""
    for failure in failures:
        if not isinstance(failure.error, PromiseCancelled | StreamCut):
            return failure
    return failures[0]
