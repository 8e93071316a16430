"""What every log keeps: conversations, and their events in order."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

from retinue.errors import Ambiguous, NotFound
from retinue.messages import Message, Text, Thinking, ToolCall, ToolResult
from retinue.messages.codecs.events import event_to_dict
from retinue.messages.events import (
    ErrorRaised,
    InterruptAnswered,
    InterruptAsked,
    LogEvent,
    MessageEnded,
    MessageStarted,
    ModelAnswered,
    Restarted,
    RunEnded,
    RunStarted,
    ThinkingEnded,
    ToolAnswered,
    ToolAsked,
    TurnEnded,
    TurnStarted,
)
from retinue.storage import Conversation, Ends, Entry, Grown, Happens, Yields

from ._bench import STRANGE, Bench, check, equal, expect, refused, said


@check()
async def a_conversation_is_what_it_was_begun_with(bench: Bench) -> None:
    """begin: A new conversation. `seq` is 0 before the first event."""
    begun = await bench.log.begin(title=" Tea? 'Ünï' ", folder="/srv/tea", id="tea-1")
    expect(begun.created_at.tzinfo is not None, "times with a time zone", begun.created_at)
    equal(
        begun,
        Conversation(
            id="tea-1",
            owner="ann",
            title=" Tea? 'Ünï' ",
            folder="/srv/tea",
            seq=0,
            created_at=begun.created_at,
            changed_at=begun.changed_at,
        ),
        "the conversation",
    )
    equal(await bench.log.conversation("tea-1"), begun, "the same when it is asked for")
    bare = await bench.log.begin()
    expect(bool(bare.id) and bare.id != "tea-1", "an id of its own", bare.id)
    equal(
        (bare.title, bare.folder, bare.keep_days), (None, None, None), "nothing that was not given"
    )


@check()
async def a_conversation_that_is_not_there_is_not_found(bench: Bench) -> None:
    """Every method that takes a conversation raises NotFound where there is none of that id."""
    log = bench.log
    await refused(log.conversation("none"), "conversation() is asked for it", NotFound)
    await refused(log.find("none"), "find() is asked for it", NotFound)
    await refused(log.change("none", title="x"), "change() is asked for it", NotFound)
    await refused(log.delete("none"), "delete() is asked for it", NotFound)
    await refused(log.append("none", said("x")), "append() is asked for it", NotFound)
    await refused(log.events("none"), "events() is asked for it", NotFound)
    await refused(log.tails("none"), "tails() is asked for it", NotFound)
    await refused(log.messages("none"), "messages() is asked for it", NotFound)


@check()
async def a_conversation_is_found_by_the_beginning_of_its_id(bench: Bench) -> None:
    """find: The one whose id begins so. NotFound, Ambiguous: None does, or several."""
    for id in ("ab%c", "ab_d", "xyz"):
        await bench.log.begin(id=id)
    equal((await bench.log.find("x")).id, "xyz", "the one that begins so")
    equal((await bench.log.find("ab_d")).id, "ab_d", "the one with all of that id")
    equal((await bench.log.find("ab%")).id, "ab%c", "% and _ stand for themselves")
    await refused(bench.log.find("ab"), "two begin so", Ambiguous)
    for prefix in ("%", "_", "x_", "*", "XY", "yz"):
        await refused(bench.log.find(prefix), f"none begins with {prefix!r}", NotFound)


@check()
async def a_change_leaves_what_is_not_given(bench: Bench) -> None:
    """change: Change what is given; the rest stays."""
    begun = await bench.log.begin(title="Tea", folder="/tea")
    await bench.log.change(begun.id, keep_days=1.5)
    changed = await bench.log.change(begun.id, title="Coffee")
    equal(
        (changed.title, changed.keep_days, changed.folder, changed.created_at),
        ("Coffee", 1.5, "/tea", begun.created_at),
        "title, keep_days, folder, created_at",
    )
    equal(await bench.log.conversation(begun.id), changed, "the same when it is asked for")


def every_event() -> tuple[LogEvent, ...]:
    """One of each kind, with all that it can say."""
    call = ToolCall(id="c1", name="weather", args={"city": "Turku", "days": [1, 2.5, None]})
    message = Message(Text(text=STRANGE, source="user"), role="user", agent="ann", mood={"a": (1,)})
    by: dict[str, Any] = {"run": "r1", "turn": "t1", "agent": "poet"}
    return (
        RunStarted(version="v2", **by),
        TurnStarted(parent="t0", **by),
        MessageStarted(message=message.id, role="user", **by),
        ThinkingEnded(message=message.id, thinking=Thinking(text="Hm", signature="s="), **by),
        ToolAsked(call=call, message=message.id, **by),
        ToolAnswered(
            result=ToolResult(call_id="c1", name="weather", content="☔", error=True), **by
        ),
        ModelAnswered(
            model="m", usage={"input": 3}, cost=Decimal("0.0001"), table="p 1", stop="end", **by
        ),
        InterruptAsked(interrupt="i1", kind="approval", question={"q": ["a", 1]}, call=call, **by),
        InterruptAnswered(interrupt="i1", answer={"ok": True, "n": None}, by="ann", **by),
        Restarted(message=message.id, attempt=2, **by),
        ErrorRaised(error="ToolFailed", text=STRANGE, hint="Try it.", **by),
        MessageEnded(message=message, **by),
        TurnEnded(reason="max_steps", **by),
        RunEnded(reason="budget", **by),
    )


@check()
async def events_come_back_as_they_were(bench: Bench) -> None:
    """append: Add events at the end. events: The next events after that seq, oldest first."""
    conversation = await bench.thread()
    events = every_event()
    seq = await bench.log.append(conversation, *events)
    equal(seq, len(events), "the seq of the last")
    kept = await bench.log.events(conversation)
    for at, (was, given) in enumerate(zip(kept, events, strict=False), 1):
        equal(event_to_dict(was), event_to_dict(replace(given, seq=at)), "the event")
    equal(len(kept), len(events), "as many as were appended")


@check()
async def events_that_a_run_writes_come_back_as_they_were(bench: Bench) -> None:
    """Happens: An event is appended to the log of the run's conversation."""
    pen = await bench.pen()
    events = [replace(event, run=pen.run.id) for event in every_event()]
    written = await pen.write(*[Happens(event=event) for event in events])
    equal(written.seq, 1 + len(events), "the seq of the last")
    journal = await bench.store.claims.journal(pen.claim)
    for kept in (await bench.log.events(pen.conversation, after=1), journal.events):
        equal(len(kept), len(events), "as many as were written")
        for at, (was, given) in enumerate(zip(kept, events, strict=True), 2):
            equal(event_to_dict(was), event_to_dict(replace(given, seq=at)), "the event")


