"""Changes: what the holder of a run writes, in two trips to the server.

The first locks what is written to, if the claim holds, and gets all that is to be known for the
second, which writes and commits.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, assert_never

from retinue.errors import Fenced
from retinue.messages.events import MessageEnded
from retinue.storage import (
    Asked,
    Change,
    Claim,
    Ends,
    Entry,
    Grown,
    Happens,
    Interrupt,
    Kept,
    Reserved,
    RunStatus,
    Shown,
    Spent,
    Waits,
    Written,
    Yields,
)
from retinue.storage._lines import Line, line

from ._budget import Purses
from ._interrupts import ask, over
from ._notes import put_note
from ._scribe import Place, Scribe
from ._work import NOW, Row, Work, inserted

# Who holds the claim is asked in the same statement that locks the run and its conversation.
_HELD = f"""
WITH run AS (
    UPDATE runs SET written = %(number)s, entered = entered + %(entries)s, changed = {NOW},
    status = CASE
        WHEN %(status)s = 'waiting' AND (answered OR stop_asked) THEN 'queued' ELSE %(status)s
    END,
    reason = %(reason)s, holder = CASE WHEN %(yields)s THEN NULL ELSE holder END,
    attempts = CASE WHEN %(afresh)s THEN 0 ELSE attempts END
    WHERE owner = %(owner)s AND id = %(id)s AND epoch = %(epoch)s AND holder = %(holder)s
    AND status = 'running' AND written < %(number)s
    RETURNING n, conversation, status, stop_asked, entered - %(entries)s AS entered
)
"""
_APPENDING = f"""
{_HELD}
UPDATE conversations c SET seq = seq + %(events)s, said = said + %(said)s,
changed = CASE WHEN %(events)s > 0 THEN {NOW} ELSE changed END
FROM run WHERE c.n = run.conversation
RETURNING run.n, run.status, run.stop_asked, run.entered,
    c.n, c.seq - %(events)s, c.said - %(said)s
