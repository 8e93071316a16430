"""Desk: what a command works on, what comes of it, and how it is written."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from enum import Enum
from typing import Final, NamedTuple

from retinue.telemetry.terminal import Look, one_line

from ._cells import cells, wrapped
from ._session import Question, Session

_NARROW: Final = 20
"""Columns that words have at least, even if a terminal must break them again."""


class Leave(Enum):
    """The person leaves."""

    NOW = "now"


class Desk(NamedTuple):
    """What a command works on, and what its answer has to fit.

    Args:
        session: The conversation.
        look: What can be shown.
        width: In columns.
    """

    session: Session
    look: Look
    width: int


class GoOn(NamedTuple):
    """Another conversation is at hand: what is shown of it; what is unfinished in it goes on."""

    lines: Sequence[str]


class Inbox(Enum):
    """The person answers what tasks in the background ask."""

    OPEN = "open"


type Outcome = Sequence[str] | Question | GoOn | Inbox | Leave
"""Lines to be shown, a question to be asked, what goes on elsewhere, or the end."""


class Command(NamedTuple):
    """What can be typed after a slash.

    Args:
        arguments: How what follows is written; "" where nothing does.
        help: What it does, on one line.
        do: Does it.
        complete: What may follow, given what is there of it.
    """

    arguments: str
    help: str
    do: Callable[[Desk, str], Awaitable[Outcome]]
    complete: Callable[[Session, str], Awaitable[Iterable[str]]] | None = None


def table(rows: Sequence[tuple[str, str]], desk: Desk, style: str) -> list[str]:
    """Two columns, the words of the second broken where the screen ends."""
    width = max([cells(name) for name, _ in rows]) + 2
    lines: list[str] = []
    for name, words in rows:
        head = f"  {desk.look.paint(name, style)}"
        first, *others = wrapped([words], max(desk.width - width - 2, _NARROW))
        lines.append(f"{head}{' ' * (width - cells(name))}{first}".rstrip())
        lines += [" " * (width + 2) + other for other in others]
    return lines


def bold(desk: Desk, text: str) -> str:
    return desk.look.paint(one_line(text), "bold")


def counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
