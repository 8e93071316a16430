"""Chat: a shell in which a person talks with the assistant until they leave."""

import os
import sys
from importlib import import_module

from retinue.cli._attachments import attachment
from retinue.cli._exits import DONE, code_of_signal
from retinue.cli._grammar import Chat
from retinue.cli._history import open_history
from retinue.cli._house import House, opened
from retinue.cli._log import log_beside
from retinue.cli._opening import open_settings
from retinue.cli._screen import Screen
from retinue.cli._signals import Stop
from retinue.cli._thread import Thread, thread_of
from retinue.errors import NotFound, UsageError
from retinue.messages.history import MarkdownHistory
from retinue.promise import run as run_loop

from ._cells import wrapped
from ._conversing import shown_of
from ._desk import Desk
from ._leaving import leaving_on_signals
from ._person import Person
from ._session import Session
from ._shell import Shell, Terminal
from ._welcome import welcome


def run(line: Chat, screen: Screen) -> int:
    """Talk until the person leaves; the exit code."""
    settings = open_settings(line.flags, screen)
    history = open_history(line.history)
    attached = [attachment(path) for path in line.files]
    screen.expect_reader()
    stop = Stop()

    async def work() -> None:
        terminal = _terminal(screen)
        person = Person(terminal, terminal.screen.complain)
        logging = log_beside(settings, line.verbosity, terminal.screen)
        must_last = line.conversation is not None
        with leaving_on_signals(terminal, stop), logging:
            async with opened(settings, screen, must_last=must_last) as house:
                thread = await _thread(house, line.conversation, history, screen)
                session = Session(
                    settings, house, thread, person=person, history=history, flags=line.flags
                )
                session.attached += attached
                async with terminal.open(session):
                    desk = Desk(session, screen.look, terminal.width)
                    lines = welcome(session, screen.look, screen.program)
                    terminal.show(wrapped(lines, terminal.width))
                    if must_last and session.messages:
                        terminal.show([*shown_of(session, desk), ""])
                    await Shell(session, terminal).talk()

    try:
        run_loop(work)
    except (KeyboardInterrupt, Exception):
        if stop.signal is None:
            raise
    screen.let_go()  # a terminal that has gone is no error any more
    return DONE if stop.signal is None else code_of_signal(stop.signal)


async def _thread(
    house: House, conversation: str | None, history: MarkdownHistory | None, screen: Screen
) -> Thread:
    """The conversation that was chosen; a new one where this folder has none yet.

    Raises:
        UsageError: There is no conversation of that id.
    """
    try:
        return await thread_of(house, conversation, history)
    except NotFound as error:
        if conversation:
            raise UsageError(str(error), hint=error.hint) from error
        screen.remark("this folder has no conversation yet, so a new one begins")
        return Thread(house)


def _terminal(screen: Screen) -> Terminal:
    """The best that can be done with this terminal; what draws on it is loaded only if it can."""
    is_plain = os.environ.get("TERM", "dumb") in ("dumb", "") or sys.platform == "win32"
    return import_module("._plain" if is_plain else "._prompt", __name__).open_terminal(screen)