@check()
async def long_texts_are_kept(bench: Bench) -> None:
    """append: Add events at the end. There is no limit to the length of a message."""
    pen = await bench.pen()
    text = " ".join([f"word{n}" for n in range(150_000)])
    await bench.log.append(pen.conversation, said(text, id="long"))
    await pen.write(
        Happens(event=MessageStarted(message="m", role="assistant")),
        Grown(message="m", attempt=1, offset=0, text=text),
        Entry(address="a", kind="step", turn="t", state="done", body=f'"{text}"'),
    )
    (shown,) = (await bench.log.messages(pen.conversation, limit=1)).items
    expect(shown.text == text, "the text that was appended", f"{len(shown.text)} letters")
    (tail,) = await bench.log.tails(pen.conversation)
    expect(tail.text == text, "the text that has grown", f"{len(tail.text)} letters")
    (entry,) = (await bench.store.claims.journal(pen.claim)).entries
    expect(entry.body == f'"{text}"', "the entry", f"{len(entry.body)} letters")
    found = (await bench.log.search("word149999 WORD7")).items
    equal([one.message.id for one in found], ["long"], "what is found by its words")


@check()
async def seq_counts_from_1_without_gaps(bench: Bench) -> None:
    """append: All or none; the seq of the last. `seq` is the place of an event, from 1."""
    conversation = await bench.thread(said("a"))
    equal(
        await bench.log.append(conversation, replace(said("b"), seq=77), said("c")),
        3,
        "the seq of the last of three, whatever an event said of itself",
    )
    equal(await bench.log.append(conversation), 3, "the last seq, where nothing is added")
    equal([e.seq for e in await bench.log.events(conversation)], [1, 2, 3], "the seqs")
    record = await bench.log.conversation(conversation)
    equal(record.seq, 3, "the seq of the conversation")
    expect(record.changed_at >= record.created_at, "changed_at after created_at", record)


