"""The options: what may stand on a command line, as one table that the parser, the help and the
completion scripts are made from.
"""

import argparse
import re
from collections.abc import Container, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple, NoReturn

from retinue.errors import UsageError

SHELLS: Final = ("bash", "zsh", "fish")
FORMS: Final = ("text", "json", "stream-json")
"""Of output."""


class Command(NamedTuple):
    """A first word that is no question.

    Args:
        help: What it does.
        word: What may stand after it: FILE, PATH (a folder), or another word in capitals.
        choices: What that may be, where it is one of a few.
        then: What may stand after one of these, as `word`.
    """

    help: str
    word: str = ""
    choices: Sequence[str] = ()
    then: str = ""


class Flag(NamedTuple):
    """How a setting is said: its names, what stands after it (as `word` above), what it does."""

    names: Sequence[str]
    value: str
    help: str


_DO = {
    "conversations": ("list", "show", "search", "export", "delete", "keep"),
    "tasks": ("list", "follow", "stop", "retry", "answer"),
    "inbox": ("answer",),
}
"""What can be done with what is kept."""

COMMANDS: Final = {
    "chat": Command("a shell to talk in"),
    "run": Command("give an agent a task, here or in the background", 'AGENT "TASK"'),
    "conversations": Command(
        "what was said: list, show, search, export ...", "[DO]", _DO["conversations"], "ID"
    ),
    "tasks": Command(
        "background runs: list, follow, stop, retry, answer", "[DO]", _DO["tasks"], "ID"
    ),
    "inbox": Command("what you are asked, and your answers", "[answer]", _DO["inbox"], "ID"),
    "replay": Command("an old run again, as it was or with one change", "RUN"),
    "worker": Command("execute background runs here, until it is ended"),
    "setup": Command("choose a model, try it, and keep the choice"),
    "doctor": Command("look whether everything works"),
    "models": Command("who offers models, and which; test one", "[test NAME]", ("test",), "MODEL"),
    "config": Command("every setting, and where it came from"),
    "trust": Command("let the files of a folder count", "PATH"),
    "completion": Command("the script that completes these lines", "SHELL", SHELLS),
    "mock-llm": Command("a server here that stands in for model vendors", "FILE.json"),
}
"""In the order in which a person needs them."""

SETTINGS: Final = {
    "model": Flag(["-m", "--model"], "MODEL", "provider:name, or an endpoint of yours [auto]"),
    "fallback": Flag(["--fallback"], "A,B", "models that answer where it cannot"),
    "system": Flag(["-s", "--system"], "TEXT", "instructions that stand above the question"),
    "name": Flag(["--name"], "NAME", "what the assistant is called [retinue]"),
    "persona": Flag(["--persona"], "FILE.toml", "its name, personality, tone and language"),
    "tools": Flag(["--tools"], "A,B", "the tools it may use, or none [clock,calculator]"),
    "temperature": Flag(["--temperature"], "N", "0 to 2"),
    "answer_tokens": Flag(["--answer-tokens"], "N", "of each answer of the model, at most"),
    "max_tokens": Flag(["--max-tokens"], "N", "sent and received, for the whole answer"),
    "max_cost": Flag(["--max-cost"], "DOLLARS", "for the whole answer, by estimate"),
    "max_steps": Flag(["--max-steps"], "N", "how often the model may be called [20]"),
    "timeout": Flag(["--timeout"], "SECONDS", "for the whole answer"),
    "store": Flag(["--store"], "FILE", "where conversations are kept, or memory: for nowhere"),
}
"""The settings that have a flag."""


class Parser(argparse.ArgumentParser):
    """argparse without its own help and exits: an error is an error of ours."""

    def __init__(self, program: str) -> None:
        super().__init__(prog=program, add_help=False, allow_abbrev=False)

    @property
    def options(self) -> Sequence[argparse.Action]:
        """All of them, in the order in which a person reads of them."""
        return self._actions

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
        known = [name[2:] for name in self._option_string_actions if name.startswith("--")]
        near = get_close_matches(word.partition("=")[0].lstrip("-"), known, n=1)
        maybe = f"Did you mean --{near[0]}?" if near else f"{self.prog} --help"
        raise UsageError(f"There is no option {word}", hint=maybe)


