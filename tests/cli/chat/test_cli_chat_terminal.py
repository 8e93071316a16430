"""What a person sees who sits down at the shell, and what their keys do."""

import json
import os
import signal
import stat
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retinue.models.scripted import Silence
from retinue.testing.mock_llm import Answer, MockLLM, Refusal, Request

from .conftest import CTRL_C, CTRL_D, CTRL_R, ENTER, ESCAPE, TAB, UP, Sit

type Script = Callable[..., str]

WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
STUCK: Any = {"lines": [f"{WORDS} ", {"silence": None}]}
CALL: Any = {"tool_call": {"id": "1", "name": "calculator", "args": {"expression": "6*7"}}}
WRONG: Any = {"tool_call": {"id": "2", "name": "calculator", "args": {"expression": "1/0"}}}
MARK = "\u203a"
"""What stands before what a person says."""


class TestTalking:
    async def test_a_question_and_its_answer_stay_on_the_page(
        self, sit: Sit, script: Script
    ) -> None:
        seat = sit("-m", script(["Let me see.", CALL], "It is **42**."))
        await seat.ready()
        await seat.ask("what is 6*7?", "It is 42.")
        tools = [line for line in seat.page if "calculator" in line]
        assert tools[0].startswith("  🔧 calculator 6*7 → 42  (")
        assert seat.page == [
            "🦊 retinue answers with scripted:script.json (chosen by --model)",
            "/help shows what can be done here, Ctrl-D leaves.",
            "",
            f"{MARK} what is 6*7?",
            "",
            "🦊 retinue",
            "Let me see.",
            "",
            *tools,
            "",
            "It is 42.",
            "",
            MARK,
        ]

    async def test_it_opens_by_itself_where_nothing_is_asked(
        self, sit: Sit, script: Script
    ) -> None:
        seat = sit("-m", script("It is 42."), command="")
        await seat.ready()
        await seat.ask("what is 6*7?", "It is 42.")

    async def test_a_tool_that_failed_is_told_from_one_that_did_not(
        self, sit: Sit, script: Script
    ) -> None:
        seat = sit("-m", script([CALL, WRONG], "So it is."))
        await seat.ready()
        await seat.ask("go", "So it is.")
        (failed,) = [line for line in seat.page if "1/0" in line]
        assert failed.startswith("  ✗ calculator 1/0 → ")
        assert b"\x1b[31m" in seat.raw

    async def test_what_is_typed_meanwhile_stays_and_is_sent_afterwards(
        self, sit: Sit, script: Script
    ) -> None:
        slow = {"lines": [" ".join([WORDS] * 8)], "token_delay": 0.01}
        seat = sit("-m", script(slow, "Second answer.", "Third answer."))
        await seat.ready()
        seat.type("first", ENTER)
        await seat.sees("one two")
        seat.type("second", ENTER)
        await seat.sees("queued: second")
        seat.type("thi")
        await seat.until(lambda: seat.typed == f"{MARK} thi")
        await seat.sees("Second answer.")
        assert "queued" not in seat.text
        seat.type("rd", ENTER)
        await seat.sees("Third answer.")
        asked = [line for line in seat.page if line.startswith(MARK)]
        assert asked[:3] == [f"{MARK} first", f"{MARK} second", f"{MARK} third"]

    async def test_a_queued_line_can_be_taken_back(self, sit: Sit, script: Script) -> None:
        seat = sit("-m", script(STUCK))
        await seat.ready()
        seat.type("first", ENTER)
        await seat.sees(WORDS)
        seat.type("second", ENTER)
        await seat.sees("queued: second")
        seat.type(UP)
        await seat.until(lambda: seat.typed == f"{MARK} second" and "queued" not in seat.text)

    async def test_nothing_is_shown_twice_however_long_an_answer_is(
        self, sit: Sit, script: Script
    ) -> None:
        rows = [f"{n}. item number {n}, {WORDS}" for n in range(1, 81)]
        seat = sit("-m", script({"lines": ["\n".join(rows)], "token_delay": 0.0002}), rows=12)
        await seat.ready()
        await seat.ask("go", "80. item number 80")
        shown = [line for line in seat.page if "item number" in line]
        assert [int(line.partition(".")[0]) for line in shown] == [*range(1, 81)]
        assert seat.screen[-2:] == ["", MARK]
        assert "" not in seat.page[seat.page.index(shown[0]) : -2]

    async def test_it_is_told_why_another_model_answers_and_what_that_cost(self, sit: Sit) -> None:
        async with MockLLM() as mock:
            mock.script("a", *[Refusal(503)] * 3)
            seat = sit("-m", "ollama:a", "--fallback", "ollama:b", OLLAMA_HOST=mock.url)
            await seat.ready()
            await seat.ask("hello", "retinue\nhello\n\n\u203a")
            assert "model is replaced  model=ollama:a" in seat.text
            seat.type("/cost", ENTER)
            await seat.sees("ollama:b  1 answer; tokens: ")
            await seat.sees("total     $0")

    async def test_lines_may_be_several(self, sit: Sit, script: Script) -> None:
        seat = sit("-m", script("A.", "B."))
        await seat.ready()
        seat.type("first", ESCAPE + ENTER, "second")
        await seat.until(lambda: seat.typed == "  second")
        await seat.ask("", "A.")
        seat.type("\x1b[200~pasted\nin\n  three lines\x1b[201~")
        await seat.until(lambda: seat.typed == "    three lines")
        await seat.ask("", "B.")
        at = seat.page.index(f"{MARK} first")
        assert seat.page[at + 1] == "  second"
        at = seat.page.index(f"{MARK} pasted")
        assert seat.page[at + 1 : at + 3] == ["  in", "    three lines"]

    async def test_a_message_may_begin_with_a_slash(self, sit: Sit) -> None:
        seat = sit("-m", "demo", "--tools", "none")
        await seat.ready()
        await seat.ask(" /usr is full", "no language model")
        await seat.ask("//usr is full", f"{MARK} //usr is full")


