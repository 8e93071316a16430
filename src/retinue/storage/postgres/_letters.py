"""Letters: what processes at one database tell each other: where there is something to read.

A letter has ids only, for PostgreSQL takes no more than 8000 bytes; and it is a hint: readers look
for themselves when the connection was lost, and every few seconds.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from retinue.storage._bells import Heard

_LARGEST = 7_900


@dataclass(frozen=True, slots=True)
class Letter:
    """Where something changed: logs by owner and conversation, and runs.

    Args:
        sender: Of all that are open, the store that wrote it.
        logs, runs: Which.
        much: There is more than they say.
    """

    sender: str
    logs: tuple[tuple[str, str], ...] = ()
    runs: tuple[str, ...] = ()
    much: bool = False

    def encoded(self) -> str:
        """As it is sent; where it would be too large it says no more than that there is much."""
        form = json.dumps([self.sender, self.logs, self.runs], separators=(",", ":"))
        return form if len(form) <= _LARGEST else json.dumps([self.sender])

    @classmethod
    def decoded(cls, text: str) -> "Letter":
        """What was sent; whatever else another release may send, it says that there is much."""
        match json.loads(text):
            case [str() as sender, [*logs], [*runs]]:
                return cls(sender, tuple([(owner, id) for owner, id in logs]), tuple(runs))
            case [str() as sender]:
                return cls(sender, much=True)
            case _:
                return cls("", much=True)


def letter_of(sender: str, logs: Sequence[Heard], runs: Sequence[str]) -> Letter | None:
    """What others are told of what was written; None: nothing."""
    if not (logs or runs):
        return None
    where = dict.fromkeys([(log.owner, log.conversation) for log in logs])
    return Letter(sender, tuple(where), tuple(dict.fromkeys(runs)))
