"""The log of a command: how much of it is shown, and to whom."""

import logging
from contextlib import AbstractContextManager

from retinue.settings import Settings
from retinue.telemetry.listening import ForMachines, ForPeople, listening

from ._screen import Beside, Screen


def log_beside(settings: Settings, verbosity: int, screen: Screen) -> AbstractContextManager[None]:
    """Log lines go beside the answer: to a person with colours, to a machine as JSON."""
    wanted = (logging.CRITICAL, logging.INFO, logging.DEBUG)[min(verbosity, 2)]
    if settings.debug:
        wanted = logging.DEBUG
    level = min(wanted, logging.getLevelNamesMapping()[settings.log_level.upper()])
    look = screen.err_look
    for_machines = settings.log == "json" or (settings.log == "auto" and not look.person)
    formatter = ForMachines() if for_machines else ForPeople(look, tracebacks=screen.debug)
    return listening(Beside(screen), level=level, formatter=formatter, secrets=screen.secrets)
