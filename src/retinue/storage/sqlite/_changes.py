"""Changes: what the holder of a run writes, applied one after another within a transaction."""

from collections.abc import Iterable, Iterator
from typing import assert_never

from retinue.storage import (
    Asked,
    Change,
    Claim,
    Ends,
    Entry,
    Grown,
    Happens,
    Kept,
    Reserved,
    RunStatus,
    Shown,
    Spent,
    Waits,
    Yields,
)
from retinue.storage._lines import Line, line
from retinue.storage._values import now

from ._budget import reserve, spend
from ._ending import over
from ._interrupts import ask
from ._notes import put_note
from ._rows import Standing
from ._scribe import Scribe
from ._values import text
from ._writer import Work

type Prepared = (
    Line | Entry | Shown | Grown | Asked | Reserved | Spent | Kept | Waits | Ends | Yields
)


def prepared(changes: Iterable[Change]) -> Iterator[Prepared]:
    """The changes; events as they are kept."""
    for change in changes:
        yield line(change) if isinstance(change, Happens) else change


class Held:
    """A run in the hands of its holder.

    Args:
        work: The transaction.
        claim: Of the run; it was found to hold.
        run: How it stands.
    """

    def __init__(self, work: Work, claim: Claim, run: Standing) -> None:
        self._work = work
        self._execute = work.execute
        self._id = claim.run.id
        self._owner = claim.run.owner
        self._n = run.n
        self._entered = run.entered
        self._again = bool(run.answered or run.stop_asked)
        self._scribe = Scribe(work, run.conversation)
        self._afresh = False

    def apply(self, change: Prepared) -> None:
        match change:
            case Line():
                self._scribe.append(change, run=self._n)
            case Entry():
                self._enter(change)
            case Shown(messages=messages):
                self._scribe.show(messages, self._n)
            case Grown():
                self._scribe.grow(change)
            case Asked(interrupt=interrupt):
                ask(self._execute, self._owner, self._n, interrupt)
            case Reserved():
                reserve(self._execute, self._owner, self._n, change)
            case Spent():
                spend(self._execute, self._owner, self._n, change)
            case Kept(name=name, value=value):
                put_note(self._execute, self._owner, name, value)
            case Waits():
                self._give_up("queued" if self._again else "waiting")
            case Yields():
                self._execute("UPDATE runs SET holder = NULL WHERE n = ?", (self._n,))
                self._give_up("queued")
            case Ends(reason=reason):
                self._give_up("ended", reason)
                over(self._execute, self._n)
            case _:
                assert_never(change)

    def done(self, number: int) -> int:
        """Nothing more comes in the write of this number; the seq of the last event."""
        self._scribe.done()
        self._execute(
            "UPDATE runs SET written = ?, entered = ?, changed = ? WHERE n = ?",
            (number, self._entered, now(), self._n),
        )
        if self._afresh:
            self._execute("UPDATE runs SET attempts = 0 WHERE n = ?", (self._n,))
        return self._scribe.seq

    def _enter(self, entry: Entry) -> None:
        self._entered += 1
        self._execute(
            "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET kind = excluded.kind, turn = excluded.turn,"
            " state = excluded.state, body = excluded.body",
            (
                self._n,
                text(entry.address),
                self._entered,
                entry.kind,
                text(entry.turn),
                entry.state,
                text(entry.body),
            ),
        )
        self._afresh = self._afresh or entry.state == "done"

    def _give_up(self, status: RunStatus, reason: str | None = None) -> None:
        self._execute(
            "UPDATE runs SET status = ?, reason = ? WHERE n = ?", (status, reason, self._n)
        )
        self._afresh = self._afresh or status != "ended"
        if status == "queued":
            self._work.runs.append(self._id)
