"""A reader that joins what it is told, as a screen does, and objects to whatever does not fit."""

from retinue.messages.events import (
    Event,
    MessageEnded,
    MessageStarted,
    Restarted,
    TextAdded,
    ThinkingAdded,
)


class Reader:
    """What somebody has on the screen who follows a conversation.

    Attributes:
        seq: Of the last event it was told.
        whole: Messages that have ended, by id: their text.
        joined: The same, of those it saw being written: the pieces it was told, joined.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.whole: dict[str, str] = {}
        self.joined: dict[str, str] = {}
        self._started: set[str] = set()
        self._open: dict[str, tuple[int, str]] = {}

    def hear(self, event: Event) -> None:
        match event:
            case TextAdded():
                self._join(event)
            case ThinkingAdded():
                raise AssertionError("nobody thinks in here")
            case _:
                assert event.seq == self.seq + 1, f"{event.seq} comes after {self.seq}"
                self.seq = event.seq
                self._note(event)

    def cut(self) -> None:
        """The connection is lost; whoever comes again is told open messages from their start."""
        self._open.clear()

    def _note(self, event: Event) -> None:
        match event:
            case MessageStarted(message=id):
                assert id not in self._started, "it begins twice"
                self._started.add(id)
            case Restarted(message=str(id), attempt=attempt):
                self._open[id] = (attempt, "")
            case MessageEnded(message=message):
                assert message.id not in self.whole, "it ends twice"
                self.whole[message.id] = message.text
                _, text = self._open.pop(message.id, (0, ""))
                if text:
                    assert text == message.text
                    self.joined[message.id] = text
            case _:
                pass

    def _join(self, piece: TextAdded) -> None:
        assert piece.message in self._started, "a piece of what was not begun"
        assert piece.message not in self.whole, "a piece of what has ended"
        attempt, text = self._open.get(piece.message, (piece.attempt, ""))
        assert piece.attempt == attempt, f"attempt {piece.attempt} while {attempt} is shown"
        assert piece.offset == len(text), f"a piece for {piece.offset} after {len(text)} letters"
        self._open[piece.message] = (attempt, text + piece.text)
