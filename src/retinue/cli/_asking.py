"""Asking: a person is asked about a call once they have seen what leads to it."""

import asyncio
from collections import defaultdict
from contextlib import suppress

from retinue.messages import ToolCall
from retinue.tools import Ask, Tool, ask_on_console


class Asking:
    """Asks a person about a call once they have seen what leads to it.

    Args:
        put: Puts the question.
    """

    _PATIENCE = 0.2  # seconds; a call deep down in a team is never shown

    def __init__(self, put: Ask = ask_on_console) -> None:
        self._put = put
        self._shown: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def shown(self, call: ToolCall) -> None:
        """This call is on the screen."""
        self._shown[call.id].set()

    async def ask(self, call: ToolCall, tool: Tool) -> bool:
        """As `put` does."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._PATIENCE):
                await self._shown[call.id].wait()
        return await self._put(call, tool)
