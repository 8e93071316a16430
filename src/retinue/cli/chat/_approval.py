"""Approval: one key answers a question, whatever the person is typing."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from retinue.telemetry.terminal import Look

type Answer = Literal["yes", "no", "always"]

_CALM: Final = 0.6
"""Seconds without a key before a key is an answer: nobody says yes in the middle of a word."""


class Approval:
    """A question that waits for its key.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._question: _Question | None = None
        self._since = 0.0  # when it was put, or the last key pressed

    async def ask(self, question: str) -> Answer:
        """The answer."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._question, self._since = _Question(question, answer), self._clock()
        try:
            return await answer
        finally:
            self._question = None

    @property
    def may_answer(self) -> bool:
        """Whether a key is an answer now."""
        return self._question is not None and self._clock() - self._since > _CALM

    def answer(self, answer: Answer) -> None:
        """A key that is an answer was pressed."""
        if self._question is not None and not self._question.answer.done():
            self._question.answer.set_result(answer)

    def a_key_was_pressed(self) -> None:
        """Somebody types."""
        self._since = self._clock()

    def drawn(self, look: Look) -> list[str]:
        """The question; and its keys, as soon as they count."""
        if self._question is None:
            return []
        keys = "  [y]es, [N]o, [a]lways" if self.may_answer else ""
        return [look.paint(self._question.words, "yellow", "bold") + keys]


class _Question(NamedTuple):
    words: str
    answer: asyncio.Future[Answer]
