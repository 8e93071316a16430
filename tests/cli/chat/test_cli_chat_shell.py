"""The shell on a terminal made of a list: every fault of a server is one clear line."""

import io
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from retinue.cli._house import opened
from retinue.cli._screen import Screen
from retinue.cli._thread import Thread
from retinue.cli.chat._above import Above, screen_above
from retinue.cli.chat._approval import Answer as Said
from retinue.cli.chat._person import Person
from retinue.cli.chat._session import Session
from retinue.cli.chat._shell import Shell
from retinue.settings import Endpoint, Settings
from retinue.telemetry.terminal import Look
from retinue.testing.mock_llm import (
    Answer,
    Cut,
    Disconnect,
    ErrorEvent,
    Loris,
    Malformed,
    MockLLM,
    NoAnswer,
    Refusal,
    Silence,
)

LOOK = Look(live=True, colour=False, emoji=True)


class Page:
    """A `Terminal` that types what it is given, and keeps what it is shown."""

    width = 200

    def __init__(self, *lines: str) -> None:
        self.lines: list[str] = []
        out = Screen(io.StringIO(), None, look=LOOK, err_look=LOOK, program="retinue", debug=False)
        self.screen = screen_above(out, Above(self.show))
        self._typed = deque(lines)

    def show(self, lines: Iterable[str]) -> None:
        self.lines += lines

    async def line(self) -> str | None:
        return self._typed.popleft() if self._typed else None

    def note(self, line: str) -> None:
        self.lines.append(line)

    async def ask(self, question: str) -> Said:
        return "yes"

    async def reply(self, question: str) -> str:
        return "yes"

    @contextmanager
    def showing(self, live: Callable[[], list[str]], stop: Any, leave: Any) -> Generator[None]:
        yield

    @asynccontextmanager
    async def open(self, session: Session) -> AsyncGenerator[None]:
        yield

    def interrupt(self) -> None:
        pass

    def leave(self) -> None:
        pass


async def talk(mock: MockLLM, *lines: str, **options: Any) -> list[str]:
    """What is on the page after these lines were typed."""
    page = Page(*lines)
    models = {"lab": Endpoint(base_url=f"{mock.url}/v1", model="m1")}
    settings = Settings(model="lab", models=models, tools=(), store="memory:", **options)
    person = Person(page, page.screen.complain)
    async with opened(settings, page.screen) as house:
        session = Session(settings, house, Thread(house), person=person)
        await Shell(session, page).talk()
    return page.lines


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two attempts nobody waits."""
    monkeypatch.setattr("retinue.models.guard._FIRST_PAUSE", 0.0)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Refusal(400, "Bad words"), "refused the request: Bad words"),
        (Refusal(401, "No such key"), "does not accept the key: No such key"),
        (Refusal(404, "No such model"), "No such model"),
        (Refusal(429, "Slow down", retry_after=0), "Slow down"),
        (Refusal(500, "It broke"), "It broke"),
        (Refusal(503, body=b"<html>Bad gateway</html>"), "503"),
        (NoAnswer(), "cannot be reached"),
        (NoAnswer(b"\0\1 no HTTP"), "no HTTP"),
        (Answer([Disconnect()]), "broke"),
        (Answer([ErrorEvent("Out of order")]), "Out of order"),
    ],
)
async def test_where_no_answer_comes_one_line_says_why(fault: Any, words: str) -> None:
    async with MockLLM() as mock:
        mock.script("m1", fault)
        lines = await talk(mock, "hello")
    assert [lines[0], *lines[2:]] == ["", ""]
    assert_clear(lines[1], words)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Disconnect(), "broke off"),
        (Disconnect(reset=True), "broke off"),
        (Cut(), "ended before it was done"),
        (Malformed(), "a frame that cannot be read"),
        (ErrorEvent("Out of order"), "Out of order"),
        (Silence(), "The time was up"),
        (Loris(), "The time was up"),
    ],
)
async def test_where_an_answer_breaks_off_what_came_stays_and_one_line_says_why(
    fault: Any, words: str
) -> None:
    async with MockLLM() as mock:
        mock.script("m1", Answer(["Half.", fault]), "Whole.")
        lines = await talk(mock, "hello", "/retry", "/history", timeout=1.0)
    assert lines[:4] == ["", "🦊 retinue", "Half.", ""]
    assert_clear(lines[4], words)
    exchange = ["", "\u203a hello", "", "🦊 retinue", "Whole."]
    assert lines[5:] == ["", *exchange, "", *exchange, ""]


async def test_commands_about_what_is_kept_work_here_too() -> None:
    async with MockLLM() as mock:
        mock.script("m1", "A.", "B.")
        lines = await talk(mock, "first", "/inbox", "/conversations", "/resume 0", "second")
    assert "  Nobody asks anything." in lines
    (listed,) = [line for line in lines if "this one" in line]
    assert listed.endswith("first")
    assert lines.count("A.") == 2
    assert lines[-2:] == ["B.", ""]


def assert_clear(line: str, words: str) -> None:
    assert line.startswith("retinue: ")
    assert words in line
    assert "\n" not in line
    assert "This should not happen" not in line
