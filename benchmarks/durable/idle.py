"""What a process costs that has nothing to do: `uv run benchmarks/durable/idle.py [--seconds 60]`.

An engine is open on a store in which 300 runs have ended and a reader follows a conversation; CPU
of the whole process, as a part of the time that passed, and how often its model was called.
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from script import models
from worker import load

HERE = Path(__file__).parent
RUNS = 300


async def idle(where: str, seconds: float) -> None:
    contender: Any = load(str(HERE / "contenders" / "retinue.py"))
    async with contender.opened("sqlite", where) as program:
        for i in range(RUNS):
            await program.run(f"run-{i}")
        following = asyncio.create_task(program.follow("run-0"))
        await asyncio.sleep(1)
        calls, cpu, wall = models.calls, time.process_time(), time.perf_counter()
        await asyncio.sleep(seconds)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        following.cancel()
        print(
            f"{models.calls - calls} calls of models; {1e3 * cpu:.1f} ms CPU in {wall:.0f} s,"
            f" {100 * cpu / wall:.4f} %; load average {os.getloadavg()[0]:.1f}"
        )


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--seconds", type=float, default=60)
    chosen = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(idle(f"{folder}/idle.db", chosen.seconds))
