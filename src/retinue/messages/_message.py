"""Message: who said what, unable to change."""

import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Self, cast

from retinue.errors import MessageError, PromiseError
from retinue.promise import (
    Failure,
    Log,
    Reader,
    StreamAppender,
    StreamedPromise,
    scope_for_new_work,
)

from ._frozen import Frozen, FrozenDict, content_hash, freeze, set_once
from ._parts import PARTS, Part, Text, Thinking, ToolCall, ToolResult

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Message(Frozen):
    """An immutable message. Subclass it to declare more fields.

    Args:
        content: Texts and parts, in order: `Message("Look:", Image(url=...))`.
        text: The same as one text in `content`.
        role: "system", "user", "assistant" or "tool".
        parts: The parts, where you have them as a sequence.
        agent: The name of the agent that said it.
        id: Of this occurrence; made (a ULID) when it is first asked for.
        metadata: Any other immutable values; they are attributes, and content.

    Raises:
        MessageError: A value can change, or a part is no part.
        pydantic.ValidationError: A declared field of a subclass is missing or of the wrong type.
    """

    __slots__ = ("_id", "_promise")

    role: str = "user"
    parts: tuple[Any, ...] = ()
    agent: str | None = None
    def __init__(
        self,
        *content: str | Part,
        text: str | None = None,
        role: str | None = None,
        parts: Iterable[Part] = (),
        agent: str | None = None,
        id: str | None = None,
        **metadata: Any,
    ) -> None:
        if text is not None:
            content = (*content, text)
        if content or parts:
            parts = tuple([_part(item) for item in (*content, *parts)])
        else:
            parts = ()
        cls = type(self)
        fields = cls.__pydantic_fields__
        if role is None:
            role = cast(str, fields["role"].default)
        set_once(self, "_promise", None)
        if len(fields) == _OWN_FIELDS:
            # No declared fields but ours, which are checked above: pydantic has nothing to do.
            own = self.__dict__
            own["role"] = role
            own["parts"] = parts
            own["agent"] = agent
            set_once(self, "__pydantic_fields_set__", _OURS)
            set_once(self, "__pydantic_private__", None)
            if metadata:
                mapping = cls._mapping
                metadata = {name: freeze(value, mapping) for name, value in metadata.items()}
            set_once(self, "__pydantic_extra__", metadata)
        else:
            self._fill({"role": role, "parts": parts, "agent": agent, **metadata})
        if id is not None:
            set_once(self, "_id", id)

    @property
    def id(self) -> str:
        """A ULID of this occurrence; two messages of equal content have different ones."""
        try:
            return self._id  # type: ignore[has-type]
        except AttributeError:
            set_once(self, "_id", new_id())
            return self._id

    @property
    def text(self) -> str:
        """The words: all text parts, joined."""
        parts = self.parts
        if len(parts) == 1 and parts[0].__class__ is Text:
            return parts[0].text
        return "".join([part.text for part in parts if part.__class__ is Text])

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Everything that is not role, parts or agent."""
        return FrozenDict(
            {name: value for name, value in self.content().items() if name not in _OURS}
        )

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(part for part in self.parts if part.__class__ is ToolCall)

    @property
    def tool_results(self) -> tuple[ToolResult, ...]:
        return tuple(part for part in self.parts if part.__class__ is ToolResult)

    @property
    def as_promise(self) -> "MessagePromise":
        """This message as a promise that is kept already; always the same one."""
        promise: MessagePromise | None = self._promise  # type: ignore[has-type]
        if promise is None:
            promise = KeptMessagePromise(self)
            set_once(self, "_promise", promise)
        return promise

    def replaced(self, **changes: Any) -> "Message":
        """A new message of the same class with some fields changed; its id is new, too."""
        if "text" in changes:
            changes["parts"] = (Text(text=changes.pop("text")),)
        return type(self)(**{**self.content(), **changes})

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        shown = [f"text={self.text!r}"] if self.text or not self.parts else []
        shown += [repr(part) for part in self.parts if part.__class__ is not Text]
        shown += [f"{k}={v!r}" for k, v in self.content().items() if k not in _OURS]
        if self.role != "user":
            shown.append(f"role={self.role!r}")
        if self.agent is not None:
            shown.append(f"agent={self.agent!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __rich_repr__(self) -> Iterable[Any]:  # rich would print every field otherwise
        yield repr(self)


type Piece = str | Part
"""What a message streams: text as `str`, anything else as a whole part (thinking: a piece of it)."""


class MessagePromise(StreamedPromise[Piece, Message]):
    """A message on its way: iterate it for its text, token by token; await it for the message.

    Args:
        streamer: An async generator function that gets this promise, an appender, or a stream.
        message_class: What to make of the pieces.
        role, agent, metadata: What is known before the first token; see `role`, `agent`, `known`.
        source: The provenance of the text that comes.
        eager: Run by itself, or piece by piece on demand. Default: the scope's.
    """

    __slots__ = ("_class", "_late", "_source", "agent", "known", "role")

    def __init__(
        self,
        streamer: "Callable[[Self], AsyncIterator[Piece]] | StreamAppender[Piece] | StreamedPromise[Piece, Any] | None" = None,  # noqa: E501
        *,
        message_class: type[Message] = Message,
        role: str = "assistant",
        agent: str | None = None,
        source: str | None = None,
        eager: bool | None = None,
        **metadata: Any,
    ) -> None:
        self._late: dict[str, Any] | None = None
        self._class = message_class
        self._source = source
        self.role, self.agent = role, agent
        self.known: Mapping[str, Any] = freeze(metadata)
        super().__init__(streamer, eager=eager)

    def note(self, **metadata: Any) -> None:
        """Add metadata that is known only when the message ends (usage, why it stopped, ...)."""
        if self._late is None:
            self._late = {}
        self._late.update(metadata)

    @property
    def text_so_far(self) -> str:
        """The text that has come until now."""
        return "".join([p for p in self._log.pieces if p.__class__ is str])  # type: ignore[misc]

    def __aiter__(self) -> "Reader[str]":  # type: ignore[override]
        return _TextReader(self._origin or self)

    def pieces(self) -> Reader[Piece]:
        """A reader of everything: text, thinking, tool calls, as they come."""
        return super().__aiter__()

    def __str__(self) -> str:
        if not self.done and self._log.closed:
            self._conclude()
        if not self.done:
            raise PromiseError(
                "This message is still on its way, so it has no text yet",
                hint="Await it first: `str(await promise)`.",
            )
        if self._failure is not None:
            self._failure.throw()
        return str(self._value)

    def _whole(self, pieces: list[Piece]) -> Message:
        parts: list[Part] = []
        words: list[str] = []
        source = self._source
        for piece in pieces:
            if piece.__class__ is str:
                words.append(cast(str, piece))
                continue
            if words:
                parts.append(Text(text="".join(words), source=source))
                words = []
            last = parts[-1] if parts else None
            if isinstance(piece, Thinking) and isinstance(last, Thinking) and not last.signature:
                parts[-1] = Thinking(
                    text=last.text + piece.text, signature=piece.signature, source=piece.source
                )
            elif isinstance(piece, str):
                words.append(str(piece))
            else:
                parts.append(piece)
        if words:
            parts.append(Text(text="".join(words), source=source))
        values = {**self.known, **(self._late or {})}
        return self._class(role=self.role, parts=parts, agent=self.agent, **values)


class KeptMessagePromise(MessagePromise):
    """A message that is there already, with the face of a promise; made for every ready message.

    It owns nothing but the message: no scope (messages outlive loops), and pieces only if read.
    """

    __slots__ = ("_pieces",)

    _context = _failure = _task = _waiters = _scope = None
    _resolver = _streamer = _origin = _ahead = _gate = _late = _source = None
    _queued = _cut = False
    _started = True

    def __init__(self, message: Message) -> None:
        self._value = message
        self._pieces: Log[Piece] | None = None
        scope = scope_for_new_work()
        if scope is not None and scope.hooks is not None:
            scope.hooks.resolved(self, message)

    @property
    def _log(self) -> Log[Piece]:
        if self._pieces is None:
            parts = self._value.parts
            pieces = [part.text if part.__class__ is Text else part for part in parts]
            self._pieces = Log(pieces, closed=True)
        return self._pieces

    @property
    def role(self) -> str:
        return self._value.role

    @property
    def agent(self) -> str | None:
        return self._value.agent

    @property
    def known(self) -> Mapping[str, Any]:
        return self._value.metadata

    @property
    def _class(self) -> type[Message]:
        return type(self._value)


class _TextReader(Reader[Any]):
    """A reader of the text alone."""

    __slots__ = ()

    async def __anext__(self) -> str:
        log = self._log
        while True:
            at = self._next
            if self._source._ahead is not None:
                self._source._want(at)
            if at < len(log.pieces):
                self._next = at + 1
                piece = log.pieces[at]
                if piece.__class__ is str:
                    return cast(str, piece)
                if piece.__class__ is Failure:
                    cast(Failure, piece).throw()
                continue
            if log.closed:
                raise StopAsyncIteration
            future = self._wait_for(at)
            try:
                await future
            finally:
                self._stop_waiting(future)


class ErrorMessage(Message):
    """An error handed on as a message: its text is "ValueError: what happened"."""


class Messages(tuple[Message, ...]):
    """Messages in order. `str` is their joined text, `repr` the tuple."""

    __slots__ = ()

    def __add__(self, other: Iterable[Message]) -> "Messages":  # type: ignore[override]
        return Messages((*self, *other))

    @property
    def text(self) -> str:
        """The texts of all messages that have one, a blank line between."""
        return "\n\n".join([text for message in self if (text := str(message))])

    def __str__(self) -> str:
        return self.text


_OURS = {"role", "parts", "agent"}
_OWN_FIELDS = len(_OURS)


def _part(item: Any) -> Part:
    if item.__class__ is str:
        return Text(text=item)
    if isinstance(item, PARTS):
        return cast(Part, item)
    if isinstance(item, str):
        return Text(text=str(item))
    raise MessageError(
        f"{type(item).__name__} is no part of a message",
        hint="Parts are text, Image, Audio, File, Thinking, ToolCall, ToolResult and Block.",
    )


def new_id() -> str:
    """A ULID (https://github.com/ulid/spec): 48 bits of milliseconds, 80 random bits, 26 letters."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    letters = [_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5)]
    return "".join(letters)


def chained_hash(messages: Iterable[Message], *, before: str = "") -> str:
    """The hash of a history: of each message's content and of everything before it.

    Give the hash of the part you have already as `before` and only the new messages are hashed.
    """
    for message in messages:
        before = content_hash((before, message.hash))
    return before
