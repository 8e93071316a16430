"""Tasks: runs in the background: what they do, what they said, what they wait for."""

import asyncio
from typing import Final

from retinue.app.retinue import Retinue
from retinue.cli._answers import open_questions
from retinue.cli._background import see_to
from retinue.cli._exits import DONE
from retinue.cli._kept import Tasks
from retinue.cli._opening import open_settings
from retinue.cli._screen import Screen
from retinue.cli._store import in_store, run_of
from retinue.cli.inbox import answer
from retinue.errors import Ambiguous, NotFound, RunError
from retinue.runs import Run
from retinue.settings import Settings
from retinue.storage import Interrupt

from ._follow import follow
from ._list import show_tasks
from ._retry import order_again

_PATIENCE: Final = 30.0
"""Seconds that a run may take to stop."""


def run(line: Tasks, screen: Screen) -> int:
    """Do what was said about tasks; the exit code."""
    settings = open_settings(line.flags, screen)

    async def work(retinue: Retinue) -> int:
        match line.do:
            case "list":
                await show_tasks(retinue, screen, limit=line.limit, as_json=line.json)
            case "follow":
                return await follow(retinue, line, settings, screen)
            case "stop":
                await _stop(retinue, line, settings, screen)
            case "retry":
                await _retry(retinue, line, settings, screen)
            case _:
                asked = await _question(retinue, line.words[0], screen)
                await answer(retinue, asked, line.words[1], screen)
                await see_to(retinue, asked.run, settings, line.flags, screen)
        return DONE

    return in_store(settings, work)


async def _stop(retinue: Retinue, line: Tasks, settings: Settings, screen: Screen) -> None:
    record = await run_of(retinue, line.words[0], screen.program)
    task = Run(retinue.store, record)
    if record.status == "ended":
        screen.remark(f"{task.id} is over already: {record.reason}")
        return
    await task.stop()
    await see_to(retinue, task.id, settings, line.flags, screen)  # whoever had it may be gone
    try:
        async with asyncio.timeout(_PATIENCE):
            record = await task.ended()
    except TimeoutError:
        raise RunError(
            f"{task.id} is asked to stop, and has not yet",
            hint=f"See what it does: {screen.program} tasks follow {task.id}",
        ) from None
    words = "Stopped" if record.reason == "stopped" else f"It had ended before: {record.reason}"
    screen.write(f"{words}. What it had finished is kept.\n")


async def _retry(retinue: Retinue, line: Tasks, settings: Settings, screen: Screen) -> None:
    run = await order_again(retinue, line.words[0], program=screen.program)
    await see_to(retinue, run.id, settings, line.flags, screen)
    screen.write(f"{run.id}\n")
    screen.remark(f"it is asked again. To follow it: {screen.program} tasks follow {run.id}")


async def _question(retinue: Retinue, prefix: str, screen: Screen) -> Interrupt:
    """The only open question of a run.

    Raises:
        NotFound: It asks nothing.
        Ambiguous: It asks several.
    """
    run = await run_of(retinue, prefix, screen.program)
    asked = await open_questions(retinue.runs, run=run.id)
    match asked:
        case [one]:
            return one
        case []:
            raise NotFound(f"{run.id} waits for no answer", hint=f"See: {screen.program} tasks")
        case _:
            raise Ambiguous(
                f"{run.id} waits for {len(asked)} answers",
                hint=f"Answer them one by one: {screen.program} inbox",
            )
