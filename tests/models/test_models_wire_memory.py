"""What a connection that is kept may not keep."""

import gc
import weakref
from collections.abc import AsyncIterator, Iterator

import pytest

from retinue import Scope, Turn, agent, assistant
from retinue.models import find_model
from retinue.testing import MockLLM


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


@pytest.mark.usefixtures("no_collector")
async def test_a_turn_goes_though_its_connection_and_its_timers_stay(mock: MockLLM) -> None:
    model = find_model("compatible:m", base_url=f"{mock.url}/v1")
    writer = assistant("writer", model=model)
    turns: list[weakref.ref[Turn]] = []

    @agent
    async def asking(turn: Turn) -> None:
        turns.append(weakref.ref(turn))
        turn.reply(str(await writer.inquire("Hello")))

    async with Scope():
        assert str(await asking.inquire("go")) == "Hello"
        await asking.inquire("once more")
    assert [turn() for turn in turns] == [None, None]
    assert mock.requests[0].connection == mock.requests[1].connection
