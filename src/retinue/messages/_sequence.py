"""Sequences of messages: whatever is put in comes out flat, in order, as it becomes known.

Strings, dicts, messages, promises, sequences, exceptions, iterables and async iterables may be nested
as deep as you like. There is no recursion, and no task but for async iterables and plain promises.
"""

from collections import deque
from collections.abc import AsyncIterable, Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, Self, cast

from retinue.errors import AppenderClosed, AppenderNotOpen, CircularWait, MessageError, PromiseError
from retinue.promise import (
    UNSET,
    Failure,
    Log,
    Promise,
    Scope,
    StreamedPromise,
    Work,
    fail,
    scope_for_new_work,
)

from ._frozen import Record
from ._message import ErrorMessage, Message, MessagePromise, Messages

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
            failure: Failure | None = None
            for piece in self._log.pieces:
                if piece.__class__ is Failure:
                    failure = cast(Failure, piece)
                    continue
                promise = cast(MessagePromise, piece)
                try:
                    found.append((yield from promise.__await__()))
                except BaseException:
                    if promise._failure is None:
                        raise  # it is the reader that was interrupted
                    failure = failure or promise._failure
            failure = self._first_failure() or failure
            if failure is not None:
                self._settle_failure(failure)
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
    def address(self) -> str | None:
        """Of the turn these come from, where somebody records it."""
        return self._feed.address

    def _wait_for_end(self) -> Generator[Any, None, None]:
        """Wait as a reader of the whole; woken once, at the end."""
        self._log.when_closed(self._wake)
        while not self._log.closed:
            yield from self._wait()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, None
        for future in waiters or ():
            if not future.done():
                future.set_result(None)

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
            return True
        return super().cancel()

    def _producers(self) -> tuple[Work, ...] | None:
        feed = self._feed
        for _ in range(_LOOK_DOWN):
            if feed.aside or feed.pumping:
                return None
            if feed.child is None:
                break
            if not isinstance(feed.child, MessageSequencePromise):
                return feed.child._producers()
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
    def address(self) -> str | None:
        return None

    def _demand(self) -> None:
        pass

    def _want(self, at: int) -> None:
        pass

    def cancel(self) -> bool:
        return False


NO_MESSAGES = KeptSequencePromise(Messages())


