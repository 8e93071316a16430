"""What is around a run fails: the disk is full, the clock jumps."""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from retinue.errors import StoreFailed
from retinue.runs import Embedded
from retinue.storage.sqlite import SqliteStore

from ._pace import Sleeping
from ._program import Program
from ._survival import Person, check, check_reader, log_of, opened, ordered, survive, until
from ._worker import Job, Point
from ._workers import Workers

JUMPS = (0.0, 3e8, -3e8, 3600.0, -7200.0)
"""Seconds: ten years forth, ten back, and what summer and a time server do."""


@pytest.mark.parametrize("events", [10, 60, 120])
async def test_a_full_disk_holds_a_run_up_until_there_is_space(
    events: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        asyncio.timeout(40),
        await SqliteStore.open(tmp_path / "r.db") as store,
        Embedded(store, Program(tmp_path, Sleeping(0.02))),
        asyncio.TaskGroup() as tasks,
    ):
        run = await ordered(store, "conductor")
        person = Person(run, tmp_path)
        attending = tasks.create_task(person.attend())

        async def is_so_far() -> bool:
            return person.reader.seq >= events

        async def is_held_up() -> bool:
            return any(record.getMessage() == "not written yet" for record in caplog.records)

        await until(is_so_far)
        with caplog.at_level(logging.WARNING):
            await pragma(store, "max_page_count = 1")  # as many as there are
            await until(is_held_up)
            with pytest.raises(StoreFailed) as caught:
                await store.notes("ann").put("much", "x" * 1_000_000)
            assert caught.value.hint is not None
            await pragma(store, "max_page_count = 1000000")
        await attending
        await check(store, run, tmp_path)
        check_reader(person.reader, await log_of(store, run))
        assert (await run.record()).epoch == 1


async def pragma(store: SqliteStore, words: str) -> None:
    await store._database.write(lambda work: work.execute(f"PRAGMA {words}").fetchall())


async def test_a_process_whose_clock_jumps_is_killed(
    address: str, workers: Workers, tmp_path: Path
) -> None:
    job = Job(store=address, folder=str(tmp_path), clock=JUMPS)
    assert await survive(workers, job, [Point("write", 40, "before")]) == 1


async def test_no_jump_of_the_clock_makes_others_think_that_a_process_is_dead(
    address: str, workers: Workers, tmp_path: Path
) -> None:
    """Nor does it think so of others, looking for what they left all the time."""
    job = Job(store=address, folder=str(tmp_path), clock=JUMPS, lease=5)
    other = replace(job, clock=(*JUMPS[2:], *JUMPS[:2]))
    async with asyncio.timeout(40), opened(address) as store:
        run = await ordered(store, "conductor")
        async with workers.start(job) as one, workers.start(other) as two:
            attending = asyncio.create_task(Person(run, tmp_path).attend())
            for n in range(10):
                small = await ordered(store, "small", f"word {n}")
                await small.replies()
                assert (await small.record()).epoch == 1
            await attending
        await check(store, run, tmp_path)
        claimed = [words for worker in (one, two) for words in worker.said if "claimed" in words]
        assert all(words["epoch"] == 1 for words in claimed)
