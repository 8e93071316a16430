"""Follow: what a run says, from its beginning; whoever leaves it leaves it running."""

import asyncio
from typing import Any

from retinue.app import build
from retinue.app.asking import ask_in_run
from retinue.app.retinue import Retinue
from retinue.cli._answering import Answering, why
from retinue.cli._answers import ways_to_answer, words_of
from retinue.cli._background import see_to
from retinue.cli._cast import nobody, settings_of
from retinue.cli._exits import FAILED, STOPPED
from retinue.cli._follow import error_raised
from retinue.cli._kept import Tasks
from retinue.cli._screen import Screen
from retinue.cli._store import run_of
from retinue.cli.output import open_output
from retinue.messages.events import RunEnded, RunStarted
from retinue.runs import Run
from retinue.settings import Settings
from retinue.storage import Interrupt


async def follow(retinue: Retinue, line: Tasks, settings: Settings, screen: Screen) -> int:
    """Tell what the run says, as if it were asked here; the exit code that tells how it ended.

    If whoever executed it is gone, somebody else goes on with it.

    Raises:
        UsageError: There is no such run, or there are several.
    """
    record = await run_of(retinue, line.words[0], screen.program)
    run = Run(retinue.store, record)
    output = open_output(line.output, screen)
    screen.expect_reader()
    app = build(settings_of(record.version, settings), ask=ask_in_run(nobody))
    output.introduce(run.agent, app.model.name, app.cost)
    output.tell(RunStarted(agent=run.agent, run=run.id))
    if record.status != "ended":
        await see_to(retinue, run.id, settings, line.flags, screen)

    async def put(asked: Interrupt) -> Any:
        """Say what is asked; it is answered elsewhere."""
        for line in words_of(asked):
            screen.note(line)
        ways = " | ".join(ways_to_answer(asked))
        screen.remark(f"to answer: {screen.program} inbox answer {asked.id} {ways}")
        await asyncio.Event().wait()

    try:
        answering = Answering(run, output.tell, put, prepare=output.prepare)
        reason = await answering.follow(timeout=None)
    except asyncio.CancelledError:  # Ctrl-C
        screen.make_way()
        screen.remark(f"it goes on. To see the rest: {screen.program} tasks follow {run.id}")
        raise
    except BrokenPipeError:
        raise
    except Exception as error:
        ended = await run.record()
        output.tell(error_raised(error, screen.secrets))
        output.tell(RunEnded(reason=ended.reason or "failed"))
        raise
    output.tell(RunEnded(reason=reason))
    if remark := why(reason, None):
        screen.warn(*remark)
    return STOPPED.get(reason, FAILED)