class TestStopping:
    async def test_ctrl_c_stops_the_answer_and_its_socket_and_keeps_the_rest(
        self, sit: Sit, home: Path
    ) -> None:
        async with MockLLM() as mock:
            mock.script("m1", Answer([WORDS, Silence()]), "Now it is whole.", "And on.")
            seat = sit("-m", endpoint(home, mock))
            await seat.ready()
            seat.type("first", ENTER)
            await seat.sees("one two")
            seat.type("typed meanwhile")
            await seat.until(lambda: seat.typed == f"{MARK} typed meanwhile")
            seat.type(CTRL_C)
            await mock.asked("m1")[0].left.wait()
            await seat.sees("■ stopped; /retry asks again")
            await seat.until(lambda: seat.typed == f"{MARK} typed meanwhile")
            seat.type(CTRL_C)
            await seat.ready()
            await seat.ask("/retry", "Now it is whole.")
            await seat.ask("next", "And on.")
            said = [asked_in(one) for one in mock.asked("m1")]
            assert said == [["first"], ["first"], ["first", "Now it is whole.", "next"]]

    async def test_ctrl_c_clears_the_line_then_says_how_to_leave(
        self, sit: Sit, script: Script
    ) -> None:
        seat = sit("-m", script("A."))
        await seat.ready()
        seat.type("something")
        await seat.until(lambda: seat.typed == f"{MARK} something")
        seat.type(CTRL_C)
        await seat.ready()
        seat.type(CTRL_C)
        await seat.until(lambda: "Ctrl-D leaves" in seat.screen)
        seat.type("x")
        await seat.until(lambda: seat.typed == f"{MARK} x" and "Ctrl-D leaves" not in seat.screen)
        os.kill(seat.process.pid, signal.SIGINT)
        await seat.ready()

    async def test_what_is_queued_comes_next_when_an_answer_is_stopped(
        self, sit: Sit, script: Script
    ) -> None:
        seat = sit("-m", script(STUCK, "Second answer."))
        await seat.ready()
        seat.type("first", ENTER)
        await seat.sees(WORDS)
        seat.type("second", ENTER)
        await seat.sees("queued: second")
        seat.type(CTRL_C)
        await seat.sees("Second answer.")

    async def test_half_an_answer_is_no_part_of_the_conversation(
        self, sit: Sit, script: Script, home: Path
    ) -> None:
        seat = sit("-m", script("Whole.", STUCK), "--history", "chat.md")
        await seat.ready()
        await seat.ask("first", "Whole.")
        seat.type("second", ENTER)
        await seat.sees(WORDS)
        seat.type(CTRL_C)
        await seat.sees("stopped;")
        await seat.ready()
        await seat.ask("/history", "Whole.")
        kept = (home / "chat.md").read_text()
        assert "first" in kept
        assert "second" not in kept
        assert "second" not in "\n".join(seat.page[-6:])


