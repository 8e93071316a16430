"""Replay: an old run once more, offline and as it was; or from a turn on with one thing changed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from retinue.agents import Agent
from retinue.app import App, build, model_of
from retinue.app.asking import ask_in_run
from retinue.app.retinue import Retinue
from retinue.cli._cast import check_name, nobody, settings_of
from retinue.cli._exits import DONE, FAILED
from retinue.cli._kept import Replay
from retinue.cli._opening import open_settings
from retinue.cli._screen import Screen
from retinue.cli._store import conversation_of, in_store, run_of
from retinue.errors import NotFound, UsageError
from retinue.runs import rehearse
from retinue.settings import Settings
from retinue.storage import RunRecord

from ._calls import calls_before, calls_now
from ._offline import Offline
from ._shown import Replayed, as_json, changed, same


def run(line: Replay, screen: Screen) -> int:
    """Execute it again and show what came of it; the exit code says whether it is the same, or,
    where something was changed, whether it came to an end.
    """
    here = open_settings(line.flags, screen)

    async def work(retinue: Retinue) -> Replayed:
        old = await _run_meant(retinue, line.run, screen.program)
        settings = settings_of(old.version, here)
        check_name(old.agent, settings.name)
        app, agent = _offline(settings) if line.since is None else _online(settings)
        changes = _meant(line.changes, settings)
        again = await rehearse(retinue.store, old, agent, since=line.since, changes=changes)
        before = await calls_before(retinue, old, app)
        return Replayed(
            old, again, before, calls_now(again, app), is_changed=line.since is not None
        )

    replayed = in_store(here, work)
    if line.json:
        screen.write(as_json(replayed))
    else:
        show = same if line.since is None else changed
        screen.write("".join([f"{shown}\n" for shown in show(replayed, screen.look)]))
    return DONE if replayed.is_well else FAILED


async def _run_meant(retinue: Retinue, prefix: str, program: str) -> RunRecord:
    """The run whose id begins so; or the last of the conversation whose id does.

    Raises:
        UsageError: There is neither, or several.
    """
    try:
        return await run_of(retinue, prefix, program)
    except UsageError as error:
        if not isinstance(error.__cause__, NotFound):
            raise
    thread = await conversation_of(retinue, prefix, program)
    page = await retinue.runs.runs(conversation=thread.id, limit=1)
    if not page.items:
        raise UsageError(f"Nothing was asked in {thread.id}", hint=f"See: {program} tasks")
    return page.items[0]


def _offline(settings: Settings) -> tuple[App, Agent]:
    """The same agent, with a model that answers nothing; no other is even looked for."""
    app = build(replace(settings, model="demo", fallback=()), ask=ask_in_run(nobody))
    return app, app.wire(Offline())


def _online(settings: Settings) -> tuple[App, Agent]:
    app = build(settings, ask=ask_in_run(nobody))
    return app, app.host()


def _meant(changes: Mapping[str, str], settings: Settings) -> dict[str, Any]:
    """What a turn is given for what was said.

    Raises:
        UsageError, UnknownModel: It means nothing.
    """
    meant: dict[str, Any] = dict(changes)
    if "model" in changes:
        meant["model"] = model_of(settings, changes["model"])
    if "temperature" in changes:
        meant["temperature"] = _temperature(changes["temperature"])
    return meant


def _temperature(said: str) -> float:
    try:
        number = float(said)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 2:
        raise UsageError(f"--temperature: {said!r} is no number from 0 to 2", hint="Try 0.7.")
    return number
