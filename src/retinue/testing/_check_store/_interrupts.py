"""Questions to a human: asked, answered once, expired."""

import asyncio
import datetime
from dataclasses import replace
from typing import Any

from retinue.errors import AlreadyAnswered, NotFound
from retinue.messages import ToolCall
from retinue.messages.events import InterruptAnswered
from retinue.storage import Asked, Ends, Interrupt, Page, Waits

from ._bench import STRANGE, Bench, Pen, all_pages, check, equal, expect, refused

NOON = datetime.datetime(2031, 5, 1, 12, 0, 0, 250_000, tzinfo=datetime.UTC)
_HOUR = datetime.timedelta(hours=1)


def ask(pen: Pen, id: str, **more: Any) -> Asked:
    """A question of that id, of the step at "at/ID"."""
    given: dict[str, Any] = {
        "id": id,
        "run": pen.run.id,
        "conversation": pen.conversation,
        "address": f"at/{id}",
        "kind": "input",
        "question": {"text": f"{id}?"},
        "asked_at": NOON,
    }
    return Asked(interrupt=Interrupt(**{**given, **more}))


async def _status(pen: Pen) -> str:
    return (await pen.record()).status


@check()
async def a_question_comes_back_as_it_was_asked(bench: Bench) -> None:
    """Interrupt: A question to a human that a run waits for."""
    pen = await bench.pen()
    call = ToolCall(id="c", name="pay", args={"to": "Bob", "sum": [1.5, None, True]})
    asked = ask(
        pen,
        "i",
        kind="approval",
        question={"b": [1, {"ä": None}], "a": STRANGE, "n": 1.5},
        turn="t",
        agent="poet",
        call=call,
        expires_at=NOON + _HOUR,
        default={"approved": False},
    ).interrupt
    await pen.write(Asked(interrupt=asked))
    equal(await bench.runs.interrupt("i"), asked, "the question")
    equal((await bench.runs.inbox()).items, (asked,), "the same in the inbox")
    equal(await bench.store.claims.answers(pen.claim), {}, "no answer to it")


@check()
async def an_inbox_has_the_open_questions_the_oldest_first(bench: Bench) -> None:
    """inbox: The open questions of all conversations, or of one run; the oldest first."""
    first, second = await bench.pen(), await bench.pen()
    for number, pen in enumerate([first, second, first, second, first]):
        await pen.write(ask(pen, f"i{number}", asked_at=NOON + number * _HOUR))
    await bench.runs.answer("i1", "x")

    async def every(cursor: str | None) -> Page[Any]:
        page = await bench.runs.inbox(cursor=cursor, limit=2)
        late = ask(first, f"late{cursor}", asked_at=NOON + 9 * _HOUR)
        await first.write(late)
        return page

    pages = await all_pages(every)
    seen = [one.id for page in pages for one in page if not one.id.startswith("late")]
    equal(seen, ["i0", "i2", "i3", "i4"], "those that are open, each once, while more are asked")
    seen = [one.id for one in (await bench.runs.inbox(run=second.run.id)).items]
    equal(seen, ["i3"], "those of one run")
    await refused(bench.runs.inbox(run="none"), "there is no such run", NotFound)


@check()
async def an_answer_is_kept_logged_and_starts_the_run(bench: Bench) -> None:
    """answer: Answer, log that, and have a run that was unloaded start again."""
    pen = await bench.pen()
    asked = ask(pen, "i", turn="t", agent="poet")
    await pen.write(asked, Waits())
    equal(await _status(pen), "waiting", "the status of a run that waits")
    holder = await bench.store.claims.join()
    equal(await bench.store.claims.due(holder, lease=60), (), "nothing to be taken up")
    equal(await bench.store.claims.claim(await pen.record(), holder, lease=60), None, "no claim")
    answer = {"ok": [True, None, 1.5, "é"]}
    given = await bench.runs.answer("i", answer, by="Ann")
    expected = replace(asked.interrupt, status="answered", answer=answer, by="Ann")
    equal(given, expected, "the interrupt")
    equal(await bench.runs.interrupt("i"), expected, "the same when it is asked for")
    equal(await _status(pen), "queued", "the status of its run")
    last = (await bench.log.events(pen.conversation))[-1]
    logged = InterruptAnswered(
        seq=2, at=last.at, run=pen.run.id, turn="t", agent="poet", interrupt="i",
        answer=answer, by="Ann",
    )  # fmt: skip
    equal(last, logged, "what is logged")
    again = await bench.pen(await pen.record())
    journal = await bench.store.claims.journal(again.claim)
    equal(journal.answers, {"at/i": expected}, "the answer in the journal, by address")
    equal(await bench.store.claims.answers(again.claim), {"at/i": expected}, "and when asked for")


