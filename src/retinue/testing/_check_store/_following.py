"""Reading on and on: from any place, in the middle of a message, across attempts."""

from collections.abc import Sequence

from retinue.errors import NotFound
from retinue.messages.events import (
    Event,
    MessageEnded,
    MessageStarted,
    Restarted,
    TextAdded,
    ThinkingAdded,
)
from retinue.storage import Grown, Happens

from ._bench import Bench, CheckFailed, Pen, check, equal, expect, said


def words(events: Sequence[Event]) -> list[str]:
    """What a reader was told, one short line for each."""
    lines: list[str] = []
    for event in events:
        match event:
            case TextAdded() | ThinkingAdded():
                kind = "" if isinstance(event, TextAdded) else "thinking "
                lines.append(f"{kind}{event.message}#{event.attempt}@{event.offset}:{event.text}")
            case MessageEnded(message=message):
                lines.append(f"{event.seq} ended {message.text}")
            case MessageStarted(message=name):
                lines.append(f"{event.seq} started {name}")
            case Restarted(message=name, attempt=attempt):
                lines.append(f"{event.seq} restarted {name}#{attempt}")
            case _:
                lines.append(f"{event.seq} {type(event).__name__}")
    return lines


def _started(pen: Pen, name: str) -> Happens:
    return Happens(event=MessageStarted(message=name, role="assistant", run=pen.run.id))


def _ended(pen: Pen, name: str, text: str) -> Happens:
    return Happens(event=said(text, id=name))


@check()
async def a_reader_is_told_what_was_and_what_comes(bench: Bench) -> None:
    """follow: Everything after that seq, and then whatever comes, for ever."""
    here = await bench.thread(said("a"), said("b"))
    async with bench.log.follow(here) as events:
        seen = words(await bench.told(events, 2))
        equal(seen, ["1 ended a", "2 ended b"], "what was")
        await bench.log.append(here, said("c"))
        pen = await bench.pen(await bench.order(here))
        await pen.write(Happens(event=said("d")))
        seen = words(await bench.told(events, 3))
        equal(seen, ["3 ended c", "4 ended a haiku", "5 ended d"], "what comes, however it came")


@check()
async def a_reader_goes_on_after_any_seq(bench: Bench) -> None:
    """follow: A reader that was cut off goes on after the last seq it saw."""
    here = await bench.thread(*[said(str(n)) for n in range(1, 5)])
    for after in range(5):
        async with bench.log.follow(here, after=after) as events:
            await bench.log.append(here, said("x"))
            told = await bench.told(events, 5)
        equal([event.seq for event in told], list(range(after + 1, after + 6)), "the seqs")


@check()
async def a_reader_of_a_long_log_misses_nothing(bench: Bench) -> None:
    """follow: Everything after that seq."""
    here = await bench.thread(*[said("x") for _ in range(1_100)])
    async with bench.log.follow(here) as events:
        told = await bench.told(events, 1_100)
    equal([event.seq for event in told], list(range(1, 1_101)), "every seq once")


@check()
async def a_reader_finds_no_conversation_that_is_not_there(bench: Bench) -> None:
    """Every method that takes a conversation raises NotFound where there is none of that id."""
    try:
        async with bench.log.follow("none") as events:
            await bench.told(events, 1)
    except NotFound:
        return
    raise CheckFailed("NotFound for a conversation that is not there", "none")


@check()
async def a_reader_learns_that_its_conversation_was_deleted(bench: Bench) -> None:
    """Every method that takes a conversation raises NotFound where there is none of that id."""
    here = await bench.thread(said("a"))
    try:
        async with bench.log.follow(here) as events:
            await bench.told(events, 1)
            await bench.log.delete(here)
            await bench.told(events, 1)
    except NotFound:
        return
    raise CheckFailed("NotFound for a conversation that was deleted", "none")


@check()
async def live_pieces_are_told_once_and_kept_nowhere(bench: Bench) -> None:
    """tell: Show live pieces to followers in this process at once; nothing is kept."""
    pen = await bench.pen()
    async with bench.log.follow(pen.conversation, after=1) as events:
        await pen.write(_started(pen, "m"))
        bench.store.claims.tell(pen.claim, TextAdded(message="m", offset=0, text="Old "))
        seen = words(await bench.told(events, 2))
        equal(seen, ["2 started m", "m#1@0:Old "], "the piece, at once")
        tails = await bench.log.tails(pen.conversation)
        equal([tail.text for tail in tails], [""], "nothing of it in the store")
        await pen.write(Grown(message="m", attempt=1, offset=0, text="Old si"))
        bench.store.claims.tell(
            pen.claim,
            TextAdded(message="m", offset=4, text="silent"),
            TextAdded(message="m", offset=10, text=" pond"),
        )
        await pen.write(_ended(pen, "m", "Old silent pond"))
        seen = words(await bench.told(events, 4))
        equal(
            [seen[-1], "".join([line.partition(":")[2] for line in seen[:-1]])],
            ["3 ended Old silent pond", "silent pond"],
            "the rest of it, each letter once",
        )


