"""Kept: the lines of commands about what a store keeps: conversations, runs, and what they ask."""

import argparse
from difflib import get_close_matches
from typing import Final, NamedTuple

from retinue.errors import UsageError


class Conversations(NamedTuple):
    """Do something with conversations.

    Args:
        flags: What was said about settings, by their names.
        do: "list", "show", "search", "export", "delete" or "keep".
        words: What stands after it: ids, or what is looked for.
        json: Whether a script reads it.
        all: Whether those of all folders are meant.
        limit: How many are shown at most.
        form: What is exported: "markdown" or "json"; None follows from the name of the file.
        file: Where to; None is standard output.
        yes: Whether nobody needs to be asked.
    """

    flags: dict[str, str]
    do: str = "list"
    words: tuple[str, ...] = ()
    json: bool = False
    all: bool = False
    limit: int = 50
    form: str | None = None
    file: str | None = None
    yes: bool = False


class Tasks(NamedTuple):
    """Do something with background runs.

    Args:
        flags: What was said about settings, by their names.
        do: "list", "follow", "stop", "retry" or "answer".
        words: What stands after it.
        json: Whether a script reads it.
        limit: How many are shown at most.
        output: The form of what is followed.
    """

    flags: dict[str, str]
    do: str = "list"
    words: tuple[str, ...] = ()
    json: bool = False
    limit: int = 50
    output: str = "text"


class Inbox(NamedTuple):
    """Show what people are asked, or answer it: "list" or "answer"."""

    flags: dict[str, str]
    do: str = "list"
    words: tuple[str, ...] = ()
    json: bool = False


class Replay(NamedTuple):
    """Execute an old run again.

    Args:
        flags: What was said about settings, by their names.
        run: How its id begins.
        since: The turn that is changed; None: nothing is.
        changes: What that turn gets, by name.
        json: Whether a script reads it.
    """

    flags: dict[str, str]
    run: str
    since: str | None = None
    changes: dict[str, str] = {}  # noqa: RUF012 - nobody writes to it
    json: bool = False


class Worker(NamedTuple):
    """Execute runs of the store; `until_idle`: only until nothing is to do."""

    flags: dict[str, str]
    until_idle: bool = False
    verbosity: int = 0


class _Verb(NamedTuple):
    """What may stand after a word that says what to do.

    Args:
        form: What its words are, as the help says it.
        least, most: How many they are.
        takes: The options that mean something beside it.
    """

    form: str
    least: int
    most: int
    takes: tuple[str, ...] = ()


_MANY: Final = 1_000
_VERBS: Final = {
    "conversations": {
        "list": _Verb("", 0, 0, ("all", "json", "limit")),
        "show": _Verb("ID", 1, 1, ("json",)),
        "search": _Verb("WORDS", 1, _MANY, ("json", "limit")),
        "export": _Verb("ID", 1, 1, ("form", "file")),
        "delete": _Verb("ID...", 1, _MANY, ("yes",)),
        "keep": _Verb("ID DAYS", 2, 2),
    },
    "tasks": {
        "list": _Verb("", 0, 0, ("json", "limit")),
        "follow": _Verb("ID", 1, 1, ("output_format",)),
        "stop": _Verb("ID", 1, 1),
        "retry": _Verb("ID", 1, 1),
        "answer": _Verb("ID VALUE", 2, 2),
    },
    "inbox": {
        "list": _Verb("", 0, 0, ("json",)),
        "answer": _Verb("ID VALUE", 2, 2),
    },
}
_OPTIONS: Final = {
    "all": "--all",
    "json": "--json",
    "limit": "--limit",
    "form": "--format",
    "file": "--output",
    "yes": "--yes",
    "output_format": "--output-format",
}
_CHANGES: Final = ("model", "system", "temperature")


def kept_line(
    command: str,
    options: argparse.Namespace,
    flags: dict[str, str],
    words: list[str],
    program: str,
) -> Conversations | Tasks | Inbox | Replay | Worker:
    """What a line of one of these commands means.

    Raises:
        UsageError: Nothing.
    """
    match command:
        case "worker":
            if words:
                raise _too_much(words[0], command, program)
            return Worker(flags, options.until_idle, options.verbose)
        case "replay":
            return _replay(options, flags, words, program)
        case "tasks":
            do, rest = _verb(command, options, words, program)
            output = options.output_format or "text"
            return Tasks(flags, do, rest, options.json, options.limit or 50, output)
        case "inbox":
            do, rest = _verb(command, options, words, program)
            return Inbox(flags, do, rest, options.json)
        case _:
            do, rest = _verb(command, options, words, program)
            return Conversations(
                flags,
                do,
                rest,
                options.json,
                options.all,
                options.limit or 50,
                options.form,
                options.file,
                options.yes,
            )


def _verb(
    command: str, options: argparse.Namespace, words: list[str], program: str
) -> tuple[str, tuple[str, ...]]:
    """What is to be done, and with what."""
    verbs = _VERBS[command]
    do, *rest = words or ["list"]
    help = f"{program} {command} --help"
    if do not in verbs:
        near = get_close_matches(do, verbs, n=1)
        hint = f"Did you mean `{program} {command} {near[0]}`?" if near else help
        raise UsageError(f"{do!r} is nothing that can be done with {command}", hint=hint)
    verb = verbs[do]
    ids = rest[:1] if do == "answer" else rest  # only an answer may be empty
    if len(rest) < verb.least or "" in ids:
        raise UsageError(f"{do} needs {verb.form}", hint=f"{program} {command} {do} {verb.form}")
    if len(rest) > verb.most:
        raise _too_much(rest[verb.most], command, program)
    for name, option in _OPTIONS.items():
        if getattr(options, name, None) and name not in verb.takes:
            raise UsageError(f"{option} means nothing to {do}", hint=help)
    return do, tuple(rest)


def _replay(
    options: argparse.Namespace, flags: dict[str, str], words: list[str], program: str
) -> Replay:
    help = f"{program} replay --help"
    if not words or not words[0]:
        raise UsageError("Which run? replay needs its id", hint=help)
    if len(words) > 1:
        raise _too_much(words[1], "replay", program)
    given = {name: getattr(options, f"new_{name}") for name in _CHANGES}
    changes = {name: value for name, value in given.items() if value is not None}
    if changes and options.since is None:
        raise UsageError(
            f"--{next(iter(changes))} changes one turn: say which, with --from",
            hint=f"{program} replay {words[0]} --from AGENT ...",
        )
    return Replay(flags, words[0], options.since, changes, options.json)


def _too_much(word: str, command: str, program: str) -> UsageError:
    return UsageError(f"{word!r} is too much", hint=f"{program} {command} --help")