@check()
async def a_question_is_answered_once(bench: Bench) -> None:
    """answer: AlreadyAnswered: It is not open any more."""
    pen = await bench.pen()
    await pen.write(ask(pen, "i"), Waits())

    async def answer(value: int) -> int | None:
        try:
            await bench.runs.answer("i", value)
        except AlreadyAnswered:
            return None
        return value

    answers = await asyncio.gather(*[answer(n) for n in range(1, 9)])
    taken = [one for one in answers if one is not None]
    equal(len(taken), 1, "the number of answers that were taken, of eight at once")
    equal((await bench.runs.interrupt("i")).answer, taken[0], "the answer that was taken")
    equal((await bench.log.conversation(pen.conversation)).seq, 2, "one event of it")
    await refused(bench.runs.answer("i", 9), "it is answered again", AlreadyAnswered)


@check()
async def an_answer_to_a_run_that_goes_on_is_seen_by_it(bench: Bench) -> None:
    """Waits: The run is unloaded until an interrupt is answered; queued, if one was just now."""
    pen = await bench.pen()
    await pen.write(ask(pen, "i"), ask(pen, "j"))
    await bench.runs.answer("i", "x")
    equal(await _status(pen), "running", "the status of a run that is held")
    equal(set(await bench.store.claims.answers(pen.claim)), {"at/i"}, "the addresses answered")
    await pen.write(Waits())
    equal(await _status(pen), "queued", "the status, for an answer came while it was held")
    pen = await bench.pen(await pen.record())
    await pen.write(Waits())
    equal(await _status(pen), "waiting", "the status, for no answer came since it was taken up")
    await bench.runs.answer("j", "y")
    equal(await _status(pen), "queued", "the status, for the other was answered")


@check()
async def an_answer_and_a_wait_never_miss_each_other(bench: Bench) -> None:
    """answer: Have a run that was unloaded start again; in one transaction."""
    pens = [await bench.pen() for _ in range(8)]
    for at, pen in enumerate(pens):
        await pen.write(ask(pen, f"i{at}"))

    async def answer(at: int) -> None:
        await bench.runs.answer(f"i{at}", at)

    async def wait(at: int) -> None:
        await pens[at].write(Waits())

    early = [one for at in range(4) for one in (answer(at), wait(at))]
    late = [one for at in range(4, 8) for one in (wait(at), answer(at))]
    await asyncio.gather(*early, *late)
    equal([await _status(pen) for pen in pens], ["queued"] * 8, "the statuses of eight runs")


@check()
async def a_run_that_ends_withdraws_its_questions(bench: Bench) -> None:
    """Ends: The run is over; its open interrupts are withdrawn."""
    pen = await bench.pen()
    await pen.write(ask(pen, "i"), ask(pen, "j"))
    await bench.runs.answer("i", 1)
    await pen.write(Ends(reason="done"))
    statuses = [(await bench.runs.interrupt(id)).status for id in "ij"]
    equal(statuses, ["answered", "withdrawn"], "their statuses")
    equal((await bench.runs.inbox()).items, (), "an empty inbox")
    await refused(bench.runs.answer("j", 1), "it was withdrawn", AlreadyAnswered)


@check()
async def what_expires_is_answered_with_its_default(bench: Bench) -> None:
    """expire: Answer interrupts that have expired with their default; how many."""
    pen = await bench.pen()
    await pen.write(
        ask(pen, "soon", expires_at=NOON, default={"go": False}),
        ask(pen, "later", expires_at=NOON + _HOUR, default=1),
        ask(pen, "never", default=2),
        Waits(),
    )
    claims = bench.store.claims
    second = datetime.timedelta(seconds=1)
    equal(await claims.expire(NOON - second), 0, "nothing a second before")
    equal(await _status(pen), "waiting", "the status of its run")
    elsewhere = datetime.timezone(datetime.timedelta(hours=-7))
    equal(await claims.expire((NOON + second).astimezone(elsewhere)), 1, "one a second after")
    soon = await bench.runs.interrupt("soon")
    equal((soon.status, soon.answer, soon.by), ("expired", {"go": False}, None), "its answer")
    equal(await _status(pen), "queued", "the status of its run")
    last = (await bench.log.events(pen.conversation))[-1]
    expect(isinstance(last, InterruptAnswered), "InterruptAnswered in the log", last)
    equal((last.run, getattr(last, "answer", None)), (pen.run.id, {"go": False}), "what it says")
    equal(await claims.expire(NOON + second), 0, "nothing twice")
    await refused(bench.runs.answer("soon", 1), "it has expired", AlreadyAnswered)
    equal([one.id for one in (await bench.runs.inbox()).items], ["later", "never"], "what is open")
