"""The terminal that can be typed at while it shows something, and what it is made of."""

import asyncio
import io
import os
import signal
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.data_structures import Size
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input

from retinue.cli._house import House, opened
from retinue.cli._screen import Screen
from retinue.cli._signals import Stop
from retinue.cli._thread import Thread
from retinue.cli.chat import _approval, _typed
from retinue.cli.chat._approval import Approval
from retinue.cli.chat._cast import face_of, shown
from retinue.cli.chat._cells import cells, fit, wrapped
from retinue.cli.chat._complete import Complete
from retinue.cli.chat._leaving import leaving_on_signals
from retinue.cli.chat._person import Person
from retinue.cli.chat._plain import Plain
from retinue.cli.chat._prompt import Prompt
from retinue.cli.chat._reflow import does_reflow
from retinue.cli.chat._session import Session
from retinue.cli.chat._shell import Shell
from retinue.cli.chat._steady import Steady
from retinue.settings import Settings
from retinue.telemetry.terminal import Look

LOOK = Look(live=True, colour=False, emoji=True)
PATIENCE = 20.0


class Desk:
    """A prompt on a terminal made of a pipe and a text."""

    def __init__(self, pipe: Any, folder: Path, house: House) -> None:
        self.pipe = pipe
        self.size = Size(rows=20, columns=60)
        self.out = io.StringIO()
        output = Steady(self.out, lambda: self.size, term="xterm")
        screen = Screen(
            self.out, io.StringIO(), look=LOOK, err_look=LOOK, program="retinue", debug=False
        )
        self.prompt = Prompt(pipe, output, screen, typed=folder / "typed")
        person = Person(self.prompt, screen.complain)
        settings = Settings(model="demo", tools=())
        self.session = Session(settings, house, Thread(house), person=person)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        async with asyncio.timeout(PATIENCE), self.prompt.open(self.session):
            await self.until(lambda: "\u203a" in self.out.getvalue())
            yield

    async def until(self, condition: Callable[[], Any]) -> None:
        while not condition():
            await asyncio.sleep(0.005)

    async def writes(self, words: str) -> None:
        await self.until(lambda: words in self.out.getvalue())


@pytest.fixture
async def house() -> AsyncGenerator[House]:
    async with opened(Settings(store="memory:"), screen()) as house:
        yield house


@pytest.fixture
async def place(tmp_path: Path, house: House) -> AsyncGenerator[Desk]:
    with create_pipe_input() as pipe:
        yield Desk(pipe, tmp_path, house)


