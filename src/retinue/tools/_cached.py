"""Cached and Results: what a tool was asked before, by the same owner, is not done again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from retinue import telemetry
from retinue.errors import ToolError
from retinue.messages import Text, ToolCall, ToolResult, ToolSpec, content_hash, freeze
from retinue.promise.kept import Kept
from retinue.steps import Effect

from . import Risk, Tool
from ._toolbox import as_tool

_AGAIN: Final = ":cached"
"""Ends the source of a result that was not made for this call."""

_is_waited_for: ContextVar[bool] = ContextVar("retinue.is_waited_for", default=False)
"""Whether others may wait for what is done here; it waits for nobody, so there is no circle."""


class Results(Kept[str, ToolResult]):
    """Results of tools, in memory: those used last, bounded by size and by age.

    It serves one event loop at a time.
    """

    @cached_property
    def _under_way(self) -> dict[str, asyncio.Future[ToolResult]]:
        return {}

    async def once(
        self, key: str, otherwise: Callable[[], Awaitable[ToolResult]]
    ) -> tuple[ToolResult, bool]:
        """The result under that key, and whether it was made for another call.

        Args:
            key: What it is known by.
            otherwise: Makes it, once for all who ask meanwhile. If its caller is cancelled, one of
                those who wait makes it.

        Raises:
            Exception: What making it raises, to all who wait; it is not kept.
        """
        while True:
            if (kept := self.find(key)) is not None:
                return kept, True
            under_way = self._under_way.get(key)
            if under_way is None:
                return await self._made(key, otherwise), False
            if _is_waited_for.get():
                return await otherwise(), False
            await asyncio.wait((under_way,))
            if not under_way.cancelled():
                return under_way.result(), True

    async def _made(self, key: str, make: Callable[[], Awaitable[ToolResult]]) -> ToolResult:
        under_way = self._under_way[key] = asyncio.get_running_loop().create_future()
        token = _is_waited_for.set(True)
        try:
            result = await make()
        except Exception as error:
            under_way.set_exception(error)
            raise
        else:
            under_way.set_result(result)
        finally:
            # Who waits for what came to nothing begins anew; an error nobody waits for is no news.
            under_way.cancel()
            del self._under_way[key]
            _is_waited_for.reset(token)
        if not result.error:
            self.keep(key, result, size=_size_of(result))
        return result


class Cached:
    """A tool that does not do the same twice: an equal call gets the same result again.

    Equal is the name, all that a model is told of the tool, and the arguments. Equal calls at once
    share one use. A repeated result says so: its source ends with ":cached". Errors are not kept.
    Nobody is given what another owner was answered. For tools whose answer hangs on their arguments
    alone, for as long as it is kept: not on the time, and not on who calls.

    It is a tool itself, within all that a toolbox adds: who approves, or counts, is asked each
    time, and a durable run remembers which result it was given.

    Args:
        tool: Its effect must be "none".
        results: Where they are kept; shared by tools whose names tell them apart.
        owner: On whose behalf it is used.

    Raises:
        ToolError: The tool has an effect, or is none.
    """

    def __init__(self, tool: Tool | Callable[..., Any], results: Results, *, owner: str) -> None:
        if hasattr(tool, "tools"):
            raise ToolError(
                "A toolbox is not cached, only the tools in it are",
                hint="Put it around them: Approved([Cached(tool, ...), ...], ask)",
            )
        self.inner = as_tool(tool)
        self.results = results
        self.owner = owner
        if self.inner.effect != "none":
            raise ToolError(
                f"{self.inner.spec.name} has an effect ({self.inner.effect!r}), so its results "
                "cannot stand for doing it",
                hint="Declare @tool(effect='none') where it only looks something up, "
                "or do not cache it.",
            )

    @property
    def spec(self) -> ToolSpec:
        return self.inner.spec

    @property
    def effect(self) -> Effect:
        return self.inner.effect

    @property
    def risk(self) -> Risk:
        return self.inner.risk

    async def use(self, call: ToolCall) -> ToolResult:
        """Give the result that is kept, or is being made, or use the tool.

        Raises:
            ToolError: What the tool raises.
        """
        result, again = await self.results.once(self._key(call), lambda: self.inner.use(call))
        if not again:
            return result
        telemetry.event(logging.DEBUG, "tool need not be used again", tool=call.name)
        source = result.source or f"tool:{call.name}"
        return replace(result, call_id=call.id, source=source + _AGAIN)

    def _key(self, call: ToolCall) -> str:
        spec = self.spec
        told = (spec.name, spec.description, freeze(spec.parameters))
        return content_hash((self.owner, told, call.args))


def _size_of(result: ToolResult) -> int:
    """Bytes of what it says, near enough."""
    if isinstance(result.content, str):
        return _size_of_text(result.content)
    return sum(
        _size_of_text(part.text) if isinstance(part, Text) else len(part.data or part.url or "")
        for part in result.content
    )


def _size_of_text(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
