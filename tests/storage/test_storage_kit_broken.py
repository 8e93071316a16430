"""The kit finds every broken store, by the check of that name; and there is one for every check."""

import pytest

from retinue.storage.memory import MemoryStore
from retinue.testing import Place, StoreCheckFailed, check_store

from . import _broken_following, _broken_logs, _broken_owners, _broken_runs, _broken_writes
from ._broken import BROKEN

assert all([_broken_logs, _broken_following, _broken_runs, _broken_writes, _broken_owners])
CASES = [(how, check) for how, (_, checks) in BROKEN.items() for check in checks]


def opened(at: Place) -> MemoryStore:
    return MemoryStore(blob_limit=at.blob_limit, owner_limit=at.owner_limit)


@pytest.mark.parametrize(("how", "check"), CASES, ids=[f"{how}-{check}" for how, check in CASES])
async def test_a_broken_store_is_found_by_the_check_of_that_name(how: str, check: str) -> None:
    def open_store(at: Place) -> MemoryStore:
        store = opened(at)
        BROKEN[how][0](store)
        return store

    with pytest.raises(StoreCheckFailed) as caught:
        await check_store(open_store, without={"durable", "shared"}, only=[check], patience=0.2)
    (failure,) = caught.value.report.failures
    assert check in failure.name
    assert f"contract: {failure.contract}" in str(caught.value)


async def test_there_is_a_broken_store_for_every_check() -> None:
    report = await check_store(opened, without={"durable", "shared"})
    unproven = [
        one.name for one in report.outcomes if not any(check in one.name for _, check in CASES)
    ]
    assert unproven == []