class TestLeaving:
    async def test_ctrl_d_leaves_the_terminal_as_it_was(self, sit: Sit, script: Script) -> None:
        seat = sit("-m", script("A."))
        before = termios.tcgetattr(seat.process.child_fd)
        await seat.ready()
        assert termios.tcgetattr(seat.process.child_fd) != before
        await seat.ask("first", "A.")
        seat.type(CTRL_D)
        assert await seat.end() == 0
        assert termios.tcgetattr(seat.process.child_fd) == before
        assert seat.page[-2:] == ["A.", ""] or seat.page[-1:] == ["A."]
        modes = seat.raw.rpartition(b"\x1b[?2004")
        assert modes[2].startswith(b"l")  # no bracketed paste for whoever comes next
        assert seat.raw.rpartition(b"\x1b[?25")[2][:1] in (b"h", b"")

    @pytest.mark.parametrize("line", ["/quit", "/exit"])
    async def test_so_do_words(self, sit: Sit, script: Script, line: str) -> None:
        seat = sit("-m", script("A."))
        await seat.ready()
        seat.type(line, ENTER)
        assert await seat.end() == 0

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    async def test_a_signal_stops_what_goes_on_and_leaves_quietly(
        self, sit: Sit, home: Path, number: signal.Signals
    ) -> None:
        async with MockLLM() as mock:
            mock.script("m1", Answer([WORDS, Silence()]))
            seat = sit("-m", endpoint(home, mock))
            before = termios.tcgetattr(seat.process.child_fd)
            await seat.ready()
            seat.type("first", ENTER)
            await seat.sees("one two")
            os.kill(seat.process.pid, number)
            assert await seat.end() == 128 + number
            await mock.asked("m1")[0].left.wait()
            assert termios.tcgetattr(seat.process.child_fd) == before
            assert "Traceback" not in seat.text

    async def test_it_ends_when_its_terminal_goes(self, sit: Sit, home: Path) -> None:
        async with MockLLM() as mock:
            mock.script("m1", Answer([WORDS, Silence()]))
            seat = sit("-m", endpoint(home, mock))
            await seat.ready()
            seat.type("first", ENTER)
            await seat.sees("one two")
            seat.hang_up()
            await mock.asked("m1")[0].left.wait()
            assert await seat.end() == 128 + signal.SIGHUP

    async def test_ctrl_d_stops_an_answer_first(self, sit: Sit, script: Script) -> None:
        seat = sit("-m", script(STUCK))
        await seat.ready()
        seat.type("first", ENTER)
        await seat.sees(WORDS)
        seat.type(CTRL_D)
        assert await seat.end() == 0
        assert "stopped" in seat.text


class TestCommands:
    async def test_a_menu_shows_what_can_be_typed(self, sit: Sit, script: Script) -> None:
        seat = sit("-m", script("A."))
        await seat.ready()
        seat.type("/h")
        await seat.sees("what was said; the last N messages")
        assert "write this conversation" not in seat.text
        seat.type("el", TAB)
        await seat.until(lambda: seat.typed == f"{MARK} /help")
        await seat.ask("", "/quit")

    async def test_files_are_completed(self, sit: Sit, script: Script, home: Path) -> None:
        (home / "notes").mkdir()
        (home / "notes" / "a-long-name.md").write_text("Buy milk.")
        seat = sit("-m", script("A."))
        await seat.ready()
        seat.type("/attach no", TAB)
        await seat.until(lambda: seat.typed == f"{MARK} /attach notes/")
        seat.type("a", TAB)
        await seat.until(lambda: seat.typed == f"{MARK} /attach notes/a-long-name.md")

    async def test_an_unknown_one_gets_near_matches(self, sit: Sit, script: Script) -> None:
        seat = sit("-m", script("A."))
        await seat.ready()
        await seat.ask("/modle", "retinue: There is no command /modle. Did you mean /model?")

    async def test_the_model_is_switched_in_mid_conversation(
        self, sit: Sit, home: Path, script: Script
    ) -> None:
        async with MockLLM() as mock:
            mock.script("m1", "From the other one.")
            lab = endpoint(home, mock)
            seat = sit("-m", script("From the first."))
            await seat.ready()
            await seat.ask("one", "From the first.")
            await seat.ask(f"/model {lab}", "Now with compatible:m1.")
            await seat.ask("two", "From the other one.")
            (asked,) = mock.asked("m1")
            assert asked_in(asked) == ["one", "From the first.", "two"]
            await seat.ask("/cost", "compatible:m1")

    async def test_a_file_goes_with_the_next_line(self, sit: Sit, home: Path) -> None:
        (home / "notes.md").write_text("Buy milk.")
        async with MockLLM() as mock:
            mock.script("m1", "You need milk.", "Yes.")
            seat = sit("-m", endpoint(home, mock), "--file", "notes.md")
            await seat.ready()
            assert seat.screen[-2].startswith("  📎 notes.md (text, 9 ")
            await seat.ask("what do I need?", "You need milk.")
            at = seat.page.index(f"{MARK} what do I need?")
            assert seat.page[at + 1] == "  📎 notes.md"
            await seat.ask("sure?", "Yes.")
            first, second = mock.asked("m1")
            assert "Buy milk." in asked_in(first)[-1]
            assert "Buy milk." not in asked_in(second)[-1]
            await seat.ask("/attach gone.md", "retinue: There is no file gone.md.")

    async def test_what_was_typed_before_can_be_found_again(
        self, sit: Sit, script: Script, home: Path
    ) -> None:
        seat = sit("-m", script("A.", "B.", "C."))
        await seat.ready()
        await seat.ask("a needle in it", "A.")
        await seat.ask("hay", "B.")
        seat.type(CTRL_D)
        await seat.end()
        kept = home / ".local/share/retinue/shell_history"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
        seat = sit("-m", script("A.", "B.", "C."))
        await seat.ready()
        seat.type(UP)
        await seat.until(lambda: seat.typed == f"{MARK} hay")
        seat.type(CTRL_C)
        await seat.ready()
        seat.type(CTRL_R, "need")
        await seat.until(lambda: "search: need" in seat.screen[-1])
        seat.type(ENTER)
        await seat.until(lambda: seat.typed == f"{MARK} a needle in it")


