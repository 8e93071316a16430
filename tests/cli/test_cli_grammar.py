"""What a line means, and what is said to one that means nothing."""

import io

import pytest

from retinue.cli import _ROOMS
from retinue.cli._grammar import (
    Ask,
    Chat,
    Completion,
    Config,
    Doctor,
    Help,
    Line,
    MockLlm,
    Setup,
    Trust,
    Version,
    read_line,
)
from retinue.cli._help import help_of
from retinue.cli._options import COMMANDS, SETTINGS, parser_of
from retinue.cli._screen import Screen, open_screen
from retinue.errors import UsageError
from retinue.settings import OPTIONS


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        (["-p", "hi"], Ask("hi", {})),
        (["--prompt=hi"], Ask("hi", {})),
        (["why is it so?"], Ask("why is it so?", {})),
        (["--", "-1 + 2 is what?"], Ask("-1 + 2 is what?", {})),
        (["-p", "-1 + 2 is what?"], Ask("-1 + 2 is what?", {})),
        (["-p", "config"], Ask("config", {})),
        ([], Ask(None, {})),
        (["-p"], Ask("", {})),
        (["-p", "--model", "x", "a question"], Ask("a question", {"model": "x"})),
        (["-m", "x", "a question", "-s", "Hi"], Ask("a question", {"model": "x", "system": "Hi"})),
        (["-p", "hi", "-o", "json"], Ask("hi", {}, output="json")),
        (["-p", "hi", "-vv"], Ask("hi", {}, verbosity=2)),
        (["-p", "hi", "--output-format=stream-json"], Ask("hi", {}, output="stream-json")),
        (["-p", "hi", "--history", "a.md"], Ask("hi", {}, history="a.md")),
        (
            ["-p", "hi", "--max-steps", "3", "--timeout", "9", "--tools", "none", "--name", "Ada"],
            Ask("hi", {"max_steps": "3", "timeout": "9", "tools": "none", "name": "Ada"}),
        ),
        (["-p", "hi", "-f", "a.md", "--file", "b c.png", "--file=-"],
            Ask("hi", {}, files=("a.md", "b c.png", "-"))),
        (["-f", "a.md"], Ask(None, {}, files=("a.md",))),
        (["-p", "hi", "--persona", "ada.toml"], Ask("hi", {"persona": "ada.toml"})),
        (["-c", "-p", "hi"], Ask("hi", {}, conversation="")),
        (["-p", "hi", "--resume", "01AB"], Ask("hi", {}, conversation="01AB")),
        (["--continue"], Ask(None, {}, conversation="")),
        (["chat", "-r", "01AB"], Chat({}, conversation="01AB")),
        (["-p", "hi", "--store", "a.db"], Ask("hi", {"store": "a.db"})),
        (["--version"], Version()),
        (["chat"], Chat({})),
        (["chat", "-m", "x", "--history", "a.md", "-v", "-f", "a", "-f", "a"],
            Chat({"model": "x"}, "a.md", 1, ("a", "a"))),
        (["setup"], Setup()),
        (["doctor"], Doctor({})),
        (["doctor", "--json", "--model", "x"], Doctor({"model": "x"}, json=True)),
        (["completion", "bash"], Completion("bash")),
        (["completion", "zsh", "-v"], Completion("zsh")),
        (["mock-llm"], MockLlm()),
        (["mock-llm", "--port", "0", "a.json", "--host", "::1"], MockLlm("a.json", "::1", 0)),
        (["mock-llm", "--port=65535"], MockLlm(port=65535)),
        (["mock-llm", "--pace", "0"], MockLlm(pace=0.0)),
        (["mock-llm", "--pace", ".5"], MockLlm(pace=0.5)),
        (["config"], Config({})),
        (["config", "--json", "-m", "x"], Config({"model": "x"}, json=True)),
        (["trust"], Trust()),
        (["trust", "a/b"], Trust("a/b")),
        (["trust", "--remove"], Trust(do="remove")),
        (["trust", "--remove", "a"], Trust("a", "remove")),
        (["trust", "--list"], Trust(do="list")),
        (["trust", "--", "-odd"], Trust("-odd")),
    ],
)  # fmt: skip
def test_a_line_has_one_meaning(line: list[str], meaning: object, screen: Screen) -> None:
    assert read_line(line, screen) == meaning


