"""What the tests are made of: the script that builds llama-server, and the model they write.

The script builds once, whole or not at all; the compiler and pip are stand-ins here.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ._gguf import write_model
from ._server import PATIENCE

SCRIPT = Path(__file__).parents[3] / "scripts" / "llama_server.py"

PIP = """\
import sys, tarfile
folder = next(word.partition("=")[2] for word in sys.argv if word.startswith("--dest="))
with tarfile.open(f"{folder}/llama_cpp_python-0.tar.gz", "w:gz") as sdist:
    sdist.add(__file__, "llama_cpp_python-0/vendor/llama.cpp/CMakeLists.txt")
    sdist.add(__file__, "llama_cpp_python-0/setup.py")
"""

CMAKE = """\
#!/bin/sh
[ "$1" = --build ] || exit 0
echo $$ >>"$RUNS"
{work}
mkdir -p "$2/bin"
printf '#!/bin/sh\\n' >"$2/bin/llama-server"
chmod +x "$2/bin/llama-server"
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it builds on POSIX alone")

type Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start the script, where compiling is what `work` says."""

    def start(*options: str, work: str = ":", tools: bool = True) -> subprocess.Popen[str]:
        stand_ins = tmp_path / "bin"
        (stand_ins / "pip").mkdir(parents=True, exist_ok=True)
        (stand_ins / "pip" / "__main__.py").write_text(PIP)
        for name in ("cmake", "c++"):
            (stand_ins / name).write_text(CMAKE.format(work=work))
            (stand_ins / name).chmod(0o755)
        return subprocess.Popen(
            [sys.executable, str(SCRIPT), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "XDG_CACHE_HOME": str(tmp_path / "cache"),
                "PATH": f"{stand_ins}:/usr/bin:/bin" if tools else str(tmp_path),
                "PYTHONPATH": str(stand_ins),
                "RUNS": str(tmp_path / "runs"),
            },
        )

    return start


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def runs(folder: Path) -> list[int]:
    """The process ids of those who compiled."""
    file = folder / "runs"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def assert_gone(process: int) -> None:
    until = time.monotonic() + PATIENCE
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < until:
            os.kill(process, 0)
            time.sleep(0.01)


def test_two_who_build_at_once_build_it_once(start: Start, tmp_path: Path) -> None:
    assert ended(start("--path")) == (1, "", "")
    both = [start(work="sleep 0.5"), start(work="sleep 0.5")]
    answers = [ended(process) for process in both]
    assert answers[0] == answers[1]
    code, out, err = answers[0]
    program = Path(out.strip())
    assert (code, err) == (0, "")
    assert program.stat().st_mode & 0o111
    assert len(runs(tmp_path)) == 1
    assert sorted(path.name for path in program.parent.iterdir()) == [
        "build.log",
        "llama-server",
        "lock",
    ]
    assert ended(start("--path")) == ended(start()) == (0, out, "")
    assert len(runs(tmp_path)) == 1


def test_a_machine_without_the_tools_is_told_so(start: Start) -> None:
    code, out, err = ended(start(tools=False))
    assert (code, out) == (os.EX_UNAVAILABLE, "")
    assert err == "No llama-server here: it needs cmake and c++\n"


def test_a_build_that_fails_leaves_its_log(start: Start, tmp_path: Path) -> None:
    code, out, err = ended(start(work="echo too bad; exit 3"))
    assert (code, out) == (1, "")
    assert err.startswith("No llama-server: cmake ended with 3; see ")
    assert "too bad" in Path(err.split()[-1]).read_text()
    assert ended(start("--path")) == (1, "", "")
    assert ended(start())[0] == 0


def test_a_build_that_takes_too_long_is_ended(start: Start, tmp_path: Path) -> None:
    code, _, err = ended(start("--limit", "4", work="sleep 600"))
    assert code == 1
    assert "cmake took too long" in err
    assert_gone(runs(tmp_path)[0])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_who_is_stopped_stops_the_compiler(start: Start, tmp_path: Path, how: int) -> None:
    process = start(work="sleep 600")
    until = time.monotonic() + PATIENCE
    while not runs(tmp_path) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(how)
    code, out, err = ended(process)
    assert (code, out) == (1, "")
    assert "it was stopped" in err
    assert_gone(runs(tmp_path)[0])
    assert ended(start())[0] == 0


def test_the_model_is_small_and_always_the_same(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        write_model(tmp_path / name, seed=seed)
    one, again, other = [(tmp_path / name).read_bytes() for name in ("one", "again", "other")]
    assert one == again != other
    assert len(one) < 200_000
