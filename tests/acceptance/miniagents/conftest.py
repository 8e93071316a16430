"""Black-box cases of promises, messages and agents; they came with the project, see git log.

core = what every compatible implementation must do; seed = what the MiniAgents document names or
shows. Set IMPL to run them against any other module with the same public names. The cases are as
they came; only what an --import-mode=importlib run of all tests needs is different: IMPL instead of
an option, and logging and warnings are as before afterwards.
"""

import asyncio
import gc
import logging
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the cases import one another by bare names

from impl_api import IMPL, Api  # noqa: E402


def pytest_configure(config):
    for name in ("core", "seed"):
        config.addinivalue_line("markers", f"{name}: see tests/acceptance/miniagents/conftest.py")


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker(pytest.mark.filterwarnings("ignore"))
            item.add_marker(pytest.mark.timeout(20))


@pytest.fixture(autouse=True, scope="module")
def silence():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    gc.collect()  # what the cases left behind warns now, where warnings are ignored


@pytest.fixture(scope="session")
def A():
    return Api(IMPL)


@pytest.fixture
def run():
    """run(coroutine, timeout): fails with 'hangs' instead of hanging, whatever the tasks do."""
    def _run(coro, timeout=4):
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(lambda *_: None)
        try:
            t = loop.create_task(coro)
            done, _ = loop.run_until_complete(asyncio.wait({t}, timeout=timeout))
            if not done:
                pytest.fail(f"hangs (> {timeout} s)")
            return t.result()
        finally:
            left = [x for x in asyncio.all_tasks(loop)]
            for x in left:
                x.cancel()
            if left:
                loop.run_until_complete(asyncio.wait(left, timeout=0.2))
            asyncio.set_event_loop(None)
            loop._ready.clear()
            loop.close()
    return _run
