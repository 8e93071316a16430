"""Conversations that last: they are gone on with, also where a process was killed in the middle."""

import asyncio
import os
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retinue.app import build
from retinue.cli._house import opened
from retinue.cli._screen import Screen
from retinue.cli._thread import Question, Thread
from retinue.errors import StoreTooNew
from retinue.messages import Message
from retinue.messages.events import RunEnded
from retinue.settings import Settings
from retinue.storage import Conversation, Store, open_store
from retinue.telemetry.terminal import Look

type Retinue = Callable[..., Any]
type Script = Callable[..., str]
type Start = Callable[..., subprocess.Popen[bytes]]

KEEPS = True
PATIENCE = 20.0
LOOK = Look(live=False, colour=False, emoji=False)
SCREEN = Screen(None, None, look=LOOK, err_look=LOOK, program="retinue", debug=False)
HALF: Any = {"lines": ["Half ", "an ", {"silence": None}]}
CALL: Any = {"tool_call": {"id": "1", "name": "erase", "args": {"path": "a.txt"}}}

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


class TestGoingOn:
    def test_the_last_conversation_of_the_folder_goes_on(
        self, retinue: Retinue, home: Path
    ) -> None:
        retinue("-p", "The code word is heron.")
        (home / "other").mkdir()
        elsewhere = retinue("-p", "What is the code word?")
        assert "heron" not in elsewhere.out
        said = retinue("-c", "-p", "The code word is now swan.")
        assert (said.code, said.err) == (0, "")
        assert "swan" in retinue("-c", "-p", "What is the code word?").out

    def test_one_that_is_named_goes_on(self, retinue: Retinue, home: Path) -> None:
        retinue("-p", "The code word is heron.")
        retinue("-p", "hello")
        first = conversations(home)[-1]
        assert "heron" in retinue("-r", first.id[:12], "-p", "What is the code word?").out
        assert "heron" in retinue("--resume", first.id, "-p", "What is the code word?").out

    @pytest.mark.parametrize(
        ("option", "complaint"),
        [(["-c"], "No conversation was begun in "), (["-r", "01ZZ"], "01ZZ")],
    )
    def test_where_there_is_none_nothing_is_asked(
        self, retinue: Retinue, option: list[str], complaint: str
    ) -> None:
        said = retinue(*option, "-p", "hi")
        assert (said.code, said.out) == (2, "")
        assert complaint in said.err
        assert said.err.count("\n") == 1

    def test_what_failed_is_no_part_of_what_goes_on(
        self, retinue: Retinue, home: Path, script: Script
    ) -> None:
        retinue("-p", "The code word is heron.")
        failing = script([{"error": "ModelRejected", "message": "No."}])
        assert retinue("-c", "-p", "The code word is swan.", "-m", failing).code == 1
        assert "heron" in retinue("-c", "-p", "What is the code word?").out
        assert len(conversations(home)) == 1


class TestStores:
    def test_nothing_is_kept_where_nothing_is_to_be(self, retinue: Retinue, home: Path) -> None:
        assert retinue("-p", "hi", "--store", "memory:").code == 0
        assert not (home / ".local").exists()

    def test_another_file_may_be_chosen(self, retinue: Retinue, home: Path) -> None:
        retinue("-p", "The code word is heron.", RETINUE_STORE="mine.db")
        said = retinue("-c", "-p", "What is the code word?", "--store", str(home / "mine.db"))
        assert "heron" in said.out
        assert not (home / ".local").exists()

    def test_a_question_is_answered_where_the_usual_place_cannot_be_had(
        self, retinue: Retinue, home: Path
    ) -> None:
        (home / ".local/share/retinue/retinue.db").mkdir(parents=True)
        said = retinue("-p", "what is 6*7?")
        assert said.code == 0
        assert "42" in said.out
        assert said.err.startswith("retinue: nothing of this is kept: ")
        assert said.err.count("\n") == 1
        assert retinue("-c", "-p", "hi").code == 1
        assert (
            retinue("-p", "hi", "--store", str(home / ".local/share/retinue/retinue.db")).code == 1
        )

    @pytest.mark.parametrize("store", ["postgresql://me:secret@host/db", "  "])
    def test_a_password_does_not_belong_there(self, retinue: Retinue, store: str) -> None:
        said = retinue("-p", "hi", "--store", store)
        assert (said.code, said.out) == (2, "")
        assert "without a password" in said.err
        assert "secret" not in said.err

    def test_a_file_of_settings_names_a_whole_path(self, retinue: Retinue, home: Path) -> None:
        folder = home / ".config/retinue"
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text('store = "mine.db"\n')
        assert retinue("-p", "hi").code == 2
        (folder / "config.toml").write_text('store = "~/mine.db"\n')
        assert retinue("-p", "hi").code == 0
        assert (home / "mine.db").exists()


