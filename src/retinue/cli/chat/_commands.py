"""Commands: what a line means that begins with a slash. One table: name, arguments, help, what may
be completed, and what it does.
"""

import asyncio
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from retinue.cli._attachments import attachment
from retinue.cli._cost import in_dollars
from retinue.errors import UsageError
from retinue.messages.history import MarkdownHistory
from retinue.telemetry.terminal import one_line
from retinue.tools import find_tools

from ._cast import shown
from ._conversing import CONVERSING
from ._desk import Command, Desk, Leave, Outcome, bold, counted, table
from ._session import Session
from ._transcript import transcript

if TYPE_CHECKING:
    from retinue.models.prices import Cost


def is_command(line: str) -> bool:
    """Whether this is for the shell; a message that begins with a slash has a space, or another
    slash, before it.
    """
    return line.startswith("/") and not line.startswith("//")


def message_of(line: str) -> str:
    """What is said by a line that is no command."""
    return (line[1:] if line.startswith("//") else line).strip()


async def obey(line: str, desk: Desk) -> Outcome:
    """Do what this line says.

    Raises:
        UsageError: There is no such command, or not with these arguments.
        RetinueError: It cannot be done.
    """
    name, _, rest = line.removeprefix("/").partition(" ")
    command, rest = find(name), rest.strip()
    if rest and not command.arguments:
        raise UsageError(f"/{name} takes nothing after it", hint=f"/help {name}")
    return await command.do(desk, rest)


def find(name: str) -> Command:
    """The command of that name.

    Raises:
        UsageError: There is none; the hint says which was perhaps meant.
    """
    known = COMMANDS | _OTHER_NAMES
    if name not in known:
        near = get_close_matches(name.lower(), known, n=3)
        maybe = f"Did you mean {' or '.join([f'/{each}' for each in near])}? " if near else ""
        raise UsageError(
            f"There is no command /{one_line(name, width=60)}",
            hint=f"{maybe}/help shows all; to say it, put a space before it.",
        )
    return known[name]


class Completion(NamedTuple):
    """What a line may become: `text` stands for its last `replaced` letters then."""

    text: str
    replaced: int
    help: str = ""


async def completions(line: str, session: Session) -> list[Completion]:
    """How this line may go on."""
    if not is_command(line) or "\n" in line:
        return []
    name, space, rest = line[1:].partition(" ")
    if not space:
        named = [(each, command.help) for each, command in COMMANDS.items()]
        return [Completion(each, len(name), help) for each, help in named if each.startswith(name)]
    command = COMMANDS.get(name)
    if command is None or command.complete is None:
        return []
    may_follow = await command.complete(session, rest)
    return [Completion(each, len(rest)) for each in may_follow if each.startswith(rest)]


# -- what they do, in the order of the table


async def _help(desk: Desk, about: str) -> Outcome:
    if about:
        name = about.removeprefix("/")
        command = find(name)
        return table([(_usage(name, command), command.help)], desk, "cyan")
    rows = [(_usage(name, command), command.help) for name, command in COMMANDS.items()]
    return table([*rows, ("", ""), *_KEYS], desk, "cyan")


async def _model(desk: Desk, name: str) -> Outcome:
    session = desk.session
    if name:
        session.choose(model=name)
        return [f"  Now with {bold(desk, session.app.model.name)}."]
    now = session.app.model.name
    others = [each for each in await session.models() if each != now]
    lines = [f"  {bold(desk, now)}  {desk.look.paint('now', 'dim')}"]
    return lines + [f"  {one_line(each, width=desk.width)}" for each in others]


async def _agents(desk: Desk, _: str) -> Outcome:
    app = desk.session.app
    name = shown(app.name, desk.look, host=app.name)
    tools = ", ".join(desk.session.settings.tools) or "none"
    models = ", else ".join([one_line(model.name) for model in (app.model, *app.others)])
    return [f"  {name}  answers with {models}; tools: {tools}"]


async def _tools(desk: Desk, _: str) -> Outcome:
    tools = find_tools(desk.session.settings.tools)
    if not tools:
        return ["  No tools."]
    specs = [(tool.spec.name, tool.spec.description, tool.risk) for tool in tools]
    rows = [(name, f"{_first_sentence(does)} ({risk})") for name, does, risk in specs]
    return table(rows, desk, "bold")


async def _system(desk: Desk, text: str) -> Outcome:
    session = desk.session
    if text:
        session.choose(system=None if text == NONE else text)
    prompt = session.settings.prompt
    if prompt is None:
        return ["  There are no instructions."]
    return [f"  {one_line(line)}" for line in prompt.splitlines()]


async def _history(desk: Desk, count: str) -> Outcome:
    if count and not (count.isdecimal() and int(count)):
        raise UsageError(f"{count!r} is no number of messages", hint="/history 10")
    messages = desk.session.messages[-int(count) :] if count else desk.session.messages
    if not messages:
        return ["  Nothing was said yet."]
    host = desk.session.app.name
    return ["", *transcript(messages, desk.look, desk.width, host=host)]


async def _save(desk: Desk, path: str) -> Outcome:
    messages = desk.session.messages
    if not messages:
        raise UsageError("Nothing was said yet, so there is nothing to save", hint="/help")
    file = MarkdownHistory(_file(path, "/save"))
    if {there.id for there in await file.load()} - {ours.id for ours in messages}:
        raise UsageError(f"{path} holds another conversation", hint="Name another file.")
    await file.append(*messages)
    return [f"  {counted(len(messages), 'message')} in {path}"]


