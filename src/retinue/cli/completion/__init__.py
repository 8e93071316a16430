"""Completion: the script that completes our lines in a shell, made from the grammar itself.

A script is static: pressing Tab starts no Python. What may stand where is gathered here, place by
place, and each shell's file writes it down in the words of that shell.
"""

from argparse import Action
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Final, Literal, NamedTuple

from retinue.cli._exits import DONE
from retinue.cli._grammar import Completion
from retinue.cli._options import COMMANDS, Command, parser_of
from retinue.cli._screen import Screen

MODELS: Final = (
    "auto",
    "demo",
    "anthropic:",
    "claude_agent:",
    "openai:",
    "gemini:",
    "ollama:",
    "compatible:",
    "scripted:",
    "replay:",
)
"""How the names of models begin."""

type Kind = Literal["nothing", "text", "files", "folders", "words"]
"""Of what is completed."""


class Value(NamedTuple):
    """What may stand after an option or a command; of "words" these. One in ":" is only a start."""

    kind: Kind
    words: Sequence[str] = ()


class Option(NamedTuple):
    """An option: its names, what it does, what stands after it."""

    names: Sequence[str]
    help: str
    value: Value
    optional: bool
    """Whether it may stand alone although a value may follow."""
    repeats: bool


class Place(NamedTuple):
    """A command; "ask" is the line without one."""

    name: str
    help: str
    options: Sequence[Option]
    word: Value
    then: Value
    """What may stand after one of the words of `word`."""


def run(line: Completion, screen: Screen) -> int:
    """Write the script; the exit code."""
    shell = import_module(f"{__name__}._{line.shell}")
    screen.write(shell.script(screen.program, tuple(places(screen.program))))
    return DONE


def places(program: str) -> Iterator[Place]:
    """Everything that may stand on a line, the line without a command first."""
    for name, command in {"ask": Command(""), **COMMANDS}.items():
        options = tuple([_option(action) for action in parser_of(name, program).options])
        word, then = _value(command.word, command.choices), _value(command.then, ())
        yield Place(name, command.help, options, word, then)


def filled(text: str, gaps: Mapping[str, str]) -> str:
    """The text with {name} replaced for each name in `gaps`, one after the other."""
    for name, filling in gaps.items():
        text = text.replace(f"{{{name}}}", filling)
    return text


def _option(action: Action) -> Option:
    return Option(
        names=action.option_strings,
        help=action.help or "",
        value=_value(str(action.metavar or ""), tuple(action.choices or ())),
        optional=action.nargs == "?",
        repeats=action.dest in ("file", "verbose"),
    )


def _value(said: str, choices: Sequence[str]) -> Value:
    """What is meant by how it is said in the help: FILE.md, PATH, MODEL, ..."""
    if choices:
        return Value("words", choices)
    match said.partition(".")[0]:
        case "":
            return Value("nothing")
        case "FILE":
            return Value("files")
        case "PATH":
            return Value("folders")
        case "MODEL":
            return Value("words", MODELS)
        case _:
            return Value("text")
