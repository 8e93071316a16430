"""The grammar of the command line: what a line means, and what was perhaps meant where it has none.

A first word that is a command is a command; one argument with whitespace in it is a question; any
other bare word is a mistake.
"""

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple, NoReturn

from retinue.errors import UsageError

from ._help import HELP, HELP_OF
from ._screen import Screen


class Ask(NamedTuple):
    """A question to the assistant.

    Args:
        question: None where only standard input may hold one.
        flags: What was said about settings, by their names.
        history: The Markdown file the conversation is in.
        output: "text", "json" or "stream-json".
        verbosity: How often -v was said.
    """

    question: str | None
    flags: dict[str, str]
    history: str | None = None
    output: str = "text"
    verbosity: int = 0


class Config(NamedTuple):
    """Show the settings."""

    flags: dict[str, str]
    json: bool = False


class Trust(NamedTuple):
    """Change or show what the person trusts.

    Args:
        path: The folder; None is the project of the current one.
        do: "add", "remove" or "list".
    """

    path: str | None = None
    do: str = "add"


class Help(NamedTuple):
    """Show how it is used."""

    text: str


class Version(NamedTuple):
    """Show which version this is."""


type Line = Ask | Config | Trust | Help | Version

COMMANDS: Final = ("config", "trust")
FORMS: Final = ("text", "json", "stream-json")
"""Of output."""
SETTINGS: Final = {
    "model": ("-m", "--model"),
    "system": ("-s", "--system"),
    "name": ("--name",),
    "tools": ("--tools",),
    "temperature": ("--temperature",),
    "max_tokens": ("--max-tokens",),
    "max_steps": ("--max-steps",),
    "timeout": ("--timeout",),
}
"""The settings that have a flag."""


def read_line(arguments: Sequence[str], screen: Screen) -> Line:
    """What the arguments after the program's name mean.

    Raises:
        UsageError: Nothing; the hint says what was perhaps meant.
    """
    parser = _Parser(screen.program)
    command = arguments[0] if arguments and arguments[0] in COMMANDS else "ask"
    match command:
        case "config":
            parser.add_argument("--json", action="store_true")
        case "trust":
            parser.add_argument("--list", action="store_true")
            parser.add_argument("--remove", action="store_true")
        case _:
            parser.add_argument("-p", "--prompt", nargs="?", const="")
            parser.add_argument("-o", "--output-format", choices=FORMS, default="text")
            parser.add_argument("--history")
            parser.add_argument("--version", action="store_true")
    if command != "trust":
        for name, flags in SETTINGS.items():
            parser.add_argument(*flags, dest=name)
    parser.add_argument("-v", "--verbose", action="count", default=0)
    parser.add_argument("-h", "--help", action="store_true")
    options, words = parser.read(arguments if command == "ask" else arguments[1:])
    screen.debug = screen.debug or options.verbose > 1
    if options.help:
        return Help(HELP_OF.get(command, HELP))
    flags = {name: text for name in SETTINGS if (text := getattr(options, name, None)) is not None}
    match command:
        case "config":
            if words:
                raise UsageError(
                    f"{words[0]!r} is too much", hint=f"{screen.program} config --help"
                )
            return Config(flags, options.json)
        case "trust":
            return _trust(options, words, screen.program)
        case _ if options.version:
            return Version()
        case _:
            question = _question(options.prompt, words, screen.program)
            _refuse_surrogates(question or "", *flags.values())
            return Ask(question, flags, options.history, options.output_format, options.verbose)


class _Parser(argparse.ArgumentParser):
    """argparse without its own help and exits: an error is an error of ours."""

    def __init__(self, program: str) -> None:
        super().__init__(prog=program, add_help=False, allow_abbrev=False)

    def read(self, arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """The options, and the words that are none; whatever stands after `--` is a word."""
        cut = arguments.index("--") if "--" in arguments else len(arguments)
        for word in arguments[:cut]:
            if word[:1] == "-" and f"-{word.partition('=')[0]}" in self._option_string_actions:
                self._refuse(word)  # -model would be understood as -m odel
        options, words = self.parse_known_args(arguments[:cut])
        for word in words:
            if len(word) > 1 and word[0] == "-" and not any(letter.isspace() for letter in word):
                self._refuse(word)
        return options, [*words, *arguments[cut + 1 :]]

    def error(self, message: str) -> NoReturn:
        raise UsageError(message.removeprefix("argument "), hint=f"{self.prog} --help")

    def _refuse(self, word: str) -> NoReturn:
        known = [name for name in self._option_string_actions if name.startswith("--")]
        near = get_close_matches(f"--{word.partition('=')[0].lstrip('-')}", known, n=1)
        maybe = f"Did you mean {near[0]}?" if near else f"{self.prog} --help"
        raise UsageError(f"There is no option {word}", hint=maybe)


def _question(prompt: str | None, words: list[str], program: str) -> str | None:
    if not prompt and len(words) == 1 and any(letter.isspace() for letter in words[0]):
        return words[0]
    if not words:
        return prompt
    if words == [""]:
        raise UsageError("The question is empty", hint=f'To ask: {program} -p "your question"')
    said = " ".join([prompt, *words] if prompt else words)
    to_ask = f'To ask: {program} -p "{said if len(said) <= 60 else said[:59] + "…"}"'
    if prompt or (len(words) > 1 and not _near(words[0])):
        raise UsageError("A question is one argument, in quotes", hint=to_ask)
    near = _near(words[0])
    if near in COMMANDS and words[0] == near:
        hint = f"To use it: {program} {near} ... {to_ask}"
        raise UsageError(f"The command {near} comes first, before any option", hint=hint)
    maybe = f"Did you mean `{program} {near}`? " if near else ""
    raise UsageError(f"{words[0]!r} is no command", hint=f"{maybe}{to_ask}")


def _near(word: str) -> str | None:
    """The command or option that was perhaps meant; /help is how some spell --help."""
    if word in ("/?", "/h", "help", "?"):
        return "--help"
    bare = word.lstrip("/").lower()
    near = get_close_matches(bare, (*COMMANDS, "version", "help"), n=1, cutoff=0.7)
    if not near:
        return None
    return near[0] if near[0] in COMMANDS else f"--{near[0]}"


def _trust(options: argparse.Namespace, words: list[str], program: str) -> Trust:
    if len(words) > 1 or (options.list and (words or options.remove)):
        raise UsageError("Too much at once", hint=f"{program} trust --help")
    do = "list" if options.list else "remove" if options.remove else "add"
    return Trust(words[0] if words else None, do)


def _refuse_surrogates(*said: str) -> None:
    """Bytes that are no text come from the shell as letters that cannot be written anywhere."""
    for text in said:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"This is no UTF-8 text: {text!r}", hint="Set the terminal to UTF-8, and try again."
            ) from None