class TestPrompt:
    async def test_lines_come_in_order_until_the_person_leaves(self, place: Desk) -> None:
        async with place.open():
            place.pipe.send_text("first\rsecond\r   \r")
            assert await place.prompt.line() == "first"
            assert await place.prompt.line() == "second"
            place.pipe.send_text("\x04")
            assert await place.prompt.line() is None

    async def test_lines_are_completed(self, place: Desk) -> None:
        async with place.open():
            place.pipe.send_text("/hel\t")
            await place.until(lambda: place.prompt.buffer.text == "/help")
            place.pipe.send_text(" qu\t")
            await place.until(lambda: place.prompt.buffer.text == "/help quit")
        complete = Complete(place.session)  # it is never asked to block
        assert [*complete.get_completions(Document("/h"), CompleteEvent())] == []

    async def test_it_is_left_where_the_input_ends(self, place: Desk) -> None:
        async with place.open():
            place.pipe.close()
            assert await place.prompt.line() is None
            place.prompt.show(["still written"])
        assert "still written\r\n" in place.out.getvalue()

    async def test_what_is_printed_appears_above_whichever_thread_prints(self, place: Desk) -> None:
        async with place.open():
            print("printed here")
            thread = threading.Thread(target=print, args=("printed there",))
            thread.start()
            thread.join()
            print("half", end=" ")
            print("a line")
            place.prompt.screen.remark("remarked")
            for words in ("printed here", "printed there", "half a line", "retinue: remarked"):
                await place.writes(f"{words}\r\n")
        print("over")
        assert "over" not in place.out.getvalue()

    async def test_a_question_is_answered_by_a_key(self, place: Desk, monkeypatch: Any) -> None:
        monkeypatch.setattr(_approval, "_CALM", 0.0)
        async with place.open():
            place.pipe.send_text("typed")
            await place.writes("typed")
            for key, answer in (("y", "yes"), ("N", "no"), ("\r", "no"), ("a", "always")):
                asking = asyncio.ensure_future(place.prompt.ask("Use it?"))
                await place.until(lambda: place.prompt.may_answer)
                place.pipe.send_text(key)
                assert await asking == answer
            place.prompt.answer("yes")
            place.pipe.send_text("\r")
            assert await place.prompt.line() == "typed"

    async def test_the_picture_is_never_more_than_half_of_the_screen(self, place: Desk) -> None:
        async with place.open():
            stopped: list[str] = []
            with place.prompt.showing(
                lambda: [f"row {n}" for n in range(100)],
                lambda: stopped.append("stop"),
                lambda: stopped.append("leave"),
            ):
                await place.writes("row 99")
                place.prompt.interrupt()
                place.prompt.leave()
            assert stopped == ["stop", "leave"]
            assert "row 89" not in place.out.getvalue()
            assert "row 90" in place.out.getvalue()

    async def test_a_note_waits_until_nothing_goes_on(self, place: Desk) -> None:
        async with place.open():
            place.prompt.note("at once")
            await place.writes("at once")
            with place.prompt.showing(lambda: ["going on"], lambda: None, lambda: None):
                await place.writes("going on")
                place.prompt.note("afterwards")
                place.pipe.send_text("typed\r")
                await place.writes("queued: typed")
                assert "afterwards" not in place.out.getvalue()
            assert await place.prompt.line() == "typed"
            await place.writes("afterwards")

    async def test_a_question_is_answered_by_a_line_whatever_it_says(self, place: Desk) -> None:
        async with place.open():
            replying = asyncio.ensure_future(place.prompt.reply("Which year?"))
            await place.writes("Which year?")
            place.pipe.send_text("1907\rnext\r")
            assert await replying == "1907"
            assert await place.prompt.line() == "next"

    async def test_stop_does_not_wait_and_ctrl_d_stops_first(self, place: Desk) -> None:
        heard: list[str] = []
        async with place.open():
            with place.prompt.showing(
                list, lambda: heard.append("stop"), lambda: heard.append("leave")
            ):
                for keys, expected in (("/stop\r", 1), ("\x04", 2), ("\x04", 3)):
                    place.pipe.send_text(keys)
                    await place.until(lambda expected=expected: len(heard) == expected)
            assert await place.prompt.line() is None
        assert heard == ["stop", "stop", "leave"]

    @pytest.mark.parametrize(("reflows", "ups"), [(True, 1), (False, 0)])
    async def test_rows_that_the_terminal_has_broken_are_wiped_out_too(
        self, place: Desk, reflows: bool, ups: int
    ) -> None:
        app: Any = place.prompt._app
        app.reflows = reflows
        async with place.open():
            with place.prompt.showing(lambda: ["x" * 50, "y" * 10, ""], lambda: None, lambda: None):
                await place.writes("yyy")
                place.size = Size(rows=20, columns=20)
                before = len(place.out.getvalue())
                app._on_resize()
                added = place.out.getvalue()[before:]
                assert added.count("\x1b[2A") == ups  # fifty columns are three rows of twenty
                assert "\x1b[3A" in added

    async def test_what_goes_wrong_in_drawing_is_raised_where_it_is_open(
        self, place: Desk, monkeypatch: Any
    ) -> None:
        def fail() -> list[str]:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            async with place.open():
                monkeypatch.setattr(place.prompt, "_lines", fail)
                place.prompt.show(["x"])
                assert await place.prompt.line() is None

    async def test_ctrl_z_puts_it_aside(self, place: Desk, monkeypatch: Any) -> None:
        aside = asyncio.Event()
        monkeypatch.setattr(place.prompt._app, "suspend_to_background", aside.set)
        async with place.open():
            place.pipe.send_text("\x1a")
            await aside.wait()

    async def test_a_picture_to_a_terminal_that_has_gone_is_no_error(
        self, place: Desk, monkeypatch: Any
    ) -> None:
        async with place.open():
            place.out.close()
            place.prompt.show(["lost"])
            place.pipe.send_text("x\r")
            assert await place.prompt.line() == "x"


