"""Cast: who executes runs that nobody waits for: the assistant, as it was chosen at that time."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from retinue.agents import Agent
from retinue.app import App, build
from retinue.app.asking import ask_in_run
from retinue.errors import ToolDenied, UnknownAgent
from retinue.messages import ToolCall
from retinue.settings import Settings, current_folder, load
from retinue.tools import Tool

_FOLDER: Final = "folder"
"""Beside the names of settings, of which none is called so."""


def check_name(name: str, known: str) -> None:
    """Raises UnknownAgent, where that is not the name of the only one there is."""
    if name != known:
        raise UnknownAgent(f"No agent is called {name!r}", hint=f"Known agents: {known}.")


def version_of(flags: Mapping[str, str], *, folder: str | None = None) -> str | None:
    """What a run must be known to have been ordered with, so that any process makes the same of it.

    Where the store is does not belong to it.

    Args:
        flags: What was said about settings, by their names.
        folder: Where it was said, for a process that is somewhere else.
    """
    said = {name: value for name, value in sorted(flags.items()) if name != "store"}
    if folder is not None:
        said[_FOLDER] = folder
    return json.dumps(said, ensure_ascii=False) if said else None


def settings_of(version: str | None, settings: Settings) -> Settings:
    """Those that a run of this version was ordered with; these, where nothing was said about any.

    Raises:
        SettingsError: They do not hold any more.
    """
    if version is None:
        return settings
    flags: dict[str, str] = json.loads(version)
    said = flags.pop(_FOLDER, None)
    folder = current_folder() if said is None else Path(said)
    return load(flags=flags, environ=os.environ, folder=folder)


class Cast:
    """Finds what a run executes; see `retinue.runs.Resolver`.

    Args:
        settings: Those of this process, for runs that were ordered without any flag.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._apps: dict[str | None, App] = {}

    def agent(self, name: str, version: str | None) -> Agent:
        """The assistant, if that is its name.

        Raises:
            RetinueError: It is not, or cannot be built here.
        """
        app = self._apps.get(version)
        if app is None:
            settings = settings_of(version, self._settings)
            app = self._apps[version] = build(settings, ask=ask_in_run(nobody))
        check_name(name, app.name)
        return app.host()


async def nobody(call: ToolCall, _: Tool) -> bool:
    """Denies a call about which nobody can be asked."""
    raise ToolDenied(
        f"{call.name!r} needs approval, and nobody can be asked here",
        hint="Ask for it in a run; its questions are in the inbox.",
    )
