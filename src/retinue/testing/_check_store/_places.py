"""Stores that are opened again, and several that are open at one place."""

import asyncio

from retinue.errors import BudgetExceeded, Busy, Fenced
from retinue.messages.events import MessageStarted, Restarted
from retinue.storage import Amount, Claim, Grown, Happens, Kept, Reserved, Store, Waits

from ._bench import LEASE, Bench, CheckFailed, Pen, check, equal, refused, said, texts
from ._claims import done
from ._following import words
from ._interrupts import ask
from ._logs import every_event
from ._runs import rung


@check("durable")
async def what_was_written_is_there_when_it_is_opened_again(bench: Bench) -> None:
    """write: For good when this returns. close: What was written is there."""
    here = await bench.thread(*every_event())
    pen = await bench.pen(await bench.order(here, id="run"))
    reserved = Reserved(
        address="a", amounts=(Amount(purse="p", unit="usd", amount=3.0, limit=4.0),)
    )
    await pen.write(
        done(),
        Happens(event=MessageStarted(message="m", role="assistant", run="run")),
        Grown(message="m", attempt=1, offset=0, text="Old"),
        Kept(name="n", value=[1]),
        ask(pen, "i"),
        reserved,
        Waits(),
    )
    kept = await bench.store.blobs("ann").keep(here, b"data", media_type="x/y")
    before = await _everything(bench, here)
    await bench.reopen()
    equal(await _everything(bench, here), before, "all as it was")
    equal(await bench.store.blobs("ann").data(kept.hash), b"data", "its file")
    await bench.runs.answer("i", 1)
    again = await bench.pen(await bench.runs.run("run"))
    equal(again.claim.epoch, 2, "the epoch")
    equal((await again.write(Happens(event=said("next")))).seq, 18, "the next seq")


async def _everything(bench: Bench, conversation: str) -> list[object]:
    pages = await bench.log.messages(conversation)
    return [
        await bench.log.conversation(conversation),
        await bench.log.events(conversation),
        await bench.log.tails(conversation),
        texts(pages.items),
        await bench.runs.run("run"),
        await bench.runs.interrupt("i"),
        await bench.store.notes("ann").get("n"),
        await bench.store.blobs("ann").blobs(conversation),
        [one.message.id for one in (await bench.log.search("haiku")).items],
    ]


@check("durable")
async def what_a_closed_store_held_is_to_be_had(bench: Bench) -> None:
    """Claims: A holder is gone when its operating system says so, or when it was silent."""
    pen = await bench.pen()
    await pen.write(done(body="1"))
    await bench.reopen()
    holder = await bench.store.claims.join()
    claim = await _claimed(bench, bench.store, pen.run.id, holder)
    equal((claim.epoch, claim.run.attempts), (2, 1), "epoch and attempts")
    journal = await bench.store.claims.journal(claim)
    equal([entry.body for entry in journal.entries], ["1"], "what was finished")
    write = bench.store.claims.write(pen.claim, 2, done("b"))
    await refused(write, "the old claim is used", Fenced)


async def _claimed(bench: Bench, store: Store, run: str, holder: str) -> Claim:
    """Take a run up whose holder is silent."""
    async with asyncio.timeout(bench.patience):
        while True:
            for record in await store.claims.due(holder, lease=0.3):
                claim = await store.claims.claim(record, holder, lease=0.3)
                if claim is not None and claim.run.id == run:
                    return claim
            await asyncio.sleep(0.05)
    raise CheckFailed("the run of a holder that is silent", "none")


@check("shared")
async def what_one_store_writes_another_reads(bench: Bench) -> None:
    """Events have a dense seq per conversation, also with writers in several processes."""
    other = await bench.open()
    here = await bench.thread()

    async def write(store: Store, who: str) -> None:
        for n in range(10):
            await store.log("ann").append(here, said(f"{who}{n}"), said(f"{who}{n}"))

    writers = [write(store, f"{n}") for n in range(4) for store in (bench.store, other)]
    await asyncio.gather(*writers)
    events = await bench.log.events(here)
    equal([event.seq for event in events], list(range(1, 161)), "the seqs")
    equal(await other.log("ann").events(here), events, "the same in the other store")


