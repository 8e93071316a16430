"""Claude Code as an agent: its own tools in its own process, against a mock of the API."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retinue import Agent, Scope
from retinue.agents.claude import OwnTool, claude_agent
from retinue.errors import AgentError, ModelOverloaded, ModelRejected, ToolDenied, ToolFailed
from retinue.messages import Thinking, ToolCall
from retinue.testing import MemoryJournal
from retinue.testing.mock_llm import Answer, MockLLM, Refusal, Silence
from retinue.tools import Tool

pytest.importorskip("claude_agent_sdk", reason="needs the extra: uv sync --group vendors")

pytestmark = [
    pytest.mark.timeout(120),  # a process starts for each turn
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

NAME = "claude-sonnet-5-5"
LIMIT = 60.0
WRITE = ToolCall(id="t1", name="Bash", args={"command": "echo hi > made.txt; cat made.txt"})
READ = ToolCall(id="t2", name="Read", args={"file_path": "note.txt"})


@pytest.fixture(autouse=True)
def at_home_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither the settings nor the login of who runs the tests are looked at, or touched."""
    for name in [n for n in os.environ if n.startswith(("ANTHROPIC_", "CLAUDE"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "config"))
    yield
    assert not processes(tmp_path), "a process was left behind"


def processes(home: Path) -> dict[int, str]:
    """The processes that live in this home, and their commands."""
    mark = f"HOME={home}".encode()
    found: dict[int, str] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if place.name != str(os.getpid()) and mark in (place / "environ").read_bytes():
                command = (place / "cmdline").read_bytes().decode().replace("\0", " ")
                found[int(place.name)] = command
        except OSError:  # it ended, or is another's
            continue
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "work"
    place.mkdir()
    (place / "note.txt").write_text("milk\n")
    return place


def coder(mock: MockLLM, folder: Path, ask: Any, **more: Any) -> Agent:
    asked = {"model": NAME, "base_url": mock.url, "api_key": "sk-ant-test", "cwd": folder}
    return claude_agent("coder", ask=ask, **{**asked, **more})


class Asking:
    """Answers what it was told to; keeps what it was asked."""

    def __init__(self, answer: bool | Exception = True) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, call: ToolCall, tool: Tool) -> bool:
        self.asked.append((call.name, tool.risk))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_its_own_tools_ask_and_all_they_do_is_replied_as_it_comes(folder: Path) -> None:
    ask = Asking()
    read = ToolCall(id="t2", name="Read", args={"file_path": str(folder / "note.txt")})
    async with MockLLM() as mock:
        mock.script(NAME, [Thinking(text="Hm."), "Let me see.", WRITE, read], "It says hi.")
        async with asyncio.timeout(LIMIT), Scope():
            replies = await coder(mock, folder, ask, system="Be kind.").inquire("Say hi.")
        asked = mock.asked(NAME)
    assert ask.asked == [("Bash", "execute"), ("Read", "read")]
    assert (folder / "made.txt").read_text() == "hi\n"
    assert [reply.role for reply in replies] == ["assistant", "tool", "tool", "assistant"]
    said, wrote, seen, answer = replies
    assert said.text == "Let me see."
    assert [call.name for call in said.tool_calls] == ["Bash", "Read"]
    assert said.stop == "tool_calls"
    assert wrote.tool_results[0].text == "hi"
    assert (wrote.tool_results[0].call_id, wrote.tool_results[0].name) == ("t1", "Bash")
    assert "milk" in seen.tool_results[0].text
    assert answer.text == "It says hi."
    assert (answer.stop, answer.stop_reason) == ("end", "done")
    assert answer.usage["input"] > 0
    assert isinstance(answer.cost, Decimal)
    assert answer.cost > 0
    assert answer.agent == "coder"
    assert "Be kind." in str(asked[-1].body["system"])