class TestShell:
    """What is not easily seen from outside."""

    async def test_a_command_can_be_stopped_and_any_error_is_one_line(
        self, place: Desk, monkeypatch: Any
    ) -> None:
        for_ever = asyncio.Event()

        async def models() -> tuple[str, ...]:
            if for_ever.is_set():
                raise ZeroDivisionError("of ours")
            for_ever.set()
            await asyncio.Event().wait()
            return ()

        monkeypatch.setattr(place.session, "models", models)
        async with place.open():
            talking = asyncio.ensure_future(Shell(place.session, place.prompt).talk())
            place.pipe.send_text("/model\r")
            await for_ever.wait()
            place.pipe.send_text("\x03")
            await place.writes("■ stopped")
            place.pipe.send_text("/model\r")
            await place.writes("retinue: ZeroDivisionError: of ours.")
            place.pipe.send_text("/exit\r")
            await talking

    async def test_nothing_goes_on_when_the_shell_itself_is_stopped(
        self, place: Desk, monkeypatch: Any
    ) -> None:
        begun, over = asyncio.Event(), asyncio.Event()

        async def models() -> tuple[str, ...]:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                over.set()
            return ()

        monkeypatch.setattr(place.session, "models", models)
        async with place.open():
            talking = asyncio.ensure_future(Shell(place.session, place.prompt).talk())
            place.pipe.send_text("/model\r")
            await begun.wait()
            talking.cancel()
            await asyncio.wait({talking})
            assert over.is_set()


class TestApproval:
    def test_a_key_is_an_answer_only_after_a_while_of_calm(self) -> None:
        now = 0.0
        approval = Approval(clock=lambda: now)

        async def ask() -> str:
            nonlocal now
            asking = asyncio.ensure_future(approval.ask("Use it?"))
            await asyncio.sleep(0)
            assert not approval.may_answer
            assert approval.drawn(LOOK) == ["Use it?"]
            now = 0.5
            approval.a_key_was_pressed()
            now = 1.0
            assert not approval.may_answer
            now = 1.2
            assert approval.may_answer
            assert approval.drawn(LOOK) == ["Use it?  [y]es, [N]o, [a]lways"]
            approval.answer("yes")
            approval.answer("no")
            return await asking

        assert asyncio.run(ask()) == "yes"
        assert approval.drawn(LOOK) == []
        assert not approval.may_answer


