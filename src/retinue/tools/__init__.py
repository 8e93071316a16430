"""Tools: something an agent may call, and sets of them with policy, approval and limits around.

A `Toolbox` is what an assistant gets: what it offers, and the one way to use it. Behaviour is added
by wrapping one toolbox in another (`Approved`, `Policed`, `Limited`, ...): each has the same face.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol

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


if TYPE_CHECKING:
    from ._approved import Approved, Ask
    from ._cached import Cached, Results
    from ._caller import Caller, caller
    from ._chosen import Chosen
    from ._configured import Configured, ToolConfig
    from ._console import ask_on_console, line_of, question_about
    from ._find import find_tools
    from ._limited import Limited
    from ._tool import FunctionTool, ToolContext, tool
    from ._toolbox import Tools, ToolSet, as_toolbox
    from .policy import DEFAULT_RULES, Policed, Rule, Verdict, decide

_AT_HOME = {
    "_approved": ("Approved", "Ask"),
    "_cached": ("Cached", "Results"),
    "_chosen": ("Chosen",),
    "_configured": ("Configured", "ToolConfig"),
    "_console": ("ask_on_console", "line_of", "question_about"),
    "_find": ("find_tools",),
    "_limited": ("Limited",),
    "_caller": ("Caller", "caller"),
    "_tool": ("FunctionTool", "ToolContext", "tool"),
    "_toolbox": ("ToolSet", "Tools", "as_toolbox"),
    "policy": ("DEFAULT_RULES", "Policed", "Rule", "Verdict", "decide"),
}
_HOME = {name: home for home, names in _AT_HOME.items() for name in names}


def __getattr__(name: str) -> Any:
    """A neighbour is loaded when it is first named; who uses no tools pays for none of them."""
    if (home := _HOME.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = found
    return found


__all__ = [
    "DEFAULT_RULES",
    "Approved",
    "Ask",
    "Cached",
    "Caller",
    "Chosen",
    "Configured",
    "FunctionTool",
    "Limited",
    "Policed",
    "Results",
    "Risk",
    "Rule",
    "Tool",
    "ToolConfig",
    "ToolContext",
    "ToolSet",
    "Toolbox",
    "Tools",
    "Verdict",
    "as_toolbox",
    "ask_on_console",
    "caller",
    "decide",
    "find_tools",
    "line_of",
    "question_about",
    "tool",
]
