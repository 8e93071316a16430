"""Chaos: "every turn once" is tried out on real processes, which get real signals.

A test orders a run of the program (`_program.py`: 41 turns with all that makes it hard to go on),
and workers execute it (`_worker.py`, in processes of their own; `_workers.py`, seen from outside).
Whatever a model says begins with a nonce and repeats what it was asked; what happens outside of the
store is counted in files. So `_survival.py` can tell what was done twice, lost, or given to
somebody else, and `_reader.py` whether a reader was told just what is there.

A worker can stand still at a chosen point, before or after its n-th write or effect, and is killed
there by SIGKILL; nothing it could do would help it. Its pace (`_pace.py`) lets one thing happen
when another is written, so the points are all there are, on any disk and under any load. CI takes
some of them; `just chaos` takes them all, in `every_offset.py`. In one process, over the memory
store, `_crashing.py` does without processes and signals.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ._workers import Workers


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    """They import everything once; whatever is left of them ends with the session."""
    with Workers() as workers:
        yield workers


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a store that nothing is in, and that several processes can have."""
    if request.param == "sqlite":
        return str(tmp_path / "r.db")
    database, schema = map(request.getfixturevalue, ("postgres", "schema"))
    return f"{database}?schema={schema}"
