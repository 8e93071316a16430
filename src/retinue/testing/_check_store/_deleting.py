"""What is deleted, or forgotten by its age, is gone."""

import datetime

from retinue.errors import Busy, Fenced, NotFound
from retinue.messages.events import MessageStarted
from retinue.storage import Ends, Grown, Happens, Waits, Yields

from ._bench import LEASE, Bench, check, equal, refused, said
from ._claims import done
from ._interrupts import ask

_DAY = datetime.timedelta(days=1)


@check()
async def what_is_deleted_is_gone(bench: Bench) -> None:
    """delete: Erase it: events, tails, runs, journals, interrupts, and blobs nobody else uses."""
    here = (await bench.log.begin(id="here")).id
    await bench.log.append(here, said("secret words"))
    run = await bench.order(here, id="run")
    pen = await bench.pen(run)
    started = MessageStarted(message="m", role="assistant", run=run.id)
    grown = Grown(message="m", attempt=1, offset=0, text="Old")
    await pen.write(done(), Happens(event=started), grown, ask(pen, "i"), Waits())
    blobs = bench.store.blobs("ann")
    alone = await blobs.keep(here, b"alone", media_type="x/y")
    both = await blobs.keep(here, b"both", media_type="x/y")
    other = await bench.thread(said("other words"))
    await blobs.keep(other, b"both", media_type="x/y")
    await bench.log.delete(here)
    await refused(bench.log.conversation(here), "the conversation is asked for", NotFound)
    await refused(bench.log.events(here), "its events are asked for", NotFound)
    await refused(bench.runs.run(run.id), "its run is asked for", NotFound)
    await refused(bench.runs.interrupt("i"), "its question is asked for", NotFound)
    await refused(blobs.blob(alone.hash), "its file is asked for", NotFound)
    await refused(blobs.data(alone.hash), "the bytes of its file are asked for", NotFound)
    equal(await blobs.data(both.hash), b"both", "the file that another one uses")
    equal((await bench.runs.inbox()).items, (), "an empty inbox")
    equal((await bench.runs.runs()).items, (), "no runs")
    found = (await bench.log.search("words")).items
    equal([one.message.text for one in found], ["other words"], "what is found")
    listed = (await bench.log.conversations()).items
    equal([one.id for one in listed], [other], "the conversations")
    equal(await bench.store.claims.due(pen.claim.holder, lease=LEASE), (), "nothing to do")


@check()
async def an_id_that_was_deleted_begins_empty(bench: Bench) -> None:
    """delete: Erase it: events, tails, runs, journals, interrupts."""
    here = (await bench.log.begin(id="here")).id
    pen = await bench.pen(await bench.order(here, id="run"))
    await pen.write(done(), Happens(event=MessageStarted(message="m", role="assistant")), Waits())
    await bench.log.delete(here)
    equal((await bench.log.begin(id="here")).seq, 0, "the seq of a new one of that id")
    equal(await bench.log.events(here), (), "its events")
    equal(await bench.log.tails(here), (), "its tails")
    equal((await bench.log.messages(here)).items, (), "its transcript")
    again = await bench.pen(await bench.order(here, id="run"))
    equal((again.claim.epoch, again.run.seq), (1, 1), "epoch and seq of a new run of that id")
    journal = await bench.store.claims.journal(again.claim)
    equal((journal.entries, journal.events, len(journal.answers)), ((), (), 0), "its journal")


@check()
async def what_is_under_way_is_not_deleted(bench: Bench) -> None:
    """delete: Busy: A run of it is still held by a process; stop it first."""
    pen = await bench.pen()
    here = pen.conversation
    await refused(bench.log.delete(here), "its run is under way", Busy)
    equal((await pen.write(Happens(event=said("on")))).seq, 2, "its run goes on")
    await pen.write(Yields())
    await bench.log.delete(here)
    ended = await bench.pen()
    await ended.write(Ends(reason="done"))
    await bench.log.delete(ended.conversation)


@check()
async def who_still_writes_in_what_was_deleted_is_fenced(bench: Bench) -> None:
    """write: Fenced: nothing of this may be done any more."""
    pen = await bench.pen()
    await pen.write(done())
    await bench.store.claims.leave(pen.claim.holder)
    await bench.log.delete(pen.conversation)
    await refused(pen.write(done("b")), "its run was deleted", Fenced)
    other = await bench.store.claims.join()
    claim = await bench.store.claims.claim(pen.run, other, lease=LEASE)
    equal(claim, None, "no claim to it")


@check()
async def what_is_old_is_forgotten(bench: Bench) -> None:
    """forget: Delete conversations not changed for longer than they are kept; how many."""
    plain, short, long = [await bench.thread(said("x")) for _ in range(3)]
    theirs = await bench.thread(said("x"), owner="bob")
    await bench.log.change(short, keep_days=2)
    await bench.log.change(long, keep_days=400)
    now = datetime.datetime.now(datetime.UTC)

    async def left() -> set[str]:
        lists = [await bench.store.log(owner).conversations() for owner in ("ann", "bob")]
        return {one.id for page in lists for one in page.items}

    forget = bench.store.claims.forget
    equal(await forget(now + _DAY, keep_days=None), 0, "nothing is two days old")
    equal(await forget(now + 3 * _DAY, keep_days=None), 1, "one that is kept for two days")
    equal(await left(), {plain, long, theirs}, "what is left")
    equal(await forget(now + 29 * _DAY, keep_days=30), 0, "nothing is thirty days old")
    equal(await forget(now + 31 * _DAY, keep_days=30), 2, "those without a time of their own")
    equal(await left(), {long}, "what is left")
    equal(await forget(now + 401 * _DAY, keep_days=None), 1, "one that is kept for 400 days")


@check()
async def what_is_under_way_is_not_forgotten(bench: Bench) -> None:
    """forget: Delete conversations not changed for longer than they are kept; not those in use."""
    pen = await bench.pen()
    later = datetime.datetime.now(datetime.UTC) + 400 * _DAY
    equal(await bench.store.claims.forget(later, keep_days=1), 0, "nothing while it is under way")
    await pen.write(Ends(reason="done"))
    equal(await bench.store.claims.forget(later, keep_days=1), 1, "the conversation after its run")