class TestErrors:
    async def test_a_model_s_error_is_one_line_and_nothing_is_lost(
        self, sit: Sit, script: Script
    ) -> None:
        failing = {"error": "ModelRejected", "message": "No such thing.", "hint": "Try another."}
        seat = sit("-m", script(failing, "Now it works."), columns=100)
        await seat.ready()
        await seat.ask("first", "retinue: No such thing. Try another.")
        at = seat.page.index(f"{MARK} first")
        assert seat.page[at + 1 :] == ["", "retinue: No such thing. Try another.", "", MARK]
        await seat.ask("/retry", "Now it works.")

    async def test_a_limit_is_said(self, sit: Sit, script: Script) -> None:
        seat = sit("-m", script({"lines": "Cut.", "stop": "max_tokens"}))
        await seat.ready()
        await seat.ask("first", "retinue: The answer was cut at the limit of tokens.")

    async def test_a_budget_is_said_with_what_raises_it(self, sit: Sit, script: Script) -> None:
        seat = sit("-m", script("Never said."), "--max-tokens", "9")
        await seat.ready()
        await seat.ask("first", "--max-tokens.")

    async def test_what_cannot_begin_is_said_before_anything_is_drawn(
        self, sit: Sit, home: Path
    ) -> None:
        seat = sit("-m", "nobody:x")
        assert await seat.end() == 2
        assert seat.page[0].startswith("retinue: No model 'nobody:x'")
        assert b"\x1b[?2004h" not in seat.raw

    async def test_typed_lines_that_cannot_be_kept_are_one_remark(
        self, sit: Sit, script: Script, home: Path
    ) -> None:
        (home / ".local/share/retinue/shell_history").mkdir(parents=True)
        seat = sit("-m", script("A.", "B."))
        await seat.ready()
        await seat.ask("first", "A.")
        await seat.ask("second", "B.")
        assert seat.text.count("is not kept") == 1


PROGRAM = """
import sys
import retinue.app
from retinue.cli import main
from retinue.tools import tool

@tool(risk="write")
def erase(path: str) -> str:
    "Erase a file."
    print("printed by a tool")
    return f"erased {path}"

retinue.app.find_tools = lambda names: [erase]
sys.exit(main())
"""


def erase(path: str) -> Any:
    return {"tool_call": {"id": path, "name": "erase", "args": {"path": path}}}


