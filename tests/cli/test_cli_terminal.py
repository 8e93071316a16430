"""What a person sees, on a terminal of their own."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

pexpect = pytest.importorskip("pexpect")

type Script = Callable[..., str]
type Sit = Callable[..., Any]

PATIENCE = 20
CALL: Any = {"tool_call": {"id": "1", "name": "calculator", "args": {"expression": "6*7"}}}
CLOCK: Any = {"tool_call": {"id": "2", "name": "clock", "args": {}}}
WRONG: Any = {"tool_call": {"id": "3", "name": "calculator", "args": {"expression": "1/0"}}}


def test_words_appear_as_they_come(sit: Sit, script: Script) -> None:
    model = script({"lines": ["Once", " upon", {"silence": None}]})
    terminal = sit("-p", "hi", "-m", model)
    terminal.expect_exact("Once upon")  # and no line end is needed for it
    terminal.sendintr()
    code, rest = to_the_end(terminal)
    assert code == 130
    assert rest.replace("^C", "") == "\r\n"


def test_tools_are_small_lines_beside_the_answer(sit: Sit, script: Script) -> None:
    model = script(["Let me see.", CALL], [WRONG, CLOCK], "It is 42.\n\n")
    code, seen = to_the_end(sit("-p", "hi", "-m", model, NO_COLOR="1"))
    assert code == 0
    lines = seen.split("\r\n")
    assert lines[:3] == ["Let me see.", "  🔧 calculator 6*7", "     = 42"]
    assert lines[3:5] == ["  🔧 calculator 1/0", "  🔧 clock"]
    assert lines[5].startswith("     ! calculator: ")
    assert lines[6].startswith("     = clock: ")
    assert lines[7:] == ["It is 42.", ""]


def test_colour_is_there_unless_it_is_not_wanted(sit: Sit, script: Script) -> None:
    model = script([CALL], "Done.")
    assert "\x1b[2m" in to_the_end(sit("-p", "hi", "-m", model))[1]
    assert "\x1b" not in to_the_end(sit("-p", "hi", "-m", model, NO_COLOR="1"))[1]
    plain = to_the_end(sit("-p", "hi", "-m", model, TERM="dumb"))[1]
    assert "\x1b" not in plain
    assert "  > calculator 6*7" in plain


def test_log_lines_do_not_break_into_the_answer(sit: Sit, script: Script) -> None:
    model = script({"lines": "It is 42.", "usage": {"input": 9, "output": 3}})
    code, seen = to_the_end(sit("-p", "hi", "-m", model, "-v", NO_COLOR="1"))
    assert code == 0
    lines = seen.split("\r\n")
    assert lines[0] == f"🤖 asked  agent=retinue model={model} messages=1"
    assert lines[1:3] == ["It is 42.", f"🧠 model answered  model={model} input=9 output=3"]
    assert lines[3].startswith("🤖 answered  agent=retinue stop=done took=")


def test_a_mistake_is_one_line_in_red(sit: Sit) -> None:
    code, seen = to_the_end(sit("-p", "hi", "-m", "nonsense"))
    assert code == 2
    assert seen.startswith("\x1b[31;1mretinue:\x1b[0m No model 'nonsense'")


def test_an_answer_cannot_steer_the_terminal(sit: Sit, script: Script) -> None:
    model = script("Be\x1b]52;c;ZXZpbA==\x07ware\x9b2J\n\tof it")
    assert to_the_end(sit("-p", "hi", "-m", model))[1] == "Be]52;c;ZXZpbA==ware2J\r\n\tof it\r\n"


def test_help_has_headings(sit: Sit) -> None:
    code, seen = to_the_end(sit("--help"))
    assert code == 0
    assert "\x1b[1mOptions\x1b[0m\r\n" in seen


def test_ctrl_c_twice_ends_also_what_does_not_want_to_end(sit: Sit, script: Script) -> None:
    terminal = sit("-p", "hi", "-m", script({"lines": ["Once", {"silence": None}]}))
    terminal.expect_exact("Once")
    terminal.sendintr()
    terminal.sendintr()
    assert to_the_end(terminal)[0] == 130


def to_the_end(terminal: Any) -> tuple[int, str]:
    """The exit code, and what was seen until then."""
    terminal.expect(pexpect.EOF)
    terminal.close()
    return terminal.exitstatus, terminal.before


@pytest.fixture
def sit(home: Path, environ: Mapping[str, str]) -> Sit:
    """Sits down at a terminal of 100 columns and calls `retinue`; the environment as keywords."""

    def sit(*arguments: str, **more: str) -> Any:
        return pexpect.spawn(
            sys.executable,
            ["-m", "retinue", *arguments],
            env={**environ, **more},
            cwd=os.fspath(home),
            encoding="utf-8",
            timeout=PATIENCE,
            dimensions=(40, 100),
        )

    return sit


class TestApproval:
    """A tool that may do harm, and a person who is asked about it."""

    PROGRAM = """
import sys
import retinue.app
from retinue.cli import main
from retinue.tools import tool

@tool(risk="write")
def erase(path: str) -> str:
    "Erase a file."
    return f"erased {path}"

retinue.app.find_tools = lambda names: [erase]
sys.exit(main())
"""

    @pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 3), ("", 3)])
    def test_a_person_decides(self, asked: Any, answer: str, code: int) -> None:
        asked.sendline(answer)
        ended, seen = to_the_end(asked)
        assert ended == code
        assert ("= erased a.txt" in seen) is (code == 0)
        assert ("'erase' was not approved" in seen) is (code == 3)

    def test_ctrl_c_is_no_answer(self, asked: Any) -> None:
        asked.sendintr()
        ended, seen = to_the_end(asked)
        assert ended == 130
        assert "erased" not in seen

    @pytest.fixture
    def asked(self, home: Path, environ: Mapping[str, str], script: Script) -> Any:
        """A terminal where the question has just been put."""
        call = {"tool_call": {"id": "1", "name": "erase", "args": {"path": "a.txt"}}}
        (home / "program.py").write_text(self.PROGRAM)
        line = ["program.py", "-p", "erase it", "-m", script(["I will erase it.", call], "Done.")]
        terminal = pexpect.spawn(
            sys.executable, line, env={**environ, "NO_COLOR": "1"}, cwd=os.fspath(home),
            encoding="utf-8", timeout=PATIENCE, dimensions=(40, 100),
        )  # fmt: skip
        terminal.expect_exact("Use erase? [y]es, [N]o, [a]lways: ")
        before = terminal.before.replace("\r\n", "\n")
        assert before.startswith("I will erase it.\n  🔧 erase a.txt\n")
        return terminal
