"""MemoryJournal: what turns and steps did, by address; the least that implements the ports."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from retinue.errors import AmbiguousAddress, RetinueError
from retinue.messages import MessageSequencePromise, content_hash
from retinue.promise import Failure
from retinue.steps import Effect, Settle, Work, recorder


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRecord:
    """A turn that is over."""

    agent: str
    address: str
    replies: MessageSequencePromise
    """In visible order; what it handed on from others may still be on its way."""
    error: BaseException | None


class MemoryJournal:
    """Listens to everything asked inside `with journal.listening():`, and keeps it.

    A step that was done under an address is not done again: use the same journal for a second run
    of the same program, and its model and tool calls answer from the first.
    """

    def __init__(self) -> None:
        self.turns: dict[str, TurnRecord] = {}
        self.steps: dict[str, Any] = {}
        self.saved: dict[str, Any] = {}
        """What agents keep for their next turns, by name."""
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        """(address of the turn, kind, fields), in the order they happened."""

    @contextmanager
    def listening(self) -> Generator[None]:
        token = recorder.set(_TurnRecorder(self, "", "root"))
        try:
            yield
        finally:
            recorder.reset(token)


class _TurnRecorder:
    """Listens to one turn."""

    __slots__ = ("_agent", "_asked", "_journal", "_steps", "address")

    def __init__(self, journal: MemoryJournal, address: str, agent: str) -> None:
        self._journal = journal
        self._agent = agent
        self.address = address
        self._asked: dict[tuple[str, str], tuple[int, Any]] = {}
        self._steps: dict[str, int] = {}

    def inquiry(self, agent: str, passed: Callable[[], str], key: str | None) -> "_TurnRecorder":
        if key is not None:
            return _TurnRecorder(self._journal, _address(self.address, agent, "key", key), agent)
        digest = passed()
        task = asyncio.current_task()
        count, asker = self._asked.get((agent, digest), (0, task))
        if asker is not task:
            raise AmbiguousAddress(f"{agent!r} is asked the same by two tasks of {self._agent!r}")
        self._asked[agent, digest] = (count + 1, task)
        address = _address(self.address, agent, digest, str(count))
        return _TurnRecorder(self._journal, address, agent)

    def identity(self, message: Any) -> str | None:
        return None

    async def perform(self, turn: Any, work: Callable[[], Awaitable[None]]) -> None:
        await work()

    def said(self, message: Any, *, copied: bool) -> Any:
        return message

    def heard(self, what: Any) -> None:
        """What was done before is done again here, so it does not matter what it depends on."""

    def settled(self) -> None:
        """All was said when it ended."""

    def ended(self, replies: MessageSequencePromise, outcome: BaseException | None) -> None:
        self._journal.turns[self.address] = TurnRecord(
            agent=self._agent, address=self.address, replies=replies, error=outcome
        )

    async def step[T](self, name: str, work: Work[T], *, args: Any, effect: Effect) -> T:
        digest = _address(self.address, name, content_hash(args))
        count = self._steps[digest] = self._steps.get(digest, -1) + 1
        address = f"{digest}.{count}"
        steps = self._journal.steps
        if address not in steps:
            try:
                steps[address] = await work(address)
            except RetinueError as error:  # an outcome like any other
                steps[address] = Failure(error)
                steps[address].seen = True
        outcome = steps[address]
        if isinstance(outcome, Failure):
            outcome.throw()
        return outcome

    async def ask(self, question: Any) -> Any:
        raise NotImplementedError(f"Nobody is there to answer {question!r}")

    async def reserve(self, amounts: dict[str, float]) -> Settle:
        self.emit("reserved", **amounts)
        return lambda **spent: self.emit("spent", **spent)

    async def load(self) -> Any:
        return self._journal.saved.get(self._agent)

    def save(self, value: Any) -> None:
        self._journal.saved[self._agent] = value

    def emit(self, kind: str, **fields: Any) -> None:
        self._journal.events.append((self.address, kind, fields))


def _address(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