async def test_what_is_denied_is_told_to_its_model(folder: Path) -> None:
    ask = Asking(ToolDenied("not on a Sunday", hint="Wait for Monday."))
    async with MockLLM() as mock:
        mock.script(NAME, [WRITE], "I could not.")
        async with asyncio.timeout(LIMIT), Scope():
            replies = await coder(mock, folder, ask).inquire("Say hi.")
        results = mock.asked(NAME)[-1].asked.messages[-1].tool_results
    assert not (folder / "made.txt").exists()
    assert replies[1].tool_results[0].error
    assert "not on a Sunday\nWait for Monday." in results[0].text
    assert replies[-1].text == "I could not."


async def test_no_is_no_also_for_what_is_harmless(folder: Path) -> None:
    read = ToolCall(id="t2", name="Read", args={"file_path": str(folder / "note.txt")})
    async with MockLLM() as mock:
        mock.script(NAME, [read], "I could not.")
        async with asyncio.timeout(LIMIT), Scope():
            replies = await coder(mock, folder, Asking(answer=False)).inquire("Read it.")
    assert "milk" not in str(replies)
    assert "was not approved" in replies[1].tool_results[0].text


async def test_an_error_of_who_is_asked_ends_the_turn(folder: Path) -> None:
    async with MockLLM() as mock:
        mock.script(NAME, [WRITE], "On I go.")
        async with asyncio.timeout(LIMIT), Scope():
            with pytest.raises(KeyError, match="oh"):
                await coder(mock, folder, Asking(KeyError("oh"))).inquire("Say hi.")
    assert not (folder / "made.txt").exists()


async def test_neither_the_project_nor_the_person_instructs_it(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "CLAUDE.md").write_text("SAID-BY-THE-PROJECT")
    (folder / ".claude").mkdir()
    hook = {"type": "command", "command": f"touch {folder}/hooked"}
    hooks = {"UserPromptSubmit": [{"hooks": [hook]}]}
    (folder / ".claude/settings.json").write_text(json.dumps({"hooks": hooks}))
    (tmp_path / "config").mkdir()
    (tmp_path / "config/CLAUDE.md").write_text("SAID-BY-THE-PERSON")
    async with MockLLM() as mock:
        mock.script(NAME, [WRITE], "Done.")
        async with asyncio.timeout(LIMIT), Scope():
            await coder(mock, folder, Asking()).inquire("Say hi.")
        assert "SAID-BY" not in str([request.body for request in mock.requests])
    assert not (folder / "hooked").exists()


@pytest.mark.parametrize("command", ["sleep 300", "setsid nohup sleep 300 >/dev/null 2>&1"])
async def test_what_its_tools_leave_running_ends_with_it(
    folder: Path, tmp_path: Path, command: str
) -> None:
    args = {"command": f"{command} & echo $! > pid"}
    sleep = ToolCall(id="t1", name="Bash", args=args)
    async with MockLLM() as mock:
        mock.script(NAME, [sleep], lambda _: f"{left(folder) in processes(tmp_path)}")
        async with asyncio.timeout(LIMIT), Scope():
            replies = await coder(mock, folder, Asking()).inquire("Sleep.")
    assert replies[-1].text == "True"
    assert left(folder) not in processes(tmp_path)


def left(folder: Path) -> int:
    """The process that a tool has left behind."""
    return int((folder / "pid").read_text())


async def test_a_limit_of_steps_is_a_reason_to_stop(folder: Path) -> None:
    async with MockLLM() as mock:
        mock.script(NAME, [WRITE])
        async with asyncio.timeout(LIMIT), Scope():
            replies = await coder(mock, folder, Asking(), max_steps=1).inquire("Say hi.")
    assert replies[-1].stop_reason == "max_steps"
    assert replies[-1].text == "I stopped: the limit of steps."


async def test_a_limit_of_cost_is_a_reason_to_stop(folder: Path) -> None:
    async with MockLLM() as mock:
        mock.script(NAME, [WRITE])
        async with asyncio.timeout(LIMIT), Scope():
            limit = Decimal("0.000001")
            replies = await coder(mock, folder, Asking(), max_cost=limit).inquire("Say hi.")
    assert replies[-1].stop_reason == "budget"
    assert replies[-1].cost > limit


