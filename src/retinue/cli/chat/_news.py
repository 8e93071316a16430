"""News: what tasks in the background have come to, in one line each."""

from contextlib import suppress
from typing import Final

from retinue.cli._answers import words_of
from retinue.cli._brief import ID
from retinue.errors import RetinueError
from retinue.storage import Interrupt, RunRecord, Runs
from retinue.telemetry.terminal import one_line

_MOST: Final = 50
"""Tasks and questions that are looked at: the newest tasks, the oldest questions."""

_WORDS: Final = {"done": "is done", "stopped": "was stopped"}


class News:
    """Tells once what has ended, and what is asked, since the first look.

    Args:
        runs: Of the person.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._ended: set[str] | None = None
        self._asked: set[str] = set()

    async def look(self) -> list[str]:
        """What is new; nothing, where the store cannot be asked just now."""
        with suppress(RetinueError):
            return [*await self._tasks(), *await self._questions()]
        return []

    async def _tasks(self) -> list[str]:
        page = await self._runs.runs(background=True, status=("ended",), limit=_MOST)
        known, self._ended = self._ended, {run.id for run in page.items}
        if known is None:
            return []
        new = [run for run in reversed(page.items) if run.id not in known]
        self._ended |= known
        return [f"{_task(run)} {_how(run)}: /task {run.id[:ID]}" for run in new]

    async def _questions(self) -> list[str]:
        page = await self._runs.inbox(limit=_MOST)
        new = [each for each in page.items if each.id not in self._asked]
        self._asked = {each.id for each in page.items}
        return [line for each in new if (line := await self._question(each)) is not None]

    async def _question(self, asked: Interrupt) -> str | None:
        """What is said of it; nothing, where whoever asked waits for it themselves."""
        run = await self._runs.run(asked.run)
        if not run.background:
            return None
        return f"{_task(run)} asks: {one_line(words_of(asked)[0])} — /inbox"


def _task(run: RunRecord) -> str:
    return f"task {run.id[:ID]} of {one_line(run.agent, width=60)}"


def _how(run: RunRecord) -> str:
    reason = run.reason or "done"
    return _WORDS.get(reason, f"ended: {reason}")
