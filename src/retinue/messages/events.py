"""Events: what happened, in past tense; the words of which every log, screen and stream is made.

A conversation is a log of them. Text and thinking that are still being written are no events but
live pieces: they go when their message has ended. Their JSON form is in `codecs/events.py`.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ._frozen import FrozenDict, freeze, set_once
from ._message import Message
from ._parts import Thinking, ToolCall, ToolResult

if TYPE_CHECKING:
    from decimal import Decimal


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What every event says: `seq` is its place in the log, from 1; None until it is in there."""

    seq: int | None = None
    at: datetime.datetime = field(default_factory=_now)
    run: str | None = None
    turn: str | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Happened):
    """An agent, of this version where it has one, was set to work in a conversation."""

    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Happened):
    """The run is over; `reason` is its stop reason: "done", "max_steps", "stopped", ..."""

    reason: str = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStarted(Happened):
    """An agent was asked by the turn `parent`, or from outside."""

    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded(Happened):
    """An agent has said everything; `reason` is its stop reason."""

    reason: str = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStarted(Happened):
    """A message is being written; `message` is the id it will have."""

    message: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEnded(Happened):
    """A message is whole."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingEnded(Happened):
    """A model has thought, in the message of this id."""

    message: str
    thinking: Thinking


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAsked(Happened):
    """A model asked for a tool, in the message of this id."""

    call: ToolCall
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswered(Happened):
    """A tool answered, or failed."""

    result: ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswered(Happened):
    """A call of a model is over: tokens by kind ("input", "output", ...), and US dollars.

    These are an estimate; `table` says by which prices, and of what version: "genai-prices 0.2.3".
    """

    model: str
    usage: Mapping[str, int] = FrozenDict()
    cost: "Decimal | None" = None
    table: str | None = None
    stop: str | None = None

    def __post_init__(self) -> None:
        set_once(self, "usage", freeze(self.usage))


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptAsked(Happened):
    """A human is asked, and the run waits; an approval is for exactly this `call`."""

    interrupt: str
    kind: Literal["approval", "input", "unknown_outcome", "divergence"]
    question: Any = None
    call: ToolCall | None = None

    def __post_init__(self) -> None:
        set_once(self, "question", freeze(self.question))


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptAnswered(Happened):
    """The human, `by` name where that is known, has answered."""

    interrupt: str
    answer: Any = None
    by: str | None = None

    def __post_init__(self) -> None:
        set_once(self, "answer", freeze(self.answer))


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted(Happened):
    """A turn began anew: what was shown of this message is void. Attempts count from 1."""

    message: str | None = None
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRaised(Happened):
    """Something failed: the name of its class, what it said, and what to do next."""

    error: str
    text: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextAdded:
    """More of an unfinished message; `offset` is the place in its text, in letters."""

    message: str
    offset: int
    text: str
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingAdded:
    """More of what a model thinks; `offset` is the place in the thinking of its message."""

    message: str
    offset: int
    text: str
    attempt: int = 1


type LogEvent = (
    RunStarted
    | RunEnded
    | TurnStarted
    | TurnEnded
    | MessageStarted
    | MessageEnded
    | ThinkingEnded
    | ToolAsked
    | ToolAnswered
    | ModelAnswered
    | InterruptAsked
    | InterruptAnswered
    | Restarted
    | ErrorRaised
)
"""What is in a log."""

type LivePiece = TextAdded | ThinkingAdded
"""What is shown before it is in a log."""

type Event = LogEvent | LivePiece

EVENTS: tuple[type[Any], ...] = (
    RunStarted,
    RunEnded,
    TurnStarted,
    TurnEnded,
    MessageStarted,
    MessageEnded,
    ThinkingEnded,
    ToolAsked,
    ToolAnswered,
    ModelAnswered,
    InterruptAsked,
    InterruptAnswered,
    Restarted,
    ErrorRaised,
    TextAdded,
    ThinkingAdded,
)