@pytest.mark.parametrize(
    ("line", "complaint", "hint"),
    [
        (["hello"], "'hello' is no command", 'To ask: main -p "hello"'),
        (["confg"], "'confg' is no command", "Did you mean `main config`?"),
        (["config", "x"], "'x' is too much", "main config --help"),
        (["doctor", "x"], "'x' is too much", "main doctor --help"),
        (["setup", "x"], "'x' is too much", "main setup --help"),
        (["setup", "--model", "x"], "There is no option --model", "main setup --help"),
        (["chat", "hello there"], "'hello there' is too much", 'To ask: main -p "hello there"'),
        (["chat", "-o", "json"], "There is no option -o", "main chat --help"),
        (["completion"], "For which shell? One of bash, zsh, fish", "main completion --help"),
        (["completion", "tcsh"], "For which shell? One of bash, zsh, fish", "completion --help"),
        (["completion", "bash", "zsh"], "'zsh' is too much", "main completion --help"),
        (["mock-llm", "a", "b"], "'b' is too much", "main mock-llm --help"),
        (["mock-llm", "--port", "http"], "--port: 'http' is no number from 0", "mock-llm --help"),
        (
            ["mock-llm", "--port", "65536"],
            "'65536' is no number from 0 to 65535",
            "mock-llm --help",
        ),
        (["mock-llm", "--port", "9" * 5000], "is no number from 0 to 65535", "mock-llm --help"),
        (["mock-llm", "--pace", "-1"], "--pace: '-1' is no number of seconds", "mock-llm --help"),
        (["mock-llm", "--pace=nan"], "--pace: 'nan' is no number of seconds", "mock-llm --help"),
        (["doctro"], "'doctro' is no command", "Did you mean `main doctor`?"),
        (["/chat"], "'/chat' is no command", "Did you mean `main chat`?"),
        (["-file", "a"], "There is no option -file", "Did you mean --file?"),
        (["-p", "hi", "-f"], "expected one argument", "main --help"),
        (["-p", "hi", "--persona", "\udcff"], "This is no UTF-8 text", "UTF-8"),
        (["-m", "x", "config"], "The command config comes first", "main config"),
        (["what", "is", "rain"], "A question is one argument", '-p "what is rain"'),
        (["-p", "what", "is", "rain"], "A question is one argument", '-p "what is rain"'),
        (["a question", "and another"], "A question is one argument", "-p"),
        (["word " * 40, "more"], "A question is one argument", "…"),
        ([""], "The question is empty", "-p"),
        (["/help"], "'/help' is no command", "Did you mean `main --help`?"),
        (["/?"], "'/?' is no command", "Did you mean `main --help`?"),
        (["help"], "'help' is no command", "Did you mean `main --help`?"),
        (["version"], "'version' is no command", "Did you mean `main --version`?"),
        (["--modle", "x"], "There is no option --modle", "Did you mean --model?"),
        (["--modle=x"], "There is no option --modle=x", "Did you mean --model?"),
        (["-model", "x"], "There is no option -model", "Did you mean --model?"),
        (["-help"], "There is no option -help", "Did you mean --help?"),
        (["-x"], "There is no option -x", "main --help"),
        (["-p", "hi", "--qqqq"], "There is no option --qqqq", "main --help"),
        (["-p", "hi", "-m"], "expected one argument", "main --help"),
        (["-p", "hi", "-o", "xml"], "invalid choice: 'xml'", "main --help"),
        (["--mod", "x", "-p", "hi"], "There is no option --mod", "Did you mean --model?"),
        (["-p", "\udcff"], "This is no UTF-8 text", "UTF-8"),
        (["-p", "hi", "-s", "\udcff"], "This is no UTF-8 text", "UTF-8"),
        (["-c", "-r", "01AB"], "--continue and --resume name different", "main --help"),
        (["chat", "-c", "--history", "a.md"], "--continue and --history name", "main --help"),
        (["-r", ""], "--resume needs the id", "main conversations"),
        (["-c", "--resume"], "expected one argument", "main --help"),
        (["trust", "a", "b"], "'b' is too much", "main trust --help"),
        (["trust", "--list", "a"], "Too much at once", "main trust --help"),
        (["trust", "--list", "--remove"], "Too much at once", "main trust --help"),
        (["trust", "--json"], "There is no option --json", "main trust --help"),
    ],
)
def test_a_line_without_meaning_gets_the_next_step(
    line: list[str], complaint: str, hint: str, screen: Screen
) -> None:
    with pytest.raises(UsageError) as caught:
        read_line(line, screen)
    assert complaint in str(caught.value)
    assert hint in (caught.value.hint or "")


def test_twice_v_wants_tracebacks(screen: Screen) -> None:
    read_line(["-p", "hi", "-v"], screen)
    assert not screen.debug
    read_line(["-p", "hi", "-vv"], screen)
    assert screen.debug


@pytest.mark.parametrize("command", ["ask", *COMMANDS])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_option(command: str, flag: str, screen: Screen) -> None:
    line = [flag] if command == "ask" else [command, flag]
    parser = parser_of(command, "main")
    meaning = read_line(line, screen)
    assert meaning == Help(help_of(command, parser))
    for option in parser.options:
        assert option.help
        assert all(name in meaning.text for name in option.option_strings)
    assert "{options}" not in meaning.text
    assert max(len(line) for line in meaning.text.splitlines()) <= 100


def test_help_names_every_command() -> None:
    said = help_of("ask", parser_of("ask", "main"))
    for name, command in COMMANDS.items():
        assert f"\n  {name} " in said
        assert command.help in said


def test_help_of_a_question_comes_also_after_it(screen: Screen) -> None:
    assert read_line(["-p", "hi", "-h"], screen) == read_line(["--help"], screen)


def test_a_flag_belongs_to_a_setting() -> None:
    assert set(SETTINGS) <= {option.name for option in OPTIONS}


def test_each_line_has_a_room() -> None:
    kinds = set(Line.__value__.__args__)
    assert set(_ROOMS) == kinds - {Help, Version}


@pytest.fixture
def screen() -> Screen:
    return open_screen(io.StringIO(), io.StringIO(), {}, program="/somewhere/bin/main")
