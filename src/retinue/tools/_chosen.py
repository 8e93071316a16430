"""Chosen: some tools of a toolbox, and no others."""

from collections.abc import Iterable

from retinue.messages import ToolCall, ToolResult

from . import Tool
from ._near import unknown_tool
from ._toolbox import Tools, as_toolbox, find_in


class Chosen:
    """Offers the named tools, in that order.

    Raises:
        UnknownTool: The toolbox has none of that name.
    """

    def __init__(self, inner: Tools, names: Iterable[str]) -> None:
        self._inner = as_toolbox(inner)
        self._tools = {name: find_in(self._inner, name) for name in names}

    @property
    def tools(self) -> tuple[Tool, ...]:
        return tuple(self._tools.values())

    async def use(self, call: ToolCall) -> ToolResult:
        if call.name not in self._tools:
            raise unknown_tool(call.name, self._tools)
        return await self._inner.use(call)
