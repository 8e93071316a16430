"""What a line means, and what is said to one that means nothing."""

import io

import pytest

from retinue.cli._grammar import COMMANDS, SETTINGS, Ask, Config, Help, Trust, Version, read_line
from retinue.cli._help import HELP, HELP_OF
from retinue.cli._screen import Screen, open_screen
from retinue.errors import UsageError


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
        (["--version"], Version()),
        (["--help"], Help(HELP)),
        (["-p", "hi", "-h"], Help(HELP)),
        (["config"], Config({})),
        (["config", "--json", "-m", "x"], Config({"model": "x"}, json=True)),
        (["config", "--help"], Help(HELP_OF["config"])),
        (["trust"], Trust()),
        (["trust", "a/b"], Trust("a/b")),
        (["trust", "--remove"], Trust(do="remove")),
        (["trust", "--remove", "a"], Trust("a", "remove")),
        (["trust", "--list"], Trust(do="list")),
        (["trust", "-h"], Help(HELP_OF["trust"])),
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
        (["trust", "a", "b"], "Too much at once", "main trust --help"),
        (["trust", "--list", "a"], "Too much at once", "main trust --help"),
        (["trust", "--list", "--remove"], "Too much at once", "main trust --help"),
        (["trust", "--json"], "There is no option --json", "main --help"),
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


def test_help_names_every_option_and_command(screen: Screen) -> None:
    flags = [flag for flags in SETTINGS.values() for flag in flags]
    others = ["-p", "--prompt", "-o", "--output-format", "--history", "-v", "--version", "--help"]
    for word in (*flags, *others, *COMMANDS):
        assert word in HELP
    assert set(HELP_OF) == set(COMMANDS)


def test_help_fits_a_narrow_screen() -> None:
    for text in (HELP, *HELP_OF.values()):
        assert max(len(line) for line in text.splitlines()) <= 100


@pytest.fixture
def screen() -> Screen:
    return open_screen(io.StringIO(), io.StringIO(), {}, program="/somewhere/bin/main")
