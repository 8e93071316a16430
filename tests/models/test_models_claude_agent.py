"""Claude Code as a model: the vendor's own process, against a mock of the API."""

import asyncio
import base64
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from retinue import Scope, assistant
from retinue.errors import (
    ContextFull,
    MissingExtra,
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnauthorized,
    ModelUnreachable,
    StreamIncomplete,
    UnknownModel,
)
from retinue.messages import Image, Message, Text, Thinking, ToolCall, ToolResult, ToolSpec
from retinue.models import ChatChunk, ChatRequest, Model, find_model
from retinue.testing import Opening, check_model
from retinue.testing.mock_llm import Answer, Disconnect, MockLLM, Refusal, Silence
from retinue.tools import Approved, Tool, as_toolbox, tool

pytest.importorskip("claude_agent_sdk", reason="needs the extra: uv sync --group vendors")

pytestmark = [
    pytest.mark.timeout(120),  # a process starts for each answer
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

NAME = "claude-sonnet-5-5"
KEY = "sk-ant-test-0123456789"
LIMIT = 60.0
ODD = "世界! 👩‍👩‍👧 \u2028 line \u2029 next \x85 e\u0301 𝄞 \u200b end"
"""Some of its letters Python takes for ends of lines, and Claude Code hands on lines."""
WEATHER = ToolSpec(name="weather", description="", parameters={"type": "object"})
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(autouse=True)
def at_home_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither the settings nor the login of who runs the tests are looked at, or touched."""
    for name in [n for n in os.environ if n.startswith(("ANTHROPIC_", "CLAUDE", "RETINUE_NEEDS"))]:
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


OWN_WORDS = "Claude Code adds words of its own: who it is, where it runs, what day it is"
TOLD = "Claude Code takes what a user says, so what was said before is told in the prompt"
ANEW = "each answer has a process of its own, and that its own connection"
REWORDED = "Claude Code says it in other words, and nowhere in the server's"
EXCUSED = {
    "the system prompt reaches the wire": OWN_WORDS,
    "what nobody chose is left to the provider": OWN_WORDS,
    "what another agent said is the users with its name": TOLD,
    "results go back with their calls": TOLD,
    "answers one after the other share a connection": ANEW,
    "many answers at once share connections": ANEW,
    "a broken connection in the middle is an error": "words that came with the break are lost in "
    "Claude Code, which has told nobody of them and asks again; see below for words before it",
    "a reset connection in the middle is an error": "as with a broken one",
    "400 'Your credit balance is too low' is ModelRejected": REWORDED,
    "401 'invalid x-api-key' is ModelUnauthorized": REWORDED,
    "404 'model: claude-sonnet-9' is UnknownModel": REWORDED,
    "400 'prompt is too long: 208310 tok' is ContextFull": REWORDED,
    "400 'input length and `max_tokens`' is ContextFull": REWORDED,
    "413 'Request exceeds the maximum si' is ContextFull": REWORDED,
    "413 is ContextFull or ModelRejected": REWORDED,
    "what is refused for good is asked once": "after a 400 Claude Code asks again by itself, "
    "without what the API may not know",
    "retry after in seconds is told": "Claude Code does not tell it",
    "retry after as a date is told": "Claude Code does not tell it",
}


GUARDED = "the guard asks again, and is told the same errors as by other adapters"
BELOW = "as in a test below"
READ_THERE = "Claude Code reads the wire; what it hands on is read in a test below"
SPARED = {
    **{f"{status} is asked again": GUARDED for status in (429, 500, 502, 504)},
    "a broken connection at the start is asked again": GUARDED,
    "a reset connection at the start is asked again": GUARDED,
    "an end without the terminal event at the start is asked again": GUARDED,
    "silence at the start is asked again": GUARDED,
    "bytes without events at the start is asked again": GUARDED,
    "no answer at all is asked again": GUARDED,
    "bytes without events at the start is an error": "as in the middle",
    "a reset connection at the start is an error": "as a broken one",
    "the stop reason 'max_tokens' is told": BELOW,
    "the stop reason 'refused' is told": BELOW,
    "400 'temperature: Extra inputs are' is ModelRejected": BELOW,
    "400 'This model does not support as' is ModelRejected": BELOW,
    "429 'This request would exceed your' is ModelOverloaded": BELOW,
    "529 'Overloaded' is ModelOverloaded": BELOW,
    "a cancelled reader closes the socket": BELOW,
    "a reader cancelled before the first piece closes the socket": BELOW,
    "leaving the block early closes the socket": BELOW,
    "one reader that leaves does not disturb the others": ANEW,
    "unicode survives being cut anywhere": READ_THERE,
    "the wire is read as other servers spell it (1)": READ_THERE,
    "the wire is read as other servers spell it (2)": READ_THERE,
}
"""Half of the processes: checks that something else proves, too. `just whole-kit` runs them."""


@pytest.mark.timeout(900)  # some fifty processes, one after the other, and silences
async def test_the_adapter_keeps_the_contract() -> None:
    def opened(at: Opening) -> Model:
        return find_model(
            f"claude_agent:{at.model}", base_url=at.url, api_key=at.api_key, **at.limits
        )

    await check_model(
        opened,
        wire="anthropic",
        without={"audio", "temperature"},
        excused=EXCUSED if "RETINUE_WHOLE_KIT" in os.environ else EXCUSED | SPARED,
        patience=60.0,
        soon=5.0,  # on a busy machine it takes a process seconds to ask
        crowd=4,
    )


async def test_an_answer_comes_in_pieces_with_thoughts_and_what_it_used(hear) -> None:
    async with MockLLM() as mock:
        mock.script(NAME, [Thinking(text="Hm."), "Hello ", ODD])
        async with asyncio.timeout(LIMIT):
            chunks = await hear(model_at(mock), "Hi, @/etc/passwd", system="Be brief.")
        request = mock.asked(NAME)[-1]
    assert [chunk.thinking for chunk in chunks if chunk.thinking] == ["Hm."]
    assert text_of(chunks) == f"Hello {ODD}"
    assert len([chunk for chunk in chunks if chunk.text]) > 2
    assert chunks[-1].stop == "end"
    assert chunks[-1].cost is not None
    assert chunks[-1].cost > 0
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.input > 0 < chunks[-1].usage.output
    assert request.headers["x-api-key"] == KEY
    assert request.body.get("tools", []) == []
    assert "Be brief." in str(request.body["system"])
    assert "Hi, @/etc/passwd" in told(mock)
    assert "root:" not in told(mock)


async def test_instructions_may_be_long_and_stand_on_no_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    long = "Be brief. " * 30_000
    request = ChatRequest(messages=(Message("Hi"),), system=long)
    async with MockLLM() as mock:
        mock.script(NAME, ["Hello ", "there."])
        async with asyncio.timeout(LIMIT), model_at(mock).chat(request) as chunks:
            started = str(processes(tmp_path))
            while (await anext(chunks)).stop is None:
                pass
        system = str(mock.asked(NAME)[-1].body["system"])
    assert "claude" in started
    assert "Be brief." not in started
    assert long.strip() in system
    assert not list(tmp_path.glob("retinue-*"))


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
        (Refusal(404, "model: claude-sonnet-9"), UnknownModel),
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


@pytest.mark.parametrize("tools", [(), (WEATHER,)], ids=["plain", "tools"])
async def test_leaving_closes_the_socket_and_ends_the_process(
    tmp_path: Path, tools: tuple[ToolSpec, ...]
) -> None:
    request = ChatRequest(messages=(Message("Hi"),), tools=tools)
    async with MockLLM() as mock:
        mock.script(NAME, ["Hello ", Silence(300), "there."])
        before = asyncio.all_tasks()
        async with asyncio.timeout(LIMIT):
            async with model_at(mock).chat(request) as chunks:
                while not (await anext(chunks)).text:
                    pass
                assert processes(tmp_path)
                assert KEY not in str(processes(tmp_path))
            assert not processes(tmp_path)
            assert asyncio.all_tasks() - before == set()
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


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"tool_choice": "required"}, "is not offered"),
        ({"tools": (WEATHER,), "tool_choice": "weather"}, "cannot be told to use a tool"),
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


@pytest.mark.parametrize("name", ["opus", ""])
async def test_a_name_in_short_or_none_is_said_in_full(hear, name: str) -> None:
    async with MockLLM() as mock:
        mock.script("*", "Hello.")
        model = find_model(f"claude_agent:{name}", base_url=f"{mock.url}/v1", api_key=KEY)
        async with asyncio.timeout(LIMIT):
            chunks = await hear(model, "Hi")
        answering = mock.requests[-1].model
    assert chunks[0].model == f"claude_agent:{answering}"


async def test_without_login_and_key_it_says_what_to_do(hear) -> None:
    async with asyncio.timeout(LIMIT):
        with pytest.raises(ModelUnauthorized, match="no login here, and there is no key") as caught:
            await hear(find_model("claude_agent:", retries=0), "Hi")
    assert "ANTHROPIC_API_KEY" in str(caught.value.hint)


CALL = ToolCall(id="t1", name="add", args={"a": 6, "b": 7})


async def test_our_tools_are_ours_to_use_and_its_model_hears_of_it() -> None:
    used: list[ToolCall] = []

    async def ask(call: ToolCall, _: Tool) -> bool:
        used.append(call)
        return True

    @tool
    def add(a: int, b: int) -> str:
        """Add two numbers."""
        return f"{a + b} apples"

    async with MockLLM() as mock:
        mock.script(NAME, ["Let me see.", CALL], "Thirteen.")
        host = assistant("host", model=model_at(mock), tools=Approved(as_toolbox([add]), ask))
        async with asyncio.timeout(LIMIT), Scope():
            replies = await host.inquire("How many?")
        asked = mock.asked(NAME)
    assert len(asked) == 2
    assert [one.name for one in asked[0].asked.tools] == ["add"]
    assert used == [CALL]
    assert [reply.role for reply in replies] == ["assistant", "tool", "assistant"]
    assert replies[0].cost > 0
    assert replies[1].tool_results[0].text == "13 apples"
    assert "13 apples" in told(mock)
    assert replies[-1].text == "Thirteen."


async def test_our_tools_bear_our_names_though_it_has_some_of_that_name(hear) -> None:
    call = ToolCall(id="t1", name="Bash", args={"command": "touch made"})
    spec = ToolSpec(name="Bash", description="", parameters={"type": "object"})
    async with MockLLM() as mock:
        mock.script(NAME, [call], "Never asked.")
        async with asyncio.timeout(LIMIT):
            chunks = await hear(model_at(mock), "Go", tools=(spec,))
        assert len(mock.asked(NAME)) == 1
    assert [chunk.tool_call for chunk in chunks if chunk.tool_call] == [call]
    assert chunks[-1].stop == "tool_calls"
    assert not (Path(tempfile.gettempdir()) / "made").exists()


async def test_also_if_it_were_allowed_nothing_of_ours_would_run_in_it() -> None:
    from retinue.models.claude_agent._offer import tool_of

    one = tool_of(WEATHER)
    assert one.input_schema == {"type": "object", "properties": {}}
    assert (await one.handler({}))["is_error"]


async def test_in_the_terminal_it_needs_no_more_than_its_name(tmp_path: Path) -> None:
    call = ToolCall(id="t1", name="calculator", args={"expression": "6*7"})
    env = {"ANTHROPIC_API_KEY": KEY, "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": ""}
    async with MockLLM() as mock:
        mock.script("*", ["Let me see.", call], "It is 42.")
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "retinue", "-m", "claude_agent:", "-p", "What is 6*7?"),
            cwd=tmp_path,
            env={**os.environ, **env, "ANTHROPIC_BASE_URL": mock.url},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(LIMIT):
            out, err = await program.communicate()
        said = mock.requests[-1].asked.messages[0].text
    assert (program.returncode, err) == (0, b"")
    assert out.decode().strip().endswith("It is 42.")
    assert '"results":[{"id":"t1","name":"calculator","text":"42"}]' in said


def use(monkeypatch: pytest.MonkeyPatch, cli: Callable[[object], str]) -> None:
    """Another program in the place of Claude Code."""
    place = "claude_agent_sdk._internal.transport.subprocess_cli.SubprocessCLITransport._find_cli"
    monkeypatch.setattr(place, cli)
