"""TurnRecorder: listens to one turn of a run; the ports of `retinue.steps` made durable."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from retinue.errors import AmbiguousAddress, BudgetExceeded, PromiseCancelled, ToolDenied
from retinue.messages import (
    Message,
    MessagePromise,
    MessageSequencePromise,
    derived_id,
)
from retinue.messages.events import Restarted, TurnStarted
from retinue.promise import Failure
from retinue.steps import Effect, Settle, Work, place
from retinue.storage import Entry, Kept

from . import _asking, _steps
from ._addresses import address_of
from ._commits import Fact
from ._records import Reply, TurnRecord, as_exception
from ._spoken import Spoken, Stream

if TYPE_CHECKING:
    from retinue.agents import Turn

    from ._execution import Execution


class TurnRecorder:
    """Listens to one turn.

    Args:
        run: What it is part of.
        address: Where it stands in there; "" for the run itself, which asks its first turn.
        agent: Who it is.
        parent: Who asked.
    """

    def __init__(
        self, run: "Execution", address: str, agent: str, parent: "TurnRecorder | None"
    ) -> None:
        self.run = run
        self.address = address
        self.agent = agent
        self.parent = parent
        self.turn: Turn | None = None
        """While it goes on."""
        self.state: Any = None
        self.holding: set[asyncio.Task[Any]] = set()
        """Tasks in which it wants to do something that it must not do yet."""
        self.ended_with: BaseException | None = None
        # What it was asked may come of anything that its asker had read.
        self._needs: set[Fact] = parent.needs() if parent is not None else set()
        self._read: dict[str, Spoken] = {}
        self._by_hash: dict[str, Spoken] = {}  # of those
        self._unsorted: list[Spoken] = []  # those of which the hash was not known yet
        self._said: list[Spoken | Failure] = []
        self._children: list[Fact] = []
        self._replied = Fact(self)
        self._over = Fact(self)
        self._counts: dict[Any, tuple[int, Any]] = {}
        self._ids: Counter[str] = Counter()
        self._told: list[BaseException] = []  # errors of those it asked, which are in the log
        self._speaks = self._ended = False

    @property
    def is_first(self) -> bool:
        """Whether it is the turn that the run itself asked."""
        return self.parent is not None and self.parent.parent is None

    # -- whom it asks

    def inquiry(self, agent: str, passed: Callable[[], str], key: str | None) -> "TurnRecorder":
        what = ("key", key) if key is not None else ("", passed())
        count = self.count(
            ("inquiry", agent, *what), f"{agent!r} is asked the same", AmbiguousAddress.hint
        )
        if key is not None and count != f"{place.get()}0":
            raise AmbiguousAddress(
                f"{self.agent!r} asks {agent!r} twice under the key {key!r}",
                hint="Give each inquiry a key of its own.",
            )
        return TurnRecorder(self.run, address_of(self.address, agent, *what, count), agent, self)

    def count(self, what: Any, words: str, hint: str | None) -> str:
        """In which place this is done, and how many equal ones were before in there.

        Args:
            what: Is done.
            words, hint: For the error.

        Raises:
            AmbiguousAddress: Another task of this turn did the same: which is first is by chance.
        """
        task, where = asyncio.current_task(), place.get()
        count, first = self._counts.get((where, what), (0, task))
        if first is not task:
            raise AmbiguousAddress(f"{words} by two tasks of {self.agent!r}", hint=hint)
        self._counts[where, what] = (count + 1, task)
        return f"{where}{count}"

    def identity(self, message: MessagePromise) -> str | None:
        spoken = self.run.speech.of(message)
        return spoken.id if spoken is not None else None

    # -- its life

    async def perform(self, turn: "Turn", work: Callable[[], Awaitable[None]]) -> None:
        run = self.run
        record = run.past.turn(self.address)
        if record is not None:
            self._say_again(turn, record)
            return
        self.turn = turn
        self._speaks = True
        if self.parent is not None:
            self.parent._children.append(self._over)
        if self.address in run.past.turns:
            run.happens(self, Restarted(attempt=run.attempt))
        else:
            asked_by = self.parent.address if self.parent is not None else ""
            run.happens(self, TurnStarted(parent=asked_by or None))
        if run.plan is not None and self.address in run.plan.changes:
            turn.arguments = {**turn.arguments, **run.plan.changes[self.address]}
        run.turns.add(self)
        turn.replies.when_ended(self._all_said)  # perhaps long before the turn itself is over
        (await self.reserve({"turns": 1}))(turns=1)
        await work()

    def _say_again(self, turn: "Turn", record: TurnRecord) -> None:
        self._replied.known()
        self._over.known()
        turn.say_again([self.run.speech.again(reply) for reply in record.replies])
        if self.is_first:
            self.run.reason = record.reason
        if self.parent is not None and record.error is not None:
            self.parent._told.append(record.error)

    def ended(self, replies: MessageSequencePromise, outcome: BaseException | None) -> None:
        run = self.run
        if self.turn is None or run.halted:
            return
        if isinstance(outcome, asyncio.CancelledError):
            run.interrupt(self.agent)
            return
        if isinstance(outcome, KeyboardInterrupt | SystemExit):
            run.halt()  # the process is going down, and comes back to this
            return
        self.ended_with = outcome
        self._ended = True

    def settled(self) -> None:
        self.run.turns.discard(self)
        self.turn = None
        self._counts.clear()  # of tasks, whose contexts hold this
        if not self._ended or self.run.halted:
            self.forget()
            return
        if self.run.past.unclaimed(self.address) and not self.run.stops:
            self.run.diverged(self, "does not come again to all that it had done", self._end)
        else:
            self._end()

    def forget(self) -> None:
        """It never becomes a fact."""
        self._replied.forget()
        self._over.forget()
        self._said = []
        self._needs.clear()
        self._told.clear()

    def _all_said(self) -> None:
        """Its replies are complete; those from others may be on their way."""
        run = self.run
        if run.halted:
            return
        relied = run.past.relied_on(self.address)
        said = [one.id if isinstance(one, Spoken) else None for one in self._said]
        if relied is None or relied == said or run.stops:
            self._offer()
        else:
            run.diverged(self, "does not reply what others rely on", self._offer)

    def _offer(self) -> None:
        needs = {one.fact for one in self._said if isinstance(one, Spoken)}
        self._replied.available(self._keep_replies, needs | self._needs)

    def _end(self) -> None:
        self._over.happened(self._keep_end, {self._replied, *self._children, *self._needs})
        self._children = []

    def _keep_replies(self) -> None:
        """Others rely on its replies being just these, while the turn itself goes on."""
        if not self._over.ready:
            self._keep("intent", None, "")

    def _keep_end(self) -> None:
        whole = [one for one in self._said if isinstance(one, Spoken) and one.broken is None]
        # An error that it hands on is how it ended, for whoever reads its replies.
        handed_on = next((error for one in self._said if (error := _error_in(one))), None)
        stop_reason = whole[-1].stop_reason if whole else None
        reason = reason_of(self.ended_with or handed_on, stop_reason)
        error, self.ended_with = self.ended_with, None  # its traceback holds the turn
        self._keep("done", error, reason)
        known = any(error is one for one in self._told)
        self.run.turn_ended(self, reason, None if known else error, [one.id for one in whole])
        if self.parent is not None and error is not None:
            self.parent._told.append(error)  # it may travel upwards from here
        self._said = []
        self._told = []

    def _keep(self, state: Any, error: BaseException | None, reason: str) -> None:
        record = TurnRecord(
            agent=self.agent,
            parent=self.parent.address if self.parent is not None else "",
            replies=tuple([_reply(one) for one in self._said]),
            error=None if error is None else as_exception(error),
            reason=reason,
            reads={id: spoken.hash or "" for id, spoken in self._read.items()},
            state=self.state,
        )
        entry = Entry(
            address=self.address,
            kind="turn",
            turn=self.address,
            state=state,
            body=record.to_json(),
        )
        self.run.put(entry)
        if state == "done" and self.state is not None:
            self.run.put(Kept(name=self._note, value=self.state))

    # -- what it says

    def said(self, message: Any, *, copied: bool) -> Any:
        # Those from others may come when the turn is over.
        if not self._speaks or self.run.halted:
            return message
        if isinstance(message, Failure):
            self._said.append(message)
            return message
        promise: MessagePromise = message
        spoken = self._handed_on(promise, copied=copied)
        if spoken is None:
            return self._say(promise)
        self._said.append(spoken)
        return promise

    def _handed_on(self, promise: MessagePromise, *, copied: bool) -> Spoken | None:
        """Whose message it is, if not its own.

        A message is a value: who says an equal one, without having read it, says its own.
        """
        spoken = self.run.speech.of(promise)
        if spoken is not None and (copied or promise.identity is None or spoken.id in self._read):
            return spoken
        if spoken is None and (original := promise.original) is not None:
            spoken = self.run.speech.of(original)
            return None if spoken is None else self.run.speech.safely(self, promise, spoken)
        return None

    def _read_equal(self, message: Message) -> Spoken | None:
        """One that it read of that content; objects may be the same, and not after a restart."""
        for one in self._unsorted:
            if one.hash is not None:
                self._by_hash.setdefault(one.hash, one)
        self._unsorted = [one for one in self._unsorted if one.hash is None]
        return self._by_hash.get(message.hash)

    def _say(self, promise: MessagePromise) -> MessagePromise:
        run = self.run
        outcome = promise.outcome
        if promise.identity is not None:
            assert isinstance(outcome, Message)
            equal = self._read_equal(outcome)
            if equal is not None:
                self._said.append(equal)
                return outcome.as_occurrence(equal.id).as_promise
        # Its id must not depend on whether a stream has ended in the meantime.
        spoken = Spoken(self, self._id_of(promise.identity or "stream"))
        if isinstance(outcome, Message):
            message = outcome.as_occurrence(spoken.id)
            promise = message.as_promise
            run.speech.keep(promise, spoken)
            self._said.append(spoken)
            spoken.whole(message)
            return promise
        promise.note(id=spoken.id)
        run.speech.keep(promise, spoken)
        self._said.append(spoken)
        Stream(self, spoken, promise)
        return promise

    def _id_of(self, what: str) -> str:
        count = self._ids[what]
        self._ids[what] += 1
        return derived_id(address_of(self.run.id, self.address, what), count)

    # -- what it reads

    def heard(self, what: Any) -> None:
        if self.turn is None:
            return
        if isinstance(what, MessageSequencePromise):
            recorder = what.recorder
            if not isinstance(recorder, TurnRecorder):
                self._need_what_asker_read()
            elif recorder is not self:
                self._need(recorder._replied)
        elif isinstance(what, MessagePromise):
            spoken = self.run.speech.of(what)
            if spoken is None:
                self._need_what_asker_read()
            elif spoken.by != self.address:
                if spoken.id not in self._read:
                    self._read[spoken.id] = spoken
                    self._unsorted.append(spoken)
                self._need(spoken.fact)

    def _need_what_asker_read(self) -> None:
        """This was made by who asked, of whatever that had read."""
        if self.parent is not None:
            self._needs |= self.parent.needs()

    def needs(self) -> set[Fact]:
        """What it depends on by now that is no fact yet."""
        self._needs = {fact for fact in self._needs if not fact.committed}
        return set(self._needs)

    def _need(self, fact: Fact) -> None:
        if not fact.committed:
            self._needs.add(fact)

    # -- what it does

    async def step[T](self, name: str, work: Work[T], *, args: Any, effect: Effect) -> T:
        return await _steps.step(self, name, work, args, effect)

    async def ask(self, question: Any) -> Any:
        return await _asking.ask(self, question)

    async def reserve(self, amounts: dict[str, float]) -> Settle:
        return await _steps.reserve(self, amounts)

    async def load(self) -> Any:
        async def work(_: str | None) -> Any:
            return await self.run.notes.get(self._note)

        return await self.step("load", work, args=None, effect="none")

    def save(self, value: Any) -> None:
        self.state = value

    @property
    def _note(self) -> str:
        return f"agents/{self.run.conversation}/{self.agent}"

    def emit(self, kind: str, **fields: Any) -> None:
        self.run.tell(self, kind, fields)


def reason_of(error: BaseException | None, stop_reason: Any) -> str:
    """Why a turn ended: by its error, or as its last message says."""
    match error:
        case None:
            return str(stop_reason or "done")
        case ToolDenied():
            return "denied"
        case BudgetExceeded():
            return "budget"
        case PromiseCancelled():
            return "stopped"
        case _:
            return "failed"


def _error_in(one: Spoken | Failure) -> BaseException | None:
    if isinstance(one, Failure):
        return one.error
    return one.broken.error if one.broken is not None else None


def _reply(one: Spoken | Failure) -> Reply:
    if isinstance(one, Failure):
        return as_exception(one.error)
    return one.id if one.broken is None else one.broken
