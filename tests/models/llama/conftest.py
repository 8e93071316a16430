"""What the tests of a real llama-server share: the program, a tiny model, and the two at work."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from retinue.messages import Message
from retinue.models import ChatChunk, ChatRequest, Model, find_model

from ._gguf import write_model
from ._server import Server, served

SCRIPT = Path(__file__).parents[3] / "scripts" / "llama_server.py"


@pytest.fixture(scope="session")
def program(missing: Callable[[str, str], None]) -> Path:
    """llama-server, where it has been built. Where it is needed (see .ci/run), it must be there."""
    command = [sys.executable, str(SCRIPT), "--path"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if found.returncode != 0:
        missing("llama-server", "none here; to build it: uv run scripts/llama_server.py")
    return Path(found.stdout.strip())


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("llama") / "tiny.gguf"
    write_model(path)
    return path


@pytest.fixture(scope="session")
def serve(program: Path, tiny: Path) -> Callable[..., AbstractContextManager[Server]]:
    """Another server, with options of its own: `with serve("--api-key", "k") as server`."""
    return partial(served, program, tiny)


@pytest.fixture(scope="session")
def server(serve: Callable[..., AbstractContextManager[Server]]) -> Iterator[Server]:
    """The one server of most tests: two answers at a time, 8192 tokens each."""
    with serve() as server:
        yield server


@pytest.fixture
def model(server: Server) -> Model:
    """The tiny model; what fails is not asked again."""
    return find_model("compatible:tiny", base_url=server.base_url, retries=0)


@pytest.fixture(scope="session")
def ask() -> Callable[..., AbstractAsyncContextManager[AsyncIterator[ChatChunk]]]:
    """Ask a model something, and read as much of the answer as one likes."""

    def ask(
        model: Model, said: str, **request: Any
    ) -> AbstractAsyncContextManager[AsyncIterator[ChatChunk]]:
        return model.chat(ChatRequest(messages=(Message(said),), **request))

    return ask
