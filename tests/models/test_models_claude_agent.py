"""Claude Code as a model: the vendor's own process, against a mock of the API."""

import asyncio
import base64
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from retinue.errors import (
    ContextFull,
    MissingExtra,
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnauthorized,
    ModelUnreachable,
    StreamIncomplete,
)
from retinue.messages import Image, Message, Text, Thinking, ToolCall, ToolResult, ToolSpec
from retinue.models import ChatChunk, ChatRequest, Model, find_model
from retinue.testing.mock_llm import Answer, Disconnect, MockLLM, Refusal, Silence

pytest.importorskip("claude_agent_sdk", reason="needs the extra: uv sync --group vendors")

pytestmark = [
    pytest.mark.timeout(120),  # a process starts for each answer
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

NAME = "claude-sonnet-5-5"
KEY = "sk-ant-test-0123456789"
LIMIT = 60.0
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


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


def model_at(mock: MockLLM, key: str = KEY) -> Model:
    return find_model(f"claude_agent:{NAME}", base_url=mock.url, api_key=key, retries=0)


def text_of(chunks: list[ChatChunk]) -> str:
    return "".join([chunk.text or "" for chunk in chunks])


def told(mock: MockLLM) -> str:
    """What the user said to the API, in the end."""
    messages = mock.asked(NAME)[-1].asked.messages
    return "\n".join([message.text for message in messages if message.role == "user"])


async def test_an_answer_comes_in_pieces_with_thoughts_and_what_it_used(hear) -> None:
    async with MockLLM() as mock:
        mock.script(NAME, [Thinking(text="Hm."), "Hello ", "there."])
        async with asyncio.timeout(LIMIT):
            chunks = await hear(model_at(mock), "Hi, @/etc/passwd", system="Be brief.")
        request = mock.asked(NAME)[-1]
    assert [chunk.thinking for chunk in chunks if chunk.thinking] == ["Hm."]
    assert [chunk.text for chunk in chunks if chunk.text] == ["Hello ", "there."]
    assert chunks[-1].stop == "end"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.input > 0 < chunks[-1].usage.output
    assert request.headers["x-api-key"] == KEY
    assert request.body.get("tools", []) == []
    assert "Be brief." in str(request.body["system"])
    assert "Hi, @/etc/passwd" in told(mock)
    assert "root:" not in told(mock)


async def test_the_past_is_told_with_its_calls_and_pictures(hear) -> None:
    past = [
        Message(Text(text="Look."), Image(data=PIXEL), role="user"),
        Message(ToolCall(id="1", name="weather", args={"city": "Turku"}), role="assistant"),
        Message(ToolResult(call_id="1", name="weather", content="rain"), role="tool"),
        Message("It rains.", role="assistant"),
        Message("And now?", role="user"),
    ]
    async with MockLLM() as mock:
        async with asyncio.timeout(LIMIT):
            await hear(model_at(mock), *past, max_tokens=777, options={"effort": "low"})
        body = mock.asked(NAME)[-1].body
    said = told(mock)
    assert '{"role":"assistant","text":"It rains."}' in said
    assert '{"city":"Turku"}' in said
    assert said.rstrip().endswith("And now?")
    assert "image" in [block["type"] for block in body["messages"][0]["content"]]
    assert body["max_tokens"] == 777
    assert body["output_config"]["effort"] == "low"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Refusal(401, "invalid x-api-key"), ModelUnauthorized),
        (Refusal(429, "slow down"), ModelOverloaded),
        (Refusal(529, "Overloaded"), ModelOverloaded),
        (Refusal(400, "nope"), ModelRejected),
        (Refusal(400, "prompt is too long: 208310 tokens > 200000 maximum"), ContextFull),
        (Answer(["Hello ", Silence(0.5), "there", Disconnect()]), StreamIncomplete),
        (Answer([Disconnect()]), ModelUnreachable),
    ],
)
async def test_errors_of_the_api_are_ours(hear, reply: object, error: type[ModelError]) -> None:
    async with MockLLM() as mock:
        mock.script(NAME, reply)
        async with asyncio.timeout(LIMIT):
            with pytest.raises(error) as caught:
                await hear(model_at(mock), "Hi")
    assert KEY not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize(("stop", "given"), [("max_tokens", "max_tokens"), ("refused", "refused")])
async def test_an_answer_that_was_cut_is_not_asked_for_again(hear, stop: str, given: str) -> None:
    async with MockLLM() as mock:
        mock.script(NAME, Answer("Hel", stop=stop))
        async with asyncio.timeout(LIMIT):
            chunks = await hear(model_at(mock), "Hi")
    assert text_of(chunks) == "Hel"
    assert chunks[-1].stop == given


