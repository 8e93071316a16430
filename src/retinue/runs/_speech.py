"""Speech: all that the turns of a run say, and have said before it was taken up."""

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from retinue.messages import Message, MessagePromise
from retinue.promise import Failure, StreamAppender

from ._past import Past
from ._records import Broken, Reply
from ._spoken import Safely, Spoken

if TYPE_CHECKING:
    from ._recorder import TurnRecorder


class Speech:
    """Knows a message by its promise, and by its id, as long as the run goes on."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self._by_promise: WeakKeyDictionary[MessagePromise, Spoken] = WeakKeyDictionary()
        self._by_id: dict[str, Spoken] = {}
        self._safely: dict[str, Spoken] = {}

    def of(self, promise: MessagePromise) -> Spoken | None:
        """Which message of which turn this is, if a turn of this run said it."""
        found = self._by_promise.get(promise)
        if found is None:
            message = promise.outcome
            if isinstance(message, Message) and message.has_id:
                return self._by_id.get(message.id)
        return found

    def keep(self, promise: MessagePromise, spoken: Spoken) -> None:
        """A turn says this."""
        self._by_promise[promise] = self._by_id[spoken.id] = spoken

    def safely(self, turn: "TurnRecorder", promise: MessagePromise, whose: Spoken) -> Spoken:
        """A turn says another's message, or the words of the error that it ends with."""
        spoken = self._safely.get(whose.id)
        if spoken is None:
            spoken = self._safely[whose.id] = Spoken(turn, whose.id)
            Safely(turn, spoken, promise, whose)
        self._by_promise[promise] = spoken
        return spoken

    def again(self, reply: Reply) -> MessagePromise | Failure:
        """What a turn had said before the run was taken up."""
        match reply:
            case str():
                return self._whole_before(reply)
            case Broken():
                return self._broken_before(reply)
            case Exception():
                return _read(Failure(reply))

    def _whole_before(self, id: str) -> MessagePromise:
        message = self._past.messages[id]
        promise = message.as_promise
        if id not in self._by_id:
            spoken = Spoken(None, id)
            spoken.hash = message.hash
            spoken.stop_reason = message.metadata.get("stop_reason")
            spoken.fact.known()
            self._by_id[id] = spoken
        self._by_promise[promise] = self._by_id[id]
        return promise

    def _broken_before(self, broken: Broken) -> MessagePromise:
        writing: StreamAppender[Any] = StreamAppender()
        writing.open()
        if broken.text:
            writing.append(broken.text)
        writing.log.push(_read(Failure(broken.error)))
        writing.close()
        promise = MessagePromise(writing, role=broken.role, agent=broken.agent)
        spoken = Spoken(None, broken.id)
        spoken.broken = broken
        spoken.fact.known()
        self._by_promise[promise] = spoken
        return promise

    def forget(self) -> None:
        """Hold nothing any more, so that nothing holds itself."""
        for known in (self._by_promise, self._by_id, self._safely):
            known.clear()


def _read(failure: Failure) -> Failure:
    """It was told of when it happened."""
    failure.seen = True
    return failure
