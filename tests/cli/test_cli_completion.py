"""Completion scripts, in the shells they are for."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest

from retinue.cli._options import COMMANDS, FORMS, SHELLS, parser_of
from retinue.cli.completion import MODELS, places
from retinue.models import PROVIDERS

type Retinue = Callable[..., Any]
type Offered = Mapping[str, set[str]]

PATIENCE = 60
ASKING_BASH: Final = """
source ../script.bash
while IFS=$'\\t' read -ra COMP_WORDS; do
    [[ ${COMP_WORDS[-1]} == '<>' ]] && COMP_WORDS[-1]=
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    COMPREPLY=()
    _retinue
    printf '%s\\n' "${COMPREPLY[@]}" '<end>'
done
"""
ASKING_FISH: Final = """
source ../script.fish
while read -l line
    complete -C $line
    echo '<end>'
end
"""
ASKING_ZSH: Final = """
unset zle_bracketed_paste
PS1= PS2= PROMPT_EOL_MARK=
autoload -Uz compinit && compinit -u -D
source ../script.zsh
compadd() {  # tells also what it finds, as zsh has no other way to ask
    builtin compadd "$@"
    [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]] && return
    local -a found
    builtin compadd -A found "$@"
    (( $#found )) && print -rl -- $found >> ../found
}
_tell_end() { compstate[list]= compstate[insert]=; print -r -- '<e''nd>' }
_asked() { comppostfuncs=(_tell_end); _main_complete }
zle -C asked complete-word _asked
bindkey '^I' asked
print -r -- '<re''ady>'
"""

LINES: Final = {
    "retinue ": {*COMMANDS},
    "retinue do": {"doctor"},
    "retinue mod": {"models"},
    "retinue con": {"config", "conversations"},
    "retinue conversations ": {"list", "show", "search", "export", "delete", "keep"},
    "retinue conversations export 01 --form": {"--format"},
    "retinue conversations export 01 --format ": {"markdown", "json"},
    "retinue conversations export 01 -o a": {"a b.md"},
    "retinue tasks f": {"follow"},
    "retinue tasks follow 01 -o ": {*FORMS},
    "retinue inbox a": {"answer"},
    "retinue replay x --mo": {"--model"},
    "retinue replay x --model o": {"openai:", "ollama:"},
    "retinue run retinue --back": {"--background"},
    "retinue worker --until": {"--until-idle"},
    "retinue --mo": {"--model"},
    "retinue --max-": {"--max-cost", "--max-steps", "--max-tokens"},
    "retinue --an": {"--answer-tokens"},
    "retinue chat --hi": {"--history"},
    "retinue -m x --te": {"--temperature"},
    "retinue -p hi -m ": {*MODELS},
    "retinue --model o": {"openai:", "ollama:"},
    "retinue --model=o": {"openai:", "ollama:"},
    "retinue doctor -m d": {"demo"},
    "retinue -o ": {*FORMS},
    "retinue --output-format=": {*FORMS},
    "retinue --output-format=st": {"stream-json"},
    "retinue completion ": {*SHELLS},
    "retinue completion z": {"zsh"},
    "retinue models ": {"test"},
    "retinue models --al": {"--all"},
    "retinue models test -m d": {"demo"},
    "retinue models test ": {*MODELS},
    "retinue models test o": {"openai:", "ollama:"},
    "retinue models --json test d": {"demo"},
    "retinue models -m x test --json d": {"demo"},
    "retinue models test --al": {"--all"},
    "retinue models test demo d": set[str](),
    "retinue trust ": {"sub"},
    "retinue trust --rem": {"--remove"},
    "retinue mock-llm ": {"a b.md", "sub"},
    "retinue mock-llm --po": {"--port"},
    "retinue -f ": {"a b.md", "sub"},
    "retinue --file=": {"a b.md", "sub"},
    "retinue chat -f x --file ": {"a b.md", "sub"},
    "retinue --history a": {"a b.md"},
    "retinue --persona su": {"sub"},
    "retinue -s ": set[str](),
    "retinue -p ": set[str](),
    "retinue setup x": set[str](),
    "retinue -p hi chat --li": set[str](),
    "retinue -- --mo": set[str](),
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_completed(offered: Offered, line: str) -> None:
    assert offered[line] == LINES[line]


@pytest.mark.parametrize("place", ["ask", *COMMANDS])
def test_every_option_of_the_grammar_is_offered(offered: Offered, place: str) -> None:
    names = {
        name for option in parser_of(place, "retinue").options for name in option.option_strings
    }
    assert offered[before(place) + "-"] == names


@pytest.mark.parametrize("shell", SHELLS)
def test_the_command_writes_the_script(retinue: Retinue, shell: str) -> None:
    said = retinue("completion", shell)
    assert (said.code, said.err) == (0, "")
    assert said.out == script(shell, "retinue")
    assert said.out.startswith(("#compdef retinue\n", f"# Completes retinue in {shell}"))


@pytest.mark.parametrize("shell", SHELLS)
def test_the_program_may_have_its_other_name(shell: str) -> None:
    assert script(shell, "main") == script(shell, "retinue").replace("retinue", "main").replace(
        "[main]", "[retinue]"
    ).replace(r"\[main\]", r"\[retinue\]")


def test_the_models_are_those_there_are() -> None:
    forms = [provider.form.partition(":") for provider in PROVIDERS.values()]
    assert {*MODELS} == {"auto", *[f"{name}{colon}" for name, colon, _ in forms]}


@pytest.mark.parametrize("shell", SHELLS)
def test_no_gap_is_left_open(shell: str) -> None:
    assert not re.search(r"\{[a-z]+\}", script(shell, "retinue"))


class TestAtAPrompt:
    """In bash, with a person who presses Tab."""

    @pytest.mark.parametrize(
        ("typed", "called"),
        [
            ("retinue -f a", "<-f><a b.md>"),
            ("retinue --file=a", "<--file=a b.md>"),
            ("retinue --hist", "<--history>"),
            ("retinue doc", "<doctor>"),
            ("retinue -m oll", "<-m><ollama:>"),
            ("retinue trust s", "<trust><sub/>"),
        ],
    )
    def test_tab_writes_what_is_missing(self, prompt: Any, typed: str, called: str) -> None:
        prompt.send(f"{typed}\t")
        prompt.send("\n")
        prompt.expect_exact(called)
        prompt.expect_exact("$ ")

    def test_a_start_is_gone_on_with_without_a_space(self, prompt: Any) -> None:
        prompt.send("retinue -m oll\tqwen3\n")
        prompt.expect_exact("<-m><ollama:qwen3>")

    @pytest.fixture
    def prompt(self, folder: Path) -> Iterator[Any]:
        pexpect = pytest.importorskip("pexpect")
        (folder.parent / "rc").write_text(
            "source ../script.bash\nretinue() { printf '<%s>' \"$@\"; echo; }\nPS1='$ '\n"
            "bind 'set bell-style none'\nbind 'set enable-bracketed-paste off'\n"
        )
        bash = pexpect.spawn(
            found("bash"), ["--noprofile", "--rcfile", "../rc", "-i"], env=environ(folder),
            cwd=os.fspath(folder), encoding="utf-8", timeout=PATIENCE, dimensions=(40, 200),
        )  # fmt: skip
        bash.delaybeforesend = None
        bash.expect_exact("$ ")
        yield bash
        bash.close(force=True)


def test_zsh_finds_it_by_itself_in_a_folder_of_functions(folder: Path) -> None:
    functions = folder.parent / "functions"
    functions.mkdir()
    (functions / "_retinue").write_text(script("zsh", "retinue"))
    asking = ASKING_ZSH.replace("source ../script.zsh\n", "")
    asking = asking.replace("autoload", "fpath=(~/functions $fpath)\nautoload", 1)
    lines = {"retinue --mo": {"--model"}, "retinue chat --hi": {"--history"}}
    assert ask_zsh(folder, [*lines], asking) == lines


def before(place: str) -> str:
    """What is typed in front of what stands at this place."""
    return "retinue " if place == "ask" else f"retinue {place} "


def script(shell: str, program: str) -> str:
    return import_module(f"retinue.cli.completion._{shell}").script(program, tuple(places(program)))


@pytest.fixture(scope="module", params=SHELLS)
def offered(request: pytest.FixtureRequest, folder: Path) -> Offered:
    """What a shell offers for each line that is asked about here."""
    asked = [*LINES, *[before(place) + "-" for place in ("ask", *COMMANDS)]]
    match request.param:
        case "bash":
            return ask_bash(folder, asked)
        case "fish":
            return ask_fish(folder, asked)
        case _:
            return ask_zsh(folder, asked, ASKING_ZSH)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the shells are: a file and a folder in it, the scripts above it."""
    above = tmp_path_factory.mktemp("shells")
    for shell in SHELLS:
        (above / f"script.{shell}").write_text(script(shell, "retinue"))
    (above / "work" / "sub").mkdir(parents=True)
    (above / "work" / "a b.md").touch()
    return above / "work"


def ask_bash(folder: Path, lines: Sequence[str]) -> Offered:
    """What bash offers; "=" and ":" are words of their own there, and <> is the empty one."""
    typed = [
        "\t".join([*re.findall(r"[=:]+|[^\s=:]+", line), *["<>"] * line.endswith(" ")])
        for line in lines
    ]
    said = ask(folder, [found("bash"), "--norc", "-c", ASKING_BASH], typed)
    return dict(zip(lines, said, strict=True))


def ask_fish(folder: Path, lines: Sequence[str]) -> Offered:
    """What fish offers, without its descriptions."""
    said = ask(folder, [found("fish"), "--no-config", "-c", ASKING_FISH], lines)
    names = [{re.sub(r"^--[\w-]+=|/?(\t.*)?$", "", name) for name in some} for some in said]
    return dict(zip(lines, names, strict=True))


def ask(folder: Path, command: Sequence[str], lines: Sequence[str]) -> list[set[str]]:
    said = subprocess.run(
        command, input="\n".join([*lines, ""]), env=environ(folder), cwd=folder,
        capture_output=True, text=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    assert not said.stderr
    return [{*some.split("\n")} - {""} for some in said.stdout.split("<end>\n")[:-1]]


def ask_zsh(folder: Path, lines: Sequence[str], asking: str = ASKING_ZSH) -> Offered:
    """What zsh offers to somebody who presses Tab: it completes for nobody else."""
    pexpect = pytest.importorskip("pexpect")
    (folder.parent / "asking.zsh").write_text(asking)
    zsh = pexpect.spawn(
        found("zsh"), ["-f", "-i"], env=environ(folder), cwd=os.fspath(folder), echo=False,
        encoding="utf-8", timeout=PATIENCE, dimensions=(50, 300),
    )  # fmt: skip
    zsh.delaybeforesend = None
    zsh.sendline("source ../asking.zsh")
    zsh.expect_exact("<ready>")
    offered: dict[str, set[str]] = {}
    for line in lines:
        (folder.parent / "found").write_text("")
        zsh.send(f"{line}\t")
        zsh.expect_exact("<end>")
        names = (folder.parent / "found").read_text().replace("\\ ", " ").split("\n")
        offered[line] = {*names} - {""}
        zsh.send("\x15")
    zsh.close(force=True)
    return offered


def environ(folder: Path) -> dict[str, str]:
    """Nothing of the person who runs the tests."""
    home = os.fspath(folder.parent)
    return {"HOME": home, "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "dumb"}


def found(shell: str) -> str:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed")
    return path