class TestApproval:
    KEYS = "Use erase?  [y]es, [N]o, [a]lways"

    @pytest.fixture
    def program(self, home: Path) -> str:
        (home / "program.py").write_text(PROGRAM)
        return "program.py"

    async def test_one_key_answers_and_what_is_typed_stays(
        self, sit: Sit, script: Script, program: str
    ) -> None:
        seat = sit("-m", script([erase("a.txt")], "Done."), program=program)
        await seat.ready()
        seat.type("go", ENTER)
        await seat.sees("erase, which may write, is to be used with")
        seat.type("any")  # comes before the keys count: no answer, but text
        await seat.until(lambda: seat.typed == f"{MARK} any")
        await seat.sees(self.KEYS)
        seat.type("y")
        await seat.sees("Done.")
        assert seat.typed == f"{MARK} any"
        at = seat.page.index("🦊 retinue")
        assert seat.page[at + 1 : at + 4] == [
            "  erase, which may write, is to be used with",
            '    path: "a.txt"',
            "  Use erase? yes",
        ]
        assert "printed by a tool" in seat.page
        assert any(line.startswith("  🔧 erase a.txt → erased a.txt") for line in seat.page)

    @pytest.mark.parametrize("key", ["n", ENTER])
    async def test_no_ends_the_answer(
        self, sit: Sit, script: Script, program: str, key: str
    ) -> None:
        seat = sit("-m", script([erase("a.txt")], "Done."), program=program)
        await seat.ready()
        seat.type("go", ENTER)
        await seat.sees(self.KEYS)
        seat.type(key)
        await seat.sees("retinue: 'erase' was not approved.")
        await seat.ready()
        assert "erased" not in seat.text

    async def test_always_asks_no_more(self, sit: Sit, script: Script, program: str) -> None:
        calls = [erase("a.txt"), erase("b.txt")], "Both.", [erase("c.txt")], "Third."
        seat = sit("-m", script(*calls), program=program)
        await seat.ready()
        seat.type("go", ENTER)
        await seat.sees(self.KEYS)
        seat.type("a")
        await seat.sees("Both.")
        await seat.ready()
        await seat.ask("and", "Third.")
        assert seat.text.count("which may write") == 1

    async def test_several_are_asked_one_after_the_other(
        self, sit: Sit, script: Script, program: str
    ) -> None:
        seat = sit("-m", script([erase("a.txt"), erase("b.txt")], "Both."), program=program)
        await seat.ready()
        seat.type("go", ENTER)
        await seat.sees(self.KEYS)
        assert seat.text.count("which may write") == 1
        seat.type("y")
        await seat.until(lambda: seat.text.count("which may write") == 2)
        await seat.sees(self.KEYS)
        seat.type("Y")
        await seat.sees("Both.")

    async def test_ctrl_c_is_no_answer(self, sit: Sit, script: Script, program: str) -> None:
        seat = sit("-m", script([erase("a.txt")], "Done."), program=program)
        await seat.ready()
        seat.type("go", ENTER)
        await seat.sees(self.KEYS)
        seat.type(CTRL_C)
        await seat.sees("stopped; /retry asks again")
        await seat.ready()
        assert "erased" not in seat.text


