"""A llama-server of the tests' own: started on a free port, ended, and seen to be gone."""

import asyncio
import json
import re
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

PATIENCE = 30.0
"""Seconds; what takes longer will never be."""

DIRECT = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Server:
    """Where it answers, and what it is doing."""

    url: str
    process: subprocess.Popen[bytes]

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    async def busy(self) -> int:
        """How many answers it is writing."""
        slots = json.loads(await asyncio.to_thread(self._get, "/slots"))
        return sum(slot["is_processing"] for slot in slots)

    async def written(self) -> int:
        """How many tokens it has written since it was started."""
        metrics = await asyncio.to_thread(self._get, "/metrics")
        (found,) = re.findall(r"^llamacpp:tokens_predicted_total (\d+)$", metrics, re.MULTILINE)
        return int(found)

    async def until_busy(self, count: int) -> None:
        """Wait until it writes so many answers."""
        async with asyncio.timeout(PATIENCE):
            while await self.busy() != count:
                await asyncio.sleep(0.005)

    def _get(self, path: str) -> str:
        with DIRECT.open(self.url + path, timeout=PATIENCE) as response:
            return response.read().decode()


@contextmanager
def served(program: Path, model: Path, *options: Any) -> Generator[Server]:
    """Serve the model as "tiny" for the length of the block; the log is left beside the model."""
    slots = {"--parallel": 2, "--ctx-size": 2 * 8192, "--threads": 1, "--threads-http": 6}
    plain = ["--offline", "--no-ui", "--slots", "--metrics", "--log-colors", "off"]
    command = [program, "--model", model, "--alias", "tiny", "--host", "127.0.0.1", "--port", 0]
    command += [*plain, *[word for pair in slots.items() for word in pair], *options]
    path = model.with_name(f"{time.time_ns()}.log")
    with path.open("wb") as log:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={"HOME": str(model.parent)},  # nothing of the environment tunes it
        )
    try:
        url = _address(process, path)
        yield Server(url, process)
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0, "still there"


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it listens, once it is ready; it says so itself."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, f"it ended at once: {log.read_text()}"
        if found := re.search(r"listening on (http://\S+)", log.read_text()):
            try:
                with DIRECT.open(f"{found[1]}/health", timeout=PATIENCE):
                    return found[1]
            except URLError:
                pass  # it is loading the model
        time.sleep(0.01)
    raise AssertionError(f"it was not ready in time: {log.read_text()}")
