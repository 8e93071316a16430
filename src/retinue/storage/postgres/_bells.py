"""Bells: who listens in this process is told what it wrote, and where others wrote."""

from collections.abc import Sequence

from retinue.messages.events import Event
from retinue.storage._bell import Bell, news
from retinue.storage.sqlite._writer import Heard

from ._letters import Letter


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

    def read(self, letter: Letter) -> None:
        """What another process wrote, who can say only where."""
        if letter.much:
            self.look()
        for owner, conversation in letter.logs:
            if owner in self._owners:
                self._owners[owner].look(conversation)
        self.runs.ring(*letter.runs)

    def look(self) -> None:
        """Something may have come anywhere."""
        for bell in self._owners.values():
            bell.look()

    def close(self) -> None:
        for bell in [self.runs, *self._owners.values()]:
            bell.close()