async def test_an_answer_that_stays_too_long_was_cut(folder: Path) -> None:
    async with MockLLM() as mock:
        mock.script(NAME, Answer("Hel", stop="max_tokens"))
        async with asyncio.timeout(LIMIT), Scope():
            replies = await coder(mock, folder, Asking()).inquire("Say hi.")
    assert {reply.text for reply in replies} == {"Hel"}
    assert replies[-1].stop_reason == "max_tokens"


async def test_a_tool_that_is_not_there_is_logged(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with MockLLM() as mock:
        mock.script(NAME, "Well.")
        async with asyncio.timeout(LIMIT), Scope():
            await coder(mock, folder, Asking(), tools=("Reed", "Agent", "Read")).inquire("Hi")
    logged = [r for r in caplog.records if r.message == "claude code has no such tool"]
    assert [getattr(record, "fields", None) for record in logged] == [{"tool": "Reed"}]


async def test_what_was_done_is_not_done_again(folder: Path) -> None:
    ask = Asking()
    journal = MemoryJournal()
    async with MockLLM() as mock:
        mock.script(NAME, [WRITE], "It says hi.")
        said: list[list[str]] = []
        for _ in range(2):
            async with asyncio.timeout(LIMIT), Scope():
                with journal.listening():
                    replies = await coder(mock, folder, ask).inquire("Say hi.")
                said.append([reply.hash for reply in replies])
    assert said[0] == said[1]
    assert len(ask.asked) == 1
    kinds = [kind for _, kind, _ in journal.events]
    assert kinds.count("tool_asked") == kinds.count("tool_answered") == 1


async def test_an_error_of_the_api_is_ours(folder: Path) -> None:
    async with MockLLM() as mock:
        mock.script(NAME, Refusal(529, "Overloaded"))
        async with asyncio.timeout(LIMIT), Scope():
            with pytest.raises(ModelOverloaded):
                await coder(mock, folder, Asking()).inquire("Hi")


async def test_cancelling_ends_it_with_what_its_tools_have_started(
    folder: Path, tmp_path: Path
) -> None:
    sleep = ToolCall(id="t1", name="Bash", args={"command": "touch started; sleep 300"})
    async with MockLLM() as mock:
        mock.script(NAME, [sleep], "Done.")
        async with asyncio.timeout(LIMIT):
            asking = asyncio.create_task(inquired(coder(mock, folder, Asking())))
            while not (folder / "started").exists():
                await asyncio.sleep(0.02)
            asking.cancel()
            await asyncio.wait([asking])
            while processes(tmp_path):
                await asyncio.sleep(0.02)


async def test_cancelling_closes_the_socket(folder: Path) -> None:
    async with MockLLM() as mock:
        mock.script(NAME, Answer(["Well, ", Silence(300)]))
        async with asyncio.timeout(LIMIT):
            asking = asyncio.create_task(inquired(coder(mock, folder, Asking())))
            while not mock.asked(NAME):
                await asyncio.sleep(0.02)
            asking.cancel()
            await asyncio.wait([asking])
            await mock.asked(NAME)[-1].left.wait()


async def inquired(agent: Agent) -> None:
    async with Scope():
        await agent.inquire("Hi")


async def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    async with MockLLM() as mock, Scope():
        with pytest.raises(ModelRejected, match="no folder"):
            await coder(mock, tmp_path / "nowhere", Asking()).inquire("Hi")


def test_a_name_of_a_tool_is_one_name() -> None:
    with pytest.raises(AgentError, match="no name of a tool"):
        claude_agent("coder", tools=("Read,Bash",))


async def test_its_tools_cannot_be_used_by_others() -> None:
    tool = OwnTool(name="Bash")
    assert (tool.spec.name, tool.effect, tool.risk) == ("Bash", "once", "execute")
    with pytest.raises(ToolFailed):
        await tool.use(WRITE)
