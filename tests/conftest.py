"""What all tests share: peers that not every machine has, such as a database."""

import os
import re
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

ADDRESS = os.environ.get("RETINUE_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
"""Of a PostgreSQL database in which tests may make and drop schemas."""


@pytest.fixture(scope="session")
def missing() -> Callable[[str, str], None]:
    """Say that a peer of this name is not here: the test is skipped, or fails where RETINUE_NEEDS,
    a list with commas, has it (see .ci/run)."""

    def missing(peer: str, why: str) -> None:
        if peer in re.split(r"[\s,]+", os.environ.get("RETINUE_NEEDS", "")):
            pytest.fail(why)
        pytest.skip(why)

    return missing


@pytest.fixture(scope="session")
def postgres(missing: Callable[[str, str], None]) -> str:
    """The address of a database that answers."""
    try:
        import psycopg
    except ImportError:
        missing("postgres", "no psycopg here; to have it: uv sync --group vendors")
        raise
    try:
        psycopg.connect(ADDRESS, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        missing("postgres", f"no PostgreSQL here; RETINUE_TEST_POSTGRES names another: {error}")
    return ADDRESS


@pytest.fixture
def schema(postgres: str) -> Iterator[str]:
    """The name of a schema that is not there before the test, and not after it."""
    import psycopg

    name = f"t{uuid4().hex}"
    yield name
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("SET client_min_messages TO warning")
        connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE".encode())
