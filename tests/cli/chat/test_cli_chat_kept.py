"""What is kept when a shell is killed, and what one is told there of tasks in the background."""

import asyncio
import datetime
import io
import os
import signal
from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from retinue.agents import Agent, Turn, agent
from retinue.app.retinue import Retinue
from retinue.cli._house import House, opened
from retinue.cli._screen import Screen
from retinue.cli._thread import Thread
from retinue.cli.chat._approval import Answer
from retinue.cli.chat._commands import COMMANDS, completions, obey
from retinue.cli.chat._desk import Desk, GoOn, Inbox
from retinue.cli.chat._inbox import answer_all
from retinue.cli.chat._news import News
from retinue.cli.chat._person import Person
from retinue.cli.chat._session import Session
from retinue.errors import NotFound, UsageError
from retinue.messages import Message
from retinue.settings import Settings
from retinue.steps import ask
from retinue.storage import Interrupt
from retinue.telemetry.terminal import Look

from .conftest import CTRL_D, ENTER, Sit
from .test_cli_chat_terminal import MARK, PROGRAM, STUCK, WORDS, erase

type Script = Callable[..., str]

LOOK = Look(live=True, colour=False, emoji=True)
SCREEN = Screen(None, io.StringIO(), look=LOOK, err_look=LOOK, program="retinue", debug=False)
KEEPS = True
PATIENCE = 20.0


class TestKilled:
    async def test_an_answer_goes_on_and_what_came_of_it_is_shown_again(
        self, sit: Sit, script: Script
    ) -> None:
        seat = sit("-m", script("Whole.", STUCK))
        await seat.ready()
        await seat.ask("first", "Whole.")
        seat.type("second", ENTER)
        await seat.sees(WORDS)
        seat.process.kill(signal.SIGKILL)
        await seat.end()
        script({"lines": [f"{WORDS} ", "fifteen."], "token_delay": 0.01})
        seat = sit("-c")
        await seat.sees("fifteen.")
        await seat.ready()
        asked = [line for line in seat.page if line.startswith(f"{MARK} ")]
        assert asked == [f"{MARK} first", f"{MARK} second"]
        assert "Whole." in seat.page
        seat.type("/history", ENTER)
        await seat.until(lambda: seat.text.count("Whole.") == 2)

    async def test_a_question_that_waits_is_put_again(
        self, sit: Sit, script: Script, home: Path
    ) -> None:
        (home / "program.py").write_text(PROGRAM)
        model = script([erase("a.txt")], "Done.")
        seat = sit("-m", model, program="program.py")
        await seat.ready()
        seat.type("go", ENTER)
        await seat.sees("[a]lways")
        seat.process.kill(signal.SIGKILL)
        await seat.end()
        script("Done.")
        seat = sit("-c", program="program.py")
        await seat.sees("[a]lways")
        seat.type("y")
        await seat.sees("Done.")
        assert any(line.startswith("  🔧 erase a.txt → erased a.txt") for line in seat.page)
        assert seat.text.count("which may write") == 1

    async def test_one_that_is_ended_from_outside_goes_on_too(
        self, sit: Sit, script: Script
    ) -> None:
        seat = sit("-m", script(STUCK))
        await seat.ready()
        seat.type("first", ENTER)
        await seat.sees(WORDS)
        os.kill(seat.process.pid, signal.SIGTERM)
        assert await seat.end() == 128 + signal.SIGTERM
        assert "not finished; --continue goes on with it" in seat.text
        script("It is whole now.")
        seat = sit("-c")
        await seat.sees("It is whole now.")

    async def test_one_that_was_stopped_does_not(self, sit: Sit, script: Script) -> None:
        seat = sit("-m", script(STUCK))
        await seat.ready()
        seat.type("first", ENTER)
        await seat.sees(WORDS)
        seat.type("/stop", ENTER)
        await seat.sees("■ stopped; /retry asks again")
        seat.type(CTRL_D)
        await seat.end()
        seat = sit("-c", "-m", script("Asked again."))
        await seat.ready()
        assert "first" not in seat.text
        await seat.ask("/retry", "Asked again.")

    async def test_a_folder_without_a_conversation_begins_one(
        self, sit: Sit, script: Script
    ) -> None:
        seat = sit("-c", "-m", script("A."))
        await seat.ready()
        assert "this folder has no conversation yet, so a new one begins" in seat.text
        await seat.ask("first", "A.")

    async def test_one_that_is_not_there_is_said_at_once(self, sit: Sit) -> None:
        seat = sit("-r", "01ZZ")
        assert await seat.end() == 2
        assert "01ZZ" in seat.text

    async def test_a_question_is_answered_in_a_line(
        self, sit: Sit, script: Script, home: Path
    ) -> None:
        (home / "program.py").write_text(ASKING)
        seat = sit("-m", script([erase("a.txt")], "Done."), program="program.py")
        await seat.ready()
        seat.type("go", ENTER)
        await seat.sees("yes, no")
        seat.type("perhaps", ENTER)
        await seat.sees("That does not answer the question")
        seat.type("yes", ENTER)
        await seat.sees("Done.")
        assert "  Really?" in seat.page
        assert any("→ sure: True" in line for line in seat.page)


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


