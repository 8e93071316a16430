"""Asking: a person is asked about a call once they have seen what leads to it."""

import asyncio
from collections import defaultdict
from contextlib import suppress

from retinue.messages import ToolCall
from retinue.tools import Tool, ask_on_console


class Asking:
    """Asks a person about a call once they have seen what leads to it."""

    _PATIENCE = 0.2  # seconds; a call deep down in a team is never shown

    def __init__(self) -> None:
        self._shown: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def shown(self, call: ToolCall) -> None:
        """This call is on the screen."""
        self._shown[call.id].set()

    async def ask(self, call: ToolCall, tool: Tool) -> bool:
        """As `ask_on_console` does."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._PATIENCE):
                await self._shown[call.id].wait()
        return await ask_on_console(call, tool)
