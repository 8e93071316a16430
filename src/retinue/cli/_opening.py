"""Opening: what every command that asks somebody begins with."""

import os
from collections.abc import Mapping

from retinue.settings import Settings, current_folder, load

from ._screen import Screen


def open_settings(flags: Mapping[str, str], screen: Screen) -> Settings:
    """The settings; their secrets are kept off the screen, and what was not read is said there.

    Raises:
        SettingsError: Something is written wrongly.
    """
    settings = load(flags=flags, environ=os.environ, folder=current_folder())
    screen.secrets = settings.secrets()
    screen.debug = screen.debug or settings.debug
    _say_what_was_not_read(settings, screen)
    return settings


def _say_what_was_not_read(settings: Settings, screen: Screen) -> None:
    """Files that are not trusted, variables that are misspelt."""
    program = screen.program
    for source in settings.sources:
        match source.state:
            case "unknown":
                what = f"{source.path} is not trusted"
            case "changed":
                what = f"{source.path.parent} has changed since you trusted it"
            case _:
                continue
        screen.remark(f"{what}, so it is not read. Look at it, then: {program} trust")
        break
    for variable in settings.ignored:
        screen.remark(f"{variable} is no variable of mine. See: {program} config")
