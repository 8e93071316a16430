"""How it ends before its time: signals, and readers who leave or do not read on."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

type Start = Callable[..., subprocess.Popen[bytes]]
type Script = Callable[..., str]

PATIENCE = 20.0
SLOW = {"lines": ["Once", " upon", " a", " time", {"silence": None}]}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"]
)
class TestSignals:
    def test_a_signal_ends_the_answer_quietly(
        self, start: Start, script: Script, home: Path, number: int, code: int
    ) -> None:
        with start("-p", "hi", "-m", script(SLOW), "--history", "chat.md") as process:
            said = read_until(process.stdout, b"time")
            process.send_signal(number)
            out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == code
        assert (said + out, err) == (b"Once upon a time\n", b"")
        assert not (home / "chat.md").exists()

    def test_json_still_says_how_it_ended(
        self, start: Start, script: Script, number: int, code: int
    ) -> None:
        with start("-p", "hi", "-m", script(SLOW), "-o", "stream-json") as process:
            said = read_until(process.stdout, b" time")
            process.send_signal(number)
            out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, err) == (code, b"")
        last = json.loads((said + out).splitlines()[-1])
        assert (last["type"], last["reason"]) == ("run_ended", "stopped")

    @pytest.mark.parametrize("form", ["text", "stream-json"])
    def test_a_reader_that_does_not_read_holds_nobody(
        self, start: Start, script: Script, number: int, code: int, form: str
    ) -> None:
        with start("-p", "hi", "-m", script("word " * 50_000), "-o", form) as process:
            wait_until_full(process.stdout)
            process.send_signal(number)
            assert process.wait(PATIENCE) == code
            assert process.stderr is not None
            assert process.stderr.read() == b""

    def test_waiting_for_input_can_be_ended(
        self, start: Start, script: Script, number: int, code: int
    ) -> None:
        with start("-p", "hi", "-m", script("Hello."), stdin=subprocess.PIPE) as process:
            said = read_until(process.stderr, b"waiting for standard input to end")
            process.send_signal(number)
            out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode in (code, -number)
        assert (out, said + err) == (
            b"",
            b"retinue: waiting for standard input to end; without any: </dev/null\n",
        )


def test_ctrl_c_breaks_json_that_nobody_reads(start: Start, script: Script) -> None:
    with start("-p", "hi", "-m", script("word " * 50_000), "-o", "json") as process:
        wait_until_full(process.stdout)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130


@pytest.mark.parametrize("form", ["text", "json", "stream-json"])
def test_a_reader_who_has_seen_enough_is_no_error(start: Start, script: Script, form: str) -> None:
    with start("-p", "hi", "-m", script("word " * 50_000), "-o", form) as process:
        assert process.stdout is not None
        process.stdout.read(4)
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (141, b"")


def test_head_gets_its_lines_and_nothing_complains(start: Start, script: Script) -> None:
    with (
        start("-p", "hi", "-m", script("line\n" * 100_000)) as process,
        subprocess.Popen(["head", "-1"], stdin=process.stdout, stdout=subprocess.PIPE) as head,
    ):
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        out, _ = head.communicate(timeout=PATIENCE)
        _, err = process.communicate(timeout=PATIENCE)
    assert (out, err) == (b"line\n", b"")


def test_a_full_disk_is_one_line(start: Start, script: Script) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("wb") as full:
        process = start("-p", "hi", "-m", script("Hello."), stdout=full)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert err == (
        b"retinue: The answer cannot be written: No space left on device. "
        b"Send it to another place.\n"
    )


def test_a_closed_standard_output_is_said_before_anything_is_asked(
    start: Start, script: Script, home: Path
) -> None:
    model = script("Hello.")
    process = start("-p", "hi", "-m", model, "--history", "chat.md", preexec_fn=lambda: os.close(1))
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert err.startswith(b"retinue: Standard output is closed")
    assert not (home / "chat.md").exists()


def test_closed_input_and_errors_are_no_matter(start: Start, script: Script) -> None:
    def close() -> None:
        os.close(0)
        os.close(2)

    process = start("-p", "hi", "-m", script("Hello."), "-v", preexec_fn=close)
    out, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (0, b"Hello.\n")


def read_until(stream: IO[bytes] | None, wanted: bytes) -> bytes:
    """What comes on the stream until `wanted` was seen."""
    assert stream is not None
    said = b""
    deadline = time.monotonic() + PATIENCE
    while wanted not in said:
        ready, _, _ = select.select([stream], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"{wanted!r} did not come, only {said!r}"
        piece = os.read(stream.fileno(), 65536)
        assert piece, f"{wanted!r} did not come, only {said!r}"
        said += piece
    return said


def wait_until_full(stream: IO[bytes] | None) -> None:
    """Wait until a pipe that we do not read holds all it can: its writer waits then."""
    fcntl = pytest.importorskip("fcntl")
    termios = pytest.importorskip("termios")
    assert stream is not None
    before, deadline = -1, time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        held = int.from_bytes(fcntl.ioctl(stream, termios.FIONREAD, b"\0" * 4), sys.byteorder)
        if held == before and held > 32_768:
            return
        before = held
        time.sleep(0.2)  # between two looks at a pipe that tells nobody when it is full
    pytest.fail("the pipe did not fill")
