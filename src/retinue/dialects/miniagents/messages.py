"""Messages under their MiniAgents names, with the fields they have there."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from retinue import messages as core
from retinue.errors import MessageError
from retinue.messages import (
    ErrorMessage,
    Feed,
    MessagePromise,
    Messages,
    MessageSequenceAppender,
    MessageSequencePromise,
    Piece,
    sequence_of,
)
from retinue.promise import Failure, StreamAppender, StreamedPromise, fail, scope_for_new_work

from .promising.errors import NotAMessageError
from .promising.ext.frozen import Frozen, Keyed, hash_key
from .promising.promising import StreamAppender as PieceAppender

type MessageType = (
    str
    | Mapping[str, Any]
    | core.Record
    | MessagePromise
    | MessageSequencePromise
    | BaseException
    | Iterable[MessageType]
    | AsyncIterable[MessageType]
)
"""What may be sent, replied and joined, nested as deep as you like."""

type TokenStreamer = (
    Callable[[MessagePromise], AsyncIterator[Piece]]
    | StreamAppender[Piece]
    | StreamedPromise[Piece, Any]
)


class Message(Keyed, core.Message):
    """An immutable message. Subclass it to declare more fields.

    Args:
        words: Its text; `text=` and `content=` are other names for that.
        fields: role, agent, and any other immutable values. `text_template` (or
            `content_template`) makes the text of the other fields: "Hello {name}".
    """

    def __init__(self, /, *words: Any, content: str | None = None, **fields: Any) -> None:
        if content is not None:
            words = (*words, content)
        template = fields.get("text_template") or fields.get("content_template")
        if template is not None and not words and fields.get("text") is None:
            words = (template.format(**fields),)
        super().__init__(*words, **fields)

    @classmethod
    def promise(
        cls,
        *words: Any,
        message_token_streamer: TokenStreamer | None = None,
        start_soon: bool | None = None,
        **fields: Any,
    ) -> MessagePromise:
        """A promise of such a message: of its tokens as they come, or of a message that is there.

        Args:
            words: The text, where there is no streamer.
            message_token_streamer: An async generator function that gets the promise, an appender,
                or another stream. What it learns on the way goes to `promise.note(...)`.
            start_soon: Run by itself, or on demand. Default: the context's.
            fields: The other fields; known before the first token.
        """
        if message_token_streamer is None:
            return cls(*words, **fields).as_promise
        return TokenPromise(message_token_streamer, message_class=cls, eager=start_soon, **fields)

    def serialize(self) -> dict[str, Any]:
        """What makes up this message, as a dict; other messages in it by their hash keys."""
        fields = dict(_by_hash_key(name, value) for name, value in self.content().items())
        if all(part.__class__ is core.Text for part in self.parts):
            del fields["parts"]
            fields["text"] = self.text
        return {"class_": self.class_, **fields}

    def sub_messages(self) -> Iterator[core.Message]:
        """All messages in this one, the innermost first."""
        for value in self.content().values():
            yield from _messages_in(value)


class TokenPromise(MessagePromise):
    """A message that is being written."""

    __slots__ = ()

    @property
    def preliminary_metadata(self) -> Frozen:
        """What is known of the message before its first token."""
        return Frozen(role=self.role, agent=self.agent, **self.known)


class MessageTokenAppender(PieceAppender[Piece]):
    """The writing end of one message: `Message.promise(message_token_streamer=appender)`."""

    __slots__ = ()


class MessageSequence:
    """Messages put in at one end, in any form and nesting, and coming out flat at the other.

    Args:
        appender_capture_errors: Whether an error that leaves the block of the appender becomes an
            error of the sequence, at its place.
    """

    def __init__(self, *, appender_capture_errors: bool = False) -> None:
        scope = scope_for_new_work()
        feed = MessageFeed(scope)
        self.message_appender = MessageSequenceAppender(
            feed, capture_errors=appender_capture_errors
        )
        self.sequence_promise = MessageSequencePromise(feed, scope)

    @classmethod
    def turn_into_sequence_promise(cls, messages: MessageType | None) -> MessageSequencePromise:
        """Anything as a flat sequence of message promises."""
        if messages.__class__ is str:
            return sequence_of(_plain(cast(str, messages), "user", None))
        if messages is None:
            return sequence_of(())
        if isinstance(messages, MessageSequencePromise | Messages | core.Message):
            return sequence_of(messages)
        sequence = cls()
        with sequence.message_appender as appender:
            appender.append(messages)
        return sequence.sequence_promise

    @classmethod
    async def aresolve_messages(cls, messages: MessageType | None) -> Messages:
        """Anything as the messages it becomes."""
        return await cls.turn_into_sequence_promise(messages)


class MessageFeed(Feed):
    """The growing end of a sequence in which plain words become messages of this dialect."""

    __slots__ = ()

    def _leaf(self, item: Any) -> MessagePromise | None:
        if item.__class__ is str:
            return _plain(item, self.role, self.agent).as_promise
        return super()._leaf(item)

    def _message_of(self, fields: Mapping[str, Any]) -> MessagePromise | Failure:
        values = {"role": self.role, "agent": self.agent, **fields}
        try:
            return Message(**values).as_promise
        except Exception as error:
            return fail(error, self.scope)

    def _refused(self, item: Any) -> Failure:
        refused = super()._refused(item)
        refused.seen = True  # it goes on as the TypeError that is expected here
        hint = cast(MessageError, refused.error).hint
        return fail(NotAMessageError(f"{refused.error}", hint=hint), self.scope)


def _plain(words: str, role: str, agent: str | None) -> Message:
    """A message of plain words; made for each of them, so it does not look for other fields."""
    message = Message.__new__(Message)
    core.Message.__init__(message, words, role=role, agent=agent)
    return message


def _by_hash_key(name: str, value: Any) -> tuple[str, Any]:
    match value:
        case core.Message():
            return f"{name}__hash_key", hash_key(value)
        case (core.Message(), *_):
            return f"{name}__hash_keys", tuple(_by_hash_key("", item)[1] for item in value)
        case core.Record():
            return name, dict(_by_hash_key(inner, item) for inner, item in value.content().items())
        case tuple():
            items = cast("tuple[Any, ...]", value)
            return name, tuple(_by_hash_key("", item)[1] for item in items)
        case _:
            return name, value


def _messages_in(value: Any) -> Iterator[core.Message]:
    match value:
        case core.Record():
            for inner in value.content().values():
                yield from _messages_in(inner)
            if isinstance(value, core.Message):
                yield value
        case tuple():
            for inner in cast("tuple[Any, ...]", value):
                yield from _messages_in(inner)
        case _:
            pass


__all__ = [
    "ErrorMessage",
    "Message",
    "MessagePromise",
    "MessageSequence",
    "MessageSequencePromise",
    "MessageTokenAppender",
    "MessageType",
]
