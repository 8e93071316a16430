"""What is particular to the store in memory; the kit has what it shares with all others."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from retinue.errors import NotFound, StoreError, StoreFailed
from retinue.messages import Message
from retinue.messages.events import MessageEnded, MessageStarted, Restarted
from retinue.storage import (
    Asked,
    Claim,
    Grown,
    Happens,
    Interrupt,
    Order,
    Reserved,
    Shown,
    Store,
    Waits,
)
from retinue.storage.memory import MemoryStore


async def soon[T](awaited: Awaitable[T]) -> T:
    return await asyncio.wait_for(awaited, 10)


async def claimed(store: Store, id: str | None = None) -> Claim:
    conversation = await store.log("ann").begin()
    order = Order(conversation=conversation.id, agent="poet", messages=(Message("x"),), id=id)
    run = await store.runs("ann").order(order)
    claim = await store.claims.claim(run, await store.claims.join(), lease=60)
    assert claim is not None
    return claim


async def test_it_is_a_store() -> None:
    store: Store = MemoryStore()
    assert store.name == "memory"
    await store.close()


async def test_nothing_can_be_done_with_it_after_it_was_closed() -> None:
    async with MemoryStore() as store:
        conversation = await store.log("ann").begin()
        log, claims = store.log("ann"), store.claims
    asked: list[Awaitable[Any]] = [
        log.begin(),
        log.events(conversation.id),
        store.runs("ann").runs(),
        store.notes("ann").names(),
        claims.join(),
        claims.beat("holder"),
        claims.leave("holder"),
        claims.due("holder", lease=1),
        claims.forget(conversation.created_at, keep_days=1),
    ]
    for one in asked:
        with pytest.raises(StoreFailed) as caught:
            await one
        assert caught.value.hint == "Open it again."


async def test_who_follows_learns_that_it_was_closed() -> None:
    store = MemoryStore()
    conversation = await store.log("ann").begin()
    async with store.log("ann").follow(conversation.id) as events, store.claims.bell() as bell:
        reading: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(anext(events)),
            asyncio.ensure_future(anext(bell)),
        ]
        await asyncio.sleep(0)
        await store.close()
        for one in reading:
            with pytest.raises(StoreFailed):
                await soon(one)


async def test_beginning_a_conversation_again_changes_nothing() -> None:
    async with MemoryStore() as store:
        begun = await store.log("ann").begin(id="c", title="Tea")
        assert await store.log("ann").begin(id="c", title="Coffee") == begun
        with pytest.raises(StoreError, match="There is a conversation 'c' already") as caught:
            await store.log("bob").begin(id="c")
        assert caught.value.hint


async def test_a_whole_id_is_meant_even_where_others_begin_so() -> None:
    async with MemoryStore() as store:
        for id in ("a", "ab"):
            await store.log("ann").begin(id=id)
        assert (await store.log("ann").find("a")).id == "a"


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5"])
async def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    async with MemoryStore() as store:
        with pytest.raises(StoreError, match="is no cursor"):
            await store.log("ann").conversations(cursor=cursor)


async def test_only_what_has_ended_is_shown() -> None:
    async with MemoryStore() as store:
        claim = await claimed(store)
        whole = Message("whole", role="assistant")
        ended = Happens(event=MessageEnded(message=whole))
        with pytest.raises(NotFound, match="There is no message 'half' that has ended"):
            await store.claims.write(claim, 1, ended, Shown(messages=(whole.id, "half")))
        assert (await store.log("ann").conversation(claim.run.conversation)).seq == 1
        await store.claims.write(claim, 1, ended, Shown(messages=(whole.id, whole.id)))
        shown = await store.log("ann").messages(claim.run.conversation)
        assert [message.text for message in shown.items] == ["x", "whole", "whole"]


async def test_only_an_open_message_grows_in_its_last_attempt() -> None:
    async with MemoryStore() as store:
        claim = await claimed(store)
        await store.claims.write(
            claim,
            1,
            Grown(message="m", attempt=1, offset=0, text="before its start"),
            Happens(event=Restarted(message="m", attempt=2)),
            Happens(event=MessageStarted(message="m", role="assistant")),
            Happens(event=Restarted(attempt=2)),
            Grown(message="m", attempt=1, offset=0, text="Old"),
            Grown(message="m", attempt=3, offset=0, text="Nevv"),
            Grown(message="m", attempt=3, offset=2, text="w pond"),
            Grown(message="m", attempt=1, offset=3, text=" pond"),
        )
        (tail,) = await store.log("ann").tails(claim.run.conversation)
        assert (tail.attempt, tail.text) == (3, "New pond")


async def test_a_question_is_asked_once() -> None:
    async with MemoryStore() as store:
        claim = await claimed(store)
        question: dict[str, Any] = {"text": "Well?"}
        asked = Asked(
            interrupt=Interrupt(
                id="i",
                run=claim.run.id,
                conversation=claim.run.conversation,
                address="a",
                kind="input",
                question=question,
                asked_at=claim.run.created_at,
            )
        )
        await store.claims.write(claim, 1, asked)
        question["text"] = "Changed?"
        await store.runs("ann").answer("i", 1)
        await store.claims.write(claim, 2, asked)
        kept = await store.runs("ann").interrupt("i")
        assert (kept.status, kept.question) == ("answered", {"text": "Well?"})


async def test_a_holder_that_was_never_there_is_gone() -> None:
    async with MemoryStore() as store:
        claim = await claimed(store)
        await store.claims.beat("nobody")
        await store.claims.leave("nobody")
        run = await store.runs("ann").run(claim.run.id)
        assert await store.claims.claim(run, "nobody", lease=60) is None


async def test_what_is_reserved_for_nothing_is_nothing() -> None:
    async with MemoryStore() as store:
        claim = await claimed(store)
        await store.claims.write(claim, 1, Reserved(address="a", amounts=()), Waits())
        assert (await store.runs("ann").run(claim.run.id)).status == "waiting"


async def test_a_thousand_conversations_are_followed_at_once() -> None:
    async with MemoryStore() as store:
        log = store.log("ann")
        ids = [(await log.begin()).id for _ in range(1_000)]

        async def read(id: str) -> list[Any]:
            async with log.follow(id) as events:
                return [await anext(events) for _ in range(3)]

        async def write(id: str) -> None:
            for text in "abc":
                await log.append(id, MessageEnded(message=Message(text)))
                await asyncio.sleep(0)

        told, _ = await soon(
            asyncio.gather(
                asyncio.gather(*[read(id) for id in ids]),
                asyncio.gather(*[write(id) for id in ids]),
            )
        )
        assert {tuple([event.message.text for event in events]) for events in told} == {
            ("a", "b", "c")
        }
