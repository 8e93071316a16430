"""The program of 41 turns, given up at each write in turn, and taken up by another engine."""

import asyncio
from pathlib import Path

import pytest

from retinue.runs import Embedded
from retinue.storage.memory import MemoryStore

from ._crashing import CrashingStore
from ._pace import Sleeping
from ._program import Program
from ._survival import Person, check, check_reader, log_of, ordered


async def execute(folder: Path, crashes: list[tuple[int, bool]]) -> None:
    program = Program(folder, Sleeping(0.001))
    async with asyncio.timeout(40), MemoryStore() as store, asyncio.TaskGroup() as tasks:
        run = await ordered(store, "conductor")
        person = Person(run, folder)
        attending = tasks.create_task(person.attend())
        for at, arrives in crashes:
            dying = CrashingStore(store, at, arrives=arrives)
            async with Embedded(dying, program, unload_after=0.01) as engine:
                await engine.idle(within=10)
        async with Embedded(store, program, unload_after=0.01):
            await attending
        await check(store, run, folder)
        check_reader(person.reader, await log_of(store, run))


async def test_nothing_is_lost_without_a_crash(tmp_path: Path) -> None:
    await execute(tmp_path, [])


@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("at", range(1, 40, 3))
async def test_it_goes_on_after_a_crash(at: int, arrives: bool, tmp_path: Path) -> None:
    await execute(tmp_path, [(at, arrives)])
