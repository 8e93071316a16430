"""The command line: `retinue`, and `main` in the checkout.

`main` reads the line, hands it to the room of its command (each loaded only when it is called), and
turns whatever happens into one clear line and an exit code.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from retinue import __version__
from retinue.telemetry.terminal import is_live

from ._exits import CLOSED, DONE, INTERRUPTED, USAGE, code_of
from ._grammar import Ask, Config, Help, Line, Trust, Version, read_line
from ._help import WELCOME, shown
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


def _do(line: Line, screen: Screen) -> int:
    match line:
        case Version():
            screen.write(f"retinue {__version__}\n")
        case Help(text=text):
            screen.write(shown(text, screen.program, screen.look))
        case Ask(question=None) if is_live(sys.stdin):
            screen.note(shown(WELCOME, screen.program, screen.err_look))
            return USAGE
        case Ask() | Config() | Trust():
            command = type(line).__name__.lower()
            return import_module(f"{__name__}.{command}").run(line, screen)
    return DONE
