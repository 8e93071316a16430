"""Workers and places for the tests that kill."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ._workers import Workers


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    """They import everything once; whatever is left of them ends with the session."""
    with Workers() as workers:
        yield workers


@pytest.fixture(params=["sqlite"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a store that nothing is in."""
    return str(tmp_path / "r.db")