@check()
async def events_come_in_pages(bench: Bench) -> None:
    """events: The next events after that seq, oldest first; `limit` of them."""
    conversation = await bench.thread(*[said(str(n)) for n in range(1, 8)])

    async def seqs(after: int, limit: int) -> list[int | None]:
        page = await bench.log.events(conversation, after=after, limit=limit)
        return [event.seq for event in page]

    equal(await seqs(0, 3), [1, 2, 3], "the first three")
    equal(await seqs(3, 3), [4, 5, 6], "the next three")
    equal(await seqs(6, 3), [7], "the rest")
    equal(await seqs(7, 3), [], "nothing after the last")
    equal(await seqs(70, 3), [], "nothing long after the last")


@check()
async def eight_writers_leave_no_gap_and_mix_nothing(bench: Bench) -> None:
    """Events have a dense seq per conversation; what is appended at once stands together."""
    conversation = await bench.thread()
    other = await bench.thread()

    async def write(who: int) -> list[int]:
        last: list[int] = []
        for turn in range(6):
            pair = [said(f"{who}.{turn}.{half}") for half in "ab"]
            last.append(await bench.log.append(conversation, *pair))
            await bench.log.append(other, said("x"))
        return last

    written = await asyncio.gather(*[write(who) for who in range(8)])
    events = await bench.log.events(conversation)
    equal([event.seq for event in events], list(range(1, 97)), "the seqs")
    at = {event.seq: event.message.text for event in events if isinstance(event, MessageEnded)}
    for who, last in enumerate(written):
        seen = [(at[seq - 1], at[seq]) for seq in last]
        equal(seen, [(f"{who}.{n}.a", f"{who}.{n}.b") for n in range(6)], "in pairs, in order")


@check()
async def a_message_that_has_not_ended_has_a_tail(bench: Bench) -> None:
    """tails: What is there of each message that was started and has not ended: its last attempt."""
    pen = await bench.pen()
    here = pen.conversation
    await pen.write(Happens(event=MessageStarted(message="m", role="assistant", run=pen.run.id)))
    equal(await _tails(bench, here), [("m", 1, "", "")], "a message that was just started")
    await pen.write(Grown(message="m", attempt=1, offset=0, text="So", kind="thinking"))
    await pen.write(Grown(message="m", attempt=1, offset=0, text=STRANGE))
    await pen.write(Grown(message="m", attempt=1, offset=len(STRANGE), text="☕ more"))
    equal(
        await _tails(bench, here),
        [("m", 1, f"{STRANGE}☕ more", "So")],
        "what has grown, with letters counted as Python does",
    )
    await pen.write(Happens(event=Restarted(message="m", attempt=2, run=pen.run.id)))
    equal(await _tails(bench, here), [("m", 2, "", "")], "nothing of another attempt")
    await pen.write(
        Grown(message="m", attempt=2, offset=0, text="Now"),
        Happens(event=MessageStarted(message="n", role="assistant", run=pen.run.id)),
        Grown(message="n", attempt=1, offset=0, text="too"),
    )
    equal(
        sorted(await _tails(bench, here)),
        [("m", 2, "Now", ""), ("n", 1, "too", "")],
        "two messages that are being written",
    )
    await pen.write(Happens(event=said("Now it is", id="m")))
    equal(await _tails(bench, here), [("n", 1, "too", "")], "none of what has ended")
    await bench.log.append(here, said("too late", id="n"))
    equal(await _tails(bench, here), [], "none, when all have ended")


@check()
async def a_run_that_is_over_leaves_no_tails(bench: Bench) -> None:
    """Ends: The run is over; all tails of its messages go."""
    here = await bench.thread()
    pen, other, stopped = [await bench.pen(await bench.order(here)) for _ in range(3)]
    for name, one in (("m", pen), ("n", other), ("o", stopped)):
        started = MessageStarted(message=name, role="assistant", run=one.run.id)
        grown = Grown(message=name, attempt=1, offset=0, text="half")
        await one.write(Happens(event=started), grown)
    await pen.write(Ends(reason="failed"))
    seen = sorted([tail.message for tail in await bench.log.tails(here)])
    equal(seen, ["n", "o"], "the messages of other runs")
    await stopped.write(Yields())
    await bench.runs.stop(stopped.run.id)
    equal(await _tails(bench, here), [("n", 1, "half", "")], "the message of a run that goes on")


async def _tails(bench: Bench, conversation: str) -> list[tuple[str, int, str, str]]:
    tails = await bench.log.tails(conversation)
    return [(tail.message, tail.attempt, tail.text, tail.thinking) for tail in tails]