async def _load(desk: Desk, path: str) -> Outcome:
    messages = await MarkdownHistory(_file(path, "/load")).load()
    if not messages:
        raise UsageError(
            f"There is no conversation in {path}", hint="Name a file that /save wrote."
        )
    kept = _let_go(desk.session)
    desk.session.begin(messages)
    return [f"  {counted(len(messages), 'message')} of {path}; /history shows them", *kept]


async def _retry(desk: Desk, _: str) -> Outcome:
    return desk.session.last_question()


async def _attach(desk: Desk, path: str) -> Outcome:
    attached = desk.session.attached
    if path == NONE:
        attached.clear()
    elif path:
        attached.append(attachment(_unquoted(path)))
    if not attached:
        return ["  Nothing is attached."]
    return [f"  {desk.look.sign('📎 ')}{each}" for each in attached]


async def _cost(desk: Desk, _: str) -> Outcome:
    used = desk.session.used
    if not used:
        return ["  Nothing yet."]
    # The table of prices is loaded for this, while the screen goes on.
    return table(await asyncio.to_thread(_priced, desk.session), desk, "bold")


def _priced(session: Session) -> list[tuple[str, str]]:
    """What each model has taken, and all of them."""
    rows: list[tuple[str, str]] = []
    costs: list[Cost | None] = []
    for model, answers in session.used.items():
        each = [pricing(model, usage) for usage, pricing in answers]
        costs += each
        tokens_in = sum(answer.usage.input for answer in answers)
        tokens_out = sum(answer.usage.output for answer in answers)
        tokens = f"tokens: {tokens_in:,} in, {tokens_out:,} out"
        rows.append((model, f"{counted(len(answers), 'answer')}; {tokens}; {in_dollars(each)}"))
    rows.append(("total", in_dollars(costs, source=True)))
    purse = session.purse
    if purse is not None and purse.tokens is not None:
        of_run = f"{purse.spent.tokens:,} of {purse.tokens:,} tokens"
        rows.append(("last answer", of_run))
    return rows


async def _new(desk: Desk, _: str) -> Outcome:
    kept = _let_go(desk.session)
    desk.session.begin()
    return ["  A new conversation.", *kept]


async def _quit(_: Desk, __: str) -> Outcome:
    return Leave.NOW


# -- what may follow


async def _names(_: Session, __: str) -> Iterable[str]:
    return COMMANDS


async def _models(session: Session, _: str) -> Iterable[str]:
    return await session.known_models()


async def _files(_: Session, begun: str) -> Iterable[str]:
    return _files_like(begun)


async def _files_or_none(session: Session, begun: str) -> Iterable[str]:
    return [*_files_like(begun), *([NONE] if session.attached else [])]


def _files_like(begun: str) -> list[str]:
    """The files and folders that this may become; hidden ones only where it says so."""
    folder, slash, name = begun.rpartition("/")
    try:
        inside = sorted(Path(f"{folder}{slash}" or ".").expanduser().iterdir())
    except (OSError, RuntimeError):  # there is no such folder, or home
        return []
    return [
        f"{folder}{slash}{each.name}{'/' if each.is_dir() else ''}"
        for each in inside
        if each.name.startswith(name) and (name[:1] == "." or each.name[0] != ".")
    ]


async def _none(_: Session, __: str) -> Iterable[str]:
    return [NONE]


NONE: Final = "none"
"""What takes away instructions, or attachments."""

COMMANDS: Final = {
    "help": Command("[COMMAND]", "what can be done here", _help, _names),
    "model": Command("[NAME]", "which model answers; another one", _model, _models),
    "agents": Command("", "who takes part", _agents),
    "tools": Command("", "what they may use", _tools),
    "system": Command("[TEXT | none]", "their instructions; other ones", _system, _none),
    "history": Command("[N]", "what was said; the last N messages", _history),
    "save": Command("FILE.md", "write this conversation to a file", _save, _files),
    "load": Command("FILE.md", "go on with the conversation in a file", _load, _files),
    "retry": Command("", "ask the last question again", _retry),
    "attach": Command("[FILE | none]", "send a file with the next line", _attach, _files_or_none),
    "cost": Command("", "what was used so far", _cost),
    "new": Command("", "begin another conversation", _new),
    **CONVERSING,
    "quit": Command("", "leave", _quit),
}
"""By name, in the order of /help."""
_OTHER_NAMES: Final = {"exit": COMMANDS["quit"]}


_KEYS: Final = (
    ("Enter", "send; while an answer comes, it waits for its end"),
    ("Esc Enter", "a new line"),
    ("Up, Ctrl-R", "what was typed before; search in it"),
    ("Ctrl-C", "stop the answer, or clear the line"),
    ("Ctrl-D", "leave"),
)
"""What else /help says."""


# -- words


def _usage(name: str, command: Command) -> str:
    return f"/{name} {command.arguments}".rstrip()


def _first_sentence(text: str) -> str:
    return text.split("\n", 1)[0].split(". ", 1)[0]


def _file(path: str, command: str) -> str:
    if not path:
        raise UsageError("Which file?", hint=f"{command} CHAT.md")
    try:
        return str(Path(_unquoted(path)).expanduser())
    except RuntimeError as error:  # there is no such home
        raise UsageError(f"{path} cannot be found: {error}", hint="Name another file.") from error


def _unquoted(path: str) -> str:
    """Without the quotes that a shell would have taken away."""
    quoted = len(path) > 1 and path[0] == path[-1] and path[0] in "'\""
    return path[1:-1] if quoted else path


def _let_go(session: Session) -> list[str]:
    """What is said of the file that the present conversation is kept in."""
    if session.history is None:
        return []
    return [f"  {session.history.path} stays as it is; /save keeps what comes now."]
