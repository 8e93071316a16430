"""The program of 41 turns, in a process that gets a SIGKILL from outside at a chosen point."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from retinue.messages.events import InterruptAsked

from ._program import EFFECTS, answers_in, noted, split
from ._survival import Life, log_of, opened, ordered, survive
from ._worker import Job, Point
from ._workers import Workers


def points() -> list[Point]:
    """40, spread over the run: by turns before and after a write, and around each effect."""
    writes = [Point("write", 1 + 5 * n // 2, "before" if n % 2 else "after") for n in range(30)]
    effects = [Point("effect", 1 + n, when) for n in range(EFFECTS) for when in ("before", "after")]
    return [*writes, *effects]


def sample() -> list[Any]:
    """All of them on SQLite; on PostgreSQL, which takes longer, half of each kind."""
    every = points()
    places = [("sqlite", point) for point in every]
    places += [("postgres", point) for point in [*every[::4], *every[1::4]]]
    return [pytest.param(place, point, id=f"{place}-{point}") for place, point in places]


@pytest.mark.parametrize(("address", "point"), sample(), indirect=["address"])
async def test_whoever_comes_next_goes_on(
    point: Point, address: str, workers: Workers, tmp_path: Path
) -> None:
    job = Job(store=address, folder=str(tmp_path), seed=point.n)
    assert await survive(workers, job, [point]) == 1


@pytest.mark.parametrize(("n", "when"), [(25, "after"), (34, "before")])
async def test_nobody_lives_long(
    n: int, when: Any, address: str, workers: Workers, tmp_path: Path
) -> None:
    """As long as something is finished each time, it comes to its end."""
    job = Job(store=address, folder=str(tmp_path))
    assert await survive(workers, job, [Point("write", n, when)] * 20) > 2


@pytest.mark.parametrize("seed", range(3))
async def test_nobody_knows_when_death_comes(
    seed: int, address: str, workers: Workers, tmp_path: Path
) -> None:
    """In the middle of whatever it is that a process does then."""
    chance = random.Random(seed)
    job = Job(store=address, folder=str(tmp_path), latency=0.08, seed=seed)
    await survive(workers, job, [chance.random() / 5 for _ in range(4)])


async def test_a_person_is_asked_each_time_that_an_effect_is_lost(
    address: str, workers: Workers, tmp_path: Path
) -> None:
    """What they said of one time is not true of the next."""
    whens = ("before", "after")
    async with asyncio.timeout(40), opened(address) as store:
        run = await ordered(store, "clerk", "count")
        life = Life(store, run, Job(store=address, folder=str(tmp_path)))
        assert await life.live(workers, [Point("effect", 1, when) for when in whens]) == 2
        (answer,) = answers_in(tuple(await run.replies()))
        assert split(answer)[1] == "bumped count"
        log = await log_of(store, run)
    assert noted(tmp_path / "effects") == ["count"]
    asked = [event for event in log if isinstance(event, InterruptAsked)]
    assert [event.kind for event in asked] == ["unknown_outcome"] * 2
