"""What is written under a claim: all or nothing, once, and seen by who takes the run up."""

import asyncio

from retinue.errors import BudgetExceeded
from retinue.messages import Message
from retinue.messages.events import MessageEnded, MessageStarted, TurnEnded, TurnStarted
from retinue.storage import (
    Amount,
    Change,
    Ends,
    Entry,
    Grown,
    Happens,
    Kept,
    Reserved,
    Shown,
    Waits,
    Yields,
)

from ._bench import Bench, Pen, check, equal, refused, said, texts
from ._claims import done
from ._interrupts import ask


def too_much(address: str = "too much") -> Reserved:
    """What no purse has."""
    amount = Amount(purse="empty", unit="usd", amount=1.0, limit=0.5)
    return Reserved(address=address, amounts=(amount,))


@check()
async def a_write_tells_the_seq_of_the_last_event(bench: Bench) -> None:
    """Written: What became of the changes: the seq of the last event in the log."""
    pen = await bench.pen()
    equal((await pen.write()).seq, 1, "the seq of what it was ordered with")
    written = await pen.write(Happens(event=said("a")), done(), Happens(event=said("b")))
    equal(written.seq, 3, "the seq after two events")
    await bench.log.append(pen.conversation, said("c"))
    equal((await pen.write(done("b"))).seq, 4, "the seq after somebody else's event")


@check()
async def a_write_that_is_sent_again_changes_nothing(bench: Bench) -> None:
    """write: Where it is not known whether a write arrived, it is sent again under the same number,
    and changes nothing then."""
    pen = await bench.pen()
    write = bench.store.claims.write
    changes: tuple[Change, ...] = (
        Happens(event=MessageStarted(message="m", role="assistant")),
        Grown(message="m", attempt=1, offset=0, text="Old"),
        Entry(address="a", kind="step", turn="t", state="done", body="1"),
        Kept(name="n", value=1),
        ask(pen, "i"),
        Reserved(address="a", amounts=(Amount(purse="p", unit="usd", amount=3.0, limit=10.0),)),
    )
    first = await write(pen.claim, 1, *changes)
    await write(pen.claim, 2, Entry(address="a", kind="step", turn="t", state="done", body="2"))
    await bench.store.notes("ann").put("n", 2)
    await bench.runs.answer("i", "x")
    again = await write(pen.claim, 1, *changes)
    equal((first.seq, again.seq), (2, 3), "the seqs, of which one is of the answer")
    journal = await bench.store.claims.journal(pen.claim)
    equal([entry.body for entry in journal.entries], ["2"], "the entry that came later")
    equal(await bench.store.notes("ann").get("n"), 2, "the note that came later")
    equal((await bench.runs.interrupt("i")).status, "answered", "the question that was answered")
    seven = Amount(purse="p", unit="usd", amount=7.0, limit=10.0)
    await write(pen.claim, 3, Reserved(address="b", amounts=(seven,)))


@check()
async def a_last_write_that_is_sent_again_changes_nothing(bench: Bench) -> None:
    """write: It is sent again under the same number, and changes nothing then."""
    for change in (Ends(reason="done"), Waits(), Yields()):
        pen = await bench.pen()
        asked = ask(pen, f"of {change}")
        first = await pen.write(asked, Happens(event=said("bye")), change)
        before = await pen.record()
        pen.number -= 1
        again = await pen.write(asked, Happens(event=said("bye")), change)
        equal(again, first, f"what was written, with {type(change).__name__}")
        equal(await pen.record(), before, "the run as it was")
        equal((await bench.log.conversation(pen.conversation)).seq, 2, "one event of it")


@check()
async def a_write_is_all_or_nothing(bench: Bench) -> None:
    """write: Write all of it or nothing."""
    pen = await bench.again(await bench.pen())
    await pen.write(Happens(event=MessageStarted(message="m", role="assistant")))
    reply = said("reply")
    changes: tuple[Change, ...] = (
        Happens(event=reply),
        Shown(messages=(reply.message.id,)),
        Grown(message="m", attempt=1, offset=0, text="Old"),
        done(),
        Kept(name="n", value=1),
        ask(pen, "i"),
        Reserved(address="a", amounts=(Amount(purse="p", unit="usd", amount=3.0, limit=4.0),)),
    )
    for last in ((), (Ends(reason="done"),)):
        write = pen.write(*changes, too_much(), *last)
        await refused(write, "more is reserved than is left", BudgetExceeded)
    here = pen.conversation
    equal((await bench.log.conversation(here)).seq, 2, "no event")
    equal(texts((await bench.log.messages(here)).items), ["a haiku"], "nothing shown")
    equal([tail.text for tail in await bench.log.tails(here)], [""], "nothing grown")
    equal((await bench.store.claims.journal(pen.claim)).entries, (), "no entry")
    equal(await bench.store.notes("ann").names(), (), "no note")
    equal((await bench.runs.inbox()).items, (), "no question")
    record = await pen.record()
    equal((record.status, record.attempts), ("running", 1), "status and attempts")
    equal((await bench.log.search("reply")).items, (), "nothing to be found")
    await pen.write(*changes)
    equal((await bench.log.conversation(here)).seq, 3, "all of it, when there is enough")
    equal((await pen.record()).attempts, 0, "something finished")


