"""Rehearsal: an old run once more, from its journal; as it was, or with one thing changed.

Agent code runs, and nothing else does: models, tools and people answer what they answered then. Of
a changed turn, and of whatever depends on it, that is true only as far as what it asks is the same.
Nothing of it is kept.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from retinue.agents import Agent
from retinue.errors import NotFound, RunError
from retinue.messages import FrozenDict, Message
from retinue.messages.events import ErrorRaised, Event, MessageEnded, ModelAnswered, RunEnded
from retinue.storage import (
    Change,
    Claim,
    Entry,
    Happens,
    Interrupt,
    Journal,
    RunRecord,
    Shown,
    Store,
    Written,
)

from ._asked import asked
from ._execution import Execution
from ._plan import Plan
from ._records import StepRecord, TurnRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What came of it.

    Args:
        replies: What it replied this time.
        before: What it had replied.
        reason: Why it ended this time.
        executed: The steps that were done anew, by name: calls of models, of tools.
        turns: The agents of the turns that were done anew, in the order in which they ended.
        answers: What the models answered anew.
        errors: What failed this time.
    """

    replies: tuple[Message, ...]
    before: tuple[Message, ...]
    reason: str
    executed: tuple[str, ...]
    turns: tuple[str, ...]
    answers: tuple[ModelAnswered, ...]
    errors: tuple[ErrorRaised, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether every reply is what it was, to the last letter, its id too."""
        return [(m.id, m) for m in self.replies] == [(m.id, m) for m in self.before]


async def rehearse(
    store: Store,
    run: RunRecord,
    agent: Agent,
    *,
    since: str | None = None,
    changes: Mapping[str, Any] = FrozenDict(),
) -> Rehearsed:
    """Execute an old run again.

    Args:
        store: Where it is kept.
        run: Which.
        agent: What it executed.
        since: The turn that is changed: how its address begins, or the name of its agent. That one
            is done anew, and of what depends on it whatever is asked otherwise now. None: nothing
            is.
        changes: Arguments that the changed turn gets: "model", "system", "temperature", ...

    Raises:
        NotFound: There is no such turn in it.
        RunError: It is not over.
    """
    if run.status != "ended":
        raise RunError(f"Run {run.id!r} is not over", hint="Wait for it, or stop it.")
    journal = await store.claims.journal(Claim(run=run, holder=""))
    plan = _the_same(journal) if since is None else _changed(journal, since, changes)
    stage = _Stage(plan.journal)
    again = replace(run, status="running", reason=None, epoch=1, attempts=0, stop_asked=False)
    claim = Claim(run=again, holder="")
    notes = store.notes(run.owner)
    execution = Execution(stage, claim, notes=notes, held_until=_always, plan=plan)
    await execution.run(agent, await asked(store.log(run.owner), run))
    return stage.rehearsed(await store.runs(run.owner).replies(run.id))


def _the_same(journal: Journal) -> Plan:
    """Every turn is done, every step is remembered."""
    entries = [entry for entry in journal.entries if entry.kind != "turn"]
    return Plan(journal=replace(journal, entries=tuple(entries), events=()), offline=True)


def _changed(journal: Journal, since: str, changes: Mapping[str, Any]) -> Plan:
    """The changed turns are done anew with all their steps; what depends on them, where it must."""
    records = {
        entry.address: TurnRecord.from_json(entry.body)
        for entry in journal.entries
        if entry.kind == "turn" and entry.state == "done"
    }
    changed = {
        address
        for address, record in records.items()
        if record.agent == since or address.startswith(since)
    }
    if not changed:
        agents = ", ".join(sorted({record.agent for record in records.values()}))
        raise NotFound(f"No turn of the run is {since!r}", hint=f"It has turns of {agents}.")
    anew = _depending_on(changed, records, journal)
    entries = [
        entry
        for entry in journal.entries
        if entry.turn not in anew or (entry.kind != "turn" and entry.turn not in changed)
    ]
    events = [
        event
        for event in journal.events
        if isinstance(event, MessageEnded) and event.turn not in anew
    ]
    kept = replace(journal, entries=tuple(entries), events=tuple(events))
    return Plan(journal=kept, changes=dict.fromkeys(changed, changes))


def _depending_on(
    changed: set[str], records: Mapping[str, TurnRecord], journal: Journal
) -> set[str]:
    """These turns, those that read what they said, and those that asked any of them."""
    said_by = {e.message.id: e.turn for e in journal.events if isinstance(e, MessageEnded)}
    found = set(changed)
    while True:
        more = {
            address
            for address, record in records.items()
            if address not in found and any(said_by.get(id) in found for id in record.reads)
        }
        more |= {records[address].parent for address in found if address in records} - found - {""}
        if not more:
            return found
        found |= more


def _always() -> float:
    """Nobody else is after this run."""
    return math.inf


class _Stage:
    """Stands in for a store: what is written is seen by whoever asks, and forgotten."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._done = {entry.address for entry in journal.entries}
        self._entries: list[Entry] = []
        self._events: list[Event] = []
        self._shown: tuple[str, ...] = ()

    async def journal(self, claim: Claim) -> Journal:
        return self._journal

    async def answers(self, claim: Claim) -> dict[str, Interrupt]:
        return self._journal.answers

    async def stop_asked(self, claim: Claim) -> bool:
        return False

    async def write(self, claim: Claim, number: int, *changes: Change) -> Written:
        for change in changes:
            match change:
                case Entry(state="done"):
                    self._entries.append(change)
                case Happens(event=event):
                    self._events.append(event)
                case Shown(messages=ids):
                    self._shown = ids
                case _:
                    pass
        return Written(seq=0, stop_asked=False)

    def tell(self, claim: Claim, *pieces: Event) -> None:
        """Nobody follows."""

    def rehearsed(self, before: tuple[Message, ...]) -> Rehearsed:
        said = {e.message.id: e.message for e in self._events if isinstance(e, MessageEnded)}
        said |= {
            e.message.id: e.message for e in self._journal.events if isinstance(e, MessageEnded)
        }
        anew = [entry for entry in self._entries if entry.address not in self._done]
        return Rehearsed(
            replies=tuple([said[id] for id in self._shown]),
            before=before,
            reason=next((e.reason for e in self._events if isinstance(e, RunEnded)), ""),
            executed=tuple(
                [StepRecord.from_json(one.body).name for one in anew if one.kind == "step"]
            ),
            turns=tuple(
                [
                    TurnRecord.from_json(one.body).agent
                    for one in self._entries
                    if one.kind == "turn"
                ]
            ),
            answers=tuple([e for e in self._events if isinstance(e, ModelAnswered)]),
            errors=tuple([e for e in self._events if isinstance(e, ErrorRaised)]),
        )
