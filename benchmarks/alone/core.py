"""What the core costs, beside bare asyncio in one process: `uv run benchmarks/alone/core.py`.

Prints CPU microseconds (best of five) and the ratio to the baseline named; `--json FILE` keeps
them.
"""

import argparse
import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from retinue import MessagePromise, Promise, Scope, StreamAppender, StreamedPromise, Turn, agent

FIGURES: dict[str, dict[str, Any]] = {}


async def timed(
    name: str, work: Callable[[int], Awaitable[None]], n: int, beside: str | None = None
) -> None:
    """CPU microseconds for each of the n operations that `work(n)` does; the best of five runs."""
    await work(max(1, n // 10))
    runs: list[float] = []
    for _ in range(5):
        gc.collect()
        began = time.process_time()
        await work(n)
        runs.append((time.process_time() - began) / n * 1e6)
    note(name, min(runs), "us", beside)


def note(name: str, value: float, unit: str, beside: str | None = None) -> None:
    FIGURES[name] = {"value": value, "unit": unit}
    line = f"{name:<48}{value:>10.2f} {unit}"
    if beside is not None:
        ratio = FIGURES[name]["ratio"] = value / FIGURES[beside]["value"]
        line += f"   x{ratio:.1f} {beside}"
    print(line, flush=True)


def resident() -> int:
    """Bytes of memory this process holds."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


async def one() -> str:
    return "x"


@agent
async def trivial(turn: Turn) -> None:
    turn.reply("x")


@agent
async def relay(turn: Turn) -> None:
    async for message in turn.messages:
        with StreamAppender[str]() as out:
            turn.reply(MessagePromise(out))
            async for token in message:
                out.append(token)


@agent
async def source(turn: Turn, tokens: int, ticks: bool) -> None:
    with StreamAppender[str]() as out:
        turn.reply(MessagePromise(out))
        for _ in range(tokens):
            out.append("tok ")
            if ticks:
                await asyncio.sleep(0)


async def calls() -> None:
    async def task(n: int) -> None:
        for _ in range(n):
            await asyncio.create_task(one())

    async def promise(n: int) -> None:
        async def resolver(_: Any) -> str:
            return "x"

        for _ in range(n):
            await Promise(resolver)

    async def call(n: int) -> None:
        for _ in range(n):
            await trivial.inquire("q")

    await timed("asyncio: task, awaited", task, 5000)
    async with Scope():
        await timed("promise: make it and await it", promise, 5000, "asyncio: task, awaited")
        await timed("agent call: one in, one out", call, 3000, "asyncio: task, awaited")


async def streams() -> None:
    async def numbers(n: int, ticks: bool) -> Any:
        for i in range(n):
            yield i
            if ticks:
                await asyncio.sleep(0)

    def queue(ticks: bool) -> Callable[[int], Awaitable[None]]:
        async def work(n: int) -> None:
            pieces: asyncio.Queue[int | None] = asyncio.Queue()

            async def produce() -> None:
                async for i in numbers(n, ticks):
                    pieces.put_nowait(i)
                pieces.put_nowait(None)

            producer = asyncio.create_task(produce())
            while await pieces.get() is not None:
                pass
            await producer

        return work

    def stream(ticks: bool) -> Callable[[int], Awaitable[None]]:
        async def work(n: int) -> None:
            async for _ in StreamedPromise[int, Any](lambda _: numbers(n, ticks)):
                pass

        return work

    for ticks, how in ((False, "in a burst"), (True, "one a tick")):
        await timed(f"asyncio: queue, a piece, {how}", queue(ticks), 20_000)
        async with Scope():
            await timed(
                f"stream: a piece, {how}", stream(ticks), 20_000, f"asyncio: queue, a piece, {how}"
            )


async def hand_over() -> None:
    async def through(n: int, hops: int, ticks: bool) -> None:
        async with Scope():
            replies = source.inquire(tokens=n, ticks=ticks)
            for _ in range(hops):
                replies = relay.inquire(replies)
            async for message in replies:
                async for _ in message:
                    pass

    for ticks, how in ((False, "in a burst"), (True, "one a tick")):
        for hops in (0, 4):
            await timed(
                f"tokens through {hops} relays, {how}",
                lambda n, hops=hops, ticks=ticks: through(n, hops, ticks),
                5000,
            )
        first, last = (FIGURES[f"tokens through {h} relays, {how}"]["value"] for h in (0, 4))
        note(f"each relay adds, a token, {how}", (last - first) / 4, "us")


async def crowd(size: int = 10_000) -> None:
    @agent
    async def worker(turn: Turn) -> None:
        await asyncio.sleep(0.2)
        turn.reply("x")

    gc.collect()
    async with Scope():
        began, before = time.process_time(), resident()
        asked = [worker.inquire("q") for _ in range(size)]
        await asyncio.sleep(0.1)
        memory = resident() - before
        for replies in asked:
            await replies
        note(f"{size} agents at once, CPU", time.process_time() - began, "s")
        note(f"{size} agents at once, memory", memory / 1e6, "MB")


async def main() -> None:
    print(f"Python {sys.version.split()[0]}; CPU time")
    for part in (calls, streams, hand_over, crowd):
        await part()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", metavar="FILE", help="keep the figures")
    chosen = arguments.parse_args()
    asyncio.run(main())
    if chosen.json:
        with open(chosen.json, "w") as kept:
            json.dump(FIGURES, kept, indent=1)
