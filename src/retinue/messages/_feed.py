"""Feed: the growing end of a sequence of messages, and what may be put into it.

Strings, dicts, messages, promises, sequences, exceptions, iterables and async iterables may be
nested as deep as you like. There is no recursion, and no task but for what must be awaited.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Iterable, Iterator, Mapping
from typing import Any, Self, cast

from retinue.errors import AppenderClosed, AppenderNotOpen, CircularWait, MessageError, PromiseError
from retinue.promise import (
    NEVER_CAPTURED,
    Failure,
    Log,
    Scope,
    StreamedPromise,
    fail,
    scope_for_new_work,
)

from ._frozen import Record, is_of
from ._message import Message, MessagePromise, Messages
from ._parts import PARTS
from ._reader import RawReader
from ._safe import safe
from ._sequence import (
    NO_MESSAGES,
    KeptSequencePromise,
    MessageSequencePromise,
    Recorder,
    leads_to,
)
from .hooks import shown


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
        "asides",
        "child",
        "ended",
        "errors_as_messages",
        "going",
        "hub",
        "log",
        "owned_log",
        "owner",
        "pumping",
        "recorder",
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
        self.recorder: Recorder | None = None  # of the turn, where somebody records it
        self.owned_log = False
        self.role = role
        self.agent = agent
        self.errors_as_messages = errors_as_messages
        self.todo: deque[Any] | tuple[()] = ()  # an empty deque takes 760 bytes
        self.child: MessageSequencePromise | None = None  # copied in at the moment
        self.asides: dict[MessageSequencePromise, bool] | None = None  # out of order; made by us?
        self.pumping: asyncio.Task[None] | None = None  # reads what must be awaited
        self.going = False
        self.ended = False

    # -- the writing end

    def add(self, item: Any) -> None:
        """Put anything in; what can change is fixed now, what is on its way keeps its place."""
        leaf = self._leaf(item)
        if leaf is not None and not self.todo and self.child is None and self.pumping is None:
            self._push(leaf)
            return
        self._wait_for((leaf,) if leaf is not None else self._flat(item))
        self._work()

    def add_out_of_order(self, item: Any) -> None:
        """Put anything in that may overtake what is not ready yet."""
        for leaf in self._flat(item):
            if isinstance(leaf, MessagePromise | Failure):
                self._push(leaf)
            elif self.hub is None:
                self._wait_for((leaf,))  # nothing is on its way before there is a loop
            elif isinstance(leaf, MessageSequencePromise):
                self._listen_aside(leaf, ours=False)
            else:
                self._listen_aside(self._alone(leaf), ours=True)

    def end(self, failure: Failure | None = None) -> None:
        """Nothing more will be put in."""
        if failure is not None:
            self._wait_for((failure,))
        self.ended = True
        self._work()

    def go(self) -> None:
        """Somebody reads: what waits for demand is wanted now."""
        if self.going:
            return
        self.going = True
        if self.scope is None:
            self.scope = scope_for_new_work()
            self.hub = self.scope.hub if self.scope is not None else None
        if self.child is not None:
            self.hub.relay(_demand, self.child)
        self._work()

    def cut(self, error: PromiseError) -> None:
        """Stop here: nothing comes any more but this error."""
        self.ended = True
        if self.todo:
            self.todo.clear()
        if self.pumping is not None:
            self.pumping.cancel()
        self._push(Failure(error))
        self.log.close()
        asides, self.asides, self.child = self.asides, None, None
        for aside, ours in (asides or {}).items():
            if ours:
                aside.cancel()

    # -- copying sequences in

    def _wait_for(self, leaves: Iterable[Any]) -> None:
        """These come next, when what is before them is through."""
        if not isinstance(self.todo, deque):
            self.todo = deque()
        self.todo.extend(leaves)

    def hear(self, piece: Any) -> None:
        self._push(piece, copied=True)

    def hear_end(self) -> None:
        self.child = None
        self._work()

    def _work(self) -> None:
        todo = self.todo
        while isinstance(todo, deque) and todo and self.child is None and self.pumping is None:
            item = todo[0]
            if item.__class__ is Failure or isinstance(item, MessagePromise):
                self._push(todo.popleft())
            elif isinstance(item, MessageSequencePromise):
                if self.hub is None and not item.ended:
                    return
                self._take_in(todo.popleft())
            elif self.going:
                self._pump(todo.popleft())
            else:
                return
        if self.ended and not (todo or self.child or self.asides or self.pumping):
            self.log.close()

    def _take_in(self, sequence: MessageSequencePromise) -> None:
        if sequence.ended:
            for piece in sequence._log.pieces:
                self._push(piece, copied=True)
        elif leads_to(sequence, self):
            self._push(_circle())
        else:
            self.child = sequence
            sequence._log.listen(self)
            if self.going:
                # by the trampoline: sequences may be nested as deep as you like
                self.hub.relay(_demand, sequence)

    def _listen_aside(self, sequence: MessageSequencePromise, *, ours: bool) -> None:
        if leads_to(sequence, self):
            self._push(_circle())
            return
        if self.asides is None:
            self.asides = {}
        self.asides[sequence] = ours
        sequence._log.listen(_Aside(self, sequence))
        self.hub.relay(_demand, sequence)

    def _pump(self, item: Any) -> None:
        if self.scope is None:
            raise PromiseError(
                "A sequence needs a running event loop to read from this",
                hint="Use `await`, or `retinue.run(...)` from synchronous code.",
            )
        self.pumping = self.scope.start(self._read(item))

    async def _read(self, item: Any) -> None:
        """What must be awaited is read in a task of its own."""
        try:
            if isinstance(item, StreamedPromise):
                stream = cast("StreamedPromise[Any, Any]", item)
                await self._read_all(RawReader(stream._origin or stream))
            elif isinstance(item, AsyncIterable):
                await self._read_all(cast("AsyncIterable[Any]", item))
            else:
                await self._copy(await item)
        except BaseException as error:
            self._push(fail(error, self.scope))
        self.pumping = None
        self._work()

    async def _read_all(self, items: AsyncIterable[Any]) -> None:
        reader = aiter(items)
        try:
            async for item in reader:
                await self._copy(item)
        finally:
            close = getattr(reader, "aclose", None)
            if close is not None:
                await close()

    async def _copy(self, item: Any) -> None:
        leaf = item if item.__class__ is Failure else self._leaf(item)
        if leaf is not None:
            self._push(leaf)
            return
        sequence = item if isinstance(item, MessageSequencePromise) else self._alone(item)
        try:
            async for piece in RawReader(sequence):
                self._push(cast("MessagePromise | Failure", piece), copied=True)
        except BaseException:
            if sequence is not item:
                sequence.cancel()
            raise

    def _alone(self, item: Any) -> MessageSequencePromise:
        """A sequence of this alone, by the rules of this one."""
        feed = type(self)(self.scope, role=self.role, agent=self.agent)
        feed._wait_for(feed._flat(item))
        feed.end()
        return MessageSequencePromise(feed, self.scope)

    def _push(self, piece: MessagePromise | Failure, *, copied: bool = False) -> None:
        if self.log.closed:
            return  # it was cut; what is on its way to it is for others
        scope = self.scope
        if scope is not None and scope.hooks is not None:
            piece = shown(piece, scope, safe if self.errors_as_messages else None)
        elif self.errors_as_messages:
            piece = safe(piece, scope)
        if self.recorder is not None:
            piece = self.recorder.said(piece, copied=copied)
        self.log.push(piece)

    # -- what things are

    def _leaf(self, item: Any) -> MessagePromise | None:
        if item.__class__ is str:
            return Message(item, role=self.role, agent=self.agent).as_promise
        if isinstance(item, MessagePromise):
            return item
        if isinstance(item, Message):
            return item.as_promise
        if isinstance(item, str):
            return Message(item, role=self.role, agent=self.agent).as_promise
        return None

    def _flat(self, item: Any) -> Iterator[Any]:
        """The leaves of anything, from left to right, without recursion."""
        stack: list[tuple[Iterator[Any], Any]] = [(iter((item,)), None)]  # and whose iterator it is
        inside: set[int] = set()
        while stack:
            items, holder = stack[-1]
            try:
                one = next(items)
            except StopIteration:
                stack.pop()
                inside.discard(id(holder))
                continue
            except Exception as error:  # an iterable that breaks: its place, and its siblings, stay
                stack.pop()
                inside.discard(id(holder))
                yield fail(error, self.scope)
                continue
            leaf = self._leaf(one)
            if leaf is not None:
                yield leaf
                continue
            match one:
                case BaseException():
                    yield fail(one, self.scope)
                case Failure() | MessageSequencePromise():
                    yield one
                case Mapping():
                    yield self._message_of(cast("Mapping[str, Any]", one))
                case Record():
                    yield self._message_of(one.content())
                case AsyncIterable() | Awaitable():
                    yield cast(Any, one)
                case bytes() | bytearray() | memoryview():
                    yield self._refused(one)
                case Iterable():
                    some = cast("Iterable[Any]", one)
                    if is_of(some, {"pydantic.main": "BaseModel"}):
                        yield self._message_of(dict(some))
                    elif id(some) in inside:
                        yield _circle()
                    else:
                        try:
                            stack.append((iter(some), some))
                            inside.add(id(some))
                        except Exception as error:
                            yield fail(error, self.scope)
                case _:
                    yield self._refused(one)

    def _message_of(self, fields: Mapping[str, Any]) -> MessagePromise | Failure:
        values: dict[str, Any] = {"role": self.role, "agent": self.agent, **fields}
        try:
            return Message(**values).as_promise
        except Exception as error:
            return fail(error, self.scope)

    def _refused(self, item: Any) -> Failure:
        hint = "Use text, dicts, messages, promises, exceptions, or iterables of them."
        if isinstance(item, PARTS):
            hint = f"Put it into one: Message({type(item).__name__}(...))."
        return fail(MessageError(f"{type(item).__name__} is no message", hint=hint), self.scope)


class _Aside:
    """Copies one sequence into a feed, beside whatever else is copied."""

    __slots__ = ("_feed", "_sequence", "hub")

    def __init__(self, feed: Feed, sequence: MessageSequencePromise) -> None:
        self._feed = feed
        self._sequence = sequence
        self.hub = feed.hub

    def hear(self, piece: Any) -> None:
        self._feed._push(piece, copied=True)

    def hear_end(self) -> None:
        if self._feed.asides is not None:
            self._feed.asides.pop(self._sequence, None)
            self._feed._work()


class MessageSequenceAppender:
    """The writing end of a sequence of messages: open it, append anything, close it.

    Args:
        feed: Where it all goes.
        capture_errors: Whether an error that leaves the block is the readers' alone.
    """

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
        """Put anything in.

        Raises:
            AppenderNotOpen: It was not opened yet.
            AppenderClosed: It is closed.
        """
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
        """No more messages; closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self._feed.end(failure)

    __enter__ = open

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        captured = self._capture and error is not None and not isinstance(error, NEVER_CAPTURED)
        failure = fail(error, self._feed.scope) if error is not None else None
        if failure is not None and not captured:
            failure.seen = True
        self.close(failure)
        return captured


def _demand(sequence: MessageSequencePromise) -> None:
    sequence._demand()


def _circle() -> Failure:
    return Failure(
        CircularWait(
            "A sequence of messages contains itself",
            hint="Put its messages in by themselves, once they are known: `await` it first.",
        )
    )
