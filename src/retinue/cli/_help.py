"""What --help says. A line that ends in a colon is a heading."""

from argparse import Action
from collections.abc import Iterable
from typing import Final

from retinue.telemetry.terminal import Look

from ._options import COMMANDS, Command, Parser


def shown(text: str, program: str, look: Look) -> str:
    """The text with the name we were called by, and its headings in bold."""
    lines = text.replace("{program}", program).splitlines()
    return "".join(
        [f"{look.paint(line[:-1], 'bold') if line.endswith(':') else line}\n" for line in lines]
    )


WELCOME: Final = """\
A personal assistant with a retinue of agents.

Ask:
  {program} -p "why is the sky blue?"
  cat notes.md | {program} -p "what is missing here?"

{program} --help shows more."""

_HELP: Final = """\
A personal assistant with a retinue of agents.

Talk:
  {program}

Ask:
  {program} -p "why is the sky blue?"
  {program} "a question of several words"
  cat notes.md | {program} -p "what is missing here?"

Options:
{options}

Commands:
{commands}

Exit codes:
  0 done   1 failed   2 wrong usage   3 approval needed   4 limit reached   130 interrupted
"""

_HELP_OF: Final = {
    "chat": """\
Talk with the assistant; {program} alone does the same. Esc Enter begins a new line, Ctrl-C stops an
answer, Ctrl-D leaves; /help shows the rest.

  {program} chat [options]
""",
    "run": """\
Give an agent a task: here, where its answer appears as it comes, or in the background.

  {program} run AGENT "TASK" [options]
  {program} run AGENT "TASK" --background   print the id of the run, and do not wait

What runs in the background goes on when this terminal is closed. See it: {program} tasks
""",
    "conversations": """\
What was said is kept; this lists it, the newest first.

  {program} conversations                   those of this folder
  {program} conversations show ID           read one
  {program} conversations search WORDS      messages that have all of these words
  {program} conversations export ID         as Markdown or JSON
  {program} conversations delete ID...      erase, with all that belongs to it
  {program} conversations keep ID DAYS      so long after it was last changed

An ID may be cut, as long as it is the only one that begins so. To go on with one: {program} -r ID
""",
    "tasks": """\
Runs in the background: what they do, what they said, what they wait for.

  {program} tasks                           the newest first
  {program} tasks follow ID                 what it says, from the beginning; Ctrl-C leaves it
  {program} tasks stop ID                   end it; what it had finished is kept
  {program} tasks retry ID                  ask the same again
  {program} tasks answer ID VALUE           answer what it asks

An ID may be cut, as long as it is the only one that begins so.
""",
    "inbox": """\
What runs ask you, in all conversations, the oldest first; they wait until you answer.

  {program} inbox                           what is asked
  {program} inbox answer ID VALUE           yes, no, a text, or JSON

A call that needs approval is approved exactly as it is shown; or with other arguments, where VALUE
is '{"approved": true, "args": {...}}'.
""",
    "replay": """\
Execute an old run again. Agents' own code runs, and nothing else does: models, tools and people
answer what they answered then. Nothing of it is kept.

  {program} replay RUN                      as it was; says whether it is the same
  {program} replay RUN --from TURN [...]    that turn anew, and what depends on it

RUN is the id of a run, or of a conversation, whose last run is meant. A turn is named by its agent;
with --model, --system or --temperature it gets another one.
""",
    "worker": """\
Execute background runs in this process, until Ctrl-C or SIGTERM. What is not finished then waits
for the next one. What needs an answer is in the inbox.

  {program} worker [options]
""",
    "setup": """\
Choose a model, try it, and keep the choice in your own settings. A key is kept as a reference to
a variable, to a file that only you can read, or to the keyring; it is never shown.

  {program} setup
""",
    "doctor": """\
Look whether everything works: versions, settings, models, terminal, folders. Whatever is wrong
comes with what to do about it, and makes the exit code 1.

  {program} doctor [options]
""",
    "models": """\
Say who offers models, what is installed and which key there is for it, and which models can be
named now; every server is waited for two seconds at most. Keys are masked.

  {program} models [options]
  {program} models test [NAME]     ask one something, and say how long it takes

A test asks what costs next to nothing. Where it fails, the exit code is 1.
""",
    "config": """\
Show every setting and where it came from; secrets are masked.

  {program} config [options]

A flag wins over the environment (RETINUE_<NAME>, then the names others use, like DEFAULT_MODEL),
that over a trusted project's .env and retinue.toml, those over your own config.toml.
""",
    "trust": """\
Let the files of a project count: retinue.toml, .env, agents/, personas/*.toml, tools/*.py.

  {program} trust [PATH]           trust them as they are now; default: this folder's project
  {program} trust --remove [PATH]  trust them no more
  {program} trust --list           show what is trusted

A project's files could send your keys elsewhere or run code. Until you trust them they are not
read; when one of them changes, they are not read again until you look and trust them anew.
""",
    "completion": """\
Write the script that completes these command lines when you press Tab.

  {program} completion bash > ~/.local/share/bash-completion/completions/{program}
  {program} completion zsh > ~/.zfunc/_{program}      (a folder of your $fpath)
  {program} completion fish > ~/.config/fish/completions/{program}.fish
""",
    "mock-llm": """\
Serve models on this machine that say what a script says: for trying and testing, without a vendor.

  {program} mock-llm [FILE.json] [options]

It speaks as OpenAI, Anthropic, Gemini and Ollama do. Without a script every model says again what
it was told.
""",
}


def help_of(command: str, parser: Parser) -> str:
    """What --help says of a command; "ask" is the line without one."""
    options = _rows([*map(_option, parser.options)])
    if command in _HELP_OF:
        return f"{_HELP_OF[command]}\nOptions:\n{options}"
    commands = _rows([(_command(name, each), each.help) for name, each in COMMANDS.items()])
    return _HELP.replace("{options}\n", options).replace("{commands}\n", commands)


def _command(name: str, command: Command) -> str:
    word = command.word if command.choices or not command.word else f"[{command.word}]"
    return f"{name} {word}"


def _option(option: Action) -> tuple[str, str]:
    names = ", ".join(option.option_strings)
    value = f"[{option.metavar}]" if option.nargs == "?" else option.metavar or ""
    indent = "" if len(option.option_strings) > 1 else "    "
    return f"{indent}{names} {value}", option.help or ""


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    return "".join([f"  {left:24}  {right}\n" for left, right in rows])
