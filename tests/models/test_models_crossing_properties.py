"""Any conversation, over any vendors in any order: each is told what docs/models.md says it is."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from retinue.testing import MockLLM

from ._held import Talk, Tapped, models_at
from ._talks import SYSTEMS, TALKS, Step

for package in ("anthropic", "google.genai", "openai"):
    pytest.importorskip(package, reason="needs the extras: uv sync --group vendors")

PATIENCE = 60.0
"""Seconds for one conversation, the first of which loads the vendors' packages."""


class House:
    """The mock and the models at it, for all conversations of the file, in one loop."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._tapped = Tapped()
        self._mock = MockLLM(strict=True, wires=self._tapped.wires)
        runner.run(self._mock.__aenter__())
        self._models = models_at(self._mock.url)

    def hold(self, system: str | None, steps: list[Step]) -> None:
        self._mock.requests.clear()
        talk = Talk(self._mock, self._tapped, self._models, system)
        self._runner.run(asyncio.wait_for(talk.hold(steps), PATIENCE))

    def close(self) -> None:
        self._runner.run(self._mock.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with asyncio.Runner() as runner:
        house = House(runner)
        yield house
        house.close()


@pytest.mark.timeout(300)
@settings(max_examples=150, derandomize=True)
@given(SYSTEMS, TALKS)
def test_each_vendor_is_told_what_the_table_promises(
    house: House, system: str | None, steps: list[Step]
) -> None:
    house.hold(system, steps)
