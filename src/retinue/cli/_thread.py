"""Thread: a conversation in the store, as a person at a terminal goes on with it.

What was stopped, or failed, stays in its log, and is no part of what is said after it: each run is
ordered without it.
"""

import json
import os
from collections.abc import Sequence
from typing import Final, NamedTuple

from retinue.agents import Agent
from retinue.errors import NotFound, RetinueError
from retinue.messages import Message, Messages
from retinue.messages.events import MessageEnded
from retinue.messages.history import MarkdownHistory
from retinue.runs import Run
from retinue.storage import Conversation, RunRecord
from retinue.telemetry.terminal import one_line

from ._house import House

_BROKEN: Final = frozenset({"failed", "denied", "stopped", "expired", "crash_loop"})
"""Reasons for which an exchange is not whole."""

_MESSAGES: Final = 2_000
"""So many messages of a conversation are looked at, at most."""

_RUNS: Final = 50
"""So many of its last runs."""


class Question(NamedTuple):
    """A question, and the conversation after which it is asked."""

    message: Message
    after: Messages


class Unfinished(NamedTuple):
    """A question that was asked, and the run that has not answered it yet."""

    run: Run
    question: Message


class Thread:
    """Whole exchanges with the host, and what is asked after them.

    Args:
        house: Where it is kept.
        messages: What was said before; it is kept as well, once something is asked.
    """

    def __init__(self, house: House, messages: Sequence[Message] = ()) -> None:
        self._house = house
        self._without: tuple[str, ...] = ()
        self._ordered: tuple[str, ...] = ()  # what the last run is without
        self.id: str | None = None
        """None before the first question."""
        self.messages = Messages(messages)
        self.unfinished: tuple[Unfinished, ...] = ()
        """What was asked before, and goes on."""
        self.last: Question | None = None
        """What was asked last."""
        house.execute(None)

    @classmethod
    async def open(cls, house: House, conversation: Conversation) -> "Thread":
        """The conversation as it was left; what is unfinished in it is executed here from now on,
        if nobody else does.
        """
        thread = cls(house)
        await thread._load(conversation.id)
        thread.id = conversation.id
        house.execute(conversation.id)
        return thread

    async def ask(
        self,
        agent: Agent,
        question: Question,
        *,
        version: str | None,
        limits: dict[str, float],
    ) -> Run:
        """Have the agent answer, as if nothing else was said before."""
        message, after = question
        retinue = self._house.retinue
        if self.id is None:
            title = one_line(message.text, width=80) or agent.name
            begun = await retinue.log.begin(title=title, folder=self._house.folder)
            if self.messages:
                said = [MessageEnded(message=before) for before in self.messages]
                await retinue.log.append(begun.id, *said)
            self.id = begun.id
        self._house.execute(self.id)
        kept = {before.id for before in after}
        dropped = [before.id for before in self.messages if before.id not in kept]
        self._ordered = (*self._without, *dropped)
        self.last = question
        self._house.prepare(agent, version)
        return await retinue.start(
            agent.name,
            message,
            conversation=self.id,
            limits=limits,
            without=self._ordered,
            version=version,
        )

    async def ended(self, run: Run, question: Message, reason: str) -> tuple[Message, ...]:
        """The run is over; the exchange, if it is whole: the question, and what was replied.

        Raises:
            NotFound: The conversation was deleted meanwhile.
        """
        self.unfinished = tuple([each for each in self.unfinished if each.run.id != run.id])
        replies = await self._house.retinue.runs.replies(run.id)
        if reason in _BROKEN:
            self._leave_out(question.id, *[message.id for message in replies])
            return ()
        self._without = self._ordered
        gone = frozenset(self._ordered)
        after = Messages([message for message in self.messages if message.id not in gone])
        exchange = (question, *replies)
        self.messages, self.last = after + exchange, Question(question, after)
        return exchange

    def give_up(self, question: Message) -> None:
        """Nobody waits for the answer any more; the question is no part of what comes next."""
        self._leave_out(question.id)

    async def _load(self, id: str) -> None:
        retinue = self._house.retinue
        page = await retinue.runs.runs(conversation=id, limit=_RUNS)
        runs = [run for run in page.items if not run.background]
        for run in runs:
            if run.reason not in _BROKEN:
                self._leave_out(*json.loads(run.options).get("without", ()))
                break
            replies = await retinue.runs.replies(run.id)
            self._leave_out((await self._question(run)).id, *[reply.id for reply in replies])
        self._ordered = self._without
        going = [run for run in reversed(runs) if run.status != "ended"]
        until = going[0].seq - 1 if going else None
        said = await retinue.log.messages(id, until=until, limit=_MESSAGES)
        without = frozenset(self._without)
        self.messages = Messages([one for one in said.items if one.id not in without])
        if runs:
            asked = await self._question(runs[0])
            self.last = Question(asked, self._before(asked))
        self.unfinished = tuple(
            [Unfinished(Run(retinue.store, run), await self._question(run)) for run in going]
        )

    def _before(self, question: Message) -> Messages:
        ids = [message.id for message in self.messages]
        at = ids.index(question.id) if question.id in ids else len(ids)
        return Messages(self.messages[:at])

    async def _question(self, run: RunRecord) -> Message:
        """What it was ordered with."""
        log = self._house.retinue.log
        for event in await log.events(run.conversation, after=run.seq - 1, limit=1):
            if isinstance(event, MessageEnded):
                return event.message
        raise NotFound(
            f"The run {run.id} was ordered without a question", hint="Begin another conversation."
        )

    def _leave_out(self, *ids: str) -> None:
        self._without = tuple(dict.fromkeys([*self._without, *ids]))


