"""Joining messages into one, and splitting one into several, while they are still being written."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

from retinue.errors import MessageError, StreamCut
from retinue.promise import Failure, StreamAppender, fail, scope_for_new_work

from ._cutter import Cutter
from ._feed import sequence_of
from ._message import Message, MessagePromise, Piece, Words, source_of
from ._parts import Audio, File, Image, Text
from ._reader import RawReader
from ._sequence import MessageSequencePromise


def join_messages(
    messages: Any,
    *,
    delimiter: str = "\n\n",
    strip_leading_newlines: bool = False,
    keep_originals: bool = True,
    role: str = "user",
    agent: str | None = None,
    eager: bool | None = False,
    **metadata: Any,
) -> MessagePromise:
    """One message of all of them, token by token as they come.

    Texts are joined; images, sound and files stay between them. What else a message has (thinking,
    tool calls, metadata) is in the originals. The first error ends the joined message.

    Args:
        messages: Anything that can be put in a sequence: texts, messages, promises, ...
        delimiter: What stands between the texts of two messages; none around an empty one.
        strip_leading_newlines: Whether to leave out the line breaks some models begin with.
        keep_originals: Whether the result has the messages themselves, a tuple, in
            `original_messages`.
        role, agent, metadata: Of the result; known before the first token.
        eager: Run by itself, or token by token on demand; None is the scope's default.
    """
    sequence = sequence_of(messages)

    async def pieces(promise: MessagePromise) -> AsyncIterator[Piece]:
        originals: list[Message] = []
        owed = ""  # the delimiter, before the next word
        async for original in sequence:
            said = False
            strip = strip_leading_newlines
            async for piece in original.pieces():
                if isinstance(piece, Image | Audio | File):
                    yield piece
                if not isinstance(piece, str | Text):
                    continue
                words = str(piece).lstrip("\r\n") if strip else str(piece)
                if not words:
                    continue
                strip = False
                if not said and owed:
                    yield owed
                said = True
                source = source_of(piece, original)
                yield words if source is None else Words(words, source)
            if said:
                owed = delimiter
            if keep_originals:
                originals.append(await original)
        if keep_originals:
            promise.note(original_messages=tuple(originals))

    return MessagePromise(pieces, role=role, agent=agent, eager=eager, **metadata)


def split_messages(
    messages: Any,
    *,
    delimiter: str = "\n\n",
    keep_code_fences_whole: bool = True,
    role: str | None = None,
    agent: str | None = None,
    **metadata: Any,
) -> MessageSequencePromise:
    """The same text as several messages, each handed on while it is still being written.

    A token is handed on as soon as it is certain that no delimiter begins in it. Each message is
    split by itself; errors, and parts other than text, stay in their place. Begins when it is read.

    Args:
        messages: Anything that can be put in a sequence: texts, messages, promises, ...
        delimiter: What is left out between two pieces; there are no empty pieces.
        keep_code_fences_whole: Whether delimiters inside of Markdown's code fences do not count.
        role, agent: Of the pieces. Default: of the message they come from.
        metadata: Of the pieces.

    Raises:
        MessageError: The delimiter is empty.
    """
    if not delimiter:
        raise MessageError(
            "An empty delimiter splits nothing", hint=r"Give one, such as delimiter='\n\n'."
        )
    sequence = sequence_of(messages)

    async def pieces() -> AsyncGenerator[MessagePromise | Failure]:
        async for original in RawReader(sequence):
            if isinstance(original, Failure):
                yield original
                continue
            cutter = Cutter(delimiter, fences=keep_code_fences_whole)
            splitter = _Splitter(original, cutter, role, agent, metadata)
            try:
                async for piece in RawReader(original._origin or original):
                    for promise in splitter.feed(piece):
                        yield promise
                for promise in splitter.flush():
                    yield promise
            except BaseException as error:
                splitter.break_off(error)
                raise
            splitter.close()

    return sequence_of(pieces())


class _Splitter:
    """Writes the pieces of one message, one after the other."""

    def __init__(
        self,
        original: MessagePromise,
        cutter: Cutter,
        role: str | None,
        agent: str | None,
        metadata: dict[str, Any],
    ) -> None:
        self._original = original
        self._cutter = cutter
        self._role = role or original.role
        self._agent = agent or original.agent
        self._metadata = metadata
        self._source: str | None = None  # of the words the cutter holds
        self._writing: StreamAppender[Piece] | None = None
        self._promised: str | None = None  # the source of what is being written

    def feed(self, piece: Piece | Failure) -> Iterator[MessagePromise | Failure]:
        """More of the original has come; gives what is new to who reads the pieces."""
        if not isinstance(piece, str | Text):
            yield from self.flush()
            yield from self._put(piece)
            return
        source = source_of(piece, self._original)
        if source != self._source:
            yield from self.flush()
            self._source = source
        for words in self._cutter.feed(str(piece)):
            yield from self._put(words)

    def flush(self) -> Iterator[MessagePromise | Failure]:
        """What the cutter holds is certain now, for it ends here."""
        for words in self._cutter.flush():
            yield from self._put(words)

    def close(self) -> None:
        """The piece that is being written is whole."""
        if self._writing is not None:
            self._writing.close()
            self._writing = None

    def break_off(self, error: BaseException) -> None:
        """The piece that is being written will never be whole."""
        if self._writing is not None:
            if isinstance(error, GeneratorExit):
                error = StreamCut("the splitting of this message was given up before its end")
            self._writing.log.push(fail(error, scope_for_new_work()))
            self.close()

    def _put(self, piece: Piece | Failure | None) -> Iterator[MessagePromise | Failure]:
        if piece is None:  # CUT
            self.close()
        elif self._writing is not None:
            if isinstance(piece, str) and self._source != self._promised:
                piece = Words(piece, self._source)
            self._writing.log.push(piece)
        elif isinstance(piece, Failure):
            yield piece
        else:
            self._promised = self._source
            writing = self._writing = StreamAppender[Piece]().open()
            writing.log.push(piece)
            yield MessagePromise(
                writing,
                role=self._role,
                agent=self._agent,
                source=self._source,
                **self._metadata,
            )
