"""The command line: `retinue`, and `main` in the checkout.

`main` reads the line, hands it to the room of its command (each loaded only when it is called), and
turns whatever happens into one clear line and an exit code.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from retinue import __version__
from retinue.errors import UsageError
from retinue.telemetry.terminal import is_live

from ._exits import CLOSED, DONE, INTERRUPTED, USAGE, code_of
from ._grammar import (
    Ask,
    Chat,
    Completion,
    Config,
    Doctor,
    Help,
    Line,
    MockLlm,
    Models,
    ModelsTest,
    RunTask,
    Setup,
    Trust,
    Version,
    read_line,
)
from ._help import WELCOME, shown
from ._kept import Conversations, Inbox, Replay, Tasks, Worker
from ._screen import Screen, open_screen


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit code. Nothing is raised, no traceback is shown unless
    it was asked for (-vv, RETINUE_DEBUG).

    Args:
        arguments: What stands after the program's name. Default: sys.argv.
    """
    screen = open_screen(sys.stdout, sys.stderr, os.environ, program=sys.argv[0])
    try:
        code = _do(read_line(sys.argv[1:] if arguments is None else arguments, screen), screen)
        screen.flush()
    except BrokenPipeError:  # whoever read the answer has seen enough
        code = CLOSED
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        code = code_of(error)
        screen.complain(error)
    screen.let_go()
    return code


_ROOMS: Final = {
    Ask: "ask",
    Chat: "chat",
    Completion: "completion",
    Config: "config",
    Conversations: "conversations",
    Doctor: "doctor",
    Inbox: "inbox",
    MockLlm: "mock_llm",
    Models: "models",
    ModelsTest: "models.trial",
    Replay: "replay",
    RunTask: "run",
    Setup: "setup",
    Tasks: "tasks",
    Trust: "trust",
    Worker: "worker",
}
"""Where each command is done: in a room of its own, by its `run(line, screen)`."""


def _do(line: Line, screen: Screen) -> int:
    can_talk = is_live(sys.stdin) and screen.look.live
    match line:
        case Version():
            screen.write(f"retinue {__version__}\n")
        case Help(text=text):
            screen.write(shown(text, screen.program, screen.look))
        case Ask(question=None, output="text") if can_talk:
            chat = Chat(line.flags, line.history, line.verbosity, line.files, line.conversation)
            return _do(chat, screen)
        case Ask(question=None) if is_live(sys.stdin):
            screen.note(shown(WELCOME, screen.program, screen.err_look))
            return USAGE
        case Chat() if not can_talk:
            hint = f'To ask: {screen.program} -p "your question"'
            raise UsageError("The shell needs a terminal to read from and to write to", hint=hint)
        case _:
            return import_module(f"{__name__}.{_ROOMS[type(line)]}").run(line, screen)
    return DONE