async def thread_of(
    house: House, conversation: str | None, history: MarkdownHistory | None
) -> Thread:
    """The conversation that was chosen; one that begins, where none was.

    Args:
        house: Where it is kept.
        conversation: How its id begins; "" is the last one of the folder.
        history: The file that holds it; what came to it meanwhile is added there.

    Raises:
        NotFound, Ambiguous: There is none; there are several.
    """
    retinue = house.retinue
    if history is not None:
        return await _in_file(house, history)
    if conversation is None:
        return Thread(house)
    if conversation:
        return await Thread.open(house, await retinue.log.find(conversation))
    if house.folder is None:
        raise NotFound("The current folder is gone", hint="Go to another one.")
    return await Thread.open(house, await retinue.last(house.folder))


async def keep_in(
    history: MarkdownHistory, house: House, thread: Thread, said: Sequence[Message]
) -> None:
    """Add to the file what is whole, and remember which conversation it holds.

    Raises:
        RetinueError: It cannot be written.
    """
    if not said:
        return
    try:
        await history.append(*said)
    except RetinueError as error:
        raise RetinueError(
            f"The answer is whole, but it is not stored: {error}", hint=error.hint
        ) from error
    note = {"conversation": thread.id, "last": said[-1].id}
    await house.retinue.notes.put(_note(history), note)


async def _in_file(house: House, history: MarkdownHistory) -> Thread:
    """The conversation that the file holds, if nobody has changed the file; else a new one."""
    said = await history.load()
    note = await house.retinue.notes.get(_note(history))
    if said and note is not None and note["last"] == said[-1].id:
        try:
            found = await house.retinue.log.conversation(note["conversation"])
        except NotFound:
            return Thread(house, said)
        thread = await Thread.open(house, found)
        if _contents(thread.messages[: len(said)]) == _contents(said):
            await keep_in(history, house, thread, thread.messages[len(said) :])
            return thread
    return Thread(house, said)


def _note(history: MarkdownHistory) -> str:
    return f"history/{os.path.realpath(history.path)}"


def _contents(messages: Sequence[Message]) -> list[tuple[str, str]]:
    return [(message.id, message.hash) for message in messages]