class TestConversations:
    async def test_they_are_listed_and_resumed(self, sit: Sit, script: Script) -> None:
        model = script("A.", "B.", "C.")
        seat = sit("-m", model)
        await seat.ready()
        await seat.ask("about herons", "A.")
        await seat.ask("/new", "A new conversation.")
        await seat.ask("about swans", "B.")
        await seat.ask("/conversations", "this one")
        rows = [line.split() for line in seat.page if line.endswith(("herons", "swans"))][-2:]
        assert [row[1:] for row in rows] == [
            ["this", "one", "about", "swans"],
            ["now", "about", "herons"],
        ]
        seat.type(f"/resume {rows[1][0]}", ENTER)
        await seat.until(lambda: seat.text.count("A.") == 2)
        await seat.ask("more", "C.")
        await seat.ask("/conversations", "now  about swans")

    async def test_what_cannot_be_is_said(self, house: House) -> None:
        session = a_session(house)
        assert await obey("/conversations", desk(session)) == ["  Nothing is kept yet."]
        assert await obey("/stop", desk(session)) == ["  Nothing goes on here."]
        assert await obey("/inbox", desk(session)) is Inbox.OPEN
        for line, error in (
            ("/resume", UsageError),
            ("/task", UsageError),
            ("/resume 01ZZ", NotFound),
            ("/task 01ZZ", NotFound),
        ):
            with pytest.raises(error):
                await obey(line, desk(session))

    async def test_only_the_end_of_a_long_one_is_shown(self, house: House) -> None:
        said = [Message(f"{n}?", role="user") for n in range(5)]
        session = a_session(house, messages=said)
        await session.answer(session.question("last"), lambda _: None)
        assert session.conversation is not None
        outcome = await obey(f"/resume {session.conversation}", desk(session))
        assert isinstance(outcome, GoOn)
        assert outcome.lines[0] == "  3 messages before; /history shows them"
        assert f"{MARK} 2?" not in outcome.lines
        assert f"{MARK} 3?" in outcome.lines
        found = await completions("/resume ", session)
        assert [each.text for each in found] == [session.conversation[:10]]

    def test_each_is_in_the_help(self) -> None:
        assert {"conversations", "resume", "task", "inbox", "stop"} <= {*COMMANDS}


@agent
async def researcher(turn: Turn) -> None:
    """Asks which year is meant, and says so."""
    question = {"text": "Which year?\nOf all", "schema": {"type": "integer"}}
    turn.reply(f"In {await ask(question, nobody)}.")


@agent
async def quick(turn: Turn) -> None:
    turn.reply("Done at once.")


@agent
async def failing(turn: Turn) -> None:
    raise UsageError("It cannot be.")


async def nobody() -> Any:
    raise AssertionError("it is asked in a run")


