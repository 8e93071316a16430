"""Inbox: what tasks in the background ask, put to the person one after the other."""

from typing import Protocol

from retinue.app.retinue import Retinue
from retinue.cli._answers import open_questions, words_of
from retinue.cli._background import see_to
from retinue.cli._brief import ID
from retinue.cli._screen import Screen
from retinue.errors import AlreadyAnswered
from retinue.settings import Settings
from retinue.storage import Interrupt
from retinue.telemetry.terminal import one_line

from ._cells import wrapped
from ._person import Asked, Person


class Place(Asked, Protocol):
    """As of `Terminal`."""

    @property
    def screen(self) -> Screen: ...

    @property
    def width(self) -> int: ...


async def answer_all(retinue: Retinue, settings: Settings, terminal: Place, person: Person) -> None:
    """Put every question that a task asks; tasks that can go on then do."""
    found = False
    flags = {} if settings.store is None else {"store": settings.store}
    for asked in await open_questions(retinue.runs):
        run = await retinue.runs.run(asked.run)
        if not run.background:
            continue
        found = True
        who = f"task {run.id[:ID]} of {one_line(run.agent, width=60)}:"
        lines = [f"  {who}", *[f"  {line}" for line in words_of(asked)]]
        terminal.show(wrapped(lines, terminal.width))
        said, answer = await _answer(asked, person)
        terminal.show([f"  {one_line(said)}"])
        try:
            await retinue.runs.answer(asked.id, answer)
        except AlreadyAnswered as error:
            terminal.show([f"  {error}"])
            continue
        await see_to(retinue, run.id, settings, flags, terminal.screen)
    if not found:
        terminal.show(["  Nobody asks anything."])


async def _answer(asked: Interrupt, person: Person) -> tuple[str, object]:
    if asked.kind == "approval" and asked.call is not None:
        said = await person.ask(f"Use {one_line(asked.call.name, width=60)}?")
        return said, {"approved": said != "no"}
    return await person.answer(asked)
