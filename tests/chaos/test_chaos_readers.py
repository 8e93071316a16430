"""Readers that come late, and that are cut off again and again, join the same text."""

import asyncio
from pathlib import Path

import pytest

from retinue.messages.events import Event, MessageEnded, RunEnded, TextAdded
from retinue.runs import Embedded, Run
from retinue.storage import Store, Tail

from ._pace import Sleeping
from ._program import Program
from ._reader import Reader
from ._survival import Person, check_reader, log_of, opened, ordered
from ._worker import Job, Point
from ._workers import Workers


async def cut_again_and_again(store: Store, run: Run, every: int) -> Reader:
    """Follow a run to its end, and lose the connection after so many events and pieces."""
    reader = Reader()
    while True:
        async with store.log("ann").follow(run.conversation, after=reader.seq) as events:
            for _ in range(every):
                event = await anext(events)
                reader.hear(event)
                if isinstance(event, RunEnded):
                    return reader
        reader.cut()


async def test_a_reader_cut_at_every_event_and_piece(address: str, tmp_path: Path) -> None:
    async with asyncio.timeout(40), opened(address) as store, opened(address) as elsewhere:
        run = await ordered(store, "conductor")
        async with Embedded(store, Program(tmp_path, Sleeping(0.02))), asyncio.TaskGroup() as tasks:
            tasks.create_task(Person(run, tmp_path).attend())
            reading = [
                tasks.create_task(cut_again_and_again(store, run, 1)),
                tasks.create_task(cut_again_and_again(elsewhere, run, 1)),
                tasks.create_task(cut_again_and_again(elsewhere, run, 5)),
            ]
        log = await log_of(store, run)
        whole = {one.message.id: one.message.text for one in log if isinstance(one, MessageEnded)}
        for task in reading:
            assert task.result().whole == whole
        await the_rest_is_told(store, run)


async def the_rest_is_told(store: Store, run: Run) -> None:
    log = await log_of(store, run)
    for after in range(0, len(log), 5):
        async with store.log("ann").follow(run.conversation, after=after) as events:
            told = [await anext(events) for _ in log[after:]]
        assert tuple(told) == log[after:]


@pytest.mark.parametrize("n", range(15, 95, 20))
async def test_a_reader_who_comes_in_the_middle_of_messages(
    n: int, address: str, workers: Workers, tmp_path: Path
) -> None:
    """The process that writes them stands still: they are not whole, whatever happens."""
    point = Point("write", n, "after")
    inside = Reader()

    def hear(_: str, event: Event) -> None:
        inside.hear(event)

    async with asyncio.timeout(40), opened(address) as store:
        run = await ordered(store, "conductor")
        job = Job(
            store=address,
            folder=str(tmp_path),
            seed=n,
            stop_at=point,
            follow=((run.conversation, 0),),
        )
        async with asyncio.TaskGroup() as tasks, workers.start(job, hear=hear) as worker:
            await worker.reaches()
            late = Reader()
            async with store.log("ann").follow(run.conversation) as events:
                tails = {tail.message: tail.text for tail in await _tails(store, run)}
                while tails:  # what there is of each comes first
                    event = await anext(events)
                    late.hear(event)
                    if isinstance(event, TextAdded):
                        assert event.text == tails.pop(event.message)
                worker.goes_on()
                tasks.create_task(Person(run, tmp_path).attend())
                async for event in events:
                    late.hear(event)
                    if isinstance(event, RunEnded):
                        break
        log = await log_of(store, run)
        check_reader(late, log, seen=1)
        check_reader(inside, log)


async def _tails(store: Store, run: Run) -> list[Tail]:
    return [tail for tail in await store.log("ann").tails(run.conversation) if tail.text]