@check()
async def pieces_wait_for_the_start_of_their_message(bench: Bench) -> None:
    """follow: Pieces are never told before their `MessageStarted`."""
    pen = await bench.pen()
    async with bench.log.follow(pen.conversation, after=1) as events:
        bench.store.claims.tell(pen.claim, TextAdded(message="m", offset=0, text="Old"))
        await bench.log.append(pen.conversation, said("x"))
        await pen.write(_started(pen, "m"))
        seen = words(await bench.told(events, 3))
    equal(seen, ["2 ended x", "3 started m", "m#1@0:Old"], "the piece after its message started")


@check()
async def who_comes_in_the_middle_is_told_what_there_is(bench: Bench) -> None:
    """follow: A message that is being written is told as a snapshot, then in pieces."""
    pen = await bench.pen()
    await pen.write(_started(pen, "m"), _started(pen, "n"))
    await pen.write(
        Grown(message="m", attempt=1, offset=0, text="Hm", kind="thinking"),
        Grown(message="m", attempt=1, offset=0, text="Old "),
    )
    for after in (1, 3):
        async with bench.log.follow(pen.conversation, after=after) as events:
            seen = words(await bench.told(events, 5 - after))
            equal(
                seen[3 - after :],
                ["thinking m#1@0:Hm", "m#1@0:Old "],
                "a snapshot, after the events",
            )
            bench.store.claims.tell(pen.claim, TextAdded(message="m", offset=2, text="d silent"))
            seen = words(await bench.told(events, 1))
            equal(seen, ["m#1@4:silent"], "only what is new of a piece")


@check()
async def a_message_that_is_begun_anew_begins_at_0(bench: Bench) -> None:
    """follow: Where a message was begun anew (`Restarted`), its pieces begin at offset 0 with
    another `attempt`."""
    pen = await bench.pen()
    await pen.write(_started(pen, "m"), Grown(message="m", attempt=1, offset=0, text="Old"))
    async with bench.log.follow(pen.conversation, after=1) as events:
        await bench.told(events, 2)
        tell = bench.store.claims.tell
        tell(pen.claim, TextAdded(message="m", attempt=2, offset=0, text="New"))
        await pen.write(Happens(event=Restarted(message="m", attempt=2, run=pen.run.id)))
        tell(pen.claim, TextAdded(message="m", attempt=1, offset=3, text=" pond"))
        tell(pen.claim, TextAdded(message="m", attempt=2, offset=3, text=" pond"))
        seen = words(await bench.told(events, 3))
        equal(
            seen, ["3 restarted m#2", "m#2@0:New", "m#2@3: pond"], "pieces of the new attempt alone"
        )
    async with bench.log.follow(pen.conversation, after=3) as events:
        await pen.write(Grown(message="m", attempt=2, offset=0, text="New"))
        seen = words(await bench.told(events, 1))
        equal(seen, ["m#2@0:New"], "a snapshot of the last attempt")


@check()
async def nothing_is_told_of_a_message_after_its_end(bench: Bench) -> None:
    """follow: Pieces are never told after their message has ended."""
    pen = await bench.pen()
    await pen.write(_started(pen, "m"), Grown(message="m", attempt=1, offset=0, text="Old"))
    async with bench.log.follow(pen.conversation, after=1) as events:
        await bench.told(events, 2)
        await pen.write(_ended(pen, "m", "Old pond"))
        bench.store.claims.tell(pen.claim, TextAdded(message="m", offset=3, text=" pond"))
        await bench.log.append(pen.conversation, said("x"))
        seen: list[str] = []
        while not seen or seen[-1] != "4 ended x":
            seen += words(await bench.told(events, 1))
    ended = seen.index("3 ended Old pond")
    equal(seen[ended + 1 :], ["4 ended x"], "nothing between the end and the next event")


@check()
async def a_slow_reader_misses_no_event(bench: Bench) -> None:
    """follow: Everything after that seq, and then whatever comes."""
    pen = await bench.pen()
    async with bench.log.follow(pen.conversation, after=1) as events:
        await pen.write(_started(pen, "m"))
        await bench.told(events, 1)
        for at in range(3_000):
            bench.store.claims.tell(pen.claim, TextAdded(message="m", offset=at, text="x"))
        await pen.write(Grown(message="m", attempt=1, offset=0, text="x" * 3_000))
        await pen.write(_ended(pen, "m", "x" * 3_000))
        text = ""
        last: Event | None = None
        while not isinstance(last, MessageEnded):
            (last,) = await bench.told(events, 1)
            if isinstance(last, TextAdded):
                equal(last.offset, len(text), "the offset of the next piece")
                text += last.text
        expect(last.seq == 3, "its end, as the next event", last.seq)
        expect(text in ("", "x" * 3_000), "all of the text in pieces, or none", len(text))
