"""Sequences of messages on their way: flat, in order, growing as they become known."""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, cast

from retinue.errors import PromiseCancelled, PromiseError, StreamCut
from retinue.promise import UNSET, Failure, Log, Scope, StreamedPromise, Work

from ._message import Message, MessagePromise, Messages

if TYPE_CHECKING:
    from ._feed import Feed

_LOOK_DOWN = 256
"""How many sequences within sequences are searched for the one that would contain itself."""


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

    def __await__(self) -> Generator[Any, None, Messages]:
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
        return self._feed.address

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

    def _demand(self) -> None:
        pass

    def _want(self, at: int) -> None:
        pass

    def cancel(self) -> bool:
        return False


NO_MESSAGES = KeptSequencePromise(Messages())


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
