"""Run: one durable execution of an agent, as whoever ordered it sees it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from retinue.errors import RunError
from retinue.messages import Messages
from retinue.messages.events import ErrorRaised, Event, RunEnded
from retinue.storage import Interrupt, RunRecord, Store

_BAD: Final = frozenset({"failed", "denied", "stopped", "expired", "crash_loop"})
"""Reasons for which there is no whole reply."""


class Run:
    """A run, wherever it is executed; this is only the way to it.

    Args:
        store: Where it is kept.
        record: What was kept of it last.
    """

    def __init__(self, store: Store, record: RunRecord) -> None:
        self.id = record.id
        self.owner = record.owner
        self.conversation = record.conversation
        self.agent = record.agent
        self._seq = record.seq
        self._store = store
        self._runs = store.runs(record.owner)
        self._log = store.log(record.owner)

    def events(
        self, *, after: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """What happens in its conversation, from that seq on; by default all that is its own.

        async with run.events() as events:
            async for event in events: ...
        """
        return self._log.follow(self.conversation, after=self._seq if after is None else after)

    async def replies(self) -> Messages:
        """What it replied, once it is over.

        Raises:
            RunError: It did not end well; its words say why.
        """
        error: ErrorRaised | None = None
        reason = ""
        async with self.events() as events:
            async for event in events:
                match event:
                    case ErrorRaised(run=run) if run == self.id:
                        error = event
                    case RunEnded(run=run) if run == self.id:
                        reason = event.reason
                        break
                    case _:
                        pass
        if reason in _BAD:
            words = f"{self.agent!r} ended: {reason}"
            raise RunError(
                f"{words}. {error.text}" if error is not None else words,
                hint=error.hint if error is not None else None,
            )
        return Messages(await self._runs.replies(self.id))

    async def ended(self) -> RunRecord:
        """Wait until it is over, well or not."""
        async with self.events() as events:
            async for event in events:
                if isinstance(event, RunEnded) and event.run == self.id:
                    break
        return await self.record()

    async def record(self) -> RunRecord:
        """Where it stands."""
        return await self._runs.run(self.id)

    async def stop(self) -> None:
        """End it now; what it had finished stays."""
        await self._runs.stop(self.id)

    async def questions(self) -> tuple[Interrupt, ...]:
        """What it waits for a person to answer."""
        return (await self._runs.inbox(run=self.id)).items

    async def answer(self, interrupt: str, answer: Any, *, by: str | None = None) -> None:
        """Answer one of them.

        Raises:
            AlreadyAnswered: Somebody else did.
        """
        await self._runs.answer(interrupt, answer, by=by)

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self.agent!r}>"
