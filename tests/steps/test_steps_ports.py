"""The seam to durability: nothing happens when nobody listens, everything passes when one does."""

import asyncio
from typing import Any

from retinue.steps import ask, emit, recorder, reserve, step
from retinue.testing import MemoryJournal


async def one(address: str | None = None) -> int:
    return 1


async def test_without_a_listener_the_work_is_simply_done() -> None:
    assert recorder.get() is None
    assert await step("clock", one) == 1
    assert await ask("?", one) == 1
    await reserve(tokens=5)
    emit("anything", at=1)


async def test_a_listener_hears_everything() -> None:
    class Answering(MemoryJournal):
        pass

    journal = Answering()
    with journal.listening():
        listening: Any = recorder.get()
        assert await step("clock", one, args=("x",)) == 1
        await reserve(tokens=5)
        emit("anything", at=1)
        assert listening.address == ""
    assert recorder.get() is None
    assert [(kind, fields) for _, kind, fields in journal.events] == [
        ("reserved", {"tokens": 5}),
        ("anything", {"at": 1}),
    ]


async def test_the_same_step_again_is_another_step_and_the_same_run_again_is_not() -> None:
    counted: list[int] = []

    async def count(address: str | None) -> int:
        counted.append(1)
        return len(counted)

    journal = MemoryJournal()
    got: list[list[int]] = []
    for _ in range(2):
        with journal.listening():
            got.append([await step("clock", count), await step("clock", count)])
    assert got == [[1, 2], [1, 2]]


async def test_a_listener_is_heard_only_where_it_listens() -> None:
    journal = MemoryJournal()

    async def outside() -> None:
        emit("outside")

    beside = asyncio.create_task(outside())
    with journal.listening():
        await beside
        emit("inside")
    assert [kind for _, kind, _ in journal.events] == ["inside"]
