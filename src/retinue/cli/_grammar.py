"""The grammar of the command line: what a line means, and what was perhaps meant where it has none.

A first word that is a command is a command; one argument with whitespace in it is a question; any
other bare word is a mistake.
"""

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from retinue.errors import UsageError

from ._help import help_of
from ._kept import Conversations, Inbox, Replay, Tasks, Worker, kept_line
from ._options import COMMANDS, SETTINGS, parser_of
from ._screen import Screen


class Ask(NamedTuple):
    """A question to the assistant.

    Args:
        question: None where only standard input may hold one.
        flags: What was said about settings, by their names.
        history: The Markdown file the conversation is in.
        output: "text", "json" or "stream-json".
        verbosity: How often -v was said.
        files: What is attached to it.
        conversation: How the id of the one begins that it belongs to; "" is the last one of this
            folder, None a new one.
    """

    question: str | None
    flags: dict[str, str]
    history: str | None = None
    output: str = "text"
    verbosity: int = 0
    files: tuple[str, ...] = ()
    conversation: str | None = None


class Chat(NamedTuple):
    """Open a shell to talk in.

    Args:
        flags: What was said about settings, by their names.
        history: The Markdown file the conversation is in.
        verbosity: How often -v was said.
        files: What to attach to the first question.
        conversation: As of `Ask`.
    """

    flags: dict[str, str]
    history: str | None = None
    verbosity: int = 0
    files: tuple[str, ...] = ()
    conversation: str | None = None


class Completion(NamedTuple):
    """Write the script that completes our command lines in a shell: "bash", "zsh" or "fish"."""

    shell: str


class Config(NamedTuple):
    """Show the settings."""

    flags: dict[str, str]
    json: bool = False


class Doctor(NamedTuple):
    """Look whether everything works, and say what to do where it does not."""

    flags: dict[str, str]
    json: bool = False


class MockLlm(NamedTuple):
    """Serve models that say what a script says.

    Args:
        script: A JSON file; without, every model says again what it was told.
        host, port: Where; port 0 is any that is free.
        pace: Seconds before each word that no script says.
    """

    script: str | None = None
    host: str = "127.0.0.1"
    port: int = 8900
    pace: float = 0.02


class Models(NamedTuple):
    """List who offers models, and which.

    Args:
        flags: What was said about settings, by their names.
        json: Whether a script reads it.
        all: Whether every model is named, and not only some.
    """

    flags: dict[str, str]
    json: bool = False
    all: bool = False


class ModelsTest(NamedTuple):
    """Ask a model something, and say how long it takes.

    Args:
        flags: What was said about settings, by their names.
        model: Its name; None is the one that answers.
        json: Whether a script reads it.
    """

    flags: dict[str, str]
    model: str | None = None
    json: bool = False


class RunTask(NamedTuple):
    """Give an agent a task.

    Args:
        agent: Its name.
        ask: The task, as a question; None where standard input may hold it.
        background: Whether nobody waits for it here.
    """

    agent: str
    ask: Ask
    background: bool = False


class Setup(NamedTuple):
    """Ask which model to use, try it, and write the settings."""


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


type Line = (
    Ask
    | Chat
    | Completion
    | Config
    | Conversations
    | Doctor
    | Inbox
    | MockLlm
    | Models
    | ModelsTest
    | Replay
    | RunTask
    | Setup
    | Tasks
    | Trust
    | Worker
    | Help
    | Version
)


def read_line(arguments: Sequence[str], screen: Screen) -> Line:
    """What the arguments after the program's name mean.

    Raises:
        UsageError: Nothing; the hint says what was perhaps meant.
    """
    command = arguments[0] if arguments and arguments[0] in COMMANDS else "ask"
    parser = parser_of(command, screen.program)
    options, words = parser.read(arguments if command == "ask" else arguments[1:])
    screen.debug = screen.debug or options.verbose > 1
    if options.help:
        return Help(help_of(command, parser))
    flags = {name: text for name in SETTINGS if (text := getattr(options, name, None)) is not None}
    _refuse_surrogates(*flags.values())
    if command == "ask":
        return Version() if options.version else _ask(options, flags, words, screen.program)
    match command:
        case "models":
            return _models(options, flags, words, screen.program)
        case "run":
            return _run(options, flags, words, screen.program)
        case "conversations" | "tasks" | "inbox" | "replay" | "worker":
            _refuse_surrogates(*words)
            return kept_line(command, options, flags, words, screen.program)
        case _:
            pass
    return _command(command, options, flags, _one(words, command, screen.program), screen.program)


def _ask(options: argparse.Namespace, flags: dict[str, str], words: list[str], program: str) -> Ask:
    question = _question(options.prompt, words, program)
    _refuse_surrogates(question or "")
    files = tuple(options.file)
    history, form = options.history, options.output_format
    conversation = _conversation(options, program)
    return Ask(question, flags, history, form, options.verbose, files, conversation)


