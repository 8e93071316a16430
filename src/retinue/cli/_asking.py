"""Asking: what a run wants to know is put to whoever sits at the console."""

import asyncio
import sys
from typing import Any

from retinue.app import App
from retinue.errors import ToolDenied, UsageError
from retinue.storage import Interrupt
from retinue.telemetry.terminal import is_live
from retinue.tools import ask_on_console, line_of

from ._answers import read_answer, ways_to_answer, words_of
from ._screen import Screen


class Unanswered(ToolDenied):
    """Nobody is there to answer; the run waits for whoever comes."""


class Asking:
    """Puts the questions of a run, one at a time.

    Where nobody can be asked, a call that needs approval is denied; any other question stays open.

    Args:
        app: Whose tools are meant.
        screen: Where questions go.
    """

    def __init__(self, app: App, screen: Screen) -> None:
        self.denied: ToolDenied | None = None
        """Why nobody was asked."""
        self._app = app
        self._screen = screen
        self._one_at_a_time = asyncio.Lock()

    async def put(self, asked: Interrupt) -> Any:
        """What the person answers.

        Raises:
            Unanswered: Nobody can be asked.
        """
        if asked.kind == "approval":
            return {"approved": await self._approved(asked)}
        async with self._one_at_a_time:
            return await self._answer(asked)

    async def _approved(self, asked: Interrupt) -> bool:
        tool = self._app.tool(asked.call.name) if asked.call is not None else None
        if asked.call is None or tool is None:
            return False
        try:
            return bool(await ask_on_console(asked.call, tool))
        except ToolDenied as error:
            self.denied = error
            return False

    async def _answer(self, asked: Interrupt) -> Any:
        if not (is_live(sys.stdin) and self._screen.err_look.live):
            raise self._unanswered(asked)
        for line in words_of(asked):
            self._screen.note(line)
        while True:
            self._screen.note(f"({', '.join(ways_to_answer(asked))}):")
            said = await line_of(sys.stdin)
            if not said:
                raise self._unanswered(asked)
            try:
                return read_answer(said.removesuffix("\n"), asked)
            except UsageError as error:
                self._screen.complain(error)

    def _unanswered(self, asked: Interrupt) -> Unanswered:
        program = self._screen.program
        return Unanswered(
            f"{asked.agent} asks, and nobody is here to answer: {words_of(asked)[0]}",
            hint=f"It waits. To answer: {program} inbox; to go on then: {program} -c",
        )
