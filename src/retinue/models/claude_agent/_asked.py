"""What a run of Claude Code is asked to do, as a model and as an agent."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from retinue.messages import FrozenDict, ToolCall, ToolSpec
from retinue.models._wire import Json

type Deny = str
"""Why a tool may not be used; its model is told."""


async def nothing_allowed(call: ToolCall) -> Deny | None:
    """Denies every use of a tool."""
    return f"{call.name!r} is not used here."


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One run.

    Args:
        prompt: What is said, as blocks of the Messages API.
        model: Who answers; None: whom Claude Code would ask.
        system: Instructions, or what the Claude Agent SDK takes in their place.
        cwd: The folder in which it works.
        base_url: Where the API is; None: where Claude Code finds it.
        tools: The names of its own tools that it has.
        offered: Tools of ours that its model may ask for. They are not used there: who asked hears
            of the calls.
        allow: Asked before each use of them; why not, or None.
        max_turns: How many times the model may be asked; None: any number.
        max_cost: US dollars; None: any number.
        env: Variables that it gets beside those of this process.
        options: More of the SDK's own.
    """

    prompt: list[Json]
    model: str | None
    system: str | Json
    cwd: str
    base_url: str | None = None
    tools: tuple[str, ...] = ()
    offered: tuple[ToolSpec, ...] = ()
    allow: Callable[[ToolCall], Awaitable[Deny | None]] = nothing_allowed
    max_turns: int | None = None
    max_cost: float | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    options: Mapping[str, Any] = FrozenDict()
