"""What a connection that is kept may not keep."""

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from retinue import Scope, Turn, agent, assistant
from retinue.messages import Message
from retinue.models import ChatRequest, find_model
from retinue.testing import MockLLM

WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "compatible": ("/v1", {}),
    "ollama": ("", {}),
    "anthropic": ("", {}),
    "openai": ("/v1", {"api": "responses"}),
    "gemini": ("", {}),
}
PACKAGES = {"anthropic": "anthropic", "openai": "openai", "gemini": "google.genai"}
MOMENT = 5.0
"""Seconds after which nothing of an answer is left; no connection is kept for less, and the timer
of one that was made, 20 s, is not over by then."""


@pytest.fixture
async def mock() -> AsyncIterator[MockLLM]:
    async with MockLLM() as mock:
        yield mock


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Nothing may have to wait for it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    if request.param in PACKAGES:
        pytest.importorskip(
            PACKAGES[request.param], reason="needs the extra: uv sync --group vendors"
        )
    return request.param


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("letters", [5, 1_500_000], ids=["short", "long"])
async def test_a_turn_goes_though_its_connection_and_its_timers_stay(
    way: str, letters: int, mock: MockLLM
) -> None:
    path, options = WAYS[way]
    mock.script("m", "x" * letters)
    model = find_model(f"{way}:m", base_url=f"{mock.url}{path}", api_key="sk-1", **options)
    writer = assistant("writer", model=model)
    turns: list[weakref.ref[Turn]] = []

    @agent
    async def asking(turn: Turn) -> None:
        turns.append(weakref.ref(turn))
        turn.reply(str(await writer.inquire("Hello")))

    async with Scope():
        assert len(str(await asking.inquire("go"))) == letters
        await asking.inquire("once more")
    await _gone(turns)
    assert len(turns) == 2
    assert mock.requests[0].connection == mock.requests[1].connection


@pytest.mark.usefixtures("no_collector")
async def test_a_turn_goes_that_read_so_slowly_that_its_connection_was_held_up(
    way: str, mock: MockLLM
) -> None:
    path, options = WAYS[way]
    mock.script("m", ["word " * 200] * 300)
    model = find_model(f"{way}:m", base_url=f"{mock.url}{path}", api_key="sk-1", **options)
    turns: list[weakref.ref[Turn]] = []

    @agent
    async def asking(turn: Turn) -> None:
        turns.append(weakref.ref(turn))
        async with model.chat(ChatRequest(messages=(Message("hi"),))) as chunks:
            await anext(chunks)
            with contextlib.suppress(TimeoutError):  # it sends as long as anybody can take it
                async with asyncio.timeout(0.5):
                    await mock.requests[0].answered.wait()
            turn.reply(str(len([chunk async for chunk in chunks])))

    async with Scope():
        assert int(str(await asking.inquire("go"))) > 100
    await _gone(turns)
    assert len(turns) == 1


async def _gone(turns: list[weakref.ref[Turn]]) -> None:
    async with asyncio.timeout(MOMENT):
        while any(turn() for turn in turns):
            await asyncio.sleep(0.01)
