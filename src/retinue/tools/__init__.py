"""Tools: something an agent may call, and sets of them with policy, approval and limits around.

A `Toolbox` is what an assistant gets: what it offers, and the one way to use it. Behaviour is added by
wrapping one toolbox in another (`Approved`, ...): each has the same face.
"""

from typing import Any, Literal, Protocol

from retinue.messages import ToolCall, ToolResult, ToolSpec
from retinue.steps import Effect

type Risk = Literal["read", "write", "execute", "network", "spend"]
"""The worst a tool may do."""


class Tool(Protocol):
    """Something an agent may call."""

    @property
    def spec(self) -> ToolSpec:
        """What a model is told about it."""
        ...

    @property
    def effect(self) -> Effect:
        """What doing it twice does; "once" unless it is declared otherwise."""
        ...

    @property
    def risk(self) -> Risk: ...

    async def use(self, call: ToolCall) -> ToolResult:
        """Do it.

        Raises:
            ToolError: BadArguments, ToolFailed, ToolTimeout, ToolDenied.
        """
        ...


class Toolbox(Protocol):
    """A set of tools behind one face."""

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What it offers, in the order a model is told."""
        ...

    async def use(self, call: ToolCall) -> ToolResult:
        """Use the tool the call names.

        Raises:
            ToolError: UnknownTool (with near matches in its hint), or what the tool raises.
        """
        ...


__all__ = ["Any", "Risk", "Tool", "Toolbox"]
