"""Inbox: what people are asked, in all conversations; and their answers."""

import json
from collections.abc import Iterator
from typing import Final

from retinue.app.retinue import Retinue
from retinue.messages.codecs import value_to_json
from retinue.storage import Interrupt, RunRecord
from retinue.telemetry.terminal import one_line

from ._answers import (
    interrupt_as_dict,
    open_question,
    open_questions,
    read_answer,
    ways_to_answer,
    words_of,
)
from ._background import see_to
from ._brief import age, brief_ids, cut, now, span, width_of
from ._exits import DONE
from ._kept import Inbox
from ._opening import open_settings
from ._screen import Screen
from ._store import in_store

_KINDS: Final = {
    "approval": "approval",
    "input": "question",
    "unknown_outcome": "did this happen?",
    "divergence": "is this right?",
}


def run(line: Inbox, screen: Screen) -> int:
    """Show the questions, or answer one; the exit code."""
    settings = open_settings(line.flags, screen)

    async def work(retinue: Retinue) -> None:
        if line.do == "list":
            await _list(retinue, screen, as_json=line.json)
            return
        id, said = line.words
        asked = await open_question(retinue.runs, id)
        await answer(retinue, asked, said, screen)
        await see_to(retinue, asked.run, settings, line.flags, screen)

    in_store(settings, work)
    return DONE


async def answer(retinue: Retinue, asked: Interrupt, said: str, screen: Screen) -> None:
    """Answer a question with what was said, and say so.

    Raises:
        UsageError: It does not fit the question.
        AlreadyAnswered: Somebody else did.
    """
    given = await retinue.runs.answer(asked.id, read_answer(said, asked), by=retinue.owner)
    run = await retinue.runs.run(given.run)
    screen.write(f"Answered. {run.agent} goes on: {screen.program} tasks follow {run.id}\n")


async def _list(retinue: Retinue, screen: Screen, *, as_json: bool) -> None:
    asked = await open_questions(retinue.runs)
    if as_json:
        found = {"v": 1, "questions": [interrupt_as_dict(one) for one in asked]}
        screen.write(f"{json.dumps(found, ensure_ascii=False, indent=2)}\n")
        return
    if not asked:
        screen.remark("nobody waits for an answer")
        return
    runs = {one.run: await retinue.runs.run(one.run) for one in asked}
    ids = brief_ids(one.id for one in asked)
    texts = [_shown(one, runs[one.run], ids[one.id], screen) for one in asked]
    screen.write("\n".join(["".join([f"{line}\n" for line in text]) for text in texts]))
    screen.remark(f"to answer: {screen.program} inbox answer ID VALUE")


def _shown(asked: Interrupt, run: RunRecord, id: str, screen: Screen) -> Iterator[str]:
    paint = screen.look.paint
    facts = [asked.agent or run.agent, _KINDS[asked.kind], _when(asked)]
    yield f"{paint(id, 'bold')}  {paint(', '.join(facts), 'dim')}"
    for line in words_of(asked):
        yield f"  {line}"
    ways = cut(f"VALUE: {', '.join(ways_to_answer(asked))}", width_of(screen) - 2)
    yield f"  {paint(ways, 'dim')}"


def _when(asked: Interrupt) -> str:
    """When it was asked, and what becomes of it if nobody answers."""
    at = now()
    old = age(asked.asked_at, at)
    if asked.expires_at is None:
        return old
    left = span(max(0.0, (asked.expires_at - at).total_seconds()))
    return f"{old}; in {left} the answer is {one_line(value_to_json(asked.default), width=30)}"
