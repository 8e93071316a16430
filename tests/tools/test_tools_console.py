"""The console asker, at a real (pseudo) terminal and without one."""

import asyncio
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from retinue.errors import ToolDenied
from retinue.messages import ToolCall
from retinue.tools import Approved, Tool, ToolSet, ask_on_console, tool
from retinue.tools import _console as console

pexpect = pytest.importorskip("pexpect")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo terminals")


@tool(risk="execute")
def shell(command: str) -> str:
    return f"ran {command}"


@tool(risk="spend")
def buy(what: str) -> str:
    return f"bought {what}"


def call(name: str = "shell", /, **args: Any) -> ToolCall:
    return ToolCall(id="1", name=name, args=args)


class Terminal:
    """The person's side of a terminal whose other side is our stdin and stderr."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._seen = ""

    async def until(self, text: str) -> str:
        """All that was shown until `text` came; a second one is waited for anew."""
        more = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._master, more.set)
        try:
            async with asyncio.timeout(5):
                while text not in self._seen:
                    await more.wait()
                    more.clear()
                    with contextlib.suppress(BlockingIOError):
                        self._seen += os.read(self._master, 4096).decode()
        finally:
            loop.remove_reader(self._master)
        shown, _, self._seen = self._seen.partition(text)
        return shown

    def hang_up(self) -> None:
        os.dup2(os.open(os.devnull, os.O_RDONLY), self._master)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    master, slave = os.openpty()
    os.set_blocking(master, False)
    with (
        contextlib.suppress(OSError),  # what could not be shown at a terminal that went away
        open(slave) as reads,
        open(os.dup(slave), "w") as writes,
    ):
        # pytest puts its own in the place of sys.stdin and sys.stderr as the test begins
        monkeypatch.setattr(console, "sys", SimpleNamespace(stdin=reads, stderr=writes))
        yield Terminal(master)
    os.close(master)


def asked(call: ToolCall, tool: Tool = shell) -> asyncio.Task[bool]:
    async def ask() -> bool:
        return await ask_on_console(call, tool)

    return asyncio.create_task(ask())


QUESTION = "[y]es, [N]o, [a]lways: "


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("y\n", True),
        (" YES \n", True),
        ("n\n", False),
        ("\n", False),
        ("yep\n", False),
        ("always not\n", False),
        ("\x04", False),  # the end of input
        ("y\x04\x04", True),  # ... after a letter
        ("\u00e4\x04\x04", False),
    ],
)
async def test_only_a_clear_yes_is_a_yes(terminal: Terminal, typed: str, answer: bool) -> None:
    asking = asked(call(command="ls"))
    await terminal.until(QUESTION)
    terminal.type(typed)
    assert await asyncio.wait_for(asking, 5) is answer


async def test_the_tool_its_risk_and_its_arguments_are_shown(terminal: Terminal) -> None:
    asking = asked(call(command='grep -r "p\u00e4\u00e4" .', times=3, options={"deep": [True]}))
    shown = await terminal.until(QUESTION)
    assert shown.splitlines() == [
        "",
        "shell, which may execute, is to be used with",
        '  command: "grep -r \\"p\u00e4\u00e4\\" ."',
        "  times: 3",
        '  options: {"deep": [true]}',
        "Use shell? ",
    ]
    terminal.type("n\n")
    assert not await asyncio.wait_for(asking, 5)


async def test_nothing_in_a_call_can_move_the_cursor_or_turn_text_round(terminal: Terminal) -> None:
    hostile = "\x1b[2J\x1b]0;title\x07\r\x08\x7f\x9b1A\u202e\u2066\u200b\u2028\ud800\nUse ls?"
    asking = asked(
        ToolCall(id="1", name="sh\x1b[8mell", args={"comm\x1b[1Aand": hostile, "deep": [hostile]})
    )
    shown = await terminal.until(QUESTION)
    assert all(line.isprintable() for line in shown.replace("\r\n", "\n").split("\n"))
    assert len(shown.splitlines()) == 5
    assert "sh\\x1b[8mell" in shown
    assert "\\u001b[2J" in shown
    assert "\\u202e" in shown
    assert "\\nUse ls?" in shown
    terminal.type("n\n")
    assert not await asyncio.wait_for(asking, 5)


async def test_of_a_very_long_argument_the_rest_is_counted(terminal: Terminal) -> None:
    asking = asked(call(command="x" * 100_000))
    shown = await terminal.until(QUESTION)
    assert "and 98,002 characters more not shown" in shown
    assert len(shown) < 2_500
    terminal.type("n\n")
    assert not await asyncio.wait_for(asking, 5)
    asking = asked(call(**{f"a{n}": n for n in range(1_000)}))
    shown = await terminal.until(QUESTION)
    assert "and 980 arguments more" in shown
    assert len(shown.splitlines()) < 30
    terminal.type("n\n")
    assert not await asyncio.wait_for(asking, 5)


async def test_always_is_for_that_tool_only(terminal: Terminal) -> None:
    asking = asked(call(command="ls"))
    await terminal.until(QUESTION)
    terminal.type("a\n")
    assert await asyncio.wait_for(asking, 5)
    assert await asyncio.wait_for(asked(call(command="rm")), 5)
    asking = asked(call("buy", what="milk"), buy)
    await terminal.until(QUESTION)
    terminal.type("n\n")
    assert not await asyncio.wait_for(asking, 5)


async def test_questions_come_one_at_a_time_and_always_answers_those_that_wait(
    terminal: Terminal,
) -> None:
    asking = [asked(call(command=str(n))) for n in range(3)]
    other = asked(call("buy", what="milk"), buy)
    assert '"0"' in await terminal.until(QUESTION)
    terminal.type("n\n")
    assert '"1"' in await terminal.until(QUESTION)
    terminal.type("always\n")
    assert "milk" in await terminal.until(QUESTION)
    terminal.type("y\n")
    answers = await asyncio.wait_for(asyncio.gather(*asking, other), 5)
    assert answers == [False, True, True, True]


async def test_what_was_typed_before_the_question_is_no_answer(terminal: Terminal) -> None:
    terminal.type("y\n")
    asking = asked(call(command="ls"))
    await terminal.until(QUESTION)
    terminal.type("n\n")
    assert not await asyncio.wait_for(asking, 5)


async def test_a_question_can_be_cancelled_and_the_next_one_comes_through(
    terminal: Terminal,
) -> None:
    asking = asked(call(command="ls"))
    await terminal.until(QUESTION)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asking, 5)
    asking = asked(call(command="ls"))
    await terminal.until(QUESTION)
    terminal.type("y\n")
    assert await asyncio.wait_for(asking, 5)


async def test_a_terminal_that_goes_away_is_a_no(terminal: Terminal) -> None:
    asking = asked(call(command="ls"))
    await terminal.until(QUESTION)
    terminal.hang_up()
    assert not await asyncio.wait_for(asking, 5)


async def test_a_terminal_that_breaks_is_a_no(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: Any) -> bytes:
        raise OSError

    asking = asked(call(command="ls"))
    await terminal.until(QUESTION)
    monkeypatch.setattr(console, "os", SimpleNamespace(read=read))
    terminal.type("y\n")
    assert not await asyncio.wait_for(asking, 5)


async def test_where_the_loop_cannot_watch_the_terminal_a_thread_does(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add_reader(*_: Any) -> None:
        raise NotImplementedError

    monkeypatch.setattr(console, "termios", None)
    loop = asyncio.get_running_loop()
    original = loop.add_reader
    monkeypatch.setattr(loop, "add_reader", add_reader)
    asking = asked(call(command="ls"))
    await asyncio.sleep(0)
    monkeypatch.setattr(loop, "add_reader", original)
    await terminal.until(QUESTION)
    terminal.type("y\n")
    assert await asyncio.wait_for(asking, 5)


def test_each_event_loop_starts_anew(terminal: Terminal) -> None:
    async def session(typed: str) -> bool:
        asking = asked(call(command="ls"))
        await terminal.until(QUESTION)
        terminal.type(typed)
        return await asyncio.wait_for(asking, 5)

    assert asyncio.run(session("a\n"))
    assert not asyncio.run(session("n\n"))


# -- without a terminal


class Closed(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.close()


@pytest.mark.parametrize("stdin", [io.StringIO("y\n"), Closed(), None])
async def test_without_a_terminal_on_stdin_it_is_denied_with_a_way_out(
    stdin: Any, monkeypatch: pytest.MonkeyPatch, terminal: Terminal
) -> None:
    monkeypatch.setattr(console.sys, "stdin", stdin)
    with pytest.raises(ToolDenied, match="no terminal") as caught:
        await asyncio.wait_for(ask_on_console(call(command="ls"), shell), 5)
    assert "Rule(verdict='allow', tool='shell')" in (caught.value.hint or "")


async def test_without_a_terminal_on_stderr_it_is_denied_too(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal
) -> None:
    monkeypatch.setattr(console.sys, "stderr", io.StringIO())
    box = Approved(ToolSet(shell), ask_on_console)
    with pytest.raises(ToolDenied, match="no terminal"):
        await asyncio.wait_for(box.use(call(command="ls")), 5)


# -- as a process of its own

PROGRAM = """
import asyncio
from retinue.errors import ToolDenied
from retinue.messages import ToolCall
from retinue.tools import Approved, ToolSet, ask_on_console, tool

@tool
def shell(command: str) -> str:
    return f"ran {command}"

async def main():
    box = Approved(ToolSet(shell), ask_on_console)
    try:
        print((await box.use(ToolCall(id="1", name="shell", args={"command": "ls"}))).content)
    except ToolDenied as error:
        print("denied:", error)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("typed", "printed"), [("y\r", "ran ls"), ("n\r", "denied: 'shell' was not approved")]
)
def test_a_program_at_a_terminal_goes_on_after_the_answer(typed: str, printed: str) -> None:
    child = pexpect.spawn(sys.executable, ["-c", PROGRAM], timeout=20, encoding="utf-8")
    child.expect_exact(QUESTION)
    child.send(typed)
    child.expect_exact(printed)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