@needs_signals
class TestKilled:
    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
    def test_an_answer_that_was_left_comes_before_what_is_asked_next(
        self, start: Start, retinue: Retinue, home: Path, script: Script, number: int
    ) -> None:
        with start("-p", "first", "-m", script(HALF)) as process:
            until(process, b"Half an")
            process.send_signal(number)
            process.communicate(timeout=PATIENCE)
        model = script("An answer to the first.", "An answer to the second.")
        said = retinue("-c", "-p", "second", "-m", model)
        assert said.code == 0
        # The first goes on as it was ordered, with a model of its own that begins anew.
        assert said.out == "An answer to the first.\n"
        assert "it comes first" in said.err
        assert texts(home) == [
            "first",
            "An answer to the first.",
            "second",
            "An answer to the first.",
        ]

    def test_one_that_fails_then_is_no_part_of_what_is_asked_next(
        self, start: Start, retinue: Retinue, home: Path, script: Script
    ) -> None:
        with start("-p", "first", "-m", script(HALF)) as process:
            until(process, b"Half an")
            process.kill()
            process.communicate(timeout=PATIENCE)
        script([{"error": "ModelRejected", "message": "No."}])
        said = retinue("-c", "-p", "The code word is heron.", "-m", "demo")
        assert said.code == 0
        assert "retinue: No." in said.err
        assert "heron" in retinue("-c", "-p", "What is the code word?", "-m", "demo").out
        assert reasons(home) == ["failed", "done", "done"]

    def test_one_that_was_stopped_is_over(self, start: Start, home: Path, script: Script) -> None:
        with start("-p", "first", "-m", script(HALF)) as process:
            until(process, b"Half an")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert reasons(home) == ["stopped"]

    def test_so_is_one_whose_time_was_up_or_that_nobody_reads(
        self, start: Start, retinue: Retinue, home: Path, script: Script
    ) -> None:
        assert retinue("-p", "first", "-m", script(HALF), "--timeout", "0.5").code == 4
        with start("-p", "second", "-m", script(["word " * 9999, {"silence": None}])) as process:
            assert process.stdout is not None
            process.stdout.read(4)
            process.stdout.close()
            process.stdout = None
            process.communicate(timeout=PATIENCE)
        assert process.returncode == 141
        assert reasons(home) == ["stopped", "stopped"]


class TestHistories:
    def test_a_file_is_one_conversation_until_somebody_changes_it(
        self, retinue: Retinue, home: Path, script: Script
    ) -> None:
        for reply in ("One.", "Two."):
            retinue("-p", "hi", "-m", script(reply), "--history", "chat.md")
        assert len(conversations(home)) == 1
        chat = home / "chat.md"
        chat.write_text(chat.read_text().replace("One.", "Eins."))
        retinue("-p", "hi", "-m", script("Three."), "--history", "chat.md")
        assert len(conversations(home)) == 2
        assert texts(home) == ["hi", "Eins.", "hi", "Two.", "hi", "Three."]
        chat.unlink()
        retinue("-p", "hi", "-m", script("Four."), "--history", "chat.md")
        assert texts(home) == ["hi", "Four."]
        assert "Three" not in chat.read_text()

    def test_what_came_to_it_elsewhere_is_added(
        self, retinue: Retinue, home: Path, script: Script
    ) -> None:
        retinue("-p", "first", "-m", script("One."), "--history", "chat.md")
        retinue("-p", "second", "-m", script("Two."), "-c")
        retinue("-p", "third", "-m", script("Three."), "--history", "chat.md")
        stored = (home / "chat.md").read_text()
        places = [stored.index(word) for word in ("One.", "second", "Two.", "third", "Three.")]
        assert places == sorted(places)
        assert len(conversations(home)) == 1


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


