"""How soon a reader sees what a run wrote: `uv run benchmarks/durable/latency.py [--postgres]`.

A run is claimed, and writes 300 messages, about 10 ms apart, each with the time at which it was
handed to the store; a follower in the same process, and one in another process at the same store,
take the time at which they have it. So the time to commit is in there. Milliseconds.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import postgres

from retinue import Message
from retinue.messages.events import MessageEnded
from retinue.storage import Claims, Happens, Order, Store, open_store

COUNT = 300
PAUSE = 0.01
OWNER = "ann"


async def write(store: Store, conversation: str) -> None:
    """What a run of an engine does, without an agent."""
    order = Order(conversation=conversation, agent="clock", messages=())
    record = await store.runs(OWNER).order(order)
    claims: Claims = store.claims
    claim = await claims.claim(record, await claims.join(), lease=15)
    assert claim is not None
    for number in range(1, COUNT + 1):
        await asyncio.sleep(PAUSE)
        message = Message(str(time.monotonic_ns()), role="assistant", agent="clock")
        await claims.write(claim, number, Happens(event=MessageEnded(message=message)))


async def read(
    store: Store, conversation: str, ready: Callable[[], None] = lambda: None
) -> list[float]:
    """Milliseconds from each writing to its being read here; `ready` is called once it listens."""
    taken: list[float] = []
    async with store.log(OWNER).follow(conversation) as events:
        ready()
        async for event in events:
            if isinstance(event, MessageEnded):
                taken.append((time.monotonic_ns() - int(event.message.text)) / 1e6)
                if len(taken) == COUNT:
                    break
    return taken


async def here(where: str) -> dict[str, list[float]]:
    """The writer, a reader beside it, and a reader in another process."""
    store = await open_store(where)
    conversation = (await store.log(OWNER).begin()).id
    reading = asyncio.create_task(read(store, conversation))
    other = None
    if where != "memory:":
        command = (sys.executable, __file__, "--read", conversation, where)
        other = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        assert other.stdout is not None
        await other.stdout.readline()
    await write(store, conversation)
    taken = {"the same process": await reading}
    if other is not None:
        out, _ = await other.communicate()
        taken["another process"] = json.loads(out)
    await store.close()
    return taken


async def elsewhere(conversation: str, where: str) -> None:
    store = await open_store(where)
    taken = await read(store, conversation, lambda: print("listening", flush=True))
    print(json.dumps(taken))
    await store.close()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--postgres", action="store_true", help="there, too")
    asked.add_argument("--save", metavar="FILE", help="keep all samples")
    asked.add_argument("--read", nargs=2, help=argparse.SUPPRESS)
    chosen = asked.parse_args()
    if chosen.read:
        asyncio.run(elsewhere(*chosen.read))
        return
    kept: dict[str, dict[str, list[float]]] = {}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        places = {"memory": "memory:", "sqlite": f"{folder}/latency.db"}
        if chosen.postgres:
            places["postgres"] = stack.enter_context(postgres.server())("latency")
        for place, where in places.items():
            kept[place] = asyncio.run(here(where))
            for reader, taken in kept[place].items():
                p95 = statistics.quantiles(taken, n=20)[-1]
                print(
                    f"{place + ', ' + reader:<30}p50 {statistics.median(taken):>7.2f}"
                    f"   p95 {p95:>7.2f}   worst {max(taken):>7.2f}"
                )
    print(f"Load average: {os.getloadavg()[0]:.1f}")
    if chosen.save:
        Path(chosen.save).write_text(json.dumps(kept) + "\n")


if __name__ == "__main__":
    main()
