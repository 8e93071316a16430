"""What a long conversation can do without: which of its messages go first. Pure."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

from retinue.messages import Message

_STEPS: Final = 4
"""In so many steps the room is emptied: what is left out stays the same for many requests, so that
a vendor's cache of the beginning, and a summary of what is missing, hold for all of them."""


def left_out(messages: Sequence[Message], sizes: Sequence[int], room: int) -> frozenset[int] | None:
    """The places of the messages that are left out so that the others fit; None: they never do.

    The oldest exchanges go first, whole; of the present one, which began with the last message of
    the user, the oldest rounds. What stays in any case: messages of role "system", those that are
    `pinned`, the first and the last of the user, the last of all, and every call or result that
    belongs to one of these.

    Args:
        messages: Oldest first.
        sizes: Of each.
        room: That they have together.
    """
    excess = sum(sizes) - room
    if excess <= 0:
        return frozenset()
    step = max(room // _STEPS, 1)
    wanted = -(-excess // step) * step
    gone: set[int] = set()
    freed = 0
    for group in _droppable(messages):
        if freed >= wanted:
            break
        gone |= group
        freed += sum([sizes[place] for place in group])
    return frozenset(gone) if freed >= excess else None


def _droppable(messages: Sequence[Message]) -> list[set[int]]:
    """What can go, in groups that cannot be separated, oldest first."""
    asked = [place for place, message in enumerate(messages) if message.role == "user"]
    present = asked[-1] if asked else 0
    together = _Groups(len(messages))
    for call, result in _pairs(messages):
        together.join(call, result)
    staying = {
        together.of(place)
        for place, message in enumerate(messages)
        if message.role == "system"
        or getattr(message, "pinned", None) is True
        or place in (*asked[:1], *asked[-1:], len(messages) - 1)
    }
    going = [place for place in range(len(messages)) if together.of(place) not in staying]
    exchanges = list(accumulate([message.role == "user" for message in messages]))
    for before, place in pairwise(going):
        if place < present and exchanges[before] == exchanges[place]:
            together.join(before, place)
    groups: dict[int, set[int]] = {}
    for place in going:
        groups.setdefault(together.of(place), set()).add(place)
    return list(groups.values())


def _pairs(messages: Sequence[Message]) -> list[tuple[int, int]]:
    """Places of calls and of their results."""
    called: dict[str, int] = {}
    found: list[tuple[int, int]] = []
    for place, message in enumerate(messages):
        for result in message.tool_results:
            if result.call_id in called:
                found.append((called[result.call_id], place))
        called.update({call.id: place for call in message.tool_calls})
    return found


class _Groups:
    """Places, each in one group."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def of(self, place: int) -> int:
        """The first place of the group."""
        while self._above[place] != place:
            place = self._above[place]
        return place

    def join(self, one: int, other: int) -> None:
        first, second = sorted((self.of(one), self.of(other)))
        self._above[second] = first
