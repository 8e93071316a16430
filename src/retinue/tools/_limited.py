"""Limited: no more than so many uses, none longer than so many seconds."""

from retinue.errors import ToolError
from retinue.messages import ToolCall, ToolResult

from . import Tool
from ._patience import within
from ._toolbox import Tools, as_toolbox


class Limited:
    """Bounds the uses of a toolbox, for as long as this wrapper lives.

    Args:
        inner: What is used.
        timeout: Seconds for each use; the shorter of this and a tool's own holds.
        calls: How many uses in all; further ones are refused with ToolError.
    """

    def __init__(
        self, inner: Tools, *, timeout: float | None = None, calls: int | None = None
    ) -> None:
        self._inner = as_toolbox(inner)
        self._timeout = timeout
        self._calls = calls
        self._used = 0

    @property
    def tools(self) -> tuple[Tool, ...]:
        return self._inner.tools

    async def use(self, call: ToolCall) -> ToolResult:
        if self._calls is not None and self._used >= self._calls:
            raise ToolError(
                f"{call.name!r} was not used: all {self._calls} uses of tools are spent",
                hint="Answer with what is known.",
            )
        self._used += 1
        return await within(self._timeout, call.name, self._inner.use(call))
