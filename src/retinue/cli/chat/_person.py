"""Person: whoever sits at the terminal answers what runs want to know."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from retinue.cli._answers import read_answer, ways_to_answer
from retinue.errors import UsageError
from retinue.storage import Interrupt

from ._approval import Answer


class Asked(Protocol):
    """Where they sit, as far as questions are concerned; see `Terminal`."""

    def show(self, lines: Iterable[str]) -> None: ...

    async def ask(self, question: str) -> Answer: ...

    async def reply(self, question: str) -> str: ...


class Person:
    """Answers by a key, or in a line.

    Args:
        terminal: Where they sit.
        complain: Shows what was wrong with an answer.
    """

    def __init__(self, terminal: Asked, complain: Callable[[UsageError], None]) -> None:
        self._terminal = terminal
        self._complain = complain

    async def ask(self, question: str) -> Answer:
        """Yes, no, or always."""
        return await self._terminal.ask(question)

    async def answer(self, asked: Interrupt) -> tuple[str, Any]:
        """What they typed, and what that means."""
        while True:
            said = await self._terminal.reply(", ".join(ways_to_answer(asked)))
            try:
                answer = read_answer(said, asked)
            except UsageError as error:
                self._complain(error)
                continue
            if asked.kind == "unknown_outcome" and answer == {"happened": True}:
                answer["result"] = await self._terminal.reply("What did it give? Enter: nothing")
            return said, answer