class TestTerminals:
    async def test_open_lines_fit_a_terminal_that_changes_and_finished_ones_stay(
        self, sit: Sit, script: Script
    ) -> None:
        model = script({"lines": [f"{WORDS}\n\nSecond: {WORDS} {WORDS}", {"silence": None}]})
        seat = sit("-m", model, columns=100, XTERM_VERSION="this one does not reflow")
        await seat.ready()
        seat.type("go", ENTER)
        await seat.sees("Second: one two")
        seat.type("typed")
        await seat.until(lambda: seat.typed == f"{MARK} typed")
        seat.resize(30, 60)
        await seat.until(lambda: f"Second: {WORDS}"[:60].rpartition(" ")[0] in seat.page)
        await seat.until(lambda: seat.typed == f"{MARK} typed")
        assert seat.page.count(WORDS[:60].rstrip()) == 1  # as the terminal has cut it
        assert seat.text.count("Second:") == 1

    async def test_twenty_columns_are_enough(self, sit: Sit, script: Script) -> None:
        seat = sit("-m", script(["Let me see.", CALL], f"{WORDS}."), rows=8, columns=20)
        await seat.ready()
        await seat.ask("go on with it, please", "fourteen.")
        assert all(len(line) <= 20 for line in seat.page)
        await seat.ask("/help", "Ctrl-D")
        seat.type("/he", TAB, CTRL_C)
        await seat.ready()

    @pytest.mark.parametrize(
        "locale",
        [
            {"PYTHONIOENCODING": "latin-1"},
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        ],
    )
    async def test_signs_are_replaced_where_there_is_no_utf_8(
        self, sit: Sit, script: Script, locale: dict[str, str]
    ) -> None:
        seat = sit("-m", script([CALL], "Grüße 🦊!"), **locale)
        await seat.ready()
        assert seat.typed == ">"
        await seat.ask("go", "e ?!")
        assert "retinue" in seat.page
        assert any(line.startswith("  > calculator 6*7 -> 42  (") for line in seat.page)
        seat.raw.decode("latin-1")

    async def test_there_is_no_colour_where_none_is_wanted(self, sit: Sit, script: Script) -> None:
        seat = sit("-m", script([CALL], "It is **42**, `so`.\n\n# Title\n"), NO_COLOR="1")
        await seat.ready()
        await seat.ask("go", "Title")
        seat.type("/")
        await seat.sees("which model answers; another one")
        seat.type(TAB)
        await seat.until(lambda: seat.typed == f"{MARK} /help")
        colours = {f"\x1b[{n}".encode() for n in (*range(30, 38), *range(40, 48), *range(90, 98))}
        assert not [code for code in colours if code + b"m" in seat.raw or code + b";" in seat.raw]
        assert b"[38;" not in seat.raw

    async def test_log_lines_appear_above_what_is_typed(self, sit: Sit, script: Script) -> None:
        seat = sit("-m", script("A."), "-v")
        await seat.ready()
        await seat.ask("go", "A.")
        assert any(line.startswith("🤖 asked  agent=retinue") for line in seat.page)
        assert seat.page[-2:] == ["", MARK]

    async def test_a_picture_is_sent_at_once(self, sit: Sit, script: Script) -> None:
        slow = {"lines": [" ".join([WORDS] * 6), " end."], "token_delay": 0.01}
        seat = sit("-m", script(slow))
        await seat.ready()
        await seat.ask("go", "end.")
        begun = seat.raw.split(b"\x1b[?2026h")[1:]
        assert len(begun) > 3
        for picture in begun:
            _, end, outside = picture.partition(b"\x1b[?2026l")
            assert end
            assert b"\x1b[J" not in outside  # nothing is wiped out but in a picture
        assert b"\x1b[6n" not in seat.raw


class TestPlain:
    """A terminal that can do nothing."""

    async def test_everything_works_line_by_line(
        self, sit: Sit, script: Script, home: Path
    ) -> None:
        stuck = {"lines": [f"{WORDS}\n\nAnd ", {"silence": None}]}
        seat = sit("-m", script(["Let me see.", CALL], "It is **42**.", stuck), TERM="dumb")
        await seat.ready()
        await seat.ask("what is 6*7?", "It is 42.")
        assert any(line.startswith("  > calculator 6*7 -> 42  (") for line in seat.page)
        await seat.ask("/modle", "Did you mean /model?")
        seat.type(CTRL_C)
        await seat.sees("\n  Ctrl-D leaves")
        seat.type("again", ENTER)
        await seat.sees(WORDS)
        seat.type(CTRL_C)
        await seat.sees("stopped; /retry asks again")
        await seat.ready()
        seat.type(CTRL_D)
        assert await seat.end() == 0
        assert b"\x1b" not in seat.raw

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    async def test_a_signal_ends_it(self, sit: Sit, script: Script, number: signal.Signals) -> None:
        seat = sit("-m", script("A."), TERM="dumb")
        await seat.ready()
        os.kill(seat.process.pid, number)
        assert await seat.end() == 128 + number

    @pytest.mark.parametrize(("answer", "seen"), [("y", "erased a.txt"), ("", "not approved")])
    async def test_a_tool_is_asked_about(
        self, sit: Sit, script: Script, home: Path, answer: str, seen: str
    ) -> None:
        (home / "program.py").write_text(PROGRAM)
        seat = sit("-m", script([erase("a.txt")], "Done."), program="program.py", TERM="dumb")
        await seat.ready()
        seat.type("go", ENTER)
        await seat.sees("Use erase? [y]es, [N]o, [a]lways:")
        await seat.ask(answer, seen)


def asked_in(request: Request) -> list[str]:
    """The texts of the conversation that a model got."""
    assert request.asked is not None
    return [str(message) for message in request.asked.messages]


def endpoint(home: Path, mock: MockLLM) -> str:
    """The model m1 of this mock, by the name it has in the person's own settings."""
    folder = home / ".config/retinue"
    folder.mkdir(parents=True, exist_ok=True)
    address = json.dumps(f"{mock.url}/v1")
    (folder / "config.toml").write_text(f'[models.lab]\nbase_url = {address}\nmodel = "m1"\n')
    return "lab"
