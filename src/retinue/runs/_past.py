"""Past: what a run had done and shown when it was taken up, by address."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from retinue.messages import Message
from retinue.messages.events import (
    LogEvent,
    MessageEnded,
    MessageStarted,
    ModelAnswered,
    RunStarted,
    ToolAnswered,
    ToolAsked,
    TurnStarted,
)
from retinue.storage import Entry, Journal

from ._records import StepRecord, TurnRecord


class Past:
    """What was finished is not done again, what was shown is not shown again."""

    def __init__(self, journal: Journal) -> None:
        self.entries = {entry.address: entry for entry in journal.entries}
        self.answers = journal.answers
        self.messages: dict[str, Message] = {}
        self.started: dict[str, str] = {}
        """Messages that had begun, by id, and the turn of each."""
        self.begun = False
        """Whether its log tells that it has started."""
        self.turns: set[str] = set()
        self._effects: dict[str, set[str]] = {}
        self._messages: dict[str, set[str]] = {}
        self._told: Counter[Any] = Counter()
        for event in journal.events:
            self._note(event)
        for entry in journal.entries:
            if entry.kind == "step" and StepRecord.from_json(entry.body).effect != "none":
                self._effects.setdefault(entry.turn, set()).add(entry.address)

    def turn(self, address: str) -> TurnRecord | None:
        """The turn, if it was over."""
        return TurnRecord.from_json(self.entries[address].body) if self._is_over(address) else None

    def _is_over(self, turn: str) -> bool:
        entry = self.entries.get(turn)
        return entry is not None and entry.state == "done"

    def relied_on(self, turn: str) -> list[str | None] | None:
        """The ids of what it had replied, None for errors, if others rely on its being just that.

        A turn that is over is not asked for.
        """
        entry = self.entries.get(turn)
        if entry is None:
            return None
        record = TurnRecord.from_json(entry.body)
        return [
            reply if isinstance(reply, str) else getattr(reply, "id", None)
            for reply in record.replies
        ]

    def step(self, address: str) -> Entry | None:
        """The step, done or only intended."""
        return self.entries.get(address)

    def claim(self, turn: str, what: str) -> None:
        """The turn came to this again: an effect, by its address, or a message, by its id."""
        for left in (self._effects.get(turn), self._messages.get(turn)):
            if left is not None:
                left.discard(what)

    def accept(self, turn: str) -> None:
        """It is right that the turn does not come to it."""
        self._effects.pop(turn, None)
        self._messages.pop(turn, None)

    def accept_all(self) -> None:
        """No turn has to come to it."""
        self._effects.clear()
        self._messages.clear()

    def effects(self, turn: str) -> bool:
        """Whether that turn had effects it has not come to again."""
        return bool(self._effects.get(turn))

    def unclaimed(self, turn: str) -> bool:
        """Whether there is anything that it had done, or said, and has not come to again."""
        return bool(self._effects.get(turn) or self._messages.get(turn))

    def was_told(self, event: LogEvent) -> bool:
        """Whether this is in the log already; each that is there counts once."""
        if not self._told:
            return False
        key = _key(event)
        if self._told[key] <= 0:
            return False
        self._told[key] -= 1
        return True

    def open_messages(self) -> Iterator[tuple[str, str]]:
        """Messages that had begun and are begun anew, by id, and the turn of each."""
        for message, turn in self.started.items():
            if message not in self.messages and not self._is_over(turn):
                yield message, turn

    def _note(self, event: LogEvent) -> None:
        match event:
            case RunStarted():
                self.begun = True
            case TurnStarted(turn=str(turn)):
                self.turns.add(turn)
            case MessageStarted(message=id, turn=str(turn)):
                self.started[id] = turn
            case MessageEnded(message=message, turn=str(turn)):
                self.messages[message.id] = message
                self._messages.setdefault(turn, set()).add(message.id)
            case ToolAsked() | ToolAnswered() | ModelAnswered():
                self._told[_key(event)] += 1
            case _:
                pass


def _key(event: LogEvent) -> Any:
    match event:
        case ToolAsked(turn=turn, call=call):
            return ("asked", turn, call.id)
        case ToolAnswered(turn=turn, result=result):
            return ("answered", turn, result.call_id)
        case _:
            return (type(event).__name__, event.turn)
