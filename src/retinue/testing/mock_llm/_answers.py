"""What a mock can be told to answer, faults included: a fault stands where it happens."""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Any, Final, cast

from retinue.errors import MessageError
from retinue.messages import Thinking, ToolCall
from retinue.models import Stop, Usage
from retinue.models.scripted import Cut, Silence, WrittenCall


@dataclass(frozen=True, slots=True)
class Event:
    """A frame of your own: JSON, or a text that is framed as it is."""

    data: Any


@dataclass(frozen=True, slots=True)
class Malformed:
    """A frame that nobody can read: half of its JSON. What stands after it comes as if nothing was
    wrong."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The connection breaks, in the middle of a chunk.

    Args:
        reset: By a reset of TCP, not by an end.
    """

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Loris:
    """Bytes trickle that hold no event: comments, blank lines. Of a read timeout, that is life.

    Args:
        seconds: How long; by default for ever.
        every: Seconds between them.
    """

    seconds: float = math.inf
    every: float = 0.02


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """The vendor's error inside a stream. The body ends with it, unless something stands after."""

    message: str = "The server had an error while processing your request"


type Fault = Silence | Cut | Disconnect | Malformed | Loris | ErrorEvent
type Line = str | Thinking | ToolCall | WrittenCall | Event | Fault
"""One thing that happens in an answer: words, a thought, a call (neighbours come as parallel ones;
one with an empty id goes without), a frame of your own, a fault. `Silence` and `Cut` are those of
`Scripted`: nothing comes for a while; the body ends as if it was whole."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with everything about it that can be chosen.

    Args:
        lines: What happens, in order.
        first_delay: Seconds before the status line.
        frame_delay: Seconds before each frame.
        usage: What it cost; counted roughly if left out.
        stop: Why it ends; a word that is none of ours goes out as it is. Left out: "tool_calls" or
            "end".
        segment: Bytes that go out at once, so that frames, characters and the protocol around them
            are cut anywhere; None: each frame whole.
    """

    lines: Line | Sequence[Line] = ()
    _: KW_ONLY
    first_delay: float = 0.0
    frame_delay: float = 0.0
    usage: Usage | None = None
    stop: Stop | str | None = None
    segment: int | None = None

    @property
    def said(self) -> tuple[Line, ...]:
        """The lines, also where only one was given."""
        lines = self.lines
        return (lines,) if isinstance(lines, _LINES) else tuple(lines)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP error in the vendor's words.

    Args:
        status: Of HTTP.
        message: What the vendor says.
        code: What the vendor calls it, on wires that have such a word.
        retry_after: Seconds to say in Retry-After; a timedelta is said as the date of then.
        body: Sent instead of the vendor's JSON, as a page: what a proxy in between would send.
        first_delay: Seconds before the status line.
    """

    status: int
    message: str = "The script says so"
    _: KW_ONLY
    code: str | None = None
    retry_after: float | timedelta | None = None
    body: bytes | None = None
    first_delay: float = 0.0


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The connection closes before there is an answer.

    Args:
        sent: What comes before: nothing, or something that is no HTTP.
        seconds: How long it is silent before it closes.
    """

    sent: bytes = b""
    _: KW_ONLY
    seconds: float = 0.0


type Reply = Answer | Refusal | NoAnswer
"""What one request gets."""


def reply_of(said: Reply | Line | Sequence[Line]) -> Reply:
    """What was written down, as a reply.

    Raises:
        MessageError: It is nothing that a model can answer.
    """
    if isinstance(said, Refusal | NoAnswer):
        return said
    reply = said if isinstance(said, Answer) else Answer(said)
    for line in _items(reply.lines):
        if not isinstance(line, _LINES):
            raise MessageError(
                f"{type(line).__name__} is nothing that can be served",
                hint="A reply is an Answer, a Refusal, NoAnswer, or lines: text, Thinking, "
                "ToolCall, WrittenCall, Event, and faults.",
            )
    return reply


def _items(lines: Any) -> tuple[Any, ...]:
    if isinstance(lines, str) or not isinstance(lines, Sequence):
        return (lines,)
    return tuple(cast("Sequence[Any]", lines))


_LINES: Final = (
    str,
    Thinking,
    ToolCall,
    WrittenCall,
    Event,
    Silence,
    Cut,
    Disconnect,
    Malformed,
    Loris,
    ErrorEvent,
)