"""
_LOCKING = f"""
{_HELD}
SELECT run.n, run.status, run.stop_asked, run.entered, c.n, c.seq, c.said
FROM run, LATERAL (
    SELECT n, seq, said FROM conversations WHERE n = run.conversation FOR NO KEY UPDATE
) c
"""
_STANDING = """
SELECT r.epoch, r.holder, r.written, r.stop_asked, c.seq
FROM runs r JOIN conversations c ON c.n = r.conversation WHERE r.owner = %s AND r.id = %s
"""
_ENDED = """
SELECT m.id, max(m.event) FROM messages m JOIN conversations c ON c.n = m.conversation
WHERE c.owner = %s AND c.id = %s AND m.id = ANY(%s) GROUP BY m.id
"""
_JOURNAL = "journal (run, address, place, kind, turn, state, body)"
_REPLACE = """
ON CONFLICT (run, address) DO UPDATE
SET kind = excluded.kind, turn = excluded.turn, state = excluded.state, body = excluded.body
"""


class _Held(NamedTuple):
    """A run whose claim holds; `entered` places were given in its journal."""

    n: int
    status: RunStatus
    stop_asked: bool
    entered: int
    place: Place


class Batch:
    """The changes of one write, sorted by where they go; within one place they keep their order.

    Args:
        changes: As they were given.
    """

    def __init__(self, changes: Iterable[Change]) -> None:
        self._log: list[Line | Shown | Grown] = []
        self._events = 0
        self._said = 0
        self._ended: set[str] = set()
        self._shown: set[str] = set()
        self._entries: dict[str, Entry] = {}
        self._notes: dict[str, object] = {}
        self._asked: list[Interrupt] = []
        self._budget: list[Reserved | Spent] = []
        self._status: RunStatus = "running"
        self._reason: str | None = None
        self._afresh = False
        for change in changes:
            self._add(change)

    async def write(self, work: Work, claim: Claim, number: int) -> Written:
        """All of it, where it was not written before.

        Raises:
            Fenced, BudgetExceeded, NotFound: As `Claims.write` says.
        """
        held = await work.send(*self._statement(claim, number))
        purses = Purses(claim.run.owner, claim.run.id, self._budget)
        await purses.lock(work)
        before = sorted(self._shown - self._ended)
        known: list[Row] = []
        if before:
            known = await work.rows(_ENDED, (claim.run.owner, claim.run.conversation, before))
        row = await held.fetchone()
        if row is None:
            return await _written_before(work, claim, number)
        n, status, stop_asked, entered, conversation, seq, said = row
        place = Place(conversation, claim.run.owner, claim.run.conversation, seq, said)
        run = _Held(n, status, stop_asked, entered, place)
        await purses.change(work, run.n)
        await self._send(work, claim, run, dict(known))
        return Written(seq=place.seq + self._events, stop_asked=run.stop_asked)

    def _statement(self, claim: Claim, number: int) -> tuple[str, dict[str, object]]:
        values: dict[str, object] = {
            "number": number,
            "entries": len(self._entries),
            "status": self._status,
            "reason": self._reason,
            "yields": self._status == "queued",
            "afresh": self._afresh,
            "owner": claim.run.owner,
            "id": claim.run.id,
            "epoch": claim.epoch,
            "holder": claim.holder,
        }
        if not (self._events or self._said):
            return _LOCKING, values
        return _APPENDING, {**values, "events": self._events, "said": self._said}

    async def _send(self, work: Work, claim: Claim, run: _Held, ended: dict[str, int]) -> None:
        scribe = Scribe(run.place, claim.run.id)
        for one in self._log:
            match one:
                case Line():
                    scribe.append(one)
                case Shown(messages=messages):
                    scribe.show(messages, ended)
                case Grown():
                    scribe.grow(one)
        values = "(%s, %s, %s, %s, %s, %s, %s)"
        entered = inserted(_JOURNAL, values, self._rows(run), anyway=_REPLACE)
        await scribe.done(work, *entered)
        for asked in self._asked:
            await ask(work, claim.run.owner, run.n, asked)
        for name, value in sorted(self._notes.items()):
            await put_note(work, claim.run.owner, name, value)
        if run.status == "ended":
            await over(work, run.n)
        elif run.status == "queued":
            work.runs.append(claim.run.id)

    def _rows(self, run: _Held) -> Iterator[tuple[object, ...]]:
        for place, one in enumerate(self._entries.values(), run.entered + 1):
            yield run.n, one.address, place, one.kind, one.turn, one.state, one.body

    def _add(self, change: Change) -> None:
        match change:
            case Happens(event=event):
                self._log.append(line(change))
                self._events += 1
                if isinstance(event, MessageEnded):
                    self._ended.add(event.message.id)
            case Shown(messages=messages):
                self._log.append(change)
                self._said += len(messages)
                self._shown.update(messages)
            case Grown():
                self._log.append(change)
            case Entry(address=address, state=state):
                self._entries[address] = change
                self._afresh = self._afresh or state == "done"
            case Asked(interrupt=interrupt):
                self._asked.append(interrupt)
            case Reserved() | Spent():
                self._budget.append(change)
            case Kept(name=name, value=value):
                self._notes[name] = value
            case Waits():
                self._give_up("waiting")
            case Yields():
                self._give_up("queued")
            case Ends(reason=reason):
                self._give_up("ended", reason)
            case _:
                assert_never(change)

    def _give_up(self, status: RunStatus, reason: str | None = None) -> None:
        self._status = status
        self._reason = reason
        self._afresh = self._afresh or status != "ended"


async def _written_before(work: Work, claim: Claim, number: int) -> Written:
    """What became of a write that was sent again.

    Raises:
        Fenced: It was not: the claim does not hold any more. Who yields is no holder afterwards.
    """
    row = await work.row(_STANDING, (claim.run.owner, claim.run.id))
    if row is None:
        raise Fenced(f"Run {claim.run.id!r} was deleted")
    epoch, holder, written, stop_asked, seq = row
    if epoch != claim.epoch or holder not in (claim.holder, None):
        raise Fenced(f"Run {claim.run.id!r} was taken up by another process")
    if number > written:
        raise Fenced(f"Run {claim.run.id!r} was given up already")
    return Written(seq=seq, stop_asked=stop_asked)
