"""What a run may spend is kept with the run: who goes on with it has the rest, and no more."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from retinue import assistant
from retinue.agents import Agent
from retinue.messages import Message, ToolCall
from retinue.messages.events import ToolAsked
from retinue.models import ChatRequest, Usage
from retinue.models.budget import Budgeted, Purse
from retinue.models.scripted import Reply, Scripted
from retinue.runs import Embedded, Run
from retinue.storage import Order
from retinue.storage.memory import MemoryStore
from retinue.tools import tool

LIMIT = 1_000
CALL = ToolCall(id="1", name="wait", args={})
PATIENCE = 10.0


class Noted:
    """A model that says what is given, and notes what it was asked."""

    name = "noted"

    def __init__(self, *replies: Any) -> None:
        self._inner = Scripted(*replies)
        self.asked: list[ChatRequest] = []

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[Any]:
        self.asked.append(request)
        async with self._inner.chat(request) as chunks:
            yield chunks


class One:
    """A catalog of one agent."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def agent(self, name: str, version: str | None) -> Agent:
        return self._agent


def worker(model: Noted, may_go_on: asyncio.Event) -> One:
    """What executes the run in one process: with a purse of its own, that knows of nothing."""

    @tool(effect="none")
    async def wait() -> str:
        """Wait."""
        await may_go_on.wait()
        return "over"

    paid = Budgeted(model, Purse(tokens=LIMIT))
    return One(assistant("worker", model=paid, tools=[wait]))


@pytest.mark.parametrize(("spent", "reason", "calls"), [(600, "done", 1), (995, "budget", 0)])
async def test_who_goes_on_has_the_rest(spent: int, reason: str, calls: int) -> None:
    store, may_go_on = MemoryStore(), asyncio.Event()
    conversation = await store.log("ann").begin()
    order = Order(
        conversation=conversation.id,
        agent="worker",
        messages=(Message("Go", role="user"),),
        options=f'{{"limits": {{"tokens": {LIMIT}}}}}',
    )
    run = Run(store, await store.runs("ann").order(order))
    first = Noted(Reply([CALL], usage=Usage(input=spent - 10, output=10)))
    async with asyncio.timeout(PATIENCE):
        async with Embedded(store, worker(first, may_go_on)):
            await until_a_tool_is_asked(run)
        may_go_on.set()
        second = Noted(Reply(["Done."], usage=Usage(input=20, output=2)))
        async with Embedded(store, worker(second, may_go_on)):
            record = await run.ended()
    assert record.reason == reason
    assert len(first.asked) == 1
    assert len(second.asked) == calls
    for request in second.asked:
        assert request.max_tokens is not None
        assert 0 < request.max_tokens <= LIMIT - spent


async def until_a_tool_is_asked(run: Run) -> None:
    async with run.events() as events:
        async for event in events:
            if isinstance(event, ToolAsked):
                return
