"""Processes that stand still and come back, and processes that have one store together."""

import asyncio
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

import pytest

from retinue.runs import Run

from ._program import noted
from ._survival import Person, check, kept, log_of, opened, ordered, until
from ._worker import Job, Point
from ._workers import Workers

LEASE = 1.5


@pytest.mark.parametrize(
    "point",
    [Point("write", 20, "before"), Point("write", 45, "after"), Point("write", 70, "before")],
    ids=str,
)
async def test_who_comes_back_writes_nothing_and_does_nothing(
    point: Point, address: str, workers: Workers, tmp_path: Path
) -> None:
    job = Job(store=address, folder=str(tmp_path), lease=LEASE)
    frozen_job = Job(store=address, folder=str(tmp_path), lease=LEASE, stop_at=point)
    async with asyncio.timeout(40), opened(address) as store:
        run = await ordered(store, "conductor")
        me = await store.claims.join()
        async with workers.start(frozen_job) as frozen:
            await frozen.reaches()
            frozen.send(SIGSTOP)
            assert not await store.claims.due(me, lease=60)
            await until(lambda: store.claims.due(me, lease=LEASE))
            async with workers.start(job):
                await Person(run, tmp_path).attend()
                before = await log_of(store, run), await kept(store, run, tmp_path)
                frozen.goes_on()
                frozen.send(SIGCONT)
                await frozen.is_fenced()
        after = await log_of(store, run), await kept(store, run, tmp_path)
        assert before[0] == after[0]
        assert before[1].done == after[1].done
        await check(store, run, tmp_path)
    assert noted(tmp_path / "stderr") == []


async def test_two_processes_respect_what_the_other_does(
    address: str, workers: Workers, tmp_path: Path
) -> None:
    job = Job(store=address, folder=str(tmp_path), latency=0.02)
    async with (
        asyncio.timeout(40),
        opened(address) as store,
        workers.start(job) as one,
        workers.start(job) as two,
    ):
        runs: list[Run] = []
        for n in range(24):
            runs.append(await ordered(store, "small", f"word {n}"))
            await asyncio.sleep(0.005)
        for n, run in enumerate(runs):
            (reply,) = await run.replies()
            assert reply.text.partition("|")[2].startswith(f"word {n} second&<")
            assert (await run.record()).epoch == 1
        claimed = [words for worker in (one, two) for words in worker.said if "claimed" in words]
        assert sorted(words["claimed"] for words in claimed) == sorted(run.id for run in runs)
    assert len(noted(tmp_path / "calls")) == 2 * len(runs)
    assert noted(tmp_path / "stderr") == []


async def test_a_process_at_work_takes_up_what_another_left(
    address: str, workers: Workers, tmp_path: Path
) -> None:
    """Nobody tells that a process was killed: the others look every few seconds."""
    dying = Job(store=address, folder=str(tmp_path), stop_at=Point("write", 40, "after"))
    job = Job(store=address, folder=str(tmp_path))
    async with asyncio.timeout(40), opened(address) as store:
        run = await ordered(store, "conductor")
        async with workers.start(dying) as first, asyncio.TaskGroup() as tasks:
            await first.reaches()
            async with workers.start(job) as second:
                other = await ordered(store, "small", "word")
                await other.replies()
                assert all(words.get("claimed") != run.id for words in second.said)
                await first.kill()
                await tasks.create_task(Person(run, tmp_path).attend())
        await check(store, run, tmp_path)


async def test_nothing_is_left_when_whoever_started_them_is_gone(
    address: str, tmp_path: Path
) -> None:
    """As after a test that failed, or was killed itself."""
    job: Any = Job(store=address, folder=str(tmp_path), stop_at=Point("write", 5, "before"))
    with Workers() as workers:
        async with asyncio.timeout(20), opened(address) as store:
            await ordered(store, "conductor")
            async with workers.start(job) as worker:
                await worker.reaches()
                workers.process.kill()
                await worker.gone()
