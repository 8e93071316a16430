"""Measures one contender at one place, in a process of its own; prints one line of JSON.

CPU is user and system time of this process with all its threads; that of a PostgreSQL server is
not in it. Every run is checked: the text it gave, how often models were called, and, after all,
what is kept of it.
"""

import asyncio
import gc
import importlib.util
import json
import os
import statistics
import sys
import time
from importlib.metadata import version
from typing import Any

from script import FINAL, models

WARM_UP = 10
"""Runs that are not counted."""


def load(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("contender", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def once(program: Any, name: str) -> float:
    """Seconds that one run takes."""
    began = time.perf_counter()
    text = await program.run(name)
    took = time.perf_counter() - began
    if text != FINAL:
        raise AssertionError(f"run {name} ended with {text!r}")
    return took


async def one_by_one(program: Any, count: int) -> dict[str, float]:
    gc.collect()
    cpu = time.process_time()
    walls = [await once(program, f"single-{i}") for i in range(count)]
    cpu = time.process_time() - cpu
    return {
        "cpu_ms": 1e3 * cpu / count / program.turns,
        "wall_ms": 1e3 * statistics.median(walls) / program.turns,
        "run_ms_p50": 1e3 * statistics.median(walls),
        "run_ms_p95": 1e3 * statistics.quantiles(walls, n=20)[-1],
    }


async def at_once(program: Any, count: int, width: int) -> dict[str, float]:
    """`count` runs, `width` of them going on at any time."""
    gc.collect()
    names = iter(range(count))

    async def some() -> None:
        for i in names:
            await once(program, f"many-{i}")

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*[some() for _ in range(width)])
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {
        "many_cpu_ms": 1e3 * cpu / count / program.turns,
        "many_wall_ms": 1e3 * wall / count / program.turns,
        "runs_s": count / wall,
    }


async def measured(contender: Any, place: str, where: str, count: int, width: int) -> Any:
    async with contender.opened(place, where) as program:
        for i in range(WARM_UP):
            await once(program, f"warm-up-{i}")
        figures = await one_by_one(program, count) | await at_once(program, 2 * count, width)
        expected = (WARM_UP + 3 * count) * 3
        if models.calls != expected:
            raise AssertionError(f"{models.calls} calls of models, not {expected}")
        if place != "off":
            for name in (f"single-{count - 1}", f"many-{2 * count - 1}"):
                if not await program.kept(name):
                    raise AssertionError(f"run {name} was not kept")
    return figures


if __name__ == "__main__":
    path, place, where, count, width = sys.argv[1:]
    contender = load(path)
    figures = asyncio.run(measured(contender, place, where, int(count), int(width)))
    figures["versions"] = {name: version(name) for name in contender.PACKAGES}
    print("\n" + json.dumps(figures), flush=True)
    os._exit(0)  # threads of a contender must not hold it
