"""Hold every room above its floor of coverage, lines and branches together.

`coverage_floors.py coverage.json` judges a report. As a pytest plugin (`-p coverage_floors`, see
.ci/run) it judges the run it is in: a low room fails it, and pytest still has the last word.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePath

import pytest

FLOOR = 85.0  # to be reached
TRUSTED_FLOOR = 95.0  # to be passed
TRUSTED = {"promise", "messages", "agents", "models", "tools", "runs"}


def judge(report: Path, write: Callable[[str], object]) -> bool:
    """Write the rooms of a json report as a table; true when none is low."""
    percents = measure(report)
    low = {room for room, percent in percents.items() if is_low(room, percent)}
    for room, percent in sorted(percents.items()):
        floor = f" > {TRUSTED_FLOOR:.0f}" if room in TRUSTED else f">= {FLOOR:.0f}"
        write(f"{room:12} {percent:6.2f} %   {floor}   {'LOW' if room in low else 'ok'}")
    return not low


def measure(report: Path) -> dict[str, float]:
    """Each room's percentage."""
    done, total = Counter[str](), Counter[str]()
    for file, found in json.loads(report.read_text())["files"].items():
        room, seen = room_of(PurePath(file)), found["summary"]
        done[room] += seen["covered_lines"] + seen["covered_branches"]
        total[room] += seen["num_statements"] + seen["num_branches"]
    return {room: 100 * done[room] / total[room] for room in total if total[room]}


def room_of(file: PurePath) -> str:
    """`promise` for src/retinue/promise/scope.py, `errors` for src/retinue/errors.py."""
    parts = file.with_suffix("").parts
    return parts[parts.index("retinue") + 1]


def is_low(room: str, percent: float) -> bool:
    """Whether `percent` is too little for `room`."""
    return percent <= TRUSTED_FLOOR if room in TRUSTED else percent < FLOOR


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Judge a run whose tests have passed, from the json report that pytest-cov has written."""
    is_worker = hasattr(session.config, "workerinput")  # of pytest-xdist; it has a part of the run
    if exitstatus == pytest.ExitCode.OK and not is_worker:
        terminal = session.config.get_terminal_writer()
        terminal.line("\n")
        terminal.sep("=", "coverage floors")
        if not judge(Path(session.config.option.cov_report["json"]), terminal.line):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


if __name__ == "__main__":
    sys.exit(not judge(Path(sys.argv[1]), print))
