"""A SIGKILL before and after every write of the program, in turn; `just chaos` runs it.

CI takes the sample in `test_chaos_killed.py`; pytest does not collect this file by itself.
"""

import random
from pathlib import Path
from typing import Any

import pytest

from ._program import EFFECTS
from ._survival import survive
from ._worker import Job, Point
from ._workers import Workers

WRITES = 115
"""A few more than there are."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("n", range(1, WRITES + 1))
async def test_whoever_comes_next_goes_on(
    n: int, when: Any, address: str, workers: Workers, tmp_path: Path
) -> None:
    job = Job(store=address, folder=str(tmp_path), seed=1000 + n)
    if not await survive(workers, job, [Point("write", n, when)]):
        pytest.skip("the run has fewer writes than that")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("n", range(1, EFFECTS + 1))
async def test_whoever_comes_next_knows_what_was_done(
    n: int, when: Any, address: str, workers: Workers, tmp_path: Path
) -> None:
    job = Job(store=address, folder=str(tmp_path), seed=3000 + n)
    assert await survive(workers, job, [Point("effect", n, when)]) == 1


@pytest.mark.parametrize("seed", range(100, 140))
async def test_nobody_knows_when_death_comes(
    seed: int, address: str, workers: Workers, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    job = Job(store=address, folder=str(tmp_path), latency=0.08, seed=seed)
    await survive(workers, job, [chance.random() / 5 for _ in range(6)])


@pytest.mark.parametrize("second", range(2, 40, 4))
@pytest.mark.parametrize("first", range(5, WRITES - 20, 10))
async def test_whoever_comes_next_dies_too(
    first: int, second: int, address: str, workers: Workers, tmp_path: Path
) -> None:
    job = Job(store=address, folder=str(tmp_path), seed=2000 + first)
    await survive(workers, job, [Point("write", first, "before"), Point("write", second, "after")])