@check()
async def later_changes_see_earlier_ones(bench: Bench) -> None:
    """write: Later changes see earlier ones."""
    pen = await bench.pen()
    reply = Message("pond", role="assistant")
    half = Amount(purse="p", unit="usd", amount=0.5, limit=0.75)
    await refused(
        pen.write(Reserved(address="a", amounts=(half,)), Reserved(address="b", amounts=(half,))),
        "both together are more than is left",
        BudgetExceeded,
    )
    await pen.write(
        Happens(event=MessageStarted(message=reply.id, role="assistant")),
        Grown(message=reply.id, attempt=1, offset=0, text="pon"),
        Happens(event=MessageEnded(message=reply)),
        Shown(messages=(reply.id,)),
        Entry(address="a", kind="step", turn="t", state="intent", body="1"),
        Entry(address="a", kind="step", turn="t", state="done", body="2"),
        Kept(name="n", value=1),
        Kept(name="n", value=[2]),
        ask(pen, "i"),
        Ends(reason="done"),
    )
    shown = (await bench.log.messages(pen.conversation)).items
    equal(texts(shown), ["a haiku", "pond"], "what ended is shown")
    equal(await bench.log.tails(pen.conversation), (), "what ended has no tail")
    equal(await bench.store.notes("ann").get("n"), [2], "the later note")
    equal((await bench.runs.interrupt("i")).status, "withdrawn", "what was asked is withdrawn")


@check()
async def a_bad_write_harms_no_other(bench: Bench) -> None:
    """write: Many runs write at the same time; what is wrong with one of them is its own affair."""
    pens = [await bench.pen() for _ in range(12)]
    zombie = pens[0]
    heir = await bench.again(zombie)

    async def write(at: int, pen: Pen) -> str:
        more = (too_much(),) if at % 3 == 1 else ()
        try:
            await pen.write(Happens(event=said(f"by {at}")), done(), *more)
        except Exception as error:
            return type(error).__name__
        return "written"

    for _ in range(2):
        fates = await asyncio.gather(*[write(at, pen) for at, pen in enumerate(pens)])
        equal(
            fates,
            ["Fenced", "BudgetExceeded", "written", *["written", "BudgetExceeded", "written"] * 3],
            "what became of twelve writes at once",
        )
    seqs = [(await bench.log.conversation(pen.conversation)).seq for pen in pens]
    equal(seqs, [1, 1, 3, *[3, 1, 3] * 3], "what is in the logs")
    await heir.write(done())


@check()
async def a_journal_has_what_a_run_did(bench: Bench) -> None:
    """journal: What a run has finished, and what it had begun, when it was taken up."""
    pen = await bench.pen()
    run = pen.run.id
    odd = '{"b":1,  "a":"\\u0000 é"}'
    entries = [
        Entry(address="t/1", kind="turn", turn="t", state="intent", body=odd),
        Entry(address="t/1/a", kind="step", turn="t", state="intent", body="{}"),
        Entry(address="t/1/b", kind="ask", turn="t", state="intent", body="[1]"),
    ]
    first = TurnStarted(run=run, turn="t", agent="poet")
    last = TurnEnded(run=run, turn="t", agent="poet")
    await pen.write(Happens(event=first), *entries)
    await bench.log.append(pen.conversation, said("somebody else"))
    finished = Entry(address="t/1/a", kind="step", turn="t", state="done", body="2")
    await pen.write(finished, Happens(event=last))
    elsewhere = await bench.pen()
    await elsewhere.write(done("t/1"))
    heir = await bench.again(pen)
    journal = await bench.store.claims.journal(heir.claim)
    equal(
        journal.entries,
        (entries[0], finished, entries[2]),
        "the entries in the order they were first written, as they are now",
    )
    equal(
        [(event.seq, event.run, type(event)) for event in journal.events],
        [(2, run, TurnStarted), (4, run, TurnEnded)],
        "all events of this run, and no other",
    )
    equal(journal.answers, {}, "no answers")


@check()
async def many_runs_write_in_one_conversation(bench: Bench) -> None:
    """Events have a dense seq per conversation, in the order in which they are committed."""
    here = await bench.thread()
    pens = [await bench.pen(await bench.order(here)) for _ in range(8)]

    async def write(who: int, pen: Pen) -> list[int]:
        seqs: list[int] = []
        for turn in range(5):
            pair = [Happens(event=said(f"{who}.{turn}.{half}")) for half in "ab"]
            seqs.append((await pen.write(*pair)).seq)
        return seqs

    async with bench.log.follow(here, after=8) as reader:
        written = await asyncio.gather(*[write(who, pen) for who, pen in enumerate(pens)])
        followed = await bench.told(reader, 80)
    events = await bench.log.events(here, after=8)
    equal([event.seq for event in events], list(range(9, 89)), "the seqs")
    equal(followed, list(events), "the same events to who follows")
    at = {event.seq: event.message.text for event in events if isinstance(event, MessageEnded)}
    pairs = [at[seq][:-2] == at[seq + 1][:-2] for seq in range(9, 89, 2)]
    equal(set(pairs), {True}, "what is written at once stands together")
    for who, seqs in enumerate(written):
        equal(seqs, sorted(seqs), "later writes have a higher seq")
        mine = [text for _, text in sorted(at.items()) if text.startswith(f"{who}.")]
        equal(mine, [f"{who}.{n}.{half}" for n in range(5) for half in "ab"], "in their order")
