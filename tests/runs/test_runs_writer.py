"""Writer: order, what goes together, refusal of one, attempts under one number, giving up."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from retinue.errors import BudgetExceeded, Fenced, RetinueError, StoreFailed
from retinue.runs import _writer
from retinue.runs._writer import Writer
from retinue.storage import Change, Claim, Kept, Written


class Paper:
    """Takes what is written; `fails` says with which error, for the n-th call, from 1."""

    def __init__(self, fails: Callable[[int], Exception | None] = lambda _: None) -> None:
        self.batches: list[list[str]] = []
        self.numbers: list[int] = []
        self.open = asyncio.Event()
        self.open.set()
        self.stop = False
        self._fails = fails

    async def write(self, claim: Claim, number: int, *changes: Change) -> Written:
        self.numbers.append(number)
        await self.open.wait()
        error = self._fails(len(self.numbers))
        if error is not None:
            raise error
        self.batches.append([change.name for change in changes if isinstance(change, Kept)])
        return Written(seq=0, stop_asked=self.stop)


class Desk:
    """A writer, and what it told."""

    def __init__(self, paper: Paper) -> None:
        self.stops = 0
        self.failures: list[RetinueError] = []
        claim: Any = type("Claim", (), {"run": type("Run", (), {"id": "run"})})
        self.writer = Writer(paper, claim, stop=self._stop, fail=self.failures.append)

    def _stop(self) -> None:
        self.stops += 1


def kept(name: str) -> Kept:
    return Kept(name=name, value=None)


async def within[T](work: Any) -> T:
    async with asyncio.timeout(5):
        return await work


async def test_what_is_put_down_in_one_tick_is_written_together() -> None:
    paper = Paper()
    writer = Desk(paper).writer
    for name in "abc":
        writer.put(kept(name))
    await within(writer.durable())
    assert paper.batches == [["a", "b", "c"]]


async def test_what_comes_while_a_batch_is_written_goes_with_the_next() -> None:
    paper = Paper()
    paper.open.clear()
    writer = Desk(paper).writer
    writer.put(kept("a"))
    while not paper.numbers:
        await asyncio.sleep(0)
    writer.put(kept("b"))
    await asyncio.sleep(0)
    writer.put(kept("c"))
    paper.open.set()
    await within(writer.durable())
    assert paper.batches == [["a"], ["b", "c"]]
    assert paper.numbers == [1, 2]


async def test_what_may_be_refused_is_written_by_itself_in_its_place() -> None:
    paper = Paper()
    writer = Desk(paper).writer
    writer.put(kept("a"))
    alone = asyncio.ensure_future(writer.write(kept("b")))
    await asyncio.sleep(0)
    writer.put(kept("c"), kept("d"))
    await within(alone)
    await within(writer.durable())
    assert paper.batches == [["a"], ["b"], ["c", "d"]]


async def test_a_refusal_is_for_the_one_who_asked_alone() -> None:
    paper = Paper(lambda n: BudgetExceeded("too much") if n == 2 else None)
    desk = Desk(paper)
    writer = desk.writer
    writer.put(kept("a"))
    refused = asyncio.ensure_future(writer.write(kept("b")))
    await asyncio.sleep(0)
    await within(writer.durable())  # it is the last that was put down, and no concern of ours
    with pytest.raises(BudgetExceeded):
        await within(refused)
    writer.put(kept("c"))
    await within(writer.durable())
    assert paper.batches == [["a"], ["c"]]
    assert paper.numbers == [1, 2, 2]
    assert not desk.failures


async def test_a_failing_store_is_asked_again_under_the_same_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_writer, "_WAITS", (0.001, 0.001, 0.001))
    paper = Paper(lambda n: StoreFailed("full") if n in {1, 2} else None)
    writer = Desk(paper).writer
    writer.put(kept("a"))
    await within(writer.durable())
    writer.put(kept("b"))
    await within(writer.durable())
    assert paper.numbers == [1, 1, 1, 2]
    assert paper.batches == [["a"], ["b"]]


async def test_in_the_end_it_gives_up_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_writer, "_WAITS", (0.001,))
    paper = Paper(lambda _: StoreFailed("full"))
    desk = Desk(paper)
    writer = desk.writer
    writer.put(kept("a"))
    waiting = [asyncio.ensure_future(writer.durable()) for _ in range(2)]
    await asyncio.sleep(0)
    alone = asyncio.ensure_future(writer.write(kept("b")))
    for one in (*waiting, alone):
        with pytest.raises(StoreFailed):
            await within(one)
    assert [str(error) for error in desk.failures] == ["full"]
    for late in (writer.durable(), writer.write(kept("c"))):
        with pytest.raises(StoreFailed):
            await within(late)
    writer.put(kept("d"))
    assert paper.numbers == [1, 1]


@pytest.mark.parametrize("error", [Fenced("taken up"), ZeroDivisionError("a fault")])
async def test_what_cannot_be_mended_is_not_tried_again(error: Exception) -> None:
    paper = Paper(lambda _: error)
    desk = Desk(paper)
    desk.writer.put(kept("a"))
    with pytest.raises(RetinueError):
        await within(desk.writer.durable())
    assert paper.numbers == [1]
    assert len(desk.failures) == 1


async def test_a_writer_that_is_cancelled_leaves_nobody_waiting() -> None:
    paper = Paper()
    paper.open.clear()
    desk = Desk(paper)
    before = asyncio.all_tasks()
    desk.writer.put(kept("a"))
    (task,) = asyncio.all_tasks() - before
    waiting = asyncio.ensure_future(desk.writer.durable())
    while not paper.numbers:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(StoreFailed):
        await within(waiting)
    assert len(desk.failures) == 1


async def test_somebody_who_stops_waiting_disturbs_nobody() -> None:
    paper = Paper()
    paper.open.clear()
    writer = Desk(paper).writer
    writer.put(kept("a"))
    patient, hasty = (asyncio.ensure_future(writer.durable()) for _ in range(2))
    await asyncio.sleep(0)
    hasty.cancel()
    await asyncio.sleep(0)
    paper.open.set()
    await within(patient)
    assert paper.batches == [["a"]]


async def test_the_store_tells_that_the_run_is_to_stop() -> None:
    paper = Paper()
    paper.stop = True
    desk = Desk(paper)
    desk.writer.put(kept("a"))
    await within(desk.writer.durable())
    assert desk.stops == 1


async def test_nothing_to_wait_for_is_no_wait() -> None:
    await within(Desk(Paper()).writer.durable())
