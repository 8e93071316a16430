"""What starting costs, beside a bare Python: `uv run benchmarks/alone/startup.py`.

Each command runs in turn, fifteen times after one warm-up; CPU is user + system of the process.
"""

import os
import pty
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 15
MAIN = str(Path(sys.executable).parent / "main")
COMMANDS = {
    "bare: python -c 'import asyncio; asyncio.run(...)'": [
        sys.executable,
        "-c",
        "import asyncio\nasync def hi(): return 1\nasyncio.run(hi())",
    ],
    "main --version": [MAIN, "--version"],
    "main -p hi, with demo": [MAIN, "-p", "hi", "--model", "demo"],
    "main -p hi, with no model chosen": [MAIN, "-p", "hi"],
}
SHELL = "main, to the prompt and out again"
PROMPT = "\u203a".encode()
PATIENCE = 20.0


def cpu(command: list[str]) -> float:
    """CPU milliseconds of one run."""
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command} ended with {child.returncode}")
    return 1e3 * (usage.ru_utime + usage.ru_stime)


def cpu_of_shell(home: str) -> float:
    """CPU milliseconds of a shell in which nothing is said."""
    pid, terminal = pty.fork()
    if not pid:
        os.environ |= {"HOME": home, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        os.execv(MAIN, [MAIN])
    seen = b""
    end = time.monotonic() + PATIENCE
    while PROMPT not in seen:
        if not select.select([terminal], [], [], max(end - time.monotonic(), 0))[0]:
            raise SystemExit("the shell has no prompt")
        seen += os.read(terminal, 65_536)
    os.write(terminal, b"\x04")
    try:
        while os.read(terminal, 65_536):
            pass
    except OSError:  # the shell has left
        pass
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit("the shell failed")
    return 1e3 * (usage.ru_utime + usage.ru_stime)


def main() -> None:
    figures: dict[str, list[float]] = {name: [] for name in (*COMMANDS, SHELL)}
    home = tempfile.TemporaryDirectory()
    for turn in range(RUNS + 1):
        for name, command in COMMANDS.items():
            spent = cpu(command)
            if turn:
                figures[name].append(spent)
        spent = cpu_of_shell(home.name)
        if turn:
            figures[SHELL].append(spent)
    bare = statistics.median(next(iter(figures.values())))
    for name, spent in figures.items():
        median = statistics.median(spent)
        spread = f"({min(spent):.1f} - {max(spent):.1f})"
        print(f"{name:<52}{median:>7.1f} ms CPU  {spread:<17} x{median / bare:.2f}")


if __name__ == "__main__":
    main()
