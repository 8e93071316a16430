"""The conversation without a terminal, and the commands that work on it."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from retinue.cli._attachments import attachment
from retinue.cli._house import House, opened
from retinue.cli._screen import Screen
from retinue.cli._thread import Question, Thread
from retinue.cli.chat._approval import Answer
from retinue.cli.chat._commands import (
    COMMANDS,
    completions,
    find,
    is_command,
    message_of,
    obey,
)
from retinue.cli.chat._desk import Desk, Leave, Outcome
from retinue.cli.chat._session import Session
from retinue.cli.chat._welcome import welcome
from retinue.errors import MessageError, RetinueError, UnknownModel, UsageError
from retinue.messages import Message
from retinue.messages.events import Event, ToolAnswered
from retinue.messages.history import MarkdownHistory
from retinue.models import Usage
from retinue.settings import Endpoint, Origin, Secret, Settings
from retinue.storage import Interrupt
from retinue.telemetry.terminal import Look
from retinue.testing.mock_llm import Answer as Saying
from retinue.testing.mock_llm import MockLLM, Silence

KEY = Secret("env:LAB_KEY", "sk-0123456789abcdef")
LOOK = Look(live=True, colour=False, emoji=True)
CALL: Any = {"tool_call": {"id": "1", "name": "calculator", "args": {"expression": "6*7"}}}
CLOCK: Any = {"tool_call": {"id": "2", "name": "clock", "args": {}}}

SCREEN = Screen(None, None, look=LOOK, err_look=LOOK, program="retinue", debug=False)

type Put = Callable[[str], Awaitable[Answer]]


async def yes(_: str) -> Answer:
    return "yes"


class Someone:
    """Answers by a key, and in no other way."""

    def __init__(self, put: Put) -> None:
        self.ask = put

    async def answer(self, asked: Interrupt) -> Any:
        raise AssertionError(f"nobody expects {asked}")


class Talk:
    """Sessions with a model that says what is given."""

    def __init__(self, folder: Path, house: House) -> None:
        self.folder = folder
        self.house = house
        self.events: list[Event] = []

    def __call__(self, *replies: Any, put: Put = yes, **options: Any) -> Session:
        history = options.pop("history", None)
        messages = options.pop("messages", ())
        if replies:
            (self.folder / "script.json").write_text(json.dumps(replies))
            options.setdefault("model", f"scripted:{self.folder / 'script.json'}")
        settings = Settings(**{"model": "demo", **options})
        thread = Thread(self.house, messages)
        return Session(settings, self.house, thread, person=Someone(put), history=history)

    async def ask(self, session: Session, words: str) -> str:
        return await session.answer(session.question(words), self.events.append)


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncGenerator[Talk]:
    async with opened(Settings(store="memory:"), SCREEN) as house:
        yield Talk(tmp_path, house)


def texts(session: Session) -> list[str]:
    return [message.text for message in session.messages]


class TestExchanges:
    async def test_a_whole_one_is_part_of_the_conversation(self, talk: Talk) -> None:
        session = talk("A.", [CALL], "B.")
        assert await talk.ask(session, "first") == "done"
        await talk.ask(session, "second")
        assert texts(session) == ["first", "A.", "second", "", "", "B."]

    async def test_a_failed_one_is_not_and_can_be_asked_again(self, talk: Talk) -> None:
        failing = {"error": "ModelRejected", "message": "No."}
        session = talk("A.", failing, "B.", "C.")
        await talk.ask(session, "first")
        with pytest.raises(RetinueError, match=r"No\."):
            await talk.ask(session, "second")
        assert texts(session) == ["first", "A."]
        await session.answer(session.last_question(), talk.events.append)
        assert texts(session) == ["first", "A.", "second", "B."]
        before = session.messages
        await session.answer(session.last_question(), talk.events.append)
        assert texts(session) == ["first", "A.", "second", "C."]
        assert not {m.id for m in before[2:]} & {m.id for m in session.messages[2:]}

    async def test_a_stopped_one_is_not_and_can_be_asked_again(self, talk: Talk) -> None:
        session = talk({"lines": ["Half ", {"silence": None}]}, "A.")
        assert not session.stop()
        begun = asyncio.Event()
        answering = asyncio.ensure_future(
            session.answer(session.question("first"), lambda _: begun.set())
        )
        await asyncio.wait_for(begun.wait(), 10)
        assert session.stop()
        assert not session.stop()
        assert await asyncio.wait_for(answering, 10) == "stopped"
        assert texts(session) == []
        await session.answer(session.last_question(), talk.events.append)
        assert texts(session) == ["first", "A."]

    async def test_one_that_was_left_goes_on_when_somebody_comes_back(self, talk: Talk) -> None:
        slow = {"lines": ["Half ", "an answer."], "token_delay": 0.1}
        session = talk("A.", slow)
        await talk.ask(session, "first")
        begun = asyncio.Event()
        left = asyncio.ensure_future(
            session.answer(session.question("second"), lambda _: begun.set())
        )
        await asyncio.wait_for(begun.wait(), 10)
        left.cancel()
        assert session.conversation is not None
        again = talk("Nothing.")
        await again.resume(session.conversation)
        assert texts(again) == ["first", "A."]
        (unfinished,) = again.unfinished
        assert unfinished.question.text == "second"
        assert await again.go_on(unfinished, talk.events.append) == "done"
        assert texts(again) == ["first", "A.", "second", "Half an answer."]
        assert again.unfinished == ()

    async def test_one_that_nobody_waits_for_is_no_part_of_what_comes_next(
        self, talk: Talk
    ) -> None:
        async with MockLLM() as mock:
            mock.script("m1", Saying(["Half ", Silence()]), "B.")
            lab = Endpoint(base_url=f"{mock.url}/v1", model="m1")
            session = talk(model="lab", models={"lab": lab}, tools=())
            begun = asyncio.Event()
            left = asyncio.ensure_future(
                session.answer(session.question("first"), lambda _: begun.set())
            )
            await asyncio.wait_for(begun.wait(), 10)
            left.cancel()
            await asyncio.wait({left})
            await talk.ask(session, "second")
            assert texts(session) == ["second", "B."]
            last = mock.asked("m1")[-1].asked
            assert last is not None
            assert [str(message) for message in last.messages] == ["second"]

    async def test_what_was_stopped_or_replaced_is_no_part_of_what_comes_back(
        self, talk: Talk
    ) -> None:
        failing = {"error": "ModelRejected", "message": "No."}
        session = talk("A.", "B.", "C.", failing)
        await talk.ask(session, "first")
        await talk.ask(session, "second")
        await session.answer(session.last_question(), talk.events.append)
        with pytest.raises(RetinueError, match=r"No\."):
            await talk.ask(session, "third")
        assert session.conversation is not None
        again = talk("D.")
        await again.resume(session.conversation[:12])
        assert texts(again) == texts(session) == ["first", "A.", "second", "C."]
        assert again.last_question().message.text == "third"
        await again.answer(again.last_question(), talk.events.append)
        assert texts(again) == ["first", "A.", "second", "C.", "third", "D."]

    async def test_one_whose_time_is_up_is_not(self, talk: Talk) -> None:
        session = talk({"lines": ["Half ", {"silence": None}]}, timeout=0.05)
        assert await talk.ask(session, "first") == "expired"
        assert texts(session) == []

    async def test_one_that_is_not_stored_is_still_there(self, talk: Talk, tmp_path: Path) -> None:
        session = talk("A.", history=MarkdownHistory(tmp_path / "gone" / "chat.md"))
        with pytest.raises(RetinueError, match="whole, but it is not stored"):
            await talk.ask(session, "first")
        assert texts(session) == ["first", "A."]

    async def test_one_that_is_stored_can_be_read_back(self, talk: Talk, tmp_path: Path) -> None:
        history = MarkdownHistory(tmp_path / "chat.md")
        session = talk("A.", "B.", history=history)
        await talk.ask(session, "first")
        session = talk("B.", history=history, messages=await history.load())
        await talk.ask(session, "second")
        assert [message.text for message in await history.load()] == ["first", "A.", "second", "B."]

    async def test_nothing_was_asked_yet(self, talk: Talk) -> None:
        with pytest.raises(UsageError, match="Nothing was asked yet"):
            talk("A.").last_question()

    async def test_each_tool_is_told_of_when_it_is_done(self, talk: Talk) -> None:
        session = talk([CALL, CLOCK], "Both.")
        await talk.ask(session, "go")
        told = [event.result.call_id for event in talk.events if isinstance(event, ToolAnswered)]
        assert sorted(told) == ["1", "1", "2", "2"]  # by the tool, and by the reply

    async def test_tokens_are_counted_by_model(self, talk: Talk) -> None:
        usage = {"input": 9, "output": 3}
        session = talk({"lines": "A.", "usage": usage}, {"lines": "B.", "usage": usage})
        await talk.ask(session, "first")
        await talk.ask(session, "second")
        session.choose(model="demo")
        await talk.ask(session, "third")
        (first, second) = session.used.items()
        assert [answer.usage for answer in first[1]] == [Usage(input=9, output=3)] * 2
        assert second[0] == "demo"
        assert len(second[1]) == 1


class TestCommands:
    async def test_each_has_a_line_of_help(self, talk: Talk) -> None:
        lines = await do(talk("A."), "/help")
        shown = "\n".join(lines)
        for name, command in COMMANDS.items():
            assert f"  /{name}" in shown
            assert command.help in shown
        assert "Ctrl-R" in shown
        assert await do(talk("A."), "/help model") == await do(talk("A."), "/help /model")
        assert "/model [NAME]" in (await do(talk("A."), "/help model"))[0]

    @pytest.mark.parametrize("width", [1, 20, 40, 200])
    async def test_help_fits_the_terminal(self, talk: Talk, width: int) -> None:
        outcome = await obey("/help", Desk(talk("A."), LOOK, width))
        assert isinstance(outcome, list)
        assert max(len(line) for line in outcome) <= max(width, 50)

    async def test_an_unknown_one_gets_near_matches(self, talk: Talk) -> None:
        with pytest.raises(UsageError, match=r"no command /modle") as caught:
            await do(talk("A."), "/modle gpt")
        assert "Did you mean /model?" in str(caught.value.hint)
        with pytest.raises(UsageError) as caught:
            find("usr/bin")
        assert str(caught.value.hint).startswith("/help")
        with pytest.raises(UsageError, match="takes nothing"):
            await do(talk("A."), "/quit now")

    @pytest.mark.parametrize(
        ("line", "command", "message"),
        [
            ("/help", True, ""),
            (" /usr", False, "/usr"),
            ("//usr", False, "/usr"),
            ("a", False, "a"),
        ],
    )
    def test_a_slash_says_which_is_one(self, line: str, command: bool, message: str) -> None:
        assert is_command(line) is command
        assert command or message_of(line) == message

    async def test_quit_and_exit_leave(self, talk: Talk) -> None:
        assert await obey("/quit", desk(talk("A."))) is Leave.NOW
        assert await obey("/exit", desk(talk("A."))) is Leave.NOW

    async def test_retry_gives_the_last_question(self, talk: Talk) -> None:
        session = talk("A.", "B.")
        await talk.ask(session, "first")
        question = await obey("/retry", desk(session))
        assert isinstance(question, Question)
        assert question.message.text == "first"

    async def test_the_model_is_shown_and_changed(self, talk: Talk) -> None:
        async with MockLLM(models=["big", "small"]) as mock:
            session = talk(
                "A.",
                ollama_url=mock.url,
                models={"lab": Endpoint(base_url=f"{mock.url}/v1", model="x")},
            )
            lines = await do(session, "/model")
            assert lines[0].startswith("  scripted:")
            assert lines[0].endswith("  now")
            assert lines[1:] == ["  lab", "  ollama:big", "  ollama:small", "  demo"]
            assert await do(session, "/model lab") == ["  Now with compatible:x."]
            assert session.settings.origin("model") == Origin("flag", "/model")
            assert [c.text for c in await completions("/model ollama:s", session)] == [
                "ollama:small"
            ]
        with pytest.raises(UnknownModel, match=r"'nobody'.*chosen by /model"):
            await do(session, "/model nobody")
        assert session.app.model.name == "compatible:x"

    async def test_a_vendor_with_a_key_offers_its_models(
        self, talk: Talk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("anthropic")
        async with MockLLM(models=["a"]) as mock:
            monkeypatch.setenv("ANTHROPIC_BASE_URL", mock.url)
            session = talk(ollama_url="http://127.0.0.1:1", anthropic_api_key=KEY)
            assert await session.models() == ("anthropic:a", "demo")

    async def test_a_server_that_is_not_there_offers_nothing(self, talk: Talk) -> None:
        session = talk(
            ollama_url="http://127.0.0.1:1", openai_api_key=Secret("env:NOT_SET_ANYWHERE")
        )
        assert await session.known_models() == ("demo",)

    async def test_who_is_there_and_what_they_may_use(self, talk: Talk) -> None:
        session = talk("A.", tools=("calculator",), name="Ada")
        (line,) = await do(session, "/agents")
        assert line.startswith("  🦊 Ada  answers with scripted:")
        assert line.endswith("tools: calculator")
        lines = await do(session, "/tools")
        assert lines[0].startswith("  calculator  ")
        assert lines[-1].endswith("(read)")
        assert await do(talk(tools=()), "/tools") == ["  No tools."]
        assert (await do(talk(tools=()), "/agents"))[0].endswith("tools: none")

    async def test_who_answers_where_the_model_cannot_is_named(self, talk: Talk) -> None:
        session = talk("A.", fallback=("ollama:qwen3", "demo"), tools=())
        (line,) = await do(session, "/agents")
        assert line.endswith(", else ollama:qwen3, else demo; tools: none")
        assert welcome(session, LOOK, "retinue")[0].endswith(
            "(nothing else was chosen), else ollama:qwen3, else demo"
        )

    async def test_instructions_are_shown_and_changed(self, talk: Talk) -> None:
        session = talk("A.", "B.")
        assert await do(session, "/system") == ["  There are no instructions."]
        assert await do(session, "/system Be brief.") == ["  Be brief."]
        assert session.settings.prompt == "Be brief."
        assert await do(session, "/system none") == ["  There are no instructions."]

    async def test_what_was_said_is_shown(self, talk: Talk) -> None:
        session = talk("A.", "B.")
        assert await do(session, "/history") == ["  Nothing was said yet."]
        await talk.ask(session, "first")
        await talk.ask(session, "second")
        lines = await do(session, "/history")
        assert lines[:2] == ["", "\u203a first"]
        assert lines[-1] == "B."
        assert await do(session, "/history 2") == ["", "\u203a second", "", "🦊 retinue", "B."]
        for wrong in ("0", "x", "-1"):
            with pytest.raises(UsageError, match="no number of messages"):
                await do(session, f"/history {wrong}")

    async def test_a_conversation_is_saved_and_loaded(self, talk: Talk, tmp_path: Path) -> None:
        session = talk("A.", "B.", "C.")
        file = tmp_path / "my chat.md"
        with pytest.raises(UsageError, match="Nothing was said yet"):
            await do(session, f"/save {file}")
        with pytest.raises(UsageError, match="no conversation"):
            await do(session, f"/load {file}")
        await talk.ask(session, "first")
        assert await do(session, f"/save '{file}'") == [f"  2 messages in '{file}'"]
        await talk.ask(session, "second")
        await do(session, f"/save {file}")
        assert len(await MarkdownHistory(file).load()) == 4
        other = talk("X.", "Y.")
        await talk.ask(other, "mine")
        with pytest.raises(UsageError, match="another conversation"):
            await do(other, f"/save {file}")
        await do(other, f"/load {file}")
        assert texts(other) == ["first", "A.", "second", "B."]
        with pytest.raises(UsageError, match="Nothing was asked"):
            other.last_question()
        (tmp_path / "bad.md").write_bytes(b"\xff\xfe")
        with pytest.raises(MessageError):
            await do(other, f"/load {tmp_path / 'bad.md'}")
        assert texts(other) == ["first", "A.", "second", "B."]
        for command in ("/save", "/load"):
            session = talk("A.", messages=(Message("x"),))
            with pytest.raises(UsageError, match="Which file"):
                await do(session, command)
        with pytest.raises(UsageError, match="cannot be found"):
            await do(session, "/save ~nobody-of-that-name/x.md")

    async def test_a_new_one_leaves_the_file_of_the_old_one_alone(
        self, talk: Talk, tmp_path: Path
    ) -> None:
        history = MarkdownHistory(tmp_path / "chat.md")
        session = talk("A.", "B.", history=history)
        await talk.ask(session, "first")
        lines = await do(session, "/new")
        assert lines == [
            "  A new conversation.",
            f"  {tmp_path / 'chat.md'} stays as it is; /save keeps what comes now.",
        ]
        await talk.ask(session, "second")
        assert texts(session) == ["second", "B."]
        assert len(await history.load()) == 2
        assert await do(session, "/new") == ["  A new conversation."]

    async def test_files_go_with_the_next_question_only(self, talk: Talk, tmp_path: Path) -> None:
        file = tmp_path / "notes.md"
        file.write_text("Buy milk.")
        session = talk("A.", "B.")
        assert await do(session, "/attach") == ["  Nothing is attached."]
        (line,) = await do(session, f'/attach "{file}"')
        assert line.startswith("  📎 notes.md (text, 9 ")
        assert len(await do(session, f"/attach {file}")) == 2
        assert await do(session, "/attach none") == ["  Nothing is attached."]
        session.attached.append(attachment(str(file)))
        assert "Buy milk." in session.question("first").message.text
        assert "Buy milk." not in session.question("second").message.text
        with pytest.raises(UsageError, match="There is no file"):
            await do(session, "/attach gone.md")

    async def test_what_was_used_is_shown_by_model(self, talk: Talk) -> None:
        session = talk({"lines": "A.", "usage": {"input": 1234, "output": 3}})
        assert await do(session, "/cost") == ["  Nothing yet."]
        await talk.ask(session, "first")
        await do(session, "/model demo")
        await talk.ask(session, "second")
        lines = await obey("/cost", Desk(session, LOOK, 200))
        assert isinstance(lines, list)
        assert lines[0].endswith("  1 answer; tokens: 1,234 in, 3 out; $0")
        assert lines[1].startswith("  demo  ")
        assert lines[2].split() == ["total", "$0"]

    async def test_what_it_cost_is_shown_where_the_price_is_known(self, talk: Talk) -> None:
        pytest.importorskip("genai_prices")
        async with MockLLM() as mock:
            reply = Saying(["A."], usage=Usage(input=1_000_000))
            mock.script("gpt-4o-mini", reply, reply)
            lab = Endpoint(base_url=f"{mock.url}/v1", model="openai:gpt-4o-mini", api_key=KEY)
            here = Endpoint(base_url=f"{mock.url}/v1", model="any")
            session = talk(model="lab", models={"lab": lab, "here": here}, tools=())
            for _ in range(2):
                await talk.ask(session, "first")
            await do(session, "/model here")
            await talk.ask(session, "second")
            await do(session, "/model demo")
            session.used["of:nobody"] = session.used["compatible:any"]
            lines = await obey("/cost", Desk(session, LOOK, 200))
        assert isinstance(lines, list)
        shown = [line.split(maxsplit=1) for line in lines]
        assert shown[0] == ["openai:gpt-4o-mini", "2 answers; tokens: 2,000,000 in, 0 out; $0.30"]
        assert shown[1][1].endswith("; $0")
        assert shown[2][1].endswith("; price unknown")
        assert shown[3][0] == "total"
        assert shown[3][1].startswith("$0.30, estimated with genai-prices ")
        assert shown[3][1].endswith(", without the answers whose price is unknown")

    async def test_the_tokens_of_the_last_answer_are_shown_beside_their_limit(
        self, talk: Talk
    ) -> None:
        counted = {"lines": "A.", "usage": {"input": 900, "output": 100}}
        session = talk(counted, counted, tools=(), max_tokens=5000)
        for _ in range(2):
            await talk.ask(session, "hi")
        lines = await obey("/cost", Desk(session, LOOK, 200))
        assert isinstance(lines, list)
        assert lines[-1].split(maxsplit=2) == ["last", "answer", "1,000 of 5,000 tokens"]
        session.choose(max_tokens=None)
        await talk.ask(session, "hi")
        lines = await obey("/cost", Desk(session, LOOK, 200))
        assert isinstance(lines, list)
        assert "last answer" not in " ".join(lines)

    async def test_what_is_asked_may_cost_so_much_and_the_next_anew(self, talk: Talk) -> None:
        pytest.importorskip("genai_prices")
        async with MockLLM() as mock:
            reply = Saying(["A."], usage=Usage(input=10, output=10))
            mock.script("gpt-4o-mini", reply, reply)
            lab = Endpoint(base_url=f"{mock.url}/v1", model="openai:gpt-4o-mini", api_key=KEY)
            cost = {"max_cost": 0.0001, "answer_tokens": 100}
            session = talk(model="lab", models={"lab": lab}, tools=(), **cost)
            assert await talk.ask(session, "first") == "done"
            assert await talk.ask(session, "second") == "done"
            session.choose(max_cost=0.00001)
            assert await talk.ask(session, "third") == "budget"
        assert len(mock.requests) == 2


class TestCompletion:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("/h", ["help", "history"]),
            ("/", [*COMMANDS]),
            ("/help re", ["retry", "resume"]),
            ("/system ", ["none"]),
            ("/cost ", []),
            ("/nothing ", []),
            ("/h\n", []),
            ("hello", []),
            ("//h", []),
        ],
    )
    async def test_commands(self, talk: Talk, line: str, expected: list[str]) -> None:
        found = await completions(line, talk("A."))
        assert [each.text for each in found] == expected

    async def test_files(self, talk: Talk, tmp_path: Path, monkeypatch: Any) -> None:
        (tmp_path / "notes").mkdir()
        (tmp_path / "notes" / "a.md").touch()
        (tmp_path / ".hidden").touch()
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))
        session = talk("A.")

        async def become(begun: str) -> list[str]:
            return [each.text for each in await completions(f"/attach {begun}", session)]

        assert await become("") == ["notes/", "script.json"]
        assert await become(".") == [".hidden"]
        assert await become("notes/") == ["notes/a.md"]
        assert await become("~/no") == ["~/notes/"]
        assert await become("gone/") == []
        assert await become("~nobody-of-that-name/") == []
        session.attached.append(attachment("script.json"))
        assert await become("n") == ["notes/", "none"]
        (saved,) = await completions("/save no", session)
        assert saved == ("notes/", 2, "")


class TestApproval:
    PROGRAM: Any = ({"tool_call": {"id": "1", "name": "erase", "args": {"path": "a"}}},)

    @pytest.fixture
    def erase(self, monkeypatch: Any) -> list[str]:
        """What was erased by a tool that asks."""
        from retinue.tools import tool

        erased: list[str] = []

        @tool(risk="write")
        def erase(path: str) -> str:
            """Erase a file."""
            erased.append(path)
            return "erased"

        monkeypatch.setattr("retinue.app.find_tools", lambda _: [erase])
        return erased

    @pytest.mark.parametrize(("answers", "asked"), [(["yes", "yes"], 2), (["always"], 1)])
    async def test_always_is_for_all_that_follows(
        self, talk: Talk, erase: list[str], answers: list[Answer], asked: int
    ) -> None:
        left = [*answers]
        questions: list[str] = []

        async def put(question: str) -> Answer:
            questions.append(question)
            return left.pop(0)

        session = talk(self.PROGRAM, "A.", self.PROGRAM, "B.", put=put)
        await talk.ask(session, "first")
        session.choose(system="Be brief.")
        (talk.folder / "script.json").write_text(json.dumps([self.PROGRAM, "B."]))
        session.choose(system=None)
        await talk.ask(session, "second")
        assert questions == ["Use erase?"] * asked
        assert erase == ["a", "a"]

    async def test_one_that_is_answered_elsewhere_is_put_no_more(
        self, talk: Talk, erase: list[str]
    ) -> None:
        put, withdrawn = asyncio.Event(), asyncio.Event()

        async def never(_: str) -> Answer:
            put.set()
            try:
                await asyncio.Event().wait()
            finally:
                withdrawn.set()
            raise AssertionError

        session = talk(self.PROGRAM, "A.", put=never)
        asking = asyncio.ensure_future(talk.ask(session, "first"))
        async with asyncio.timeout(10):
            await put.wait()
            runs = talk.house.retinue.runs
            (asked,) = (await runs.inbox()).items
            await runs.answer(asked.id, {"approved": True})
            assert await asking == "done"
        assert withdrawn.is_set()
        assert erase == ["a"]

    async def test_no_is_no(self, talk: Talk, erase: list[str]) -> None:
        async def put(_: str) -> Answer:
            return "no"

        session = talk(self.PROGRAM, "A.", put=put)
        with pytest.raises(RetinueError, match="not approved"):
            await talk.ask(session, "first")
        assert erase == []


class TestWelcome:
    def test_it_says_who_answers_and_why(self, talk: Talk) -> None:
        lines = welcome(talk("A."), LOOK, "retinue")
        assert lines[0].startswith("🦊 retinue answers with scripted:")
        assert lines[0].endswith("(nothing else was chosen)")
        assert lines[1:] == ["/help shows what can be done here, Ctrl-D leaves.", ""]

    def test_it_says_what_the_demo_is(self, talk: Talk) -> None:
        origins = {"model": Origin("environment", "RETINUE_MODEL")}
        lines = welcome(talk(origins=origins), LOOK, "main")
        assert lines[0] == "🦊 retinue answers with demo (chosen by RETINUE_MODEL)"
        assert "no language model" in lines[1]
        assert "main setup" in lines[1]

    def test_it_says_which_key_is_of_no_use(
        self, talk: Talk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "anthropic", None)
        key = Secret("env:ANTHROPIC_API_KEY", "sk-ant-0123456789abcdef")
        told = "The key of anthropic is not used without its package: pip install"
        nobody = "http://127.0.0.1:1"
        session = talk(model="auto", anthropic_api_key=key, ollama_url=nobody)
        assert welcome(session, LOOK, "retinue")[1] == f"{told} 'retinue[anthropic]'"
        session = talk(model="demo", anthropic_api_key=key)
        assert told not in "".join(welcome(session, LOOK, "retinue"))

    def test_it_says_what_comes_first(self, talk: Talk, tmp_path: Path) -> None:
        history = MarkdownHistory(tmp_path / "chat.md")
        session = talk("A.", history=history, messages=[Message("x")])
        line = welcome(session, LOOK, "retinue")[1]
        assert line == f"Messages in {history.path} so far: 1. /history shows them."


def desk(session: Session) -> Desk:
    return Desk(session, LOOK, 80)


async def do(session: Session, line: str) -> list[str]:
    """The lines a command answers with."""
    outcome: Outcome = await obey(line, desk(session))
    assert isinstance(outcome, list)
    return outcome