@check("shared")
async def a_reader_of_another_store_is_told_it_all(bench: Bench) -> None:
    """follow: Everything after that seq, and then whatever comes; a message in pieces."""
    other = await bench.open()
    pen = await bench.pen()
    async with other.log("ann").follow(pen.conversation) as events:
        await bench.told(events, 1)
        started = MessageStarted(message="m", role="assistant", run=pen.run.id)
        await pen.write(Happens(event=started), Grown(message="m", attempt=1, offset=0, text="Ol"))
        equal(words(await bench.told(events, 2)), ["2 started m", "m#1@0:Ol"], "the beginning")
        await pen.write(Grown(message="m", attempt=1, offset=2, text="d p"))
        equal(words(await bench.told(events, 1)), ["m#1@2:d p"], "more of it")
        await pen.write(Happens(event=Restarted(message="m", attempt=2, run=pen.run.id)))
        await pen.write(Grown(message="m", attempt=2, offset=0, text="New"))
        seen = words(await bench.told(events, 2))
        equal(seen, ["3 restarted m#2", "m#2@0:New"], "the other attempt")
        await pen.write(Happens(event=said("New pond", id="m")))
        seen = words(await bench.told(events, 2))
        equal(seen, ["m#2@3: pond", "4 ended New pond"], "the rest, and its end")


@check("shared")
async def a_run_is_held_by_one_of_several_stores(bench: Bench) -> None:
    """claim: Take the run up, if nobody did since it was read and its holder, if any, is gone."""
    other = await bench.open()
    runs = [await bench.order() for _ in range(6)]
    holders = [(store, await store.claims.join()) for store in (bench.store, other)]

    async def take(store: Store, holder: str) -> list[Claim]:
        claims = [await store.claims.claim(run, holder, lease=LEASE) for run in runs]
        return [claim for claim in claims if claim is not None]

    mine, theirs = await asyncio.gather(*[take(*one) for one in holders])
    equal(sorted(c.run.id for c in mine + theirs), sorted(r.id for r in runs), "each run once")
    store, holder = holders[0]
    equal(await store.claims.due(holder, lease=LEASE), (), "nothing due while both are there")


@check("shared")
async def who_was_replaced_by_another_store_writes_nothing(bench: Bench) -> None:
    """write: Fenced: Somebody else has taken the run up; nothing of this may be done any more."""
    other = await bench.open()
    zombie = await bench.pen()
    holder = await other.claims.join()
    claim = await _claimed(bench, other, zombie.run.id, holder)
    heir = Pen(other, claim)
    await heir.write(done(), Happens(event=said("theirs")))
    await refused(zombie.write(Happens(event=said("late"))), "it was replaced", Fenced)
    await refused(zombie.write(), "it was replaced, and has nothing to write", Fenced)
    equal((await bench.log.conversation(zombie.conversation)).seq, 2, "nothing of it")


@check("shared")
async def what_is_asked_in_one_store_is_answered_in_another(bench: Bench) -> None:
    """bell: Ids of runs with which something may be to do: queued, answered, asked to stop."""
    other = await bench.open()
    ids: asyncio.Queue[str] = asyncio.Queue()
    async with bench.store.claims.bell() as bell, asyncio.TaskGroup() as tasks:

        async def listen() -> None:
            async for id in bell:
                ids.put_nowait(id)

        listening = tasks.create_task(listen())
        await asyncio.sleep(0)
        pen = await bench.pen()
        await pen.write(ask(pen, "i"), Waits())
        while not ids.empty():
            ids.get_nowait()
        await other.runs("ann").answer("i", 1)
        await rung(bench, ids, pen.run.id, "it was answered elsewhere")
        again = await bench.pen(await pen.record())
        while not ids.empty():
            ids.get_nowait()
        await other.runs("ann").stop(pen.run.id)
        await rung(bench, ids, pen.run.id, "it was asked to stop elsewhere")
        equal((await again.write()).stop_asked, True, "told to who writes")
        listening.cancel()


@check("shared")
async def stores_share_their_purses(bench: Bench) -> None:
    """Reserved: All of these amounts are set aside, or BudgetExceeded is raised."""
    other = await bench.open()
    pens = [await bench.pen() for _ in range(2)]
    pens += [Pen(other, (await bench.pen()).claim) for _ in range(2)]
    amount = Amount(purse="day", unit="usd", amount=1.0, limit=7.0)

    async def take(pen: Pen) -> int:
        taken = 0
        for n in range(5):
            try:
                await pen.write(Reserved(address=f"s{n}", amounts=(amount,)))
                taken += 1
            except BudgetExceeded:
                pass
        return taken

    taken = await asyncio.gather(*[take(pen) for pen in pens])
    equal(sum(taken), 7, "seven of seven, of twenty that were wanted")


@check("shared")
async def what_another_store_holds_is_not_deleted(bench: Bench) -> None:
    """delete: Busy: A run of it is still held by a process; stop it first."""
    other = await bench.open()
    pen = await bench.pen()
    await refused(other.log("ann").delete(pen.conversation), "its run is under way", Busy)
    await pen.write(done())
