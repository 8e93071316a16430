"""What Claude Code says on its way, in our words. Text, thinking and calls are `ChatChunk`s."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from retinue.messages import ToolResult, value
from retinue.models import ChatChunk, Stop, Usage


@value
class Began:
    """An answer of the model begins; one run may have several, with tools used between them.

    Args:
        model: Who answers.
    """

    model: str


@value
class Stopped:
    """That answer is over."""

    stop: Stop
    usage: Usage


@value
class Answered:
    """A tool of Claude Code was used, or was not allowed to be."""

    result: ToolResult


@value
class Ended:
    """The run is over; nothing comes after it.

    Args:
        outcome: As it is called there: "success", "error_max_turns", ...
        usage: Of the whole run.
        cost: Of the whole run, in US dollars; an estimate, made there.
        failed: Whether it ended by an error.
        reason: Why the run ended, as far as that was said: "completed", "prompt_too_long", ...
        words: What was said about it.
        status: Of HTTP, where the API refused.
        stop: Why the last answer stopped.
    """

    outcome: str
    usage: Usage = Usage()
    cost: Decimal | None = None
    failed: bool = False
    reason: str = ""
    words: str = ""
    status: int | None = None
    stop: Stop = "end"

    @property
    def limit(self) -> bool:
        """Whether it ended at a limit that it was given."""
        return self.outcome in ("error_max_turns", "error_max_budget_usd")


type Said = Began | ChatChunk | Stopped | Answered | Ended

type Json = Mapping[str, Any]