class TestTyped:
    def test_it_keeps_what_was_typed_for_the_next_time(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "typed"
        typed = _typed.Typed(path, pytest.fail)
        assert [*typed.load_history_strings()] == []
        for words in ("first", "several\nlines", "grüße"):
            typed.store_string(words)
        again = _typed.Typed(path, pytest.fail)
        assert [*again.load_history_strings()] == ["grüße", "several\nlines", "first"]
        assert path.stat().st_mode & 0o777 == 0o600

    def test_what_is_no_text_in_it_harms_nobody(self, tmp_path: Path) -> None:
        path = tmp_path / "typed"
        path.write_bytes(b"\x00garbage\xff\n+fi\xffrst\n")
        typed = _typed.Typed(path, pytest.fail)
        assert [*typed.load_history_strings()] == ["fi\ufffdrst"]

    def test_where_it_cannot_be_kept_that_is_said_once(self, tmp_path: Path) -> None:
        (tmp_path / "typed").mkdir()
        said: list[str] = []
        typed = _typed.Typed(tmp_path / "typed", said.append)
        assert [*typed.load_history_strings()] == []
        typed.store_string("first")
        typed.store_string("second")
        (line,) = said
        assert line.startswith("What you type is not kept: ")
        other = _typed.Typed(tmp_path / "typed" / "x" / "y", said.append)
        (tmp_path / "typed" / "x").touch()
        other.store_string("first")
        assert len(said) == 2


class TestPlain:
    @pytest.fixture
    def terminal(self) -> Any:
        keyboard, end = os.openpty()
        with open(end, encoding="utf-8") as reads:
            yield keyboard, reads
        os.close(keyboard)

    async def test_it_reads_whole_lines_until_the_end(self, terminal: Any, house: House) -> None:
        keyboard, reads = terminal
        plain = Plain(reads, screen())
        person = Person(plain, plain.screen.complain)
        session = Session(Settings(model="demo"), house, Thread(house), person=person)
        async with asyncio.timeout(PATIENCE), plain.open(session):
            os.write(keyboard, b"first\nsecond\n\x04")
            assert [await plain.line() for _ in range(3)] == ["first", "second", None]
            assert plain.width == 80
            assert Plain(io.StringIO(), screen()).width == 80

    @pytest.mark.parametrize(
        ("typed", "answer"),
        [("y", "yes"), ("Always", "always"), ("", "no"), ("what?", "no"), ("\x04", "no")],
    )
    async def test_it_asks(self, terminal: Any, typed: str, answer: str) -> None:
        keyboard, reads = terminal
        out = io.StringIO()
        plain = Plain(reads, screen(out))
        async with asyncio.timeout(PATIENCE):
            asking = asyncio.ensure_future(plain.ask("Use it?"))
            while "[a]lways" not in out.getvalue():
                await asyncio.sleep(0.005)
            os.write(keyboard, f"{typed}\n".encode())
            assert await asking == answer

    async def test_a_question_is_answered_by_a_line(self, terminal: Any) -> None:
        keyboard, reads = terminal
        out = io.StringIO()
        plain = Plain(reads, screen(out))
        plain.note("a task is done")
        async with asyncio.timeout(PATIENCE):
            os.write(keyboard, b"1907\nfirst\n")
            assert await plain.reply("Which year?") == "1907"
            assert out.getvalue() == "Which year?: "
            assert await plain.line() == "first"
        assert out.getvalue() == "Which year?: a task is done\n\u203a "

    async def test_the_end_of_input_is_no_answer_and_leaves(self, terminal: Any) -> None:
        keyboard, reads = terminal
        plain = Plain(reads, screen())
        heard = asyncio.Event()
        os.write(keyboard, b"\x04")
        with plain.showing(list, lambda: None, heard.set):
            replying = asyncio.ensure_future(plain.reply("Which year?"))
            await asyncio.wait_for(heard.wait(), PATIENCE)
            assert not replying.done()
            replying.cancel()
            await asyncio.wait({replying})

    async def test_leaving_stops_what_goes_on_and_what_waits(self, terminal: Any) -> None:
        _, reads = terminal
        plain = Plain(reads, screen())
        async with asyncio.timeout(PATIENCE):
            waiting = asyncio.ensure_future(plain.line())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            plain.leave()
            assert await waiting is None
            assert await plain.line() is None
        heard: list[str] = []
        with plain.showing(list, lambda: heard.append("stop"), lambda: heard.append("leave")):
            plain.interrupt()
            plain.leave()
        assert heard == ["stop", "leave"]


class TestSignals:
    async def test_they_interrupt_and_leave_and_the_second_breaks_off(self) -> None:
        heard: list[str] = []

        class Place:
            def interrupt(self) -> None:
                heard.append("interrupt")

            def leave(self) -> None:
                heard.append("leave")

        stop = Stop()
        before = signal.getsignal(signal.SIGTERM)
        with leaving_on_signals(Place(), stop):
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(0)
            assert stop.signal is None
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(0)
            assert stop.signal == signal.SIGTERM
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
        assert heard == ["interrupt", "leave"]
        assert signal.getsignal(signal.SIGTERM) is before


def test_cells_are_columns_not_letters() -> None:
    assert [cells(text) for text in ("abc", "漢字", "\x1b[1mab\x1b[0m", "e\u0301")] == [3, 4, 2, 1]
    assert fit("abcdef", 6) == "abcdef"
    assert fit("abcdef", 4) == "abc…"
    assert fit("漢字漢字", 5) == "漢字…"
    assert [fit("abc", width) for width in (1, 0, -3)] == ["…", "", ""]


def test_lines_are_broken_between_words_and_keep_their_indent() -> None:
    assert [*wrapped(["  one two three", "x", ""], 9)] == ["  one two", "  three", "x", ""]
    assert [*wrapped(["averylongword and"], 5)] == ["averylongword", "and"]
    assert [*wrapped(["\x1b[1mone\x1b[0m two"], 7)] == ["\x1b[1mone\x1b[0m two"]
    assert [*wrapped(["a  b"], 80)] == ["a  b"]


def test_the_host_has_a_face_that_nobody_else_has() -> None:
    host = face_of("ada", host="ada")
    assert host.emoji not in {face_of(f"agent {n}", host="ada").emoji for n in range(100)}
    assert shown("a\x1b]0;x", Look(live=True, colour=False, emoji=False), host="x") == "a]0;x"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm-256color", "XTERM_VERSION": "XTerm(390)"}, False),
        ({"TERM": "linux"}, False),
        ({}, True),
    ],
)
def test_old_terminals_do_not_break_rows_anew(environ: dict[str, str], expected: bool) -> None:
    assert does_reflow(environ) is expected


def screen(out: io.StringIO | None = None) -> Screen:
    return Screen(
        out or io.StringIO(), None, look=LOOK, err_look=LOOK, program="retinue", debug=False
    )
