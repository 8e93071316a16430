"""ToolSet: several tools behind one face; and whatever an assistant is given, as a Toolbox."""

from collections.abc import Awaitable, Callable, Iterable
from importlib import import_module
from typing import Any, cast

from retinue.errors import ToolError
from retinue.messages import ToolCall, ToolResult
from retinue.steps import recorder, step

from . import Tool, Toolbox
from ._caller import Caller, caller
from ._near import unknown_tool

type Given = Tool | Toolbox | Callable[..., Any]
"""A tool, a set of them, or a function that is to become one."""

type Tools = Given | Iterable[Given] | None
"""Whatever stands for some tools."""


class ToolSet:
    """Tools under their names. Tools of another toolbox keep what is wrapped around them there.

    Raises:
        ToolError: Two have one name, or something can be no tool.
    """

    def __init__(self, *tools: Given) -> None:
        self._tools: list[Tool] = []
        self._use: dict[str, Callable[[ToolCall], Awaitable[ToolResult]]] = {}
        for given in tools:
            one: Any = given
            if hasattr(one, "tools"):
                for inner in cast(Toolbox, one).tools:
                    self._add(inner, one.use)
            else:
                own = as_tool(one)
                self._add(own, _recorded(own))

    @property
    def tools(self) -> tuple[Tool, ...]:
        return tuple(self._tools)

    async def use(self, call: ToolCall) -> ToolResult:
        use = self._use.get(call.name)
        if use is None:
            raise unknown_tool(call.name, self._use)
        return await use(call)

    def _add(self, tool: Tool, use: Callable[[ToolCall], Awaitable[ToolResult]]) -> None:
        name = tool.spec.name
        if name in self._use:
            raise ToolError(
                f"Two tools are called {name!r}",
                hint="Give one of them another name: tool(function, name='...')",
            )
        self._tools.append(tool)
        self._use[name] = use


def as_toolbox(tools: Tools = None) -> Toolbox:
    """A toolbox as it is; anything else that stands for some tools, in a ToolSet."""
    given: Any = tools
    if given is None:
        return ToolSet()
    if hasattr(given, "tools"):
        return given
    if hasattr(given, "__iter__"):
        return ToolSet(*given)
    return ToolSet(given)


def find_in(toolbox: Toolbox, name: str) -> Tool:
    """The tool of that name.

    Raises:
        UnknownTool: There is none.
    """
    for tool in toolbox.tools:
        if tool.spec.name == name:
            return tool
    raise unknown_tool(name, [tool.spec.name for tool in toolbox.tools])


def as_tool(given: Any) -> Tool:
    """A tool as it is; a function, made into one.

    Raises:
        ToolError: It is neither.
    """
    if hasattr(given, "spec") and hasattr(given, "use"):
        return given
    if not callable(given):
        raise ToolError(
            f"{given!r} is no tool",
            hint="Give tools, toolboxes or functions; tools that come along have names: "
            "find_tools(['clock'])",
        )
    return import_module("._tool", __package__).tool(given)  # an agent without any never needs it


def _recorded(tool: Tool) -> Callable[[ToolCall], Awaitable[ToolResult]]:
    """Its `use` as a step: done once, also when the turn is resumed after a crash.

    This is the innermost place: what is asked or refused around it is not yet an intent to do it.
    """

    async def step_of(call: ToolCall) -> ToolResult:
        async def work(address: str | None) -> ToolResult:
            caller.set(Caller(agent=caller.get().agent, key=address))
            return await tool.use(call)

        return await step(
            "tool_call", work, args=(call.name, call.args, call.id), effect=tool.effect
        )

    def use(call: ToolCall) -> Awaitable[ToolResult]:
        return tool.use(call) if recorder.get() is None else step_of(call)

    return use
