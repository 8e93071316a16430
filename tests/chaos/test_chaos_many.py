"""A thousand runs at once in one process."""

import asyncio
import gc
from pathlib import Path

from retinue.runs import Embedded, Run
from retinue.storage import Store
from retinue.storage.sqlite import SqliteStore

from ._pace import Sleeping
from ._program import Program, noted, split
from ._survival import ordered

RUNS = 1_000
OBJECTS = 10
"""So many may remain of a run that is over, counted by the garbage collector."""
BYTES = 100_000
"""So many may a run take while it goes on."""


async def execute(store: Store, count: int) -> None:
    """As many runs of three turns, all at once."""
    runs: list[Run] = []

    async def order(n: int) -> None:
        runs.append(await ordered(store, "small", f"word {n}"))

    async with asyncio.TaskGroup() as tasks:
        for n in range(count):
            tasks.create_task(order(n))

    async def replied(run: Run) -> None:
        (question,) = (await store.log("ann").messages(run.conversation, until=1)).items
        (reply,) = await run.replies()
        asked = split(reply.text)[1]
        assert asked.startswith(f"{question.text} second&<")
        assert asked.endswith(f"|{question.text} first>")

    async with asyncio.TaskGroup() as tasks:
        for run in runs:
            tasks.create_task(replied(run))
    for run in runs:
        assert (await run.record()).reason == "done"


async def test_a_thousand_runs_lose_nothing_and_leave_nothing(tmp_path: Path) -> None:
    program = Program(tmp_path, Sleeping(0.02))
    async with (
        asyncio.timeout(50),
        await SqliteStore.open(tmp_path / "r.db") as store,
        Embedded(store, program) as engine,
    ):
        await execute(store, 20)
        before, memory = await objects(engine), resident()
        peak = asyncio.create_task(highest())
        await execute(store, RUNS)
        peak.cancel()
        after = await objects(engine)
        assert (after - before) / RUNS < OBJECTS
        assert (await peak - memory) / RUNS < BYTES
    calls = noted(tmp_path / "calls")
    assert len(calls) == len(set(calls)) == 2 * (RUNS + 20)


async def objects(engine: Embedded) -> int:
    await engine.idle()
    for _ in range(3):
        gc.collect()
        await asyncio.sleep(0.05)
    return len(gc.get_objects())


async def highest() -> int:
    """The most memory that was resident until this is cancelled."""
    most = 0
    try:
        while True:
            most = max(most, resident())
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        return most


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096
