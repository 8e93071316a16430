"""Approved: nothing is used that was not approved."""

from collections.abc import Awaitable, Callable

from retinue.errors import ToolDenied
from retinue.messages import ToolCall, ToolResult

from . import Tool
from ._toolbox import Tools, as_toolbox, find_in

type Ask = Callable[[ToolCall, Tool], Awaitable[bool | ToolCall]]
"""Asks whether this very call may be made, or another of the same tool in its place.

It may raise ToolDenied itself, with a better hint.
"""


class Approved:
    """Asks before each use; no means ToolDenied."""

    def __init__(self, inner: Tools, ask: Ask) -> None:
        self._inner = as_toolbox(inner)
        self._ask = ask

    @property
    def tools(self) -> tuple[Tool, ...]:
        return self._inner.tools

    async def use(self, call: ToolCall) -> ToolResult:
        answer = await self._ask(call, find_in(self._inner, call.name))
        if not answer:
            raise ToolDenied(
                f"{call.name!r} was not approved",
                hint="Do without it, or say in words what it is needed for.",
            )
        return await self._inner.use(call if answer is True else answer)
