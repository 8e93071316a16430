"""Chains, dialogs, and the person at the console."""

import asyncio
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from retinue import AWAIT, Scope, Turn, agent, assistant, chain_loop, dialog_loop, human
from retinue.agents._human import Console
from retinue.errors import AgentError
from retinue.testing import MemoryJournal, Scripted

LIMIT = 20  # seconds; a bound, never a wait


@agent
async def parrot(turn: Turn) -> None:
    turn.reply(f"you said {(await turn.messages)[-1].text}")


async def test_a_chain_goes_round_until_somebody_raises() -> None:
    heard: list[list[str]] = []

    @agent
    async def user(turn: Turn) -> None:
        heard.append([m.text for m in await turn.messages])
        if len(heard) == 3:
            raise EOFError
        turn.reply(f"line {len(heard)}")

    async with asyncio.timeout(LIMIT), Scope():
        with pytest.raises(EOFError):
            await chain_loop([user, AWAIT, parrot])
    assert heard == [[], ["you said line 1"], ["you said line 2"]]


async def test_a_chain_without_a_pause_is_refused() -> None:
    with pytest.raises(AgentError, match="AWAIT") as error:
        await chain_loop([parrot, parrot])
    assert error.value.hint == "chain_loop([user, AWAIT, assistant])"
    assert repr(AWAIT) == "AWAIT"


def console(*lines: str) -> tuple[list[str], Any, Any]:
    """What is shown, how to read, how to write."""
    shown: list[str] = []
    left = list(lines)

    async def read(prompt: str) -> str:
        if not left:
            raise EOFError
        return left.pop(0)

    return shown, read, shown.append


async def test_a_dialog_remembers_and_shows_only_what_is_new() -> None:
    shown, read, write = console("I am Ada", "Who am I?")
    model = Scripted("Hello Ada", "You are Ada")
    async with asyncio.timeout(LIMIT), Scope():
        await dialog_loop(human(read=read, write=write), assistant("host", model=model))
    assert "".join(shown) == "\nHello Ada\n\n\nYou are Ada\n\n"
    assert [m.text for m in model.requests[1].messages] == ["I am Ada", "Hello Ada", "Who am I?"]
    assert [m.role for m in model.requests[1].messages] == ["user", "assistant", "user"]


async def test_a_person_is_asked_through_whoever_records_the_turn() -> None:
    class Asking(MemoryJournal):
        pass

    _, read, write = console("not asked")
    async with asyncio.timeout(LIMIT), Scope():
        with Asking().listening(), pytest.raises(NotImplementedError, match="input"):
            await human(read=read, write=write).inquire("hi")


PROGRAM = """
import asyncio
from retinue.agents._human import Console

async def main():
    console = Console()
    try:
        while True:
            print(repr(await asyncio.wait_for(console.read("> "), 0.5)))
    except (EOFError, TimeoutError) as error:
        print(type(error).__name__)

asyncio.run(main())
"""


def run_with(stdin: Any) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout.replace("> ", "")


def test_lines_of_a_pipe_are_read_and_one_that_never_comes_is_not_waited_for_at_exit() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, "hello\nwörld\r\nhalf".encode())
        assert run_with(reading) == "'hello'\n'wörld'\nTimeoutError\n"
    finally:
        os.close(reading)
        os.close(writing)


def test_lines_of_a_file_are_read_to_its_end_whatever_is_in_them(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"one\n\n\xff\nlast")
    with file.open() as stdin:
        assert run_with(stdin) == "'one'\n''\n'\ufffd'\n'last'\nEOFError\n"


async def test_input_that_is_no_file_is_read_too_and_its_end_ends_the_dialog(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hi\n"))
    async with asyncio.timeout(LIMIT), Scope():
        await dialog_loop(human(prompt=""), parrot)
        with pytest.raises(EOFError):
            await Console().read("")
    assert capsys.readouterr().out == "\nyou said hi\n\n"
