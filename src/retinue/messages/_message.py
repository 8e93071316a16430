"""Message: who said what, unable to change."""

import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast
from weakref import ReferenceType, ref

from retinue.errors import MessageError, PromiseError
from retinue.promise import (
    UNSET,
    Failure,
    Listener,
    Log,
    Reader,
    StreamAppender,
    StreamedPromise,
    scope_for_new_work,
)

from ._doors import Doors, declares
from ._frozen import FrozenDict, content_hash, freeze, set_once
from ._parts import PARTS, Part, Text, Thinking, ToolCall, ToolResult

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class MessageType(type):
    """The class of message classes: a subclass that declares something becomes a pydantic model."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> Any:
        if bases != (Doors,) and (options or declares(namespace)):
            declared: Any = import_module("._declared", __package__).DeclaredMessage
            bases = (*[base for base in bases if base is not Message], declared)
            return type(declared)(name, bases, namespace, **options)
        return super().__new__(mcs, name, bases, namespace, **options)

    def __init__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **_: Any
    ) -> None:
        super().__init__(name, bases, namespace)


class Message(Doors, metaclass=MessageType):
    """An immutable message. Subclass it to declare more fields; pydantic checks those.

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

    if TYPE_CHECKING:  # an annotation would be a field to pydantic
        role: str
        parts: tuple[Part, ...]
        agent: str | None
        _promise: "ReferenceType[MessagePromise] | None"

    _role: ClassVar[str] = "user"
    """The role where none is given."""

    def __init__(
        self,
        /,
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
        if role.__class__ is not str:
            role = self._role if role is None else check_text("role", role)
        if agent is not None and agent.__class__ is not str:
            agent = check_text("agent", agent)
        own: dict[str, Any] = vars(self)  # the quickest way in
        own["role"] = role
        own["parts"] = check_parts(content, parts)
        own["agent"] = agent
        own["_promise"] = None
        for name, value in metadata.items():
            if name[:1] == "_" or name in _RESERVED or not name:
                check_name(name)
            own[name] = value if value.__class__ is str else freeze(value, type(self)._mapping)
        if id is not None:
            own["_id"] = check_text("id", id)

    @property
    def id(self) -> str:
        """A ULID of this occurrence; two messages of equal content have different ones."""
        kept: str | None = self.__dict__.get("_id")
        if kept is None:
            kept = new_id()
            set_once(self, "_id", kept)
        return kept

    @property
    def text(self) -> str:
        """The words: all text parts, joined."""
        parts = self.parts
        if len(parts) == 1 and parts[0].__class__ is Text:
            return cast(Text, parts[0]).text
        return "".join([part.text for part in parts if isinstance(part, Text)])

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Everything that is not role, parts or agent."""
        return FrozenDict({k: v for k, v in self.content().items() if k not in _OURS})

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple([part for part in self.parts if isinstance(part, ToolCall)])

    @property
    def tool_results(self) -> tuple[ToolResult, ...]:
        return tuple([part for part in self.parts if isinstance(part, ToolResult)])

    @property
    def as_promise(self) -> "MessagePromise":
        """This message as a promise that is kept already; always the same one."""
        kept = self._promise
        promise = kept() if kept is not None else None
        if promise is None:
            promise = KeptMessagePromise(self)
            # Weak, for the promise holds the message: a circle would wait for the collector.
            set_once(self, "_promise", ref(promise))
        return promise

    @property
    def has_id(self) -> bool:
        """Whether it was given an id, or was asked for one."""
        return "_id" in self.__dict__

    def as_occurrence(self, id: str) -> Self:
        """This message under that id; itself, if it has none yet, for it never had another."""
        if self.__dict__.get("_id", id) == id:
            set_once(self, "_id", id)
            return self
        return type(self)(**self.content(), id=id)

    def content(self) -> dict[str, Any]:
        """Role, parts, agent and metadata, by name."""
        return {name: value for name, value in self.__dict__.items() if name[0] != "_"}

    def replaced(self, **changes: Any) -> Self:
        """A new message of the same class with some fields changed; its id is new, too."""
        if "text" in changes:
            changes["parts"] = (Text(text=changes.pop("text")),)
        return type(self)(**{**self.content(), **changes})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """What pydantic offers: `replaced`, or the message itself where nothing changes."""
        return self.replaced(**update) if update else self

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Metadata, by name."""

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        shown = [f"text={self.text!r}"] if self.text or not self.parts else []
        shown += [repr(part) for part in self.parts if not isinstance(part, Text)]
        shown += [f"{k}={v!r}" for k, v in self.content().items() if k not in _OURS]
        if self.role != "user":
            shown.append(f"role={self.role!r}")
        if self.agent is not None:
            shown.append(f"agent={self.agent!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.content(), self.id)


_NOTHING = FrozenDict()

type Piece = str | Part
"""What a message streams: text as `str`, thinking in pieces, anything else as a whole part."""


class Words(str):
    """Text in a stream that has a source of its own, other than its promise's."""

    __slots__ = ("source",)

    def __new__(cls, text: str, source: str | None) -> Self:
        words = super().__new__(cls, text)
        words.source = source
        return words

    source: str | None


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
        self.known: Mapping[str, Any] = freeze(metadata) if metadata else _NOTHING
        super().__init__(streamer, eager=eager)

    def note(self, **metadata: Any) -> None:
        """Add metadata that is known only when the message ends (usage, why it stopped, ...)."""
        if self._late is None:
            self._late = {}
        self._late.update(metadata)

    def note_source(self, source: str) -> None:
        """Say where the text comes from, if that is known only when it begins."""
        self._source = source

    @property
    def id(self) -> str:
        """The id that the message has, or will have."""
        if self._value is not UNSET:
            return cast(Message, self._value).id
        kept = (self._late or {}).get("id", self.known.get("id"))
        if kept is None:
            kept = new_id()
            self.note(id=kept)
        return kept

    def listen(self, listener: Listener) -> None:
        """Tell `listener` of each piece, those that have come too, and then of the end.

        Who listens wants all of it.
        """
        self._log.listen(listener)
        if not self.done:
            self._demand()

    @property
    def original(self) -> "MessagePromise | None":
        """The promise whose message this gives, where it stands for one."""
        return None

    @property
    def outcome(self) -> Message | Failure | None:
        """The message or why there is none, once its stream has ended; None before."""
        if not self.done and self._log.closed:
            self._conclude()
        if self._failure is not None:
            return self._failure
        return cast(Message, self._value) if self.done else None

    @property
    def identity(self) -> str | None:
        """What a recording knows it by: its content, if it was there when it was passed."""
        return None

    @property
    def text_so_far(self) -> str:
        """The text that has come until now."""
        return "".join([str(piece) for piece in self._log.pieces if isinstance(piece, str | Text)])

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
        own = source = self._source  # of the words
        for piece in pieces:
            if piece.__class__ is str and source is own:
                words.append(cast(str, piece))
                continue
            if isinstance(piece, str | Text):
                its = source_of(piece, self)
                if words and its != source:
                    parts.append(Text(text="".join(words), source=source))
                    words = []
                source = its
                words.append(str(piece))
                continue
            if words:
                parts.append(Text(text="".join(words), source=source))
                words = []
            last = parts[-1] if parts else None
            if isinstance(piece, Thinking) and isinstance(last, Thinking) and not last.signature:
                parts[-1] = Thinking(
                    text=last.text + piece.text, signature=piece.signature, source=piece.source
                )
            else:
                parts.append(piece)
        if words:
            parts.append(Text(text="".join(words), source=source))
        values = {"role": self.role, "agent": self.agent, **self.known, **(self._late or {})}
        return self._class(parts=parts, **values)


def source_of(words: str | Text, promise: MessagePromise) -> str | None:
    """Where words come from that are a piece of this promise."""
    return words.source if isinstance(words, Words | Text) else promise._source


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
    def _log(self) -> Log[Piece]:  # type: ignore[override]
        if self._pieces is None:
            self._pieces = Log([_piece(part) for part in self._value.parts], closed=True)
        return self._pieces

    @property
    def identity(self) -> str | None:
        return self._value.hash

    @property
    def role(self) -> str:
        return self._value.role

    @property
    def agent(self) -> str | None:
        return self._value.agent

    @property
    def known(self) -> Mapping[str, Any]:  # type: ignore[override]
        return self._value.metadata


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
                if isinstance(piece, str | Text):
                    return str(piece)
                continue
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


class ErrorMessage(Message):
    """An error handed on as a message: its text is "ValueError: what happened"."""


class Messages(tuple[Message, ...]):
    """Messages in order. `str` is their joined text, `repr` the tuple."""

    def __add__(self, other: Iterable[Message]) -> "Messages":  # type: ignore[override]
        more = Messages((*self, *other))
        known: str | None = self.__dict__.get("_hash")
        if known is not None:
            more.__dict__["_before"] = (len(self), known)
        return more

    @property
    def hash(self) -> str:
        """The chained hash of them all; of what was added to a known one only that is hashed."""
        kept: str | None = self.__dict__.get("_hash")
        if kept is None:
            count, before = self.__dict__.get("_before", (0, ""))
            kept = self.__dict__["_hash"] = chained_hash(self[count:], before=before)
        return kept

    @property
    def text(self) -> str:
        """The texts of all messages that have one, a blank line between."""
        return "\n\n".join([text for message in self if (text := str(message))])

    def __str__(self) -> str:
        return self.text


_OURS = frozenset({"role", "parts", "agent"})
_RESERVED = frozenset(dir(Message)) - _OURS


def check_parts(content: tuple[str | Part, ...], parts: Iterable[Part]) -> tuple[Part, ...]:
    """Everything as parts.

    Raises:
        MessageError: Something is no part.
    """
    if not parts:
        if not content:
            return ()
        if len(content) == 1 and content[0].__class__ is str:
            return (Text(text=cast(str, content[0])),)
    return tuple([_part(item) for item in (*content, *parts)])


def check_name(name: str) -> None:
    """Whether this can be the name of metadata.

    Raises:
        MessageError: It is private, or a message has something else of that name.
    """
    if name[:1] == "_" or name in _RESERVED or not name:
        raise MessageError(
            f"{name!r} cannot be the name of metadata",
            hint="The words of a message are its `text`."
            if name == "content"
            else "Choose another, one that begins with a letter.",
        )


def check_text(name: str, value: Any) -> str:
    """The value, which must be text; of exactly that class.

    Raises:
        MessageError: It is something else.
    """
    if not isinstance(value, str):
        raise MessageError(
            f"{name!r} of a message is text, not {type(value).__name__}",
            hint=f"Give it as text: {name}='...'.",
        )
    return str.__str__(value)


def _rebuilt(cls: type[Message], content: dict[str, Any], id: str | None) -> Message:
    return cls(**content, id=id)


_KINDS = frozenset(PARTS)


def _part(item: Any) -> Part:
    if item.__class__ in _KINDS or isinstance(item, PARTS):
        return cast(Part, item)
    if item.__class__ is str:
        return Text(text=item)
    if isinstance(item, str):
        return Text(text=str.__str__(item))
    raise MessageError(
        f"{type(item).__name__} is no part of a message",
        hint="Parts are text, Image, Audio, File, Thinking, ToolCall, ToolResult and Block.",
    )


def _piece(part: Part) -> Piece:
    """A part of a message that is there as a piece of its stream."""
    if isinstance(part, Text):
        return part.text if part.source is None else Words(part.text, part.source)
    return part


def new_id() -> str:
    """A ULID (https://github.com/ulid/spec): 48 bits of milliseconds, 80 random, 26 letters."""
    return _letters((time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10)))


def derived_id(hash: str, occurrence: int) -> str:
    """An id of the same form that is always the same for these two."""
    return _letters(int(content_hash((hash, occurrence))[:32], 16))


def _letters(number: int) -> str:
    return "".join([_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5)])


def chained_hash(messages: Iterable[Message], *, before: str = "") -> str:
    """The hash of a history: of each message's content and of everything before it.

    Give the hash of the part you have already as `before` and only the new messages are hashed.
    """
    for message in messages:
        before = content_hash((before, message.hash))
    return before
