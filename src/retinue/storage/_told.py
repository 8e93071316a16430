"""Told: what one reader of a conversation has been told, and so what it is told next.

No waiting and no store in here: events, pieces and tails go in, in whatever order they come, and
what the reader is to see comes out. What does not fit yet is kept, or asked for by `behind`.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from retinue.messages import Message, Thinking
from retinue.messages.events import (
    Event,
    LivePiece,
    LogEvent,
    MessageEnded,
    MessageStarted,
    Restarted,
    TextAdded,
    ThinkingAdded,
)

from . import Tail

_LIMIT = 1_000
"""Pieces that may wait for what comes before them; more are got from the store again."""


@dataclass(slots=True)
class _Open:
    """A message that is being written: how many letters of it were told."""

    attempt: int
    told: dict[type[LivePiece], int] = field(
        default_factory=lambda: {TextAdded: 0, ThinkingAdded: 0}
    )


class Told:
    """What a reader has been told: everything to `seq`, and pieces of messages that are open.

    Args:
        seq: Of the last event that the reader knows already.
    """

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self.behind = False
        """Something came that does not fit: the store has what is between."""
        self._open: dict[str, _Open] = {}
        self._waiting: dict[str, list[LivePiece]] = {}

    def hear(self, event: Event) -> Iterator[Event]:
        """What the reader is told when this is heard."""
        if isinstance(event, TextAdded | ThinkingAdded):
            yield from self._piece(event)
        else:
            yield from self._event(event)

    def tails(self, tails: Iterable[Tail], ended: Collection[str]) -> Iterator[LivePiece]:
        """What the reader is told of open messages, once it was told all events.

        Args:
            tails: Of the store, read before the last of these events.
            ended: Messages that have ended in the events read since.
        """
        for tail in tails:
            if tail.message in ended:
                continue
            open = self._open.setdefault(tail.message, _Open(tail.attempt))
            for kind, text in ((ThinkingAdded, tail.thinking), (TextAdded, tail.text)):
                yield from self._cut(
                    open, kind(message=tail.message, attempt=tail.attempt, offset=0, text=text)
                )
        for message in list(self._waiting):
            yield from self._flush(message)
        self.behind = False

    def _event(self, event: LogEvent) -> Iterator[Event]:
        seq = event.seq or 0
        if seq <= self.seq:
            return
        if seq > self.seq + 1:
            self.behind = True
            return
        match event:
            case MessageEnded(message=message):
                yield from self._rest(message)
            case MessageStarted(message=name):
                self._open[name] = _Open(1)
            case Restarted(message=str() as name, attempt=attempt):
                self._open[name] = _Open(attempt)
            case _:
                pass
        self.seq = seq
        yield event
        if isinstance(event, MessageStarted | Restarted) and event.message is not None:
            yield from self._flush(event.message)

    def _piece(self, piece: LivePiece) -> Iterator[LivePiece]:
        open = self._open.get(piece.message)
        if open is None or piece.attempt > open.attempt:
            self._wait(piece)
        elif piece.attempt == open.attempt:
            if piece.offset > open.told[type(piece)]:
                self.behind = True
                self._wait(piece)
            else:
                yield from self._cut(open, piece)
                if piece.message in self._waiting:
                    yield from self._flush(piece.message)

    def _cut(self, open: _Open, piece: LivePiece) -> Iterator[LivePiece]:
        """What is new of a piece that begins at, or before, the end of what was told."""
        told = open.told[type(piece)]
        end = piece.offset + len(piece.text)
        if piece.attempt != open.attempt or end <= told:
            return
        open.told[type(piece)] = end
        if piece.offset < told:
            piece = replace(piece, offset=told, text=piece.text[told - piece.offset :])
        yield piece

    def _rest(self, message: Message) -> Iterator[LivePiece]:
        """What was begun in pieces is told in pieces to its last letter."""
        self._waiting.pop(message.id, None)
        open = self._open.pop(message.id, None)
        if open is None or not any(open.told.values()):
            return
        thinking = "".join([part.text for part in message.parts if isinstance(part, Thinking)])
        for kind, text in ((ThinkingAdded, thinking), (TextAdded, message.text)):
            yield from self._cut(
                open, kind(message=message.id, attempt=open.attempt, offset=0, text=text)
            )

    def _wait(self, piece: LivePiece) -> None:
        if sum(map(len, self._waiting.values())) >= _LIMIT:
            self._waiting.clear()
            self.behind = True
        self._waiting.setdefault(piece.message, []).append(piece)

    def _flush(self, message: str) -> Iterator[LivePiece]:
        """Try again what has waited for that message, the first letters first."""
        waiting = self._waiting.pop(message, ())
        for piece in sorted(waiting, key=lambda piece: piece.offset):
            yield from self._piece(piece)