async def test_leaving_closes_the_socket_and_ends_the_process(tmp_path: Path) -> None:
    async with MockLLM() as mock:
        mock.script(NAME, ["Hello ", Silence(300), "there."])
        async with asyncio.timeout(LIMIT):
            async with model_at(mock).chat(ChatRequest(messages=(Message("Hi"),))) as chunks:
                while not (await anext(chunks)).text:
                    pass
                assert processes(tmp_path)
                assert KEY not in str(processes(tmp_path))
            assert not processes(tmp_path)
            await mock.asked(NAME)[-1].left.wait()


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.3])
async def test_cancelling_at_any_moment_leaves_no_process(hear, moment: float) -> None:
    async with MockLLM() as mock:
        mock.script(NAME, ["Hello ", Silence(300)])
        asking = asyncio.create_task(hear(model_at(mock), "Hi"))
        await asyncio.sleep(moment)  # wherever it is then
        asking.cancel()
        await asyncio.sleep(0)
        asking.cancel()
        async with asyncio.timeout(LIMIT):
            await asyncio.wait([asking])
        assert asking.cancelled()


async def test_a_process_that_breaks_off_has_not_answered(tmp_path: Path) -> None:
    async with MockLLM() as mock:
        mock.script(NAME, ["Hello ", Silence(300)])
        async with asyncio.timeout(LIMIT):
            async with model_at(mock).chat(ChatRequest(messages=(Message("Hi"),))) as chunks:
                while not (await anext(chunks)).text:
                    pass
                for process in processes(tmp_path):
                    os.kill(process, signal.SIGKILL)
                with pytest.raises(StreamIncomplete):
                    await anext(chunks)


WEATHER = ToolSpec(name="weather", description="", parameters={"type": "object"})


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"tools": (WEATHER,)}, "tools"),
        ({"tool_choice": "required"}, "held to a tool"),
        ({"output": {"type": "object"}}, "a form"),
        ({"temperature": 0.5}, "a temperature"),
        ({"options": {"hooks": {}}}, "no option 'hooks'"),
    ],
)
async def test_what_it_cannot_do_is_refused_before_anything_starts(
    hear, monkeypatch: pytest.MonkeyPatch, asked: dict, words: str
) -> None:
    monkeypatch.setattr("retinue.models.claude_agent.opened", unreachable)
    model = find_model(f"claude_agent:{NAME}", api_key=KEY)
    with pytest.raises(ModelRejected, match=words):
        await hear(model, "Hi", **asked)


def unreachable(*_: object) -> None:
    raise AssertionError("it was started")


def test_a_login_is_not_shown_to_another_address() -> None:
    with pytest.raises(ModelUnauthorized, match="needs a key"):
        find_model(f"claude_agent:{NAME}", base_url="http://127.0.0.1:1")


async def test_a_process_that_cannot_be_started_is_said(
    hear, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "claude"
    broken.write_text("#!/bin/sh\necho it is broken >&2\nexit 3\n")
    broken.chmod(0o755)
    use(monkeypatch, lambda _: str(broken))
    model = find_model(f"claude_agent:{NAME}", api_key=KEY, retries=0)
    async with asyncio.timeout(LIMIT):
        with pytest.raises(ModelUnreachable, match="did not start"):
            await hear(model, "Hi")


async def test_no_claude_code_is_a_missing_extra(hear, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, lambda _: "/nowhere/claude")
    async with asyncio.timeout(LIMIT):
        with pytest.raises(MissingExtra, match="not installed"):
            await hear(find_model(f"claude_agent:{NAME}", api_key=KEY, retries=0), "Hi")


async def test_a_name_in_short_is_said_in_full(hear) -> None:
    async with MockLLM() as mock:
        mock.script("*", "Hello.")
        model = find_model("claude_agent:opus", base_url=f"{mock.url}/v1", api_key=KEY)
        async with asyncio.timeout(LIMIT):
            chunks = await hear(model, "Hi")
        answering = mock.requests[-1].model
    assert chunks[0].model == f"claude_agent:{answering}"


def use(monkeypatch: pytest.MonkeyPatch, cli: Callable[[object], str]) -> None:
    """Another program in the place of Claude Code."""
    place = "claude_agent_sdk._internal.transport.subprocess_cli.SubprocessCLITransport._find_cli"
    monkeypatch.setattr(place, cli)
