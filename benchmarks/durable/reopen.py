"""A conversation of 10,000 turns: how large it is, and how soon it is there again in a new process.

    uv run benchmarks/durable/reopen.py

It is made by the store's own face for engines: runs of three turns each, with the events and the
journal that an engine writes for three agents (see script.py). Then a new process opens the file,
reads the last page of the transcript and the list of conversations; ten times, after one warm-up.
Times in milliseconds; bytes are those of the file's pages.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from script import DRAFT, FINAL, TASK, VERDICT

SIZES = (100, 1_000, 10_000)
TURNS = 3
ROUNDS = 10
OWNER, CONVERSATION = "ann", "long"

# What a new process does. It measures itself: the time before its first line is Python's.
AGAIN = """
import time
began = time.perf_counter(), time.process_time()
import asyncio, sys
from retinue.storage import open_store
imported = time.perf_counter(), time.process_time()
async def again():
    store = await open_store(sys.argv[1])
    log = store.log("ann")
    page = await log.messages("long", limit=200)
    listed = await log.conversations()
    assert len(page.items) == 200 and listed.items[0].id == "long"
    done = time.perf_counter(), time.process_time()
    await store.close()
    return done
done = asyncio.run(again())
print(*[1e3 * (b - a) for a, b in ((began[0], imported[0]), (began[1], imported[1]),
    (imported[0], done[0]), (imported[1], done[1]))])
"""
PARTS = ("import, wall", "import, CPU", "open and read, wall", "open and read, CPU")


async def make(path: str) -> dict[int, float]:
    """Bytes a turn at each size."""
    from retinue import Message
    from retinue.messages import new_id
    from retinue.messages.events import MessageEnded, RunEnded, RunStarted, TurnEnded, TurnStarted
    from retinue.runs._records import TurnRecord
    from retinue.storage import Change, Ends, Entry, Happens, Order, Shown, open_store

    store = await open_store(path)
    await store.log(OWNER).begin(id=CONVERSATION)
    holder = await store.claims.join()
    sizes: dict[int, float] = {}
    turns = 0
    for size in SIZES:
        while turns < size:
            asked = (Message(TASK, role="user"),)
            order = Order(conversation=CONVERSATION, agent="editor", messages=asked)
            record = await store.runs(OWNER).order(order)
            claim = await store.claims.claim(record, holder, lease=15)
            assert claim is not None
            run = record.id
            changes: list[Change] = [Happens(event=RunStarted(run=run, agent="editor"))]
            last = ""
            for agent, text in (("writer", DRAFT), ("critic", VERDICT), ("editor", FINAL)):
                turn, last = new_id(), new_id()
                said = Message(text, id=last, role="assistant", agent=agent)
                whose = {"run": run, "turn": turn, "agent": agent}
                record_of_turn = TurnRecord(
                    agent=agent, parent="", replies=(last,), reads={new_id(): said.hash}
                )
                body = record_of_turn.to_json()
                changes += [
                    Happens(event=TurnStarted(**whose)),
                    Happens(event=MessageEnded(message=said, **whose)),
                    Entry(address=turn, kind="turn", turn=turn, state="done", body=body),
                    Happens(event=TurnEnded(reason="done", **whose)),
                ]
                turns += 1
            changes += [
                Shown(messages=(last,)),
                Happens(event=RunEnded(run=run, reason="done")),
                Ends(reason="done"),
            ]
            await store.claims.write(claim, 1, *changes)
        sizes[size] = _bytes(path) / turns
    await store.close()
    return sizes


def _bytes(path: str) -> int:
    connection = sqlite3.connect(path)
    try:
        ((count,),) = connection.execute("PRAGMA page_count")
        ((size,),) = connection.execute("PRAGMA page_size")
        ((free,),) = connection.execute("PRAGMA freelist_count")
    finally:
        connection.close()
    return (count - free) * size


def again(path: str) -> dict[str, float]:
    """One new process, by its parts, and as a whole."""
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-c", AGAIN, path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    )
    assert child.stdout is not None
    out = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit("the file could not be read again")
    return {
        **dict(zip(PARTS, map(float, out.split()), strict=True)),
        "the process, wall": 1e3 * (time.perf_counter() - began),
        "the process, CPU": 1e3 * (usage.ru_utime + usage.ru_stime),
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--save", metavar="FILE", help="keep all samples")
    chosen = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/long.db"
        sizes = asyncio.run(make(path))
        for size, each in sizes.items():
            print(f"{f'bytes a turn, at {size:,} turns':<36}{each:>9,.0f}")
        samples = [again(path) for _ in range(ROUNDS + 1)][1:]
    for part in samples[0]:
        taken = [one[part] for one in samples]
        print(
            f"{part:<36}{statistics.median(taken):>9.1f} ms  ({min(taken):.1f} - {max(taken):.1f})"
        )
    print(f"Load average: {os.getloadavg()[0]:.1f}")
    if chosen.save:
        Path(chosen.save).write_text(json.dumps({"bytes": sizes, "again": samples}) + "\n")


if __name__ == "__main__":
    main()