class TestBackground:
    async def test_what_ends_and_what_asks_is_told_once(self, tmp_path: Path) -> None:
        async with background(tmp_path, researcher, quick, failing) as retinue:
            before = await retinue.start("quick", "go", background=True)
            await before.replies()
            news = News(retinue.runs)
            assert await news.look() == []
            done = await retinue.start("quick", "go", background=True)
            broken = await retinue.start("failing", "go", background=True)
            mine = await retinue.start("researcher", "go")
            asking = await retinue.start("researcher", "go", background=True)
            for run in (done, broken):
                await run.ended()
            for run in (mine, asking):
                await until_it_asks(run)
            task = f"task {asking.id[:10]} of researcher"
            assert sorted(await news.look()) == sorted(
                [
                    f"task {done.id[:10]} of quick is done: /task {done.id[:10]}",
                    f"task {broken.id[:10]} of failing ended: failed: /task {broken.id[:10]}",
                    f"{task} asks: Which year? — /inbox",
                ]
            )
            assert await news.look() == []

    async def test_a_store_that_cannot_be_asked_is_no_news(self, tmp_path: Path) -> None:
        async with await Retinue.visit(tmp_path / "r.db") as retinue:
            news = News(retinue.runs)
            assert await news.look() == []
        assert await news.look() == []

    async def test_what_is_asked_is_answered_in_the_inbox(self, tmp_path: Path) -> None:
        async with background(tmp_path, researcher) as retinue:
            run = await retinue.start("researcher", "go", background=True)
            await until_it_asks(run)
            place = Place("in 1907", "1907")
            person = Person(place, lambda error: place.lines.append(str(error)))
            settings = Settings(store=str(tmp_path / "r.db"))
            await answer_all(retinue, settings, place, person)
            assert str(await run.replies()) == "In 1907."
            assert place.lines[0] == f"  task {run.id[:10]} of researcher:"
            assert place.lines[1:3] == ["  Which year?", "  Of all"]
            assert "does not answer" in place.lines[3]
            assert place.lines[4:] == ["  1907"]
            place.lines.clear()
            await answer_all(retinue, settings, place, person)
            assert place.lines == ["  Nobody asks anything."]

    async def test_what_a_task_said_is_shown(self, house: House) -> None:
        retinue = house.retinue
        session = a_session(house)
        thread = await retinue.log.begin()
        run = await retinue.start("quick", "go", conversation=thread.id, background=True)
        lines = await obey(f"/task {run.id[:12]}", desk(session))
        assert lines == ["  quick: queued"]
        found = await completions("/task ", session)
        assert [each.text for each in found] == [run.id[:10]]


class TestPerson:
    async def test_what_a_lost_effect_gave_is_asked_for(self) -> None:
        schema = {
            "type": "object",
            "properties": {"happened": {"type": "boolean"}, "result": {}},
            "required": ["happened"],
        }
        lost = question("unknown_outcome", {"text": "Did it?", "schema": schema})
        place = Place("yes", "42")
        assert await Person(place, print).answer(lost) == (
            "yes",
            {"happened": True, "result": "42"},
        )
        place = Place("no")
        assert await Person(place, print).answer(lost) == ("no", {"happened": False})


class Place:
    """A terminal that answers what it is given."""

    width = 80
    screen = SCREEN

    def __init__(self, *replies: str) -> None:
        self.lines: list[str] = []
        self._replies = [*replies]

    def show(self, lines: Iterable[str]) -> None:
        self.lines += lines

    async def ask(self, question: str) -> Answer:
        return "yes"

    async def reply(self, question: str) -> str:
        return self._replies.pop(0)


@pytest.fixture
async def house() -> AsyncGenerator[House]:
    async with opened(Settings(store="memory:"), SCREEN) as house:
        yield house


def a_session(house: House, *, messages: Iterable[Message] = ()) -> Session:
    thread = Thread(house, tuple(messages))
    person = Person(Place(), print)
    return Session(Settings(model="demo", tools=()), house, thread, person=person)


def desk(session: Session) -> Desk:
    return Desk(session, LOOK, 80)


def background(folder: Path, *agents: Agent) -> Any:
    class Opened:
        async def __aenter__(self) -> Retinue:
            self._retinue = await Retinue.open(folder / "r.db", agents=agents)
            return self._retinue

        async def __aexit__(self, *_: object) -> None:
            await self._retinue.close()

    return Opened()


async def until_it_asks(run: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await run.questions():
            await asyncio.sleep(0.01)


def question(kind: Any, form: Any) -> Interrupt:
    return Interrupt(
        id="1",
        run="r",
        conversation="c",
        address="a",
        kind=kind,
        question=form,
        asked_at=datetime.datetime.now(datetime.UTC),
    )