def test_where_nobody_can_be_asked_the_answer_is_no(
    home: Path, environ: dict[str, str], script: Script
) -> None:
    (home / "program.py").write_text(PROGRAM)
    model = script(["I will.", CALL], "Done.")
    said = subprocess.run(
        [sys.executable, "program.py", "-p", "erase it", "-m", model],
        env=environ,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (said.returncode, said.stdout) == (3, b"I will.\n")
    assert b"'erase' needs approval, and there is no terminal to ask on" in said.stderr
    assert said.stderr.count(b"\n") == 1
    assert reasons(home) == ["denied"]


ASKING = """
import sys
import retinue.app
from retinue.cli import main
from retinue.steps import ask
from retinue.tools import tool

async def nobody():
    raise AssertionError("it is asked in a run")

@tool(risk="read", effect="none")
async def erase(path: str) -> str:
    "Erase a file."
    sure = await ask({"text": "Really?", "schema": {"type": "boolean"}}, nobody)
    return f"sure: {sure}"

retinue.app.find_tools = lambda names: [erase]
sys.exit(main())
"""


class TestQuestions:
    @pytest.fixture
    def line(self, home: Path, script: Script) -> list[str]:
        (home / "program.py").write_text(ASKING)
        return [sys.executable, "program.py", "-p", "go", "-m", script([CALL], "Done.")]

    def test_one_that_nobody_can_answer_waits(
        self, home: Path, environ: dict[str, str], line: list[str], script: Script
    ) -> None:
        options: Any = {"env": environ, "cwd": home, "capture_output": True, "check": False}
        options |= {"stdin": subprocess.DEVNULL, "timeout": PATIENCE, "text": True}
        said = subprocess.run(line, **options)
        assert (said.returncode, said.stdout) == (3, "")
        assert "asks, and nobody is here to answer: Really?" in said.stderr
        assert "retinue inbox" in said.stderr
        assert answer_all(home, True) == 1
        script("And now that.")
        said = subprocess.run([*line, "-c"], **options)
        assert (said.returncode, said.stdout) == (0, "And now that.\n")
        assert reasons(home) == ["done", "done"]

    def test_one_is_answered_at_the_terminal(
        self, home: Path, environ: dict[str, str], line: list[str]
    ) -> None:
        pexpect = pytest.importorskip("pexpect")
        terminal = pexpect.spawn(
            line[0], line[1:], env=environ, cwd=os.fspath(home), encoding="utf-8", timeout=PATIENCE
        )
        terminal.expect_exact("Really?")
        terminal.expect_exact("(yes, no):")
        terminal.sendline("perhaps")
        terminal.expect_exact("That does not answer the question")
        terminal.sendline("no")
        terminal.expect_exact("sure: False")
        terminal.expect_exact("Done.")
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == 0

    @pytest.mark.parametrize(("key", "code"), [("\x03", 130), ("\x04", 3)])
    def test_ctrl_c_and_the_end_of_input_are_no_answer(
        self, home: Path, environ: dict[str, str], line: list[str], key: str, code: int
    ) -> None:
        pexpect = pytest.importorskip("pexpect")
        terminal = pexpect.spawn(
            line[0], line[1:], env=environ, cwd=os.fspath(home), encoding="utf-8", timeout=PATIENCE
        )
        terminal.expect_exact("(yes, no):")
        terminal.send(key)
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == code


def answer_all(home: Path, answer: Any) -> int:
    """Answer everything that is asked; how much that was."""

    async def give(store: Store) -> Any:
        runs = store.runs("me")
        asked = (await runs.inbox()).items
        for each in asked:
            await runs.answer(each.id, answer)
        return len(asked)

    return asked_of(home, give)


def conversations(home: Path) -> tuple[Conversation, ...]:
    """What is kept, the last first."""

    async def look(store: Store) -> Any:
        return (await store.log("me").conversations()).items

    return asked_of(home, look)


def texts(home: Path) -> list[str]:
    """The texts of the conversation that changed last."""

    async def look(store: Store) -> Any:
        log = store.log("me")
        (last, *_) = (await log.conversations()).items
        return [message.text for message in (await log.messages(last.id)).items]

    return asked_of(home, look)


def reasons(home: Path) -> list[str]:
    """Why the runs of all conversations ended, as their logs say."""

    async def look(store: Store) -> Any:
        log = store.log("me")
        found: list[str] = []
        for each in (await log.conversations()).items:
            events = await log.events(each.id)
            found += [event.reason for event in events if isinstance(event, RunEnded)]
        return found

    return asked_of(home, look)


def asked_of(home: Path, look: Callable[[Store], Any]) -> Any:
    async def work() -> Any:
        store = await open_store(home / ".local/share/retinue/retinue.db")
        try:
            return await look(store)
        finally:
            await store.close()

    return asyncio.run(work())


def until(process: subprocess.Popen[bytes], wanted: bytes) -> None:
    """Wait until it has said so."""
    assert process.stdout is not None
    said = b""
    deadline = time.monotonic() + PATIENCE
    while wanted not in said:
        ready, _, _ = select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"{wanted!r} did not come, only {said!r}"
        piece = os.read(process.stdout.fileno(), 65536)
        assert piece, f"{wanted!r} did not come, only {said!r}"
        said += piece


class TestThread:
    """What is not easily seen from outside."""

    async def test_what_others_do_in_the_conversation_is_left_to_them(self, tmp_path: Path) -> None:
        path = tmp_path / "r.db"
        settings = Settings(model="demo", store=str(path))
        async with opened(settings, SCREEN) as house:
            begun = await house.retinue.log.begin()
            thread = await Thread.open(house, begun)
            order = {"conversation": begun.id, "version": None}
            task = await house.retinue.start("retinue", "hello", background=True, **order)
            asked = await thread.ask(
                build(settings).host(),
                Question(Message("hi", role="user"), thread.messages),
                version=None,
                limits={},
            )
            async with asyncio.timeout(PATIENCE):
                assert (await asked.ended()).reason == "done"
            assert (await task.record()).status == "queued"
            await thread.ended(asked, Message("hi"), "done")
            again = await Thread.open(house, begun)
            assert again.unfinished == ()
            assert again.last is not None
            assert again.last.message.text == "hi"

    async def test_a_newer_store_is_no_reason_to_keep_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("XDG_DATA_HOME", raising=False)
        async with opened(Settings(model="demo"), SCREEN):
            pass
        with sqlite3.connect(tmp_path / ".local/share/retinue/retinue.db") as file:
            file.execute("PRAGMA user_version = 9999")
        file.close()
        with pytest.raises(StoreTooNew):
            async with opened(Settings(model="demo"), SCREEN):
                pass
