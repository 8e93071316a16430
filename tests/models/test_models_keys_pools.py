"""Keys side by side: each agent shows its own, and all of them share the connections."""

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from retinue import Scope, assistant
from retinue.models import find_model
from retinue.testing import MockLLM
from retinue.testing.mock_llm import Answer, Refusal, Request, Silence

from ._adapters import ADAPTERS, Adapter
from ._places import KEY, PIECE, leaks, places_of

ROUNDS = 5


@pytest.fixture(params=[name for name in ADAPTERS if name != "azure"])  # the mock is not there
def adapter(request: pytest.FixtureRequest) -> Adapter:
    adapter = ADAPTERS[request.param]
    pytest.importorskip(adapter.package, reason="needs the extra: uv sync --group vendors")
    return adapter


def key_of(request: Request) -> str:
    """The key that a request shows, in the one place where it does."""
    shown = [request.headers.get(name) for name in ("authorization", "x-goog-api-key", "x-api-key")]
    (key,) = [text.removeprefix("Bearer ") for text in shown if text]
    return key


async def test_agents_with_keys_of_their_own_share_a_connection(adapter: Adapter) -> None:
    async with MockLLM() as mock, asyncio.timeout(60), Scope():
        for name in ("ada", "bob", "ada"):
            model = adapter.at(mock.url, f"sk-{name}")
            assert str(await assistant(name, model=model).inquire("hi")) == "hi"
        assert [key_of(request) for request in mock.requests] == ["sk-ada", "sk-bob", "sk-ada"]
        assert mock.connections == 1


async def test_keys_are_not_mixed_up_by_agents_who_ask_at_once(adapter: Adapter) -> None:
    keys = {f"I am {name}.": f"sk-{name}" for name in ("ada", "bob", "eve", "kim")}
    async with MockLLM(pace=0.001) as mock, asyncio.timeout(60), Scope():
        agents = {
            said: assistant(key, model=adapter.at(mock.url, key)) for said, key in keys.items()
        }
        for first in range(ROUNDS):
            turns = [list(agents.items())[(first + n) % len(agents)] for n in range(len(agents))]
            replies = {said: agent.inquire(said) for said, agent in turns}
            assert all([str(await reply) == said for said, reply in replies.items()])
        asked = mock.asked("m")
        assert Counter(map(key_of, asked)) == dict.fromkeys(keys.values(), ROUNDS)
        for request in asked:
            assert request.asked is not None
            assert keys[request.asked.messages[-1].text] == key_of(request)
        assert mock.connections <= len(agents)
        shown = {(request.connection, key_of(request)) for request in asked}
        assert len(shown) > mock.connections  # one has carried more than one key


async def test_a_key_goes_with_its_request_though_another_was_refused(adapter: Adapter) -> None:
    async with MockLLM() as mock, asyncio.timeout(60):
        mock.script("m", Refusal(401, "no"), "Hello.")
        first = await places_of(adapter.at(mock.url, KEY))
        assert leaks(first) == []
        async with Scope():
            model = adapter.at(mock.url, "sk-other")
            assert str(await assistant("other", model=model).inquire("hi")) == "Hello."
        assert key_of(mock.requests[-1]) == "sk-other"
        assert PIECE not in str(mock.requests[-1].headers)


# -- Claude Code, which is a process for each answer


@pytest.mark.timeout(180)
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize(
    "reply",
    ["Hello.", Refusal(401, f"invalid x-api-key {KEY}"), Answer(["Hel", Silence()])],
    ids=["answer", "401", "silence"],
)
async def test_claude_code_does_not_bring_the_key_to_light(
    reply: Answer | Refusal | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("claude_agent_sdk", reason="needs the extra: uv sync --group vendors")
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "CLAUDE"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "config"))
    async with MockLLM() as mock:
        mock.script("m", reply)
        model = find_model(
            "claude_agent:m", base_url=mock.url, api_key=KEY, retries=0, idle_timeout=1.0
        )
        asking = asyncio.create_task(places_of(model, limit=60.0))
        commands = await _commands_while(asking, tmp_path)
        places = await asking
        assert mock.asked("m")[-1].headers["x-api-key"] == KEY
    for file in [file for file in (tmp_path / "config").rglob("*") if file.is_file()]:
        places[f"file {file.name}"] = file.read_text(errors="replace") or "empty"
    assert leaks({**places, "commands": commands}) == []


async def _commands_while(asking: asyncio.Task[object], home: Path) -> str:
    """The command lines of the processes that live in this home until the task is done."""
    found: set[str] = set()
    mark = f"HOME={home}".encode()
    while not asking.done():
        for place in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (place / "environ").read_bytes():
                    found.add((place / "cmdline").read_bytes().decode())
            except OSError:  # it has ended, or is another's
                continue
        await asyncio.wait([asking], timeout=0.1)
    return "\n".join(found)
