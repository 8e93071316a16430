"""Interrupts: asked in a run, answered once, from outside or by their time running out."""

from typing import Any

from retinue.errors import AlreadyAnswered
from retinue.messages.codecs import part_to_dict
from retinue.messages.events import InterruptAnswered
from retinue.storage import Interrupt, InterruptStatus
from retinue.storage._lines import lines
from retinue.storage._records import interrupt_of
from retinue.storage._values import moment, to_json

from ._rows import find_interrupt
from ._scribe import place_in, write_lines
from ._work import NOW, Work


async def ask(work: Work, owner: str, run: int, asked: Interrupt) -> None:
    """Keep it; one that is there already stays as it is."""
    await work.send(
        "INSERT INTO interrupts (owner, id, run, address, kind, question, turn, agent, call, asked,"
        " expires, otherwise, status)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (
            owner,
            asked.id,
            run,
            asked.address,
            asked.kind,
            to_json(asked.question),
            asked.turn,
            asked.agent,
            None if asked.call is None else to_json(part_to_dict(asked.call)),
            moment(asked.asked_at),
            None if asked.expires_at is None else moment(asked.expires_at),
            to_json(asked.default),
            asked.status,
        ),
    )


async def answered(
    work: Work, owner: str, id: str, answer: Any, *, by: str | None, status: InterruptStatus
) -> Interrupt:
    """Answer an open one, log that, and have its run start again, where it was unloaded.

    Raises:
        NotFound: The owner has none of that id.
        AlreadyAnswered: It is not open any more.
    """
    asked = interrupt_of(await find_interrupt(work, owner, id))
    await work.send(  # the run before its interrupts, as whoever writes in it has them
        f"UPDATE runs SET answered = true, changed = {NOW},"
        " status = CASE status WHEN 'waiting' THEN 'queued' ELSE status END"
        " WHERE owner = %s AND id = %s",
        (owner, asked.run),
    )
    given = await work.row(
        "UPDATE interrupts SET status = %s, answer = %s, answered_by = %s"
        " WHERE owner = %s AND id = %s AND status = 'open' RETURNING n",
        (status, to_json(answer), by, owner, id),
    )
    row = await find_interrupt(work, owner, id)
    if given is None:
        raise AlreadyAnswered(f"Interrupt {id!r} is {interrupt_of(row).status} already")
    event = InterruptAnswered(
        interrupt=id, answer=answer, by=by, run=asked.run, turn=asked.turn, agent=asked.agent
    )
    place = await place_in(work, owner, asked.conversation, events=1)
    await write_lines(work, place, lines([event]))
    work.runs.append(asked.run)
    return interrupt_of(row)


async def over(work: Work, run: int) -> None:
    """A run is over, however it ended: nobody waits for an answer, or for the rest of a message,
    any more, and what it reserved stays taken."""
    await work.send("DELETE FROM reservations WHERE run = %s", (run,))
    await work.send(
        "UPDATE interrupts SET status = 'withdrawn' WHERE run = %s AND status = 'open'", (run,)
    )
    await work.send(
        "DELETE FROM writing w USING runs r"
        " WHERE r.n = %s AND w.conversation = r.conversation AND w.run = r.id",
        (run,),
    )
