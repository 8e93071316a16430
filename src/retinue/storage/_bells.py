"""Bells: who listens in this process is told what it wrote, and where others wrote."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from retinue.messages.events import Event

from . import Grown, Happens
from ._bell import Bell, news


@dataclass(frozen=True, slots=True)
class Heard:
    """What was written in one log; `changes` is None where readers should look for themselves."""

    owner: str
    conversation: str
    first: int = 0
    changes: Sequence[Happens | Grown] | None = None


class Bells:
    """One bell for the conversations of each owner, and one for all runs."""

    def __init__(self) -> None:
        self.runs = Bell()
        self._owners: dict[str, Bell] = {}

    def of(self, owner: str) -> Bell:
        return self._owners.setdefault(owner, Bell())

    def tell(self, owner: str, conversation: str, *pieces: Event) -> None:
        """Pieces that are kept nowhere."""
        bell = self._owners.get(owner)
        if bell is not None:
            bell.tell(conversation, *pieces)

    def wrote(self, logs: Sequence[Heard], runs: Sequence[str]) -> None:
        """What this process wrote: here it is told as it is."""
        for log in logs:
            bell = self._owners.get(log.owner)
            if bell is None:
                continue
            if log.changes is None:
                bell.look(log.conversation)
            else:
                bell.tell(log.conversation, *news(log.changes, first=log.first))
        self.runs.ring(*runs)

    def elsewhere(self, logs: Iterable[tuple[str, str]], runs: Iterable[str]) -> None:
        """Where others wrote: logs by owner and conversation, and runs."""
        for owner, conversation in logs:
            if owner in self._owners:
                self._owners[owner].look(conversation)
        self.runs.ring(*runs)

    def look(self) -> None:
        """Others may have written anywhere."""
        for bell in self._owners.values():
            bell.look()

    def close(self) -> None:
        for bell in [self.runs, *self._owners.values()]:
            bell.close()
