"""Who may execute a run: holders, claims, what is due."""

import asyncio

from retinue.errors import Fenced
from retinue.storage import Claim, Ends, Entry, Happens, Waits, Yields

from ._bench import LEASE, Bench, check, equal, expect, refused, said
from ._interrupts import ask


def done(address: str = "a", body: str = "{}") -> Entry:
    """A step that was finished."""
    return Entry(address=address, kind="step", turn="t", state="done", body=body)


async def due(bench: Bench, holder: str, *, lease: float = LEASE) -> list[str]:
    return sorted([run.id for run in await bench.store.claims.due(holder, lease=lease)])


@check()
async def what_is_queued_is_due_and_taken_up_once(bench: Bench) -> None:
    """claim: Take the run up, if nobody did since it was read. None: somebody else was quicker."""
    claims = bench.store.claims
    holders = [await claims.join() for _ in range(4)]
    equal(len(set(holders)), 4, "holders with ids of their own")
    run = await bench.order()
    theirs = await bench.order(owner="bob")
    equal(await due(bench, holders[0]), sorted([run.id, theirs.id]), "the runs of all owners")
    equal(len(await claims.due(holders[0], lease=LEASE, limit=1)), 1, "no more than asked for")
    taken = await asyncio.gather(*[claims.claim(run, one, lease=LEASE) for one in holders])
    got = [claim for claim in taken if claim is not None]
    equal(len(got), 1, "the number of claims, of four at once")
    record = await bench.runs.run(run.id)
    equal(got[0].run, record, "the run as it is now")
    equal((record.status, record.epoch, record.attempts), ("running", 1, 0), "what it is now")
    equal(await due(bench, holders[0]), [theirs.id], "what is due besides")


@check()
async def who_left_holds_nothing(bench: Bench) -> None:
    """leave: Be one no more; runs it still has are to be had at once."""
    pen = await bench.pen()
    other = await bench.store.claims.join()
    equal(await due(bench, other), [], "nothing while its holder is there")
    equal(
        await bench.store.claims.claim(await pen.record(), other, lease=LEASE),
        None,
        "no claim while its holder is there",
    )
    await bench.store.claims.leave(pen.claim.holder)
    equal(await due(bench, other), [pen.run.id], "the run when its holder left")
    again = await bench.pen(await pen.record(), holder=other)
    equal((again.claim.epoch, again.run.attempts), (2, 1), "epoch and attempts")


@check()
async def who_is_silent_is_gone(bench: Bench) -> None:
    """Claims: A holder is gone when it was silent for longer than `lease` seconds."""
    claims = bench.store.claims
    frozen, lively = await bench.pen(), await bench.pen()
    other = await claims.join()
    lease = 0.8
    deadline = asyncio.get_running_loop().time() + bench.patience
    seen: list[str] = []
    while seen != [frozen.run.id]:
        late = asyncio.get_running_loop().time() > deadline
        expect(not late and lively.run.id not in seen, "the run of the silent one alone", seen)
        await asyncio.sleep(lease / 8)
        await claims.beat(lively.claim.holder)
        seen = await due(bench, other, lease=lease)
    equal(await due(bench, other), [], "nothing for who waits longer")
    await claims.beat(frozen.claim.holder)
    await claims.beat(lively.claim.holder)
    equal(await due(bench, other, lease=lease), [], "nothing when it is heard of again")


@check()
async def a_claim_is_to_what_was_read(bench: Bench) -> None:
    """claim: Take the run up, if nobody did since it was read."""
    read = await bench.order()
    pen = await bench.pen(read)
    await pen.write(Yields())
    other = await bench.store.claims.join()
    equal(await bench.store.claims.claim(read, other, lease=LEASE), None, "no claim to what was")
    again = await bench.pen(await pen.record(), holder=other)
    equal(again.claim.epoch, 2, "the epoch for who read it again")


