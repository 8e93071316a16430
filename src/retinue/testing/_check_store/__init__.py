"""check_store: one kit for every store, ours and yours.

    async def test_my_store() -> None:
        await check_store(lambda at: MyStore(at.folder / "my.db", blob_limit=at.blob_limit))

Each check opens the store at a new place and holds it to one sentence of `retinue.storage`; what
fails is told with that sentence. A store that forgets everything when it is closed, or that only
one process can open, says so with `without`.
"""

import time
from collections.abc import Collection, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Final
from uuid import uuid4

from retinue.errors import RetinueError
from retinue.messages import value
from retinue.testing._tried import CheckFailed, tried, words_of

from . import (
    _budgets,
    _claims,
    _deleting,
    _following,
    _interrupts,
    _kept,
    _lists,
    _logs,
    _owners,
    _places,
    _runs,
    _transcripts,
    _writes,
)
from ._bench import Bench, Check, OpenStore, Place

_ABILITIES: Final = {
    "durable": "what was written is there when the store is opened again",
    "shared": "several stores can be open at one place, as in several processes",
}


@value
class StoreOutcome:
    """How one check went; `failure` is None where it passed."""

    name: str
    contract: str
    seconds: float
    failure: Exception | None = None


@value
class StoreReport:
    """How all of them went. `str(report)` is a table."""

    outcomes: tuple[StoreOutcome, ...]

    @property
    def failures(self) -> tuple[StoreOutcome, ...]:
        return tuple([one for one in self.outcomes if one.failure is not None])

    def __str__(self) -> str:
        rows = [
            f"{'ok    ' if one.failure is None else 'FAILED'} {one.seconds:6.2f} s  {one.name}"
            for one in self.outcomes
        ]
        return "\n".join(rows)


class StoreCheckFailed(AssertionError):
    """Some checks failed; the words say which, and which sentence of the contract is broken."""

    def __init__(self, report: StoreReport) -> None:
        failures = [
            f"- {one.name}\n  contract: {one.contract}\n  {words_of(one.failure)}"
            for one in report.failures
            if one.failure is not None
        ]
        count = f"{len(failures)} of {len(report.outcomes)} checks failed"
        super().__init__("\n".join([count, *failures]))
        self.report = report


async def check_store(
    open_store: OpenStore,
    *,
    without: Collection[str] = (),
    only: Collection[str] = (),
    patience: float = 15.0,
) -> StoreReport:
    """Check that a store keeps the contract of `Store`.

    Args:
        open_store: Opens the store at a `Place`, with its limits: gives it, an awaitable of it, or
            an async context manager of it.
        without: What the store cannot do, of: "durable" (what was written is there when it is
            opened again), "shared" (several can be open at one place, as in several processes).
        only: Words; checks without any of them in their name are left out.
        patience: Seconds that nothing a reader waits for may take; a whole check may take four
            times as long.

    Raises:
        StoreCheckFailed: Some checks failed. `error.report` has all of them, and as its cause there
            is an ExceptionGroup with their tracebacks.
        RetinueError: Nothing of that name can be left out.
    """
    outcomes: list[StoreOutcome] = []
    with TemporaryDirectory() as folder:
        for check in _checks(without):
            if only and not any(word in check.name for word in only):
                continue
            place = Place(folder=Path(folder) / f"check{len(outcomes)}", name=f"c{uuid4().hex}")
            place.folder.mkdir()
            began = time.perf_counter()
            bench = Bench(open_store, place, patience=patience)
            failure = await tried(check.run, bench, limit=4 * patience)
            outcomes.append(
                StoreOutcome(
                    name=check.name,
                    contract=check.contract,
                    seconds=time.perf_counter() - began,
                    failure=failure,
                )
            )
    report = StoreReport(outcomes=tuple(outcomes))
    causes = [one.failure for one in report.failures if one.failure is not None]
    if causes:
        raise StoreCheckFailed(report) from ExceptionGroup("failed checks", causes)
    return report


def _checks(without: Collection[str]) -> Sequence[Check]:
    for name in without:
        if name not in _ABILITIES:
            known = "; ".join([f"{ability!r}: {says}" for ability, says in _ABILITIES.items()])
            raise RetinueError(f"{name!r} cannot be left out", hint=f"These can: {known}.")
    rooms: tuple[ModuleType, ...] = (
        _logs,
        _lists,
        _transcripts,
        _following,
        _runs,
        _interrupts,
        _claims,
        _writes,
        _budgets,
        _kept,
        _deleting,
        _owners,
        _places,
    )
    found = [one for room in rooms for one in vars(room).values() if isinstance(one, Check)]
    return [one for one in found if not one.needs & set(without)]


__all__ = [
    "CheckFailed",
    "OpenStore",
    "Place",
    "StoreCheckFailed",
    "StoreOutcome",
    "StoreReport",
    "check_store",
]