def parser_of(command: str, program: str) -> Parser:
    """What may stand after a command; "ask" is the line without one."""
    parser = Parser(program if command == "ask" else f"{program} {command}")
    add = parser.add_argument
    match command:
        case "ask":
            about = "the question; what is piped in goes with it as a document"
            add("-p", "--prompt", nargs="?", const="", metavar="TEXT", help=about)
        case "config" | "doctor":
            add("--json", action="store_true", help="for a script to read")
        case "models":
            add("--all", action="store_true", help="name every model, not only some")
            add("--json", action="store_true", help="for a script to read")
        case "trust":
            add("--list", action="store_true", help="show what is trusted")
            add("--remove", action="store_true", help="trust it no more")
        case "mock-llm":
            add("--host", default="127.0.0.1", metavar="NAME", help="where it listens [127.0.0.1]")
            add(
                "--port", default=8900, type=_port, metavar="N", help="0 is any that is free [8900]"
            )
            about = "before each word that no script says [0.02]"
            add("--pace", default=0.02, type=_seconds, metavar="SECONDS", help=about)
        case "run":
            add("--background", action="store_true", help="do not wait; print the id of the run")
        case "worker":
            about = "end when nothing is left to do"
            add("--until-idle", action="store_true", help=about)
        case "conversations" | "tasks" | "inbox" | "replay":
            _add_kept(command, parser)
        case _:
            pass
    if command in ("ask", "chat", "run"):
        about = "a text or a picture that goes with the question; may be repeated"
        add("-f", "--file", action="append", default=[], metavar="FILE", help=about)
        about = "go on with the last conversation of this folder"
        add("-c", "--continue", dest="goes_on", action="store_true", help=about)
        add("-r", "--resume", metavar="ID", help="go on with this conversation")
        about = "go on with the conversation in this file"
        add("--history", metavar="FILE.md", help=about)
    for name, flag in SETTINGS.items():
        if name in _settings_of(command):
            add(*flag.names, dest=name, metavar=flag.value, help=flag.help)
    if command in ("ask", "run"):
        about = "text, json or stream-json [text]"
        add("-o", "--output-format", choices=FORMS, default="text", metavar="FORM", help=about)
    if command == "ask":
        add("--version", action="store_true", help="show which version this is")
    about = "say what happens; twice: every detail"
    add("-v", "--verbose", action="count", default=0, help=about)
    add("-h", "--help", action="store_true", help="show this")
    return parser


def _settings_of(command: str) -> Container[str]:
    """Which settings can be said on its line."""
    match command:
        case "ask" | "chat" | "config" | "doctor" | "models" | "run" | "worker":
            return SETTINGS
        case "conversations" | "tasks" | "inbox" | "replay":
            return ("store",)
        case _:
            return ()


def _add_kept(command: str, parser: Parser) -> None:
    """What can be said of what is kept."""
    add = parser.add_argument
    if command == "conversations":
        add("--all", action="store_true", help="those of all folders, not only of this one")
    if command in ("conversations", "tasks"):
        add("--limit", type=_count, metavar="N", help="list so many at most [50]")
    if command == "conversations":
        forms = ("markdown", "json")
        about = "of what is exported: markdown or json"
        add("--format", dest="form", choices=forms, metavar="FORM", help=about)
        add("-o", "--output", dest="file", metavar="FILE", help="where it is exported to")
        add("--yes", action="store_true", help="delete without asking")
    if command == "tasks":
        about = "of what is followed: text, json or stream-json"
        add("-o", "--output-format", choices=FORMS, metavar="FORM", help=about)
    if command == "replay":
        about = "change that turn: its agent, or how its address begins"
        add("--from", dest="since", metavar="TURN", help=about)
        add("-m", "--model", dest="new_model", metavar="MODEL", help="it gets another model")
        about = "it gets other instructions"
        add("-s", "--system", dest="new_system", metavar="TEXT", help=about)
        add("--temperature", dest="new_temperature", metavar="N", help="0 to 2")
    add("--json", action="store_true", help="for a script to read")


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text[:6]) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 10,000")
    return int(text)


def _seconds(text: str) -> float:
    if re.fullmatch(r"\d{1,4}(\.\d*)?|\.\d+", text, re.ASCII) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return float(text)


def _port(text: str) -> int:
    if not text.isdecimal() or len(text) > 5 or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 65535")
    return int(text)