class Feed:
    """The growing end of a sequence.

    Args:
        scope: Where tasks for async iterables run; None where no loop runs yet.
        owner: The turn that feeds it, where it is known.
        role, agent: What a plain string becomes.
        errors_as_messages: Turn errors into ErrorMessage, those inside of messages too.
    """

    __slots__ = (
        "agent",
        "address",
        "aside",
        "child",
        "ended",
        "errors_as_messages",
        "going",
        "hub",
        "log",
        "owned_log",
        "owner",
        "pumping",
        "role",
        "scope",
        "todo",
    )
    hub: Any

    def __init__(
        self,
        scope: Scope | None,
        *,
        owner: Any = None,
        role: str = "user",
        agent: str | None = None,
        errors_as_messages: bool = False,
    ) -> None:
        self.log: Log[MessagePromise] = Log()
        self.scope = scope
        self.hub = scope.hub if scope is not None else None
        self.owner = owner
        self.address: str | None = None  # of the turn, where somebody records it
        self.owned_log = False
        self.role = role
        self.agent = agent
        self.errors_as_messages = errors_as_messages
        self.todo: deque[Any] = deque()
        self.child: MessageSequencePromise | None = None  # copied in at the moment
        self.aside = 0  # copied in out of order, at the moment
        self.pumping = False
        self.going = False
        self.ended = False

    # -- the writing end

    def add(self, item: Any) -> None:
        """Put anything in; what can change is fixed now, what is on its way keeps its place."""
        leaf = self._leaf(item)
        if leaf is not None and not self.todo and self.child is None and not self.pumping:
            self._push(leaf)
            return
        self.todo.extend((leaf,) if leaf is not None else self._flat(item))
        self._work()

    def add_out_of_order(self, item: Any) -> None:
        """Put anything in that may overtake what is not ready yet."""
        for leaf in self._flat(item):
            if isinstance(leaf, MessagePromise | Failure):
                self._push(leaf)
            elif isinstance(leaf, MessageSequencePromise):
                self._listen_aside(leaf)
            else:
                feed = Feed(self.scope, owner=self.owner, role=self.role, agent=self.agent)
                aside = MessageSequencePromise(feed, self.scope)
                feed.todo.append(leaf)
                feed.end()
                self._listen_aside(aside)

    def end(self, failure: Failure | None = None) -> None:
        """Nothing more will be put in."""
        if failure is not None:
            self.todo.append(failure)
        self.ended = True
        if self.todo or self.child is not None or self.pumping or self.aside:
            self._work()
        else:
            self.log.close()

    def go(self) -> None:
        """Somebody reads: what waits for demand is wanted now."""
        if not self.going:
            self.going = True
            if self.child is not None:
                self.child._demand()
            self._work()

    # -- copying sequences in

    def hear(self, piece: Any) -> None:
        self._push(piece)

    def hear_end(self) -> None:
        self.child = None
        self._work()

    def _work(self) -> None:
        todo = self.todo
        while todo and self.child is None and not self.pumping:
            item = todo[0]
            if item.__class__ is Failure or isinstance(item, MessagePromise):
                self._push(todo.popleft())
            elif isinstance(item, MessageSequencePromise):
                todo.popleft()
                self._take_in(item)
            elif self.going or self.scope is None:
                if not self.going:
                    return
                todo.popleft()
                self._pump(item)
            else:
                return
        if self.ended and not todo and self.child is None and not self.pumping and not self.aside:
            self.log.close()

    def _take_in(self, sequence: MessageSequencePromise) -> None:
        if self.going:
            sequence._demand()
        if sequence._log.closed:
            for piece in sequence._log.pieces:
                self._push(piece)
            return
        inner: Feed | None = sequence._feed
        for _ in range(_LOOK_DOWN):
            if inner is None:
                break
            if inner is self:
                self._push(Failure(CircularWait("A sequence of messages contains itself")))
                return
            inner = inner.child._feed if inner.child is not None else None
        self.child = sequence
        if self.hub is None:
            self.hub = sequence._adopted().hub
        sequence._log.listen(self)

    def _listen_aside(self, sequence: MessageSequencePromise) -> None:
        sequence._demand()
        self.aside += 1
        sequence._log.listen(_Aside(self))

    def _pump(self, item: Any) -> None:
        """What must be awaited (an async iterable, a plain promise) is read in a task of its own."""
        if self.scope is None:
            self.scope = self._scope_of_reader()
        self.pumping = True
        self.scope.start(self._read(item))

    def _scope_of_reader(self) -> Scope:
        scope = scope_for_new_work()
        if scope is None:
            raise PromiseError("A sequence needs a running event loop to read from this")
        self.hub = scope.hub
        return scope

    async def _read(self, item: Any) -> None:
        try:
            if isinstance(item, AsyncIterable):
                async for part in cast("AsyncIterable[Any]", item):
                    await self._copy(part)
            else:
                await self._copy(await item)
        except BaseException as error:
            self._push(fail(error, self.scope))
        self.pumping = False
        self._work()

    async def _copy(self, part: Any) -> None:
        leaf = self._leaf(part)
        if leaf is not None:
            self._push(leaf)
            return
        inner = sequence_of(part, role=self.role, agent=self.agent)
        reader = aiter(inner)
        while True:
            try:
                self._push(await anext(reader))
            except StopAsyncIteration:
                return
            except Exception as error:
                self._push(fail(error, self.scope))

    def _push(self, piece: MessagePromise | Failure) -> None:
        if self.errors_as_messages:
            piece = _as_message(piece, self.scope)
        elif self.scope is not None and self.scope.hooks is not None:
            if isinstance(piece, MessagePromise) and piece.done and piece._failure is None:
                self.scope.hooks.resolved(piece, piece._value)
        self.log.push(piece)

    # -- what things are

    def _leaf(self, item: Any) -> MessagePromise | None:
        if item.__class__ is str:
            return Message(item, role=self.role, agent=self.agent).as_promise
        if isinstance(item, MessagePromise):
            return item
        if isinstance(item, Message):
            return item.as_promise
        return None

    def _flat(self, item: Any) -> Iterator[Any]:
        """The leaves of anything, from left to right, without recursion."""
        stack: list[Iterator[Any]] = [iter((item,))]
        while stack:
            try:
                one = next(stack[-1])
            except StopIteration:
                stack.pop()
                continue
            except Exception as error:  # an iterable that breaks: its place, and its siblings, stay
                stack.pop()
                yield fail(error, self.scope)
                continue
            leaf = self._leaf(one)
            if leaf is not None:
                yield leaf
            elif isinstance(one, BaseException):
                yield fail(one, self.scope)
            elif isinstance(one, Failure | MessageSequencePromise | Promise):
                yield one
            elif isinstance(one, Mapping):
                yield self._message_of(cast("Mapping[str, Any]", one))
            elif isinstance(one, Record):
                yield self._message_of(one.content())
            elif isinstance(one, AsyncIterable):
                yield one
            elif isinstance(one, Iterable):
                stack.append(iter(cast("Iterable[Any]", one)))
            else:
                yield fail(
                    MessageError(
                        f"{type(one).__name__} is no message",
                        hint="Use text, dicts, messages, promises, exceptions, or iterables of them.",
                    ),
                    self.scope,
                )

    def _message_of(self, fields: Mapping[str, Any]) -> MessagePromise | Failure:
        values = {"role": self.role, "agent": self.agent, **fields}
        try:
            return Message(**values).as_promise
        except Exception as error:
            return fail(error, self.scope)


