"""The kit passes a store that keeps the contract, and says what is broken of one that does not."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

import retinue.testing
from retinue.errors import RetinueError
from retinue.storage.memory import MemoryStore
from retinue.testing import Place, StoreCheckFailed, check_store

EMPTY = "a transcript without messages is empty"


def opened(at: Place) -> MemoryStore:
    return MemoryStore(blob_limit=at.blob_limit, owner_limit=at.owner_limit)


def lasting() -> Callable[[Place], Any]:
    """Opens the same store at the same place, and closes none: as if there were a file."""
    kept: dict[Place, MemoryStore] = {}

    @asynccontextmanager
    async def open_store(at: Place) -> AsyncGenerator[MemoryStore]:
        yield kept.setdefault(at, opened(at))

    return open_store


async def test_the_memory_store_keeps_the_contract() -> None:
    report = await check_store(opened, without={"durable", "shared"})
    assert not report.failures
    assert len(report.outcomes) > 80
    assert str(report).startswith("ok ")


async def test_a_store_that_lasts_and_is_shared_is_held_to_that() -> None:
    report = await check_store(lasting())
    plain = await check_store(opened, without={"durable", "shared"})
    assert len(report.outcomes) > len(plain.outcomes)


async def test_every_check_says_what_it_is_about() -> None:
    report = await check_store(lasting())
    assert len({one.name for one in report.outcomes}) == len(report.outcomes)
    assert all(len(one.contract) > 20 for one in report.outcomes)


async def test_a_store_that_forgets_is_found() -> None:
    with pytest.raises(StoreCheckFailed) as caught:
        await check_store(
            opened, patience=0.5, only=["opened again", "another", "several", "share"]
        )
    report = caught.value.report
    assert len(report.failures) >= 7, [one.name for one in report.outcomes]
    assert "FAILED" in str(report)


async def test_a_store_may_be_given_in_any_way() -> None:
    async def awaited(at: Place) -> Any:
        return Bare(opened(at))

    class Bare:
        def __init__(self, store: MemoryStore) -> None:
            self.store = store

        def __getattr__(self, name: str) -> Any:
            return getattr(self.store, name)

    for open_store in (opened, awaited, lambda at: Bare(opened(at))):
        report = await check_store(open_store, only=[EMPTY])
        assert [one.name for one in report.outcomes] == [EMPTY]


async def test_what_failed_is_named_with_the_sentence_that_is_broken() -> None:
    def broken(at: Place) -> Any:
        store = opened(at)
        store.log = lambda owner: MemoryStore().log("nobody")  # type: ignore[method-assign]
        return store

    with pytest.raises(StoreCheckFailed) as caught:
        await check_store(broken, only=[EMPTY, "a conversation is what"])
    words = str(caught.value)
    assert words.startswith("2 of 2 checks failed")
    assert f"- {EMPTY}\n  contract: messages: The transcript" in words
    assert "the check itself broke off with NotFound" in words
    assert "expected: the conversation: Conversation(id='tea-1', owner='ann'" in words
    assert isinstance(caught.value.__cause__, ExceptionGroup)


async def test_a_store_that_hangs_does_not_stop_the_kit() -> None:
    def hanging(at: Place) -> Any:
        store = opened(at)
        hangs: Any = Hangs()
        store.log = lambda owner: hangs  # type: ignore[method-assign]
        return store

    class Hangs:
        async def begin(self, **_: Any) -> None:
            await asyncio.Event().wait()

        messages = begin

    with pytest.raises(StoreCheckFailed, match=r"expected: an end within 0\.2 s"):
        await check_store(hanging, only=[EMPTY], patience=0.05)


async def test_only_what_is_known_can_be_left_out() -> None:
    with pytest.raises(RetinueError, match="'speed' cannot be left out") as caught:
        await check_store(opened, without={"speed"})
    assert "'durable': what was written" in str(caught.value.hint)


def test_the_kit_is_in_the_window() -> None:
    assert {"check_store", "Place", "StoreReport", "StoreCheckFailed"} <= {*retinue.testing.__all__}
