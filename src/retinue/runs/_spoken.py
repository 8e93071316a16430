"""Spoken: a message that a turn says itself, on its way into the log."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from retinue.messages import Message, MessagePromise, Text, Thinking, derived_id
from retinue.messages.events import (
    MessageEnded,
    MessageStarted,
    Restarted,
    TextAdded,
    ThinkingAdded,
)
from retinue.promise import Hub
from retinue.storage import Grown

from ._commits import Fact
from ._records import Broken, as_exception

if TYPE_CHECKING:
    from ._recorder import TurnRecorder


class Spoken:
    """A message of one turn, by the id it has in the log.

    `by` is the address of the turn. `fact` is its end; `hash` the hash of its content, or `broken`
    what there is of it, once it has ended.
    """

    __slots__ = ("_turn", "broken", "by", "fact", "hash", "id", "stop_reason")

    def __init__(self, turn: "TurnRecorder | None", id: str) -> None:
        self._turn = turn  # until it has ended for good, for a message may be kept for long
        self.by = "" if turn is None else turn.address
        self.id = id
        self.hash: str | None = None
        self.broken: Broken | None = None
        self.stop_reason: Any = None
        self.fact = Fact(turn)

    def whole(self, message: Message) -> None:
        """It is whole: once everything it depends on is a fact, it becomes one."""
        turn = self._own
        past = turn.run.past
        self.hash, self.stop_reason = message.hash, message.metadata.get("stop_reason")
        past.claim(turn.address, self.id)
        before = past.messages.get(self.id)
        if before is None:
            self._happened(message)
        elif before.hash == self.hash:
            self._turn = None
            self.fact.known()
        else:
            words = f"says {message.text[:200]!r} where it had said {before.text[:200]!r}"
            turn.run.diverged(turn, words, lambda: self._replace(message))

    def broke(self, promise: MessagePromise, error: BaseException) -> None:
        """It will never be whole; what was shown of it stands, and the error follows."""
        self.broken = Broken(
            id=self.id,
            role=promise.role,
            agent=promise.agent,
            text=promise.text_so_far,
            error=as_exception(error),
        )
        self.fact.happened(self._forget, self._own.needs())

    @property
    def _own(self) -> "TurnRecorder":
        assert self._turn is not None
        return self._turn

    def _forget(self) -> None:
        self._turn = None

    def _replace(self, message: Message) -> None:
        """A person has decided that what was said before is void."""
        run = self._own.run
        run.happens(self._own, Restarted(message=self.id, attempt=run.attempt))
        self.id = derived_id(self.id, run.attempt)
        self._happened(message.as_occurrence(self.id))

    def _happened(self, message: Message) -> None:
        turn = self._own
        event = MessageEnded(message=message)

        def write() -> None:
            turn.run.happens(turn, event)
            self._forget()

        self.fact.happened(write, turn.needs())


class Safely:
    """Follows another's message that is to end as a message of its own if it breaks.

    What is said is the other's then, if that is whole; else the words of its error, under its id.
    """

    __slots__ = ("_promise", "_spoken", "_whose", "hub")

    def __init__(
        self, turn: "TurnRecorder", spoken: Spoken, promise: MessagePromise, whose: Spoken
    ) -> None:
        self.hub: Hub = turn.run.hub
        self._spoken = spoken
        self._whose = whose
        self._promise: MessagePromise | None = promise
        promise.note(id=spoken.id)
        promise.listen(self)

    def hear(self, piece: Any) -> None:
        """Whoever says it shows it."""

    def hear_end(self) -> None:
        promise, self._promise = self._promise, None
        assert promise is not None
        outcome, spoken, whose = promise.outcome, self._spoken, self._whose
        if not isinstance(outcome, Message):
            assert outcome is not None
            spoken.broke(promise, outcome.error)
        elif whose.broken is not None:
            spoken.whole(outcome)
        else:
            spoken.hash, spoken.stop_reason = whose.hash, whose.stop_reason
            spoken.fact.happened(lambda: None, {whose.fact})


class Stream:
    """What comes of a message that is being written: shown at once, kept every now and then."""

    __slots__ = ("_attempt", "_kept", "_promise", "_run", "_shown", "_spoken", "_waiting", "hub")

    def __init__(self, turn: "TurnRecorder", spoken: Spoken, promise: MessagePromise) -> None:
        self.hub: Hub = turn.run.hub
        self._spoken = spoken
        self._promise: MessagePromise | None = promise
        self._shown = {"text": 0, "thinking": 0}
        self._kept = False
        self._waiting: list[Grown] = []
        self._run = run = turn.run
        self._attempt = run.attempt
        if spoken.id not in run.past.started:
            self._attempt = 1  # whichever attempt of the run it is
            run.happens(turn, MessageStarted(message=spoken.id, role=promise.role))
        promise.listen(self)

    def hear(self, piece: Any) -> None:
        match piece:
            case str():
                self._grow("text", piece)
            case Text(text=text):
                self._grow("text", text)
            case Thinking(text=text) if text:
                self._grow("thinking", text)
            case _:
                pass

    def hear_end(self) -> None:
        promise, self._promise = self._promise, None
        assert promise is not None
        self.keep()
        outcome = promise.outcome
        if isinstance(outcome, Message):
            self._spoken.whole(outcome.as_occurrence(self._spoken.id))
        else:
            assert outcome is not None
            self._spoken.broke(promise, outcome.error)

    def keep(self) -> None:
        """Put down what came since the last time."""
        waiting, self._waiting = self._waiting, []
        self._run.put(*waiting)

    def _grow(self, kind: Any, text: str) -> None:
        spoken, run = self._spoken, self._run
        if spoken.id in run.past.messages:
            return  # it is in the log as a whole
        offset = self._shown[kind]
        self._shown[kind] = offset + len(text)
        made: Callable[..., Any] = TextAdded if kind == "text" else ThinkingAdded
        run.show(made(message=spoken.id, offset=offset, text=text, attempt=self._attempt))
        last = self._waiting[-1] if self._waiting else None
        if last is not None and last.kind == kind:
            text, offset = last.text + text, last.offset
            self._waiting.pop()
        self._waiting.append(
            Grown(message=spoken.id, attempt=self._attempt, offset=offset, text=text, kind=kind)
        )
        if self._kept:
            run.keep_soon(self)
        else:  # the first piece goes at once
            self._kept = True
            self.keep()
