"""Runs as a person sees them: ordered, listed, found, stopped."""

import asyncio

from retinue.errors import Ambiguous, NotFound
from retinue.messages import Message
from retinue.messages.events import MessageEnded, RunEnded
from retinue.storage import Ends, Order, RunRecord, Waits

from ._bench import Bench, CheckFailed, Pen, check, equal, expect, refused, said
from ._interrupts import ask


async def rung(bench: Bench, ids: "asyncio.Queue[str]", run: str, what: str) -> None:
    """Wait until this run is rung."""
    try:
        async with asyncio.timeout(bench.patience):
            while await ids.get() != run:
                pass
    except TimeoutError:
        raise CheckFailed(f"the id of the run by the bell when {what}", "silence") from None


@check()
async def an_order_logs_its_messages_and_waits(bench: Bench) -> None:
    """order: Log the messages, and have the run wait for an engine; in one transaction."""
    here = await bench.thread(said("before"))
    words = (Message("one"), Message("two"))
    options = '{"b": 1,  "a": [2]}'
    run = await bench.runs.order(
        Order(
            conversation=here,
            agent="poet",
            messages=words,
            version="v1",
            options=options,
            background=True,
        )
    )
    expect(run.created_at.tzinfo is not None, "times with a time zone", run.created_at)
    equal(
        run,
        RunRecord(
            id=run.id,
            owner="ann",
            conversation=here,
            agent="poet",
            version="v1",
            status="queued",
            reason=None,
            epoch=0,
            attempts=0,
            seq=3,
            created_at=run.created_at,
            changed_at=run.changed_at,
            options=options,
            background=True,
        ),
        "the run",
    )
    equal(await bench.runs.run(run.id), run, "the same when it is asked for")
    events = await bench.log.events(here, after=1)
    ids = [event.message.id for event in events if isinstance(event, MessageEnded)]
    equal(ids, [message.id for message in words], "its messages in the log")


@check()
async def an_order_without_words_takes_the_place_of_the_last_event(bench: Bench) -> None:
    """RunRecord: `seq`: Of the last message it was ordered with; events after it may be its own."""
    here = await bench.thread(said("a"), said("b"))
    run = await bench.runs.order(Order(conversation=here, agent="poet", messages=()))
    equal((run.seq, run.version, run.options, run.background), (2, None, "{}", False), "the run")


@check()
async def the_same_order_again_changes_nothing(bench: Bench) -> None:
    """Order: Where the id is known already: ordering the same id again changes nothing."""
    here = await bench.thread()
    order = Order(conversation=here, agent="poet", messages=(Message("x"),), id="run-1")
    orders = await asyncio.gather(*[bench.runs.order(order) for _ in range(4)])
    equal({one.id for one in orders}, {"run-1"}, "the id that was given")
    pen = await bench.pen(orders[0])
    again = await bench.runs.order(order)
    equal((again.status, again.epoch), ("running", 1), "the run as it is now")
    await pen.write(Ends(reason="done"))
    equal((await bench.runs.order(order)).status, "ended", "the run as it is now")
    equal((await bench.log.conversation(here)).seq, 1, "one message in the log")


@check()
async def an_order_for_no_conversation_is_not_found(bench: Bench) -> None:
    """NotFound, where there is none of that id."""
    order = Order(conversation="none", agent="poet", messages=(Message("x"),), id="run-1")
    await refused(bench.runs.order(order), "it is ordered", NotFound)
    await refused(bench.runs.run("run-1"), "it is asked for", NotFound)
    await refused(bench.runs.stop("none"), "stop() is asked for it", NotFound)
    await refused(bench.runs.interrupt("none"), "interrupt() is asked for it", NotFound)
    await refused(bench.runs.answer("none", 1), "answer() is asked for it", NotFound)


@check()
async def a_run_is_found_by_the_beginning_of_its_id(bench: Bench) -> None:
    """find: The one whose id begins so. NotFound, Ambiguous: None does, or several."""
    for id in ("ab%c", "ab_d", "xyz"):
        await bench.order(id=id)
    equal((await bench.runs.find("x")).id, "xyz", "the one that begins so")
    await refused(bench.runs.find("ab"), "two begin so", Ambiguous)
    for prefix in ("%", "_", "x_", "yz"):
        await refused(bench.runs.find(prefix), f"none begins with {prefix!r}", NotFound)