class _Aside:
    """Copies one sequence into a feed, beside whatever else is copied."""

    __slots__ = ("feed", "hub")

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.hub = feed.hub

    def hear(self, piece: Any) -> None:
        self.feed._push(piece)

    def hear_end(self) -> None:
        self.feed.aside -= 1
        self.feed._work()


class MessageSequenceAppender:
    """The writing end of a sequence of messages: open it, append anything, close it."""

    __slots__ = ("_capture", "_closed", "_feed", "was_open")

    def __init__(self, feed: Feed, *, capture_errors: bool) -> None:
        self._feed = feed
        self._capture = capture_errors
        self._closed = False
        self.was_open = False

    @property
    def is_open(self) -> bool:
        return self.was_open and not self._closed

    def open(self) -> Self:
        if self._closed:
            raise AppenderClosed("This appender was closed; it cannot be opened again")
        self.was_open = True
        return self

    def append(self, messages: Any, *, out_of_order: bool = False) -> Self:
        if not self.was_open:
            raise AppenderNotOpen("Appended to an appender that is not open yet")
        if self._closed:
            raise AppenderClosed("Appended to an appender that is closed")
        if out_of_order:
            self._feed.add_out_of_order(messages)
        else:
            self._feed.add(messages)
        return self

    def close(self, failure: Failure | None = None) -> None:
        if not self._closed:
            self._closed = True
            self._feed.end(failure)

    __enter__ = open

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        captured = error is not None and self._capture and not isinstance(error, AppenderClosed)
        failure = fail(error, self._feed.scope) if error is not None else None
        if failure is not None and not captured:
            failure.seen = True
        self.close(failure)
        return captured


def sequence_of(
    messages: Any, *, role: str = "user", agent: str | None = None
) -> MessageSequencePromise:
    """Anything as a sequence of messages; a sequence is returned as it is."""
    if isinstance(messages, MessageSequencePromise):
        return messages
    scope = scope_for_new_work()
    if scope is None or scope.hooks is None:  # hooks are told of each message on its own
        if messages.__class__ is str:
            return KeptSequencePromise(Messages((Message(messages, role=role, agent=agent),)))
        if messages.__class__ is Messages:
            return KeptSequencePromise(messages)
        if isinstance(messages, Message):
            return KeptSequencePromise(Messages((messages,)))
        if messages.__class__ is tuple and not messages:
            return NO_MESSAGES
    feed = Feed(scope, role=role, agent=agent)
    feed.add(messages)
    feed.end()
    return MessageSequencePromise(feed, scope)


def _as_message(
    piece: MessagePromise | Failure, scope: Scope | None
) -> MessagePromise | Failure:
    if piece.__class__ is Failure:
        failure = cast(Failure, piece)
        if not isinstance(failure.error, Exception):
            return failure
        failure.seen = True
        return ErrorMessage(_words(failure.error), role="assistant").as_promise
    promise = cast(MessagePromise, piece)
    if promise.done and promise._failure is None:
        return promise
    return _SafePromise(promise, scope)


class _SafePromise(MessagePromise):
    """The same message, where an error in the middle is the end of its text."""

    __slots__ = ()

    def __init__(self, original: MessagePromise, scope: Scope | None) -> None:
        async def pieces(_: Any) -> Any:
            try:
                async for piece in original.pieces():
                    yield piece
                message = await original
                self._class = type(message)
                self.note(**message.metadata)
            except Exception as error:
                self._class = ErrorMessage
                yield f"\n{_words(error)}"

        super().__init__(
            pieces,
            role=original.role,
            agent=original.agent,
            message_class=original._class,
            eager=False,
            **original.known,
        )
        self._scope = scope  # the readers', for it is made when the turn that spoke may be over


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


