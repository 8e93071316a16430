"""Interrupts: asked in a run, answered once, from outside or by their time running out."""

from typing import Any

from retinue.messages.codecs import part_to_dict
from retinue.messages.events import InterruptAnswered
from retinue.storage import Interrupt, InterruptStatus
from retinue.storage._lines import lines
from retinue.storage._records import INTERRUPT, INTERRUPTS, interrupt_of
from retinue.storage._values import moment, now, to_json

from ._readers import Execute
from ._scribe import Scribe
from ._values import text, text_or_none
from ._writer import Work


def ask(execute: Execute, owner: str, run: int, asked: Interrupt) -> None:
    """Keep it; one that is there already stays as it is."""
    execute(
        "INSERT INTO interrupts (owner, id, run, address, kind, question, turn, agent, call, asked,"
        " expires, otherwise, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (
            text(owner),
            text(asked.id),
            run,
            text(asked.address),
            asked.kind,
            to_json(asked.question),
            text_or_none(asked.turn),
            text_or_none(asked.agent),
            None if asked.call is None else to_json(part_to_dict(asked.call)),
            moment(asked.asked_at),
            None if asked.expires_at is None else moment(asked.expires_at),
            to_json(asked.default),
            asked.status,
        ),
    )


def answered(
    work: Work, interrupt: int, answer: Any, *, by: str | None, status: InterruptStatus
) -> Interrupt:
    """Answer an open one, log that, and have its run start again, where it was unloaded."""
    execute = work.execute
    execute(
        "UPDATE interrupts SET status = ?, answer = ?, answered_by = ? WHERE n = ?",
        (status, to_json(answer), text_or_none(by), interrupt),
    )
    asked = interrupt_of(
        execute(f"SELECT {INTERRUPT} FROM {INTERRUPTS} WHERE i.n = ?", (interrupt,)).fetchone()
    )
    run, conversation = execute(
        "UPDATE runs SET answered = 1, changed = ?,"
        " status = CASE status WHEN 'waiting' THEN 'queued' ELSE status END"
        " WHERE n = (SELECT run FROM interrupts WHERE n = ?) RETURNING n, conversation",
        (now(), interrupt),
    ).fetchall()[0]
    event = InterruptAnswered(
        interrupt=asked.id, answer=answer, by=by, run=asked.run, turn=asked.turn, agent=asked.agent
    )
    scribe = Scribe(work, conversation)
    for line in lines([event]):
        scribe.append(line, run=run)
    scribe.done()
    work.runs.append(asked.run)
    return asked
