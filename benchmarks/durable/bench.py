"""What durability costs, a turn, beside LangGraph's checkpointers and DBOS: the same three agents.

    export VENVS=~/.cache/durable-venvs
    sh benchmarks/durable/setup.sh
    uv run benchmarks/durable/bench.py --rounds 3 --save benchmarks/results/durable.json
    uv run benchmarks/durable/bench.py --only retinue,langgraph --places off,sqlite --rounds 1

A writer, a critic who reads what it wrote, an editor who asks both; their models are functions that
answer at once. Each contender runs at each place in a process of its own, rounds interleaved:
`off` keeps nothing, `memory` keeps a record but no file, `sqlite` and `postgres` are durable; what
a place adds is the difference to `off`. First 100 runs one after another, each in a conversation
(thread, workflow) of its own, then 200 with 50 at a time. Everything between the order and the
reply counts, and so does whatever is left to do afterwards. The PostgreSQL server is private, on
this machine, as it comes; its own CPU is not counted. Every file is on the disk that TMPDIR names.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import postgres

HERE = Path(__file__).parent
VENVS = Path(os.environ.get("VENVS", Path.home() / ".cache" / "durable-venvs"))
PEER = {name: VENVS / name / "bin" / "python" for name in ("langgraph", "dbos")}
PLACES = {
    "retinue": ("off", "memory", "sqlite", "postgres"),
    "retinue_assistants": ("off", "memory", "sqlite", "postgres"),
    "langgraph": ("off", "memory", "sqlite", "postgres"),
    "dbos": ("off", "postgres"),  # its SQLite needs 3.42, which is newer than many have
}
FIGURES = {
    "cpu_ms": "CPU a turn, ms",
    "wall_ms": "wall a turn, ms",
    "run_ms_p95": "a run, p95, ms",
    "many_cpu_ms": "50 at once: CPU a turn, ms",
    "runs_s": "runs a second",
}

type Samples = dict[str, list[dict[str, Any]]]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--only", default=",".join(PLACES), help="contenders, by comma")
    asked.add_argument("--places", default="off,memory,sqlite,postgres", help="by comma")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument(
        "--runs", type=int, default=100, help="one after another; twice as many at once"
    )
    asked.add_argument("--width", type=int, default=50, help="how many at once")
    asked.add_argument("--save", metavar="FILE", help="keep all samples")
    chosen = asked.parse_args()
    places = chosen.places.split(",")
    cases = [
        (name, place)
        for name in chosen.only.split(",")
        for place in PLACES[name]
        if place in places
    ]
    samples: Samples = {f"{name} {place}": [] for name, place in cases}
    loads: list[float] = []
    with ExitStack() as stack:
        database = stack.enter_context(postgres.server()) if "postgres" in places else None
        for turn in range(chosen.rounds):
            for name, place in cases[turn % len(cases) :] + cases[: turn % len(cases)]:
                loads.append(os.getloadavg()[0])
                figures = measure(name, place, database, chosen.runs, chosen.width)
                samples[f"{name} {place}"].append(figures)
    show(samples)
    print(f"Load average meanwhile: {min(loads):.1f} - {max(loads):.1f}")
    if chosen.save:
        kept = {"when": time.strftime("%F %T"), "loads": loads, "samples": samples}
        Path(chosen.save).write_text(json.dumps(kept, indent=1) + "\n")


def measure(
    name: str, place: str, database: Callable[[str], str] | None, runs: int, width: int
) -> dict[str, Any]:
    """One process of a contender."""
    folder = tempfile.mkdtemp(prefix="bench-durable-")
    match place:
        case "memory":
            where = "memory:"
        case "postgres":
            assert database is not None
            where = database(Path(folder).name)
        case _:
            where = f"{folder}/bench.db"
    python = PEER.get(name, Path(sys.executable))
    contender = HERE / "contenders" / f"{name}.py"
    command = [python, HERE / "worker.py", contender, place, where, str(runs), str(width)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    finally:
        shutil.rmtree(folder)
    if done.returncode:
        sys.exit(f"{name} at {place} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def show(samples: Samples) -> None:
    """Medians over the rounds, and what each place adds to `off`."""
    medians = {
        case: {figure: statistics.median(one[figure] for one in taken) for figure in FIGURES}
        for case, taken in samples.items()
        if taken
    }
    print(f"{'':<30}" + "".join(f"{title:>28}" for title in FIGURES.values()))
    for case, figures in medians.items():
        name, _, place = case.partition(" ")
        plain = medians.get(f"{name} off")
        line = f"{name + ', ' + place:<30}"
        for figure, value in figures.items():
            adds = ""
            if plain is not None and place != "off" and figure != "runs_s":
                adds = f" (+{value - plain[figure]:.2f})"
            line += f"{f'{value:.2f}{adds}':>28}"
        print(line)
    versions = {k: v for one in samples.values() for k, v in one[0]["versions"].items()}
    print("; ".join(f"{package} {version}" for package, version in versions.items()))


if __name__ == "__main__":
    main()
