"""Setup: asks which model to use, tries it, and writes the person's own settings.

Until the last answer is given nothing is written. A key goes where only its owner can read it, and
into the settings goes a reference to it.
"""

import os
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from retinue.cli._exits import DONE, FAILED, INTERRUPTED
from retinue.cli._grammar import Setup
from retinue.cli._log import log_beside
from retinue.cli._screen import Screen
from retinue.errors import SettingsError, UsageError
from retinue.settings import Secret, Settings, config_file, load
from retinue.settings.keeping import changed, keep_key, read_settings, write_settings
from retinue.telemetry.terminal import is_live

from ._around import look_around
from ._dialogue import Dialogue
from ._model import ask_for_model
from ._persona import ask_for_persona
from ._trial import try_out

_BY_HAND = 'model = "ollama:qwen3" or model = "openai:...", with openai_api_key = "env:NAME"'


class _Plan(NamedTuple):
    """What is to be written: settings, and a key where one was typed."""

    changes: Mapping[str, Any]
    key: Secret | None


def run(line: Setup, screen: Screen) -> int:
    """Ask, try, and write; the exit code.

    Raises:
        UsageError: Nobody sits at a terminal.
        SettingsError: There is no place for settings, or what stands there is broken.
    """
    path = config_file(os.environ)
    if path is None:
        raise SettingsError("There is no home to keep settings in", hint="Set HOME.")
    if not (is_live(sys.stdin) and screen.look.live):
        raise UsageError(
            "Setup asks questions, and nobody sits at a terminal here",
            hint=f"Write {path} yourself: {_BY_HAND}. Then: {screen.program} config",
        )
    settings = load(flags={}, environ=os.environ, folder=None)
    screen.secrets = settings.secrets()
    dialogue = Dialogue(screen)
    try:
        with log_beside(settings, 0, screen):
            plan = _plan(dialogue, settings, path)
    except (KeyboardInterrupt, EOFError):
        dialogue.say("\nNothing was written.")
        return INTERRUPTED
    if plan is None:
        dialogue.say("Nothing was written.")
        return FAILED
    if plan.key is not None:
        keep_key(plan.key)
    write_settings(path, plan.changes)
    dialogue.say(f"\nWritten. To talk: {screen.program}", "green")
    _warn_of_what_wins(plan.changes, screen)
    return DONE


def _plan(dialogue: Dialogue, settings: Settings, path: Path) -> _Plan | None:
    """What the person wants; None where they want nothing after all."""
    dialogue.say(
        f"Your settings are in {path}.\nEnter takes what stands in brackets; Ctrl-C leaves."
    )
    while True:
        around = look_around(settings.ollama_url, key=settings.ollama_api_key)
        choice = ask_for_model(dialogue, settings, around)
        match try_out(dialogue, choice.applied(settings)):
            case "choose":
                continue
            case "leave":
                return None
            case "works" | "keep":
                break
    changes = {**choice.changes(), **ask_for_persona(dialogue, settings, read_settings(path))}
    dialogue.say(f"\nThis goes to {path}:\n", "bold")
    dialogue.say(textwrap.indent(changed(b"", path, changes), "  "))
    if choice.typed is not None:
        kind, _, place = choice.typed.reference.partition(":")
        where = f"the keyring, as {place}" if kind == "keyring" else f"{place}, for your eyes only"
        dialogue.say(f"The key goes to {where}.\n")
    if dialogue.letter("Write it? [Y]es, [n]o", "yn") == "n":
        return None
    return _Plan(changes, choice.typed)


def _warn_of_what_wins(changes: Mapping[str, Any], screen: Screen) -> None:
    """Say which variables are stronger than what was just written."""
    now = load(flags={}, environ=os.environ, folder=None)
    for name, value in changes.items():
        origin = now.origin(name)
        if value is not None and origin.layer == "environment":
            screen.remark(f"{origin} is set, and for {name} it wins over what you chose here")
