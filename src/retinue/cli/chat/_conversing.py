"""Conversing: commands about what is kept: other conversations, and tasks in the background."""

import datetime
from collections.abc import Iterable, Sequence
from typing import Final

from retinue.cli._answers import words_of
from retinue.cli._brief import age, brief_ids
from retinue.errors import UsageError
from retinue.storage import Conversation, RunRecord
from retinue.telemetry.terminal import one_line

from ._desk import Command, Desk, GoOn, Inbox, Outcome, table
from ._session import Session
from ._transcript import last_exchanges, transcript

_LISTED: Final = 20
"""Conversations that are listed."""


async def _conversations(desk: Desk, _: str) -> Outcome:
    found = await _listed(desk.session)
    if not found:
        return ["  Nothing is kept yet."]
    now, brief = _now(), brief_ids([each.id for each in found])
    here = desk.session.conversation
    rows = [
        (brief[each.id], f"{_when(each, now, here)}  {one_line(each.title or '')}")
        for each in found
    ]
    return table(rows, desk, "bold")


async def _resume(desk: Desk, id: str) -> Outcome:
    if not id:
        raise UsageError("Which conversation?", hint="/conversations lists them.")
    session = desk.session
    await session.resume(id)
    return GoOn(shown_of(session, desk))


async def _task(desk: Desk, id: str) -> Outcome:
    if not id:
        raise UsageError("Which task?", hint="retinue tasks lists them.")
    runs = desk.session.house.retinue.runs
    run = await runs.find(id)
    replies = await runs.replies(run.id)
    lines = transcript(replies, desk.look, desk.width, host=desk.session.app.name)
    asked = (await runs.inbox(run=run.id)).items
    waiting = [f"  asks: {words_of(each)[0]} — /inbox" for each in asked]
    return [*lines, *([""] if lines else []), f"  {run.agent}: {_state(run)}", *waiting]


async def _inbox(_: Desk, __: str) -> Outcome:
    return Inbox.OPEN


async def _stop(_: Desk, __: str) -> Outcome:
    return ["  Nothing goes on here."]


def shown_of(session: Session, desk: Desk) -> Sequence[str]:
    """The end of the conversation at hand, as it is shown to who comes back to it."""
    last = last_exchanges(session.messages)
    earlier = len(session.messages) - len(last)
    lines = [desk.look.paint(f"  {earlier:,} messages before; /history shows them", "dim"), ""]
    said = transcript(last, desk.look, desk.width, host=session.app.name)
    return [*(lines if earlier else []), *said]


async def _listed(session: Session) -> Sequence[Conversation]:
    return (await session.house.retinue.log.conversations(limit=_LISTED)).items


async def _ids(session: Session, _: str) -> Iterable[str]:
    return brief_ids([each.id for each in await _listed(session)]).values()


async def _tasks(session: Session, _: str) -> Iterable[str]:
    page = await session.house.retinue.runs.runs(background=True, limit=_LISTED)
    return brief_ids([each.id for each in page.items]).values()


def _when(conversation: Conversation, now: datetime.datetime, here: str | None) -> str:
    return "this one" if conversation.id == here else age(conversation.changed_at, now)


def _state(run: RunRecord) -> str:
    return run.status if run.reason is None else f"ended: {run.reason}"


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


CONVERSING: Final = {
    "conversations": Command("", "what was talked about, the last first", _conversations),
    "resume": Command("ID", "go on with another conversation", _resume, _ids),
    "task": Command("ID", "what a task in the background has said", _task, _tasks),
    "inbox": Command("", "answer what tasks in the background ask", _inbox),
    "stop": Command("", "stop the answer, as Ctrl-C does", _stop),
}
"""By name, in the order of /help."""