def _command(
    command: str, options: argparse.Namespace, flags: dict[str, str], word: str | None, program: str
) -> Line:
    match command:
        case "chat":
            conversation = _conversation(options, program)
            files = tuple(options.file)
            return Chat(flags, options.history, options.verbose, files, conversation)
        case "config":
            return Config(flags, options.json)
        case "doctor":
            return Doctor(flags, options.json)
        case "setup":
            return Setup()
        case "completion":
            return Completion(_shell(word, program))
        case "mock-llm":
            return MockLlm(word, options.host, options.port, options.pace)
        case _:
            if options.list and (word or options.remove):
                raise UsageError("Too much at once", hint=f"{program} trust --help")
            return Trust(word, "list" if options.list else "remove" if options.remove else "add")


def _conversation(options: argparse.Namespace, program: str) -> str | None:
    """Which one is gone on with; see `Ask`."""
    chosen = [
        name
        for name, value in (
            ("--continue", options.goes_on),
            ("--resume", options.resume),
            ("--history", options.history),
        )
        if value
    ]
    if len(chosen) > 1:
        raise UsageError(
            f"{' and '.join(chosen)} name different conversations", hint=f"{program} --help"
        )
    if options.resume == "":
        hint = f"{program} conversations lists them; --continue is the last one of this folder"
        raise UsageError("--resume needs the id of a conversation", hint=hint)
    return "" if options.goes_on else options.resume


def _models(
    options: argparse.Namespace, flags: dict[str, str], words: list[str], program: str
) -> Models | ModelsTest:
    match words:
        case []:
            return Models(flags, options.json, options.all)
        case ["test"] | ["test", _] if not options.all:
            return ModelsTest(flags, words[1] if words[1:] else None, options.json)
        case ["test", *more]:
            raise UsageError(
                f"{more[1] if more[1:] else '--all'} is too much", hint=f"{program} models --help"
            )
        case _:
            hint = f"To try one: {program} models test {words[0]}"
            raise UsageError(f"{words[0]!r} is nothing that can be done with models", hint=hint)


def _run(
    options: argparse.Namespace, flags: dict[str, str], words: list[str], program: str
) -> RunTask:
    if not words or not words[0]:
        raise UsageError("Which agent?", hint=f'{program} run AGENT "task"')
    agent, *task = words
    if len(task) > 1:
        hint = f'{program} run {agent} "{" ".join(task)}"'
        raise UsageError("A task is one argument, in quotes", hint=hint)
    if task == [""]:
        raise UsageError("The task is empty", hint=f'{program} run {agent} "task"')
    if options.background and options.history:
        raise UsageError(
            "A run in the background adds to no file", hint="Leave --history or --background out."
        )
    _refuse_surrogates(*words)
    ask = Ask(
        task[0] if task else None,
        flags,
        options.history,
        options.output_format,
        verbosity=options.verbose,
        files=tuple(options.file),
        conversation=_conversation(options, program),
    )
    return RunTask(agent, ask, options.background)


def _one(words: list[str], command: str, program: str) -> str | None:
    """The word that stands after a command that takes one."""
    most = 1 if COMMANDS[command].word else 0
    if len(words) > most:
        to_ask = f'To ask: {program} -p "{words[0]}"'
        hint = to_ask if command == "chat" else f"{program} {command} --help"
        raise UsageError(f"{words[most]!r} is too much", hint=hint)
    return words[0] if words else None


def _question(prompt: str | None, words: list[str], program: str) -> str | None:
    if not prompt and len(words) == 1 and any(letter.isspace() for letter in words[0]):
        return words[0]
    if not words:
        return prompt
    if words == [""]:
        raise UsageError("The question is empty", hint=f'To ask: {program} -p "your question"')
    said = " ".join([prompt, *words] if prompt else words)
    to_ask = f'To ask: {program} -p "{said if len(said) <= 60 else said[:59] + "…"}"'
    near = _near(words[0], cutoff=0.7 if len(words) == 1 else 0.8)  # "what is it" is no chat
    if prompt or (len(words) > 1 and not near):
        raise UsageError("A question is one argument, in quotes", hint=to_ask)
    if near in COMMANDS and words[0] == near:
        hint = f"To use it: {program} {near} ... {to_ask}"
        raise UsageError(f"The command {near} comes first, before any option", hint=hint)
    maybe = f"Did you mean `{program} {near}`? " if near else ""
    raise UsageError(f"{words[0]!r} is no command", hint=f"{maybe}{to_ask}")


def _near(word: str, *, cutoff: float) -> str | None:
    """The command or option that was perhaps meant; /help is how some spell --help."""
    if word in ("/?", "/h", "help", "?"):
        return "--help"
    bare = word.lstrip("/").lower()
    near = get_close_matches(bare, (*COMMANDS, "version", "help"), n=1, cutoff=cutoff)
    if not near:
        return None
    return near[0] if near[0] in COMMANDS else f"--{near[0]}"


def _shell(word: str | None, program: str) -> str:
    known = COMMANDS["completion"].choices
    if word is None or word not in known:
        hint = f"{program} completion --help"
        raise UsageError(f"For which shell? One of {', '.join(known)}", hint=hint)
    return word


def _refuse_surrogates(*said: str) -> None:
    """Bytes that are no text come from the shell as letters that cannot be written anywhere."""
    for text in said:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"This is no UTF-8 text: {text!r}", hint="Set the terminal to UTF-8, and try again."
            ) from None