@check()
async def attempts_count_since_something_was_finished(bench: Bench) -> None:
    """RunRecord: `attempts`: How many times it was taken over from a holder that was gone, since
    something was last finished in it, or it was unloaded or given up."""
    pen = await bench.pen()
    for attempts in (1, 2):
        await pen.write(
            Entry(address="a", kind="step", turn="t", state="intent", body="{}"),
            Happens(event=said("x")),
        )
        pen = await bench.again(pen)
        equal(pen.run.attempts, attempts, "attempts when nothing was finished")
    await pen.write(done())
    equal((await pen.record()).attempts, 0, "attempts when something is finished")
    pen = await bench.again(pen)
    equal((pen.run.attempts, pen.run.epoch), (1, 4), "attempts and epoch")
    await pen.write(Yields())
    equal((await pen.record()).attempts, 0, "attempts when it is given up")
    pen = await bench.again(await bench.pen(await pen.record()))
    equal(pen.run.attempts, 1, "attempts when it is taken over after that")
    await pen.write(ask(pen, "i"), Waits())
    equal((await pen.record()).attempts, 0, "attempts when it is unloaded")
    await bench.runs.answer("i", 1)
    pen = await bench.pen(await pen.record())
    equal((pen.run.attempts, pen.run.epoch), (0, 7), "attempts and epoch when it goes on")


@check()
async def a_run_is_left_to_its_holder(bench: Bench) -> None:
    """due: A queued run that was ordered for a holder is left to that one while it is there."""
    claims = bench.store.claims
    ours, other = await claims.join(), await claims.join()
    run = await bench.order(holder=ours)
    equal(await due(bench, other), [], "due for another holder")
    equal(await claims.claim(run, other, lease=LEASE), None, "what another gets")
    equal(await due(bench, ours), [run.id], "due for its holder")
    left = await bench.order(holder=ours)
    pen = await bench.pen(run, holder=ours)
    await pen.write(ask(pen, "i"), Waits())
    await bench.runs.answer("i", 1)
    equal(await due(bench, other), [], "due for another when it was unloaded and answered")
    await claims.leave(ours)
    equal(sorted(await due(bench, other)), sorted([run.id, left.id]), "due once its holder left")


@check()
async def who_was_replaced_writes_nothing(bench: Bench) -> None:
    """write: Fenced: Somebody else has taken the run up; nothing of this may be done any more."""
    zombie = await bench.pen()
    await zombie.write(Happens(event=said("mine")))
    heir = await bench.again(zombie)
    again = zombie.write(Happens(event=said("late")), done())
    await refused(again, "a claim is old", Fenced)
    zombie.number = 0
    await refused(zombie.write(done()), "a claim is old, under a number that was", Fenced)
    forged = Claim(run=heir.run, holder=zombie.claim.holder)
    write = bench.store.claims.write(forged, 1, done())
    await refused(write, "another holder has the run", Fenced)
    await heir.write(Happens(event=said("theirs")))
    equal((await bench.log.conversation(heir.conversation)).seq, 3, "nothing of it in the log")
    equal(
        (await bench.store.claims.journal(heir.claim)).entries, (), "nothing of it in the journal"
    )


@check()
async def who_gave_a_run_up_writes_nothing_more(bench: Bench) -> None:
    """Waits, Ends, Yields: The run is with nobody any more."""
    for change in (Ends(reason="done"), Yields(), Waits()):
        pen = await bench.pen()
        await pen.write(ask(pen, f"of {change}"), change)
        name = type(change).__name__
        write = pen.write(Happens(event=said("late")))
        await refused(write, f"{name} was written before", Fenced)
        equal((await bench.log.conversation(pen.conversation)).seq, 1, "nothing in the log")


@check()
async def what_is_given_up_may_be_taken_up(bench: Bench) -> None:
    """Yields: The process gives the run up, unfinished: whoever comes next may take it up."""
    pen = await bench.pen()
    await pen.write(done(), Yields())
    equal((await pen.record()).status, "queued", "its status")
    equal(await due(bench, pen.claim.holder), [pen.run.id], "due, also to who gave it up")
    again = await bench.pen(await pen.record(), holder=pen.claim.holder)
    equal(again.claim.epoch, 2, "the epoch for who has it again")
    await again.write(Ends(reason="max_turns"))
    record = await pen.record()
    equal((record.status, record.reason), ("ended", "max_turns"), "status and reason")
    equal(await due(bench, await bench.store.claims.join()), [], "nothing due")
