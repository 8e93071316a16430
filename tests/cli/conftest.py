"""The command line from outside: a process in a home of its own, models that say what we wrote."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from retinue.cli import main

PATIENCE = 30.0
"""Seconds that no command here may take."""


@dataclass(frozen=True)
class Said:
    """What a command did."""

    code: int
    out: str
    err: str


class Retinue(Protocol):
    def __call__(
        self, *arguments: str, stdin: bytes | str | None = None, **environ: str
    ) -> Said: ...


class Start(Protocol):
    def __call__(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]: ...


type Script = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the commands think they are at home, and where they run."""
    return tmp_path.resolve()


@pytest.fixture
def environ(home: Path, request: pytest.FixtureRequest) -> Mapping[str, str]:
    """Nothing of the person who runs the tests, but what Python and coverage need.

    Only the modules that say `KEEPS = True` keep conversations: making the file of a store takes as
    long as all else that a command does.
    """
    kept = ("PATH", "PYTHON", "COVERAGE", "COV_", "SYSTEMROOT")
    ours = {name: value for name, value in os.environ.items() if name.startswith(kept)}
    if "PYTHONPATH" in ours:
        paths = ours["PYTHONPATH"].split(os.pathsep)
        ours["PYTHONPATH"] = os.pathsep.join([str(Path(path).resolve()) for path in paths])
    if not getattr(request.module, "KEEPS", False):
        ours["RETINUE_STORE"] = "memory:"
    return {
        **ours,
        "HOME": str(home),
        "OLLAMA_HOST": "http://127.0.0.1:9",
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
    }


@pytest.fixture
def start(home: Path, environ: Mapping[str, str]) -> Start:
    """Starts `retinue` and does not wait; standard input is empty unless it is given."""

    def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        options = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "cwd": home,
            **options,
            "env": {**environ, **options.get("env", {})},
        }
        process: subprocess.Popen[Any] = subprocess.Popen(
            [sys.executable, "-m", "retinue", *arguments], **options
        )
        return process

    return start


@pytest.fixture
def retinue(start: Start) -> Retinue:
    """Runs `retinue` to its end; the environment as keywords."""

    def run(*arguments: str, stdin: bytes | str | None = None, **environ: str) -> Said:
        with start(
            *arguments,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            env=environ,
        ) as process:
            given = stdin.encode() if isinstance(stdin, str) else stdin
            out, err = process.communicate(given, timeout=PATIENCE)
        return Said(process.returncode, out.decode(), err.decode())

    return run


@pytest.fixture
def script(home: Path) -> Script:
    """A model that says what is given, reply by reply; as --model wants it."""

    def write(*replies: Any) -> str:
        (home / "script.json").write_text(json.dumps(replies))
        return "scripted:script.json"

    return write


@pytest.fixture
def inside(
    home: Path,
    environ: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., Said]:
    """Runs `retinue` in this process, which is quicker; not where it starts another one."""
    for name in os.environ.keys() - environ.keys():
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home)
    monkeypatch.setattr(sys, "argv", ["retinue"])
    monkeypatch.setattr(sys, "stdin", None)

    def run(*arguments: str, **environ: str) -> Said:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environ.items():
                patch.setenv(name, value)
            code = main(arguments)
        out, err = capfd.readouterr()
        return Said(code, out, err)

    return run