@check()
async def runs_are_listed_by_what_is_asked_for(bench: Bench) -> None:
    """runs: Of a conversation, of some status, in the background or not; the newest first."""
    a = await bench.order()
    b = await bench.order(a.conversation, background=True)
    c = await bench.order()
    pen = await bench.pen(c)
    await pen.write(Ends(reason="done"))

    async def ids(**asked: object) -> list[str]:
        return [one.id for one in (await bench.runs.runs(**asked)).items]  # type: ignore[arg-type]

    equal(await ids(), [c.id, b.id, a.id], "all")
    equal(await ids(conversation=a.conversation), [b.id, a.id], "those of a conversation")
    equal(await ids(status=["ended"]), [c.id], "those that have ended")
    equal(await ids(status=["queued", "ended"]), [c.id, b.id, a.id], "those of either status")
    equal(await ids(status=["waiting"]), [], "none that waits")
    equal(await ids(background=True), [b.id], "those in the background")
    equal(await ids(background=False, status=["queued"]), [a.id], "those in front that are queued")


@check()
async def the_bell_rings_for_what_there_is_to_do(bench: Bench) -> None:
    """bell: Ids of runs with which something may be to do: queued, answered, asked to stop."""
    ids: asyncio.Queue[str] = asyncio.Queue()
    async with bench.store.claims.bell() as bell, asyncio.TaskGroup() as tasks:

        async def listen() -> None:
            async for id in bell:
                ids.put_nowait(id)

        listening = tasks.create_task(listen())
        await asyncio.sleep(0)
        run = await bench.order()
        await rung(bench, ids, run.id, "it was ordered")
        pen = await bench.pen(run)
        await pen.write(ask(pen, "i"), Waits())
        await _drained(ids)
        await bench.runs.answer("i", 1)
        await rung(bench, ids, run.id, "it was answered")
        pen = await bench.pen(await pen.record())
        await _drained(ids)
        await bench.runs.stop(run.id)
        await rung(bench, ids, run.id, "it was asked to stop")
        listening.cancel()


async def _drained(ids: "asyncio.Queue[str]") -> None:
    """Forget what has rung before."""
    await asyncio.sleep(0)
    while not ids.empty():
        ids.get_nowait()


@check()
async def a_run_that_nobody_holds_stops_at_once(bench: Bench) -> None:
    """stop: One that no process holds is over at once: "stopped"."""
    queued = await bench.order()
    pen = await bench.pen()
    await pen.write(ask(pen, "i"), Waits())
    for run in (queued, pen.run):
        stopped = await bench.runs.stop(run.id)
        equal((stopped.status, stopped.reason), ("ended", "stopped"), "status and reason")
        equal(await bench.runs.run(run.id), stopped, "the same when it is asked for")
        last = (await bench.log.events(run.conversation))[-1]
        expect(isinstance(last, RunEnded), "RunEnded as the last event", last)
        equal((last.run, getattr(last, "reason", None)), (run.id, "stopped"), "of this run")
    equal((await bench.runs.interrupt("i")).status, "withdrawn", "its question")
    equal((await bench.runs.inbox()).items, (), "nothing asked any more")
    holder = await bench.store.claims.join()
    equal(await bench.store.claims.due(holder, lease=60), (), "nothing to be taken up")
    equal(await bench.store.claims.claim(queued, holder, lease=60), None, "no claim to it")


@check()
async def a_run_that_is_held_is_asked_to_stop(bench: Bench) -> None:
    """stop: Ask a run to stop. Written: and whether to stop."""
    pen = await bench.pen()
    equal((await pen.write()).stop_asked, False, "nobody asked before")
    equal(await bench.store.claims.stop_asked(pen.claim), False, "nobody asked before")
    stopped = await bench.runs.stop(pen.run.id)
    equal((stopped.status, stopped.stop_asked), ("running", True), "status and stop_asked")
    equal((await pen.write()).stop_asked, True, "told to who writes")
    equal(await bench.store.claims.stop_asked(pen.claim), True, "told to who asks")
    await pen.write(Ends(reason="stopped"))
    ended = await bench.runs.stop(pen.run.id)
    equal((ended.status, ended.reason), ("ended", "stopped"), "status and reason")
    seq = (await bench.log.conversation(pen.conversation)).seq
    equal(seq, 1, "no event of a stop that was not by the store")


@check()
async def a_run_that_has_ended_stays_as_it_ended(bench: Bench) -> None:
    """stop: Ask a run to stop."""
    pen = await bench.pen()
    await pen.write(Ends(reason="done"))
    stopped = await bench.runs.stop(pen.run.id)
    equal((stopped.status, stopped.reason), ("ended", "done"), "status and reason")
    equal((await bench.log.conversation(pen.conversation)).seq, 1, "no event of it")


@check()
async def a_stop_is_not_lost_when_a_run_is_unloaded(bench: Bench) -> None:
    """stop: Ask a run to stop; who takes it up sees that, and it is never left waiting."""
    pen: Pen = await bench.pen()
    await bench.runs.stop(pen.run.id)
    await pen.write(ask(pen, "i"), Waits())
    record = await pen.record()
    if record.status == "ended":
        equal(record.reason, "stopped", "the reason")
    else:
        equal((record.status, record.stop_asked), ("queued", True), "status and stop_asked")
