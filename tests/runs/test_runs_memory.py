"""What a run held goes with it, at once: nothing waits for the garbage collector."""

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from retinue import Turn, agent
from retinue.runs import Embedded
from retinue.runs._commits import Fact
from retinue.runs._execution import Execution
from retinue.runs._recorder import TurnRecorder
from retinue.runs._spoken import Spoken
from retinue.runs._writer import Writer
from retinue.steps import step
from retinue.storage.memory import MemoryStore

from ._bench import Agents, Notebook, answering, order, person, replies
from ._programs import PROGRAMS

HELD_BY_OTHERS = {"errors", "as_messages", "fan", "effects", "early_end"}
"""Tracebacks hold frames, and a loop keeps timers that were cancelled, with or without a run."""

KINDS = (Execution, Writer, TurnRecorder, Spoken, Fact, Turn)


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive() -> Counter[str]:
    return Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, KINDS))


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("name", sorted(PROGRAMS.keys() - HELD_BY_OTHERS))
async def test_nothing_of_a_run_is_left_when_it_is_over(name: str) -> None:
    book = Notebook()
    make = PROGRAMS[name]
    async with MemoryStore() as store, Embedded(store, make(book)) as engine:
        run = await order(store, "root")
        before = alive()
        async with person(run, answering(book)):
            await replies(run)
        await engine.idle(within=5)
        for _ in range(5):
            await asyncio.sleep(0)
        assert alive() - before == Counter()


@pytest.mark.usefixtures("no_collector")
async def test_a_long_run_holds_no_more_of_turns_that_are_over() -> None:
    seen: list[int] = []

    @agent
    async def child(turn: Turn) -> None:
        await step("nothing", _nothing)
        turn.reply(str(await turn.messages))

    @agent
    async def root(turn: Turn) -> None:
        for n in range(200):
            await child.inquire(f"{n}")
            if n in {99, 199}:
                await asyncio.sleep(0.01)
                seen.append(alive()["TurnRecorder"] + alive()["Turn"])
        turn.reply("done")

    async with MemoryStore() as store:
        run = await order(store, "root")
        async with Embedded(store, Agents(root)):
            await replies(run)
    assert seen[1] <= seen[0]
    assert seen[1] < 10


async def _nothing(_: Any) -> None:
    pass
