"""Hooks for messages: asked before readers see one, and told of each when it is whole."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextvars import copy_context
from typing import Any, cast
from weakref import WeakValueDictionary

from retinue import telemetry
from retinue.errors import HookFailed, MessageError
from retinue.promise import Failure, Hooks, Promise, Scope, current

from ._frozen import Record
from ._message import Message, MessagePromise, Piece

type BeforeMessage = Callable[[Message], Awaitable[Message | None]]
type OnMessage = Callable[[Sequence[Message]], Awaitable[None]]
type Safe = Callable[[MessagePromise | Failure, Scope], MessagePromise | Failure]


class MessageHooks(Hooks):
    """Handlers for the messages of one scope and of the scopes inside it: `Scope(hooks=...)`.

    Args:
        before_message: Asked about a message that is put into a sequence, once it is whole and
            before readers see anything of it. It gives the message to show instead, or None for
            the same; what it raises stands in the place of the message.
        on_message: Told of messages in the order in which they became whole, the messages in their
            metadata before them; those of one tick of the loop together, and one call at a time.
            Each occurrence (by id) is told once, however many promises, sequences and scopes it
            passes. It takes all of them or raises: then they stay owed and are given to it once
            more when the scope is left. With `before_message`, it is told of what readers see.
        on_resolved: As for `Hooks`.

    Raises:
        HookFailed: From the end of the scope's block, when `on_message` failed again. What it did
            not take is in `owed`.
    """

    def __init__(
        self,
        *,
        before_message: BeforeMessage | None = None,
        on_message: OnMessage | None = None,
        on_resolved: Sequence[Callable[[Promise[Any], Any], Awaitable[None]]] = (),
    ) -> None:
        super().__init__(on_resolved=on_resolved)
        self.before_message = before_message
        self.on_message = on_message
        self._shown: WeakValueDictionary[str, Message] = WeakValueDictionary()  # for what, by id
        self._asking: dict[str, Promise[Message]] = {}  # by id
        self._told: WeakValueDictionary[str, Message] = WeakValueDictionary()
        self._next: list[Message] = []
        self._failed: list[Message] = []
        self._error: BaseException | None = None  # why something failed, last
        self._telling: asyncio.Task[None] | None = None

    @property
    def owed(self) -> tuple[Message, ...]:
        """What `on_message` was not told of yet, or did not take."""
        return (*self._failed, *self._next)

    def resolved(self, promise: Promise[Any], outcome: Any) -> None:
        if isinstance(outcome, Message) and self.before_message is None:
            self.saw(outcome)
        super().resolved(promise, outcome)

    def saw(self, message: Message) -> None:
        """Readers can see this message, all of it."""
        if self.on_message is None:
            return
        for one in _with_inner(message, self._told):
            self._told[one.id] = one
            self._next.append(one)
        if self._next and self._telling is None:
            context = copy_context()
            context.run(current.set, self.scope)
            self._telling = self.scope.hub.loop.create_task(self._tell_next(), context=context)

    async def let_through(self, message: Message) -> Message:
        """What to show for this message; asked once, whoever wants to know.

        Raises:
            Exception: Whatever the handler objects with.
        """
        shown = self._shown.get(message.id)
        if shown is not None:
            return shown
        asking = self._asking.get(message.id)
        if asking is None:
            asking = self._asking[message.id] = Promise(lambda _: self._ask(message))
        try:
            return await asking
        finally:
            self._asking.pop(message.id, None)

    def has_shown(self, promise: MessagePromise) -> bool:
        """Whether this is the promise of something that was let through."""
        if isinstance(promise, _Gated):
            return self in promise.gates
        message = promise._value if promise.done else None
        return isinstance(message, Message) and self._shown.get(message.id) is message

    async def finish(self) -> None:
        interrupted = await self._told_all()
        again, self._failed = self._failed, []
        if again:
            await self._tell(again)
            interrupted = await self._told_all() or interrupted
        if interrupted is not None:
            raise interrupted
        if self._failed:
            raise HookFailed(
                f"on_message did not take {len(self._failed)} messages, also when tried again",
                hint="They are in `owed` of these hooks, in their order; store them another way.",
            ) from self._error

    async def _ask(self, message: Message) -> Message:
        answer = await cast(BeforeMessage, self.before_message)(message)
        if answer is not None and not isinstance(cast(Any, answer), Message):
            raise MessageError(
                f"before_message gave {type(answer).__name__}",
                hint="It gives a Message to show instead, or None for the same.",
            )
        shown = message if answer is None else answer
        self._shown[message.id] = self._shown[shown.id] = shown
        return shown

    async def _tell_next(self) -> None:
        while self._next:
            batch, self._next = self._next, []
            await self._tell(batch)
        self._telling = None

    async def _tell(self, batch: list[Message]) -> None:
        try:
            await cast(OnMessage, self.on_message)(tuple(batch))
        except BaseException as error:
            self._failed.extend(batch)
            self._error = error
            if not isinstance(error, Exception):
                self._telling = None
                raise
            telemetry.event(logging.ERROR, "on_message failed", error=error, messages=len(batch))

    async def _told_all(self) -> asyncio.CancelledError | None:
        """Wait until it was told of everything; an interruption of the wait is given back."""
        interrupted: asyncio.CancelledError | None = None
        while self._telling is not None:
            try:
                await asyncio.wait({self._telling})
            except asyncio.CancelledError as error:
                interrupted = error
        return interrupted


def shown(
    piece: MessagePromise | Failure, scope: Scope, safe: Safe | None
) -> MessagePromise | Failure:
    """What readers in this scope get in place of this; the hooks are told of it when it is whole.

    Args:
        safe: What makes messages of errors, where they are messages; also of those of the hooks.
    """
    hooks = list(_message_hooks(scope))
    if isinstance(piece, MessagePromise):
        gates = [one for one in hooks if one.before_message and not one.has_shown(piece)]
        if gates:
            piece = _Gated(piece, gates, scope)
    if safe is not None:
        piece = safe(piece, scope)
    if isinstance(piece, MessagePromise):
        _tell_when_whole(piece, hooks)
    return piece


def _tell_when_whole(promise: MessagePromise, hooks: list[MessageHooks]) -> None:
    def tell() -> None:
        if not promise.done:
            promise._conclude()
        if promise._failure is None:
            for one in hooks:
                one.saw(promise._value)

    if promise.done:
        tell()
    else:
        promise._log.when_closed(tell)


class _Gated(MessagePromise):
    """A message of which readers see nothing before the hooks have let it through."""

    __slots__ = ("_message", "_original", "gates")

    def __init__(self, original: MessagePromise, gates: list[MessageHooks], scope: Scope) -> None:
        super().__init__(_let_through, role=original.role, agent=original.agent, eager=False)
        self.known = original.known
        self.gates = gates
        self._original = original
        self._message: Message | None = None
        # whoever puts a message in may be anywhere; this belongs to the readers
        self._scope = scope
        self._context = copy_context()
        self._context.run(current.set, scope)
        if scope.eager:
            self._ahead = None
            scope._start(self)

    def _whole(self, pieces: list[Piece]) -> Message:
        return cast(Message, self._message)


async def _let_through(promise: MessagePromise) -> AsyncIterator[Piece]:
    gated = cast(_Gated, promise)
    message = await gated._original
    for hooks in gated.gates:
        message = await hooks.let_through(message)
    gated._message = message
    for piece in message.as_promise._log.pieces:
        yield cast(Piece, piece)


def _message_hooks(scope: Scope) -> Iterator[MessageHooks]:
    """From the innermost outwards."""
    hooks = scope.hooks
    while hooks is not None:
        if isinstance(hooks, MessageHooks):
            yield hooks
        hooks = hooks.outer


def _with_inner(message: Message, told: Mapping[str, Message]) -> Iterator[Message]:
    """What was not told of this message and of those in its metadata, the innermost first."""
    stack = [(message, _messages_in(message.metadata))]
    while stack:
        outer, inner = stack[-1]
        one = next(inner, None)
        if one is None:
            stack.pop()
            if outer.id not in told:
                yield outer
        elif one.id not in told:
            stack.append((one, _messages_in(one.metadata)))


def _messages_in(value: Any) -> Iterator[Message]:
    match value:
        case Message():
            yield value
        case Record():
            yield from _messages_in(value.content())
        case Mapping():
            for item in cast("Mapping[str, Any]", value).values():
                yield from _messages_in(item)
        case tuple() | frozenset():
            for item in cast("tuple[Any, ...]", value):
                yield from _messages_in(item)
        case _:
            pass
