"""`main` itself: whatever happens becomes a line and a code."""

import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from retinue import __version__
from retinue.cli import main
from retinue.cli._grammar import Chat
from retinue.errors import SettingsError, ToolDenied
from retinue.settings import Settings
from retinue.tools import tool


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr() == (f"retinue {__version__}\n", "")


def test_the_version_needs_little() -> None:
    program = (
        "import sys; from retinue.cli import main; main(['--version']); "
        "print({'asyncio', 'pydantic', 'retinue.messages', 'retinue.settings'} & set(sys.modules))"
    )
    said = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=20)
    assert said.splitlines()[-1] == "set()"


class TestTalk:
    """`retinue` alone opens the shell where a person sits at both ends, and nowhere else."""

    @pytest.mark.parametrize("line", [[], ["chat"]])
    def test_on_a_terminal_the_shell_opens(
        self, monkeypatch: pytest.MonkeyPatch, line: list[str]
    ) -> None:
        opened: list[object] = []

        def run(line: object, _: object) -> int:
            opened.append(line)
            return 0

        monkeypatch.setitem(sys.modules, "retinue.cli.chat", SimpleNamespace(run=run))
        sit(monkeypatch, stdin=True, stdout=True)
        options = ["-m", "demo", "--history", "a.md", "-v", "-f", "b.md"]
        assert main([*line, *options]) == 0
        assert opened == [Chat({"model": "demo"}, "a.md", 1, ("b.md",))]

    @pytest.mark.parametrize(
        ("line", "stdout"), [([], False), (["-o", "json"], True), (["-o", "json"], False)]
    )
    def test_who_types_but_does_not_read_is_told_how_to_ask(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        line: list[str],
        stdout: bool,
    ) -> None:
        sit(monkeypatch, stdin=True, stdout=stdout)
        assert main(line) == 2
        said = capsys.readouterr().err
        assert 'retinue -p "why is the sky blue?"' in said
        assert "retinue --help shows more." in said

    @pytest.mark.parametrize(("stdin", "stdout"), [(False, True), (True, False), (False, False)])
    def test_the_shell_needs_a_terminal_at_both_ends(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        stdin: bool,
        stdout: bool,
    ) -> None:
        sit(monkeypatch, stdin=stdin, stdout=stdout)
        assert main(["chat"]) == 2
        assert capsys.readouterr().err == (
            "retinue: The shell needs a terminal to read from and to write to. "
            'To ask: retinue -p "your question"\n'
        )


def test_help_is_of_the_program_that_was_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/main"])
    assert main(["doctor", "--help"]) == 0
    said = capsys.readouterr().out
    assert "  main doctor [options]\n" in said
    assert "{" not in said


def test_arguments_are_those_of_the_process_by_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/main", "hello"])
    assert main() == 2
    assert capsys.readouterr().err.startswith("main: 'hello' is no command. To ask: main -p")


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (ToolDenied("not allowed", hint="Ask first."), 3, "retinue: not allowed. Ask first.\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 141, ""),
        (
            RecursionError("too\ndeep"),
            1,
            "retinue: RecursionError: too deep. "
            "This should not happen; -vv, or RETINUE_DEBUG=1, shows where it did.\n",
        ),
        (ToolDenied("really?"), 3, "retinue: really?\n"),
    ],
)
def test_whatever_happens_is_one_line_and_a_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raised: BaseException,
    code: int,
    said: str,
) -> None:
    breaking(monkeypatch, raised)
    assert main(["-p", "hi"]) == code
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(("line", "environ"), [(["-vv"], {}), ([], {"RETINUE_DEBUG": "yes"})])
def test_a_traceback_is_shown_where_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: list[str],
    environ: dict[str, str],
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    breaking(monkeypatch, RecursionError("too deep"))
    assert main(["-p", "hi", *line]) == 1
    said = capsys.readouterr().err
    assert said.startswith("retinue: RecursionError: too deep.\nTraceback (most recent call last)")


def test_a_tool_that_nobody_approves_is_exit_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    (tmp_path / "s.json").write_text('[[{"tool_call": {"id": "1", "name": "erase", "args": {}}}]]')

    @tool(risk="write")
    def erase() -> str:
        """Erase everything."""
        raise AssertionError("it was done")

    def offered(_: object) -> list[Any]:
        return [erase]

    monkeypatch.setattr("retinue.app.find_tools", offered)
    assert main(["-p", "hi", "-m", f"scripted:{tmp_path / 's.json'}", "-o", "json"]) == 3
    said = capsys.readouterr()
    assert '"stop_reason":"denied"' in said.out
    assert '"type":"ToolDenied"' in said.out
    assert said.err.startswith("retinue: ")
    assert said.err.count("\n") == 1


def test_a_folder_that_may_not_be_written_is_said_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no(*_: object) -> bool:
        return False

    breaking(monkeypatch, AssertionError("it was asked"))
    monkeypatch.setattr("retinue.cli._history.os.access", no)
    assert main(["-p", "hi", "--history", "chat.md"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(
        "retinue: The history chat.md cannot be written: its folder may not be written. "
    )


def test_an_answer_that_cannot_be_stored_is_said_after_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def append(*_: Any) -> None:
        raise SettingsError("the disk is full", hint="Make room.")

    monkeypatch.setattr("retinue.messages.history.MarkdownHistory.append", append)
    assert main(["-p", "what is 6*7?", "--history", "chat.md"]) == 1
    said = capsys.readouterr()
    assert "42" in said.out
    assert said.err == (
        "retinue: The answer is whole, but it is not stored: the disk is full. Make room.\n"
    )


def test_a_question_asked_from_a_thread_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor() as pool:
        assert pool.submit(main, ["-p", "what is 6*7?"]).result(20) == 0
    assert "42" in capsys.readouterr().out


def test_a_folder_that_is_gone_has_nothing_to_trust(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("retinue.cli.trust.current_folder", lambda: None)
    assert main(["trust"]) == 2
    assert "The current folder is gone" in capsys.readouterr().err


def test_nothing_is_said_where_nobody_can_hear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["hello"]) == 2


def test_letters_that_the_screen_does_not_have_are_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "s.json").write_text('["Gr\\u00fc\\u00dfe \\ud83d\\ude00"]')
    out = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["-p", "hi", "-m", f"scripted:{tmp_path / 's.json'}"]) == 0
    assert out.buffer.getvalue() == "Grüße ?\n".encode("latin-1")  # type: ignore[attr-defined]


class Seat(io.StringIO):
    """A stream with a person at the other end, or none."""

    def __init__(self, live: bool) -> None:
        super().__init__()
        self._live = live

    def isatty(self) -> bool:
        return self._live


def sit(monkeypatch: pytest.MonkeyPatch, *, stdin: bool, stdout: bool) -> None:
    """Who sits where."""
    monkeypatch.setattr(sys, "stdin", Seat(stdin))
    monkeypatch.setattr(sys, "stdout", Seat(stdout))


def breaking(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Whatever is asked fails like this."""

    def build(_: Settings, **__: Any) -> Any:
        raise error

    monkeypatch.setattr("retinue.cli.ask.build", build)


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Nothing of the person who runs the tests."""
    for name in [*os.environ]:
        if name.startswith(("RETINUE_", "XDG_", "AUTOGEN_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["retinue"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
