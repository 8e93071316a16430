"""The program of 40 turns, given up at each write in turn, and taken up by another engine."""

import asyncio
from pathlib import Path

import pytest

from retinue.messages import Message
from retinue.messages.events import TurnEnded, TurnStarted
from retinue.runs import Embedded, Run
from retinue.storage import Order
from retinue.storage.memory import MemoryStore

from ._crashing import CrashingStore
from ._program import TURNS, Program, answer_to, check


async def answer_all(run: Run, folder: Path) -> None:
    while True:
        for asked in await run.questions():
            await run.answer(asked.id, answer_to(asked, folder))
        await asyncio.sleep(0.01)


async def execute(folder: Path, crashes: list[tuple[int, bool]]) -> int:
    (folder / "effects").touch()
    program = Program(folder, latency=0.001)
    async with MemoryStore() as store:
        log = store.log("ann")
        conversation = await log.begin()
        question = Message("Go", role="user")
        order = Order(conversation=conversation.id, agent="conductor", messages=(question,))
        run = Run(store, await store.runs("ann").order(order))
        writes = 0
        async with asyncio.TaskGroup() as tasks:
            person = tasks.create_task(answer_all(run, folder))
            for at, arrives in crashes:
                dying = CrashingStore(store, at, arrives=arrives)
                async with Embedded(dying, program, unload_after=0.01) as engine:
                    await engine.idle(within=10)
                writes = dying.claims.writes
                if (await run.record()).status == "ended":
                    break
            async with Embedded(store, program, unload_after=0.01), asyncio.timeout(20):
                replies = await run.replies()
            person.cancel()
        events = await log.events(conversation.id, limit=10_000)
        ended = [event.turn for event in events if isinstance(event, TurnEnded)]
        started = [event.turn for event in events if isinstance(event, TurnStarted)]
        assert len(started) == len(set(started))
        assert set(started) >= set(ended)  # a turn that was asked in vain never ends
        assert len(ended) >= TURNS - 2
        check(tuple(replies), folder, ended)
        return writes


async def test_nothing_is_lost_without_a_crash(tmp_path: Path) -> None:
    await execute(tmp_path, [])


@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("at", range(1, 40, 3))
async def test_it_goes_on_after_a_crash(at: int, arrives: bool, tmp_path: Path) -> None:
    await execute(tmp_path, [(at, arrives)])
