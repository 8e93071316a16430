"""Turn: one execution of an agent on one inquiry; a scope that owns what the agent starts."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from retinue.errors import AppenderClosed, PromiseCancelled, PromiseError, StreamCut
from retinue.messages import Feed, MessagePromise, MessageSequencePromise
from retinue.promise import Failure, Scope, current, fail
from retinue.steps import Recorder, recorder, step

if TYPE_CHECKING:
    from ._agent import Agent


class Turn(Scope):
    """What an agent gets: the messages it was asked with, and the way to reply.

    A turn ends when the agent's function ends; what it started in the turn is waited for, or, if it
    left by an error, cancelled. Its replies end with the function: nobody waits for the rest.
    """

    __slots__ = (
        "_context",
        "_feed",
        "_held",
        "_queued",
        "_started",
        "_stopped",
        "_task",
        "agent",
        "arguments",
        "messages",
        "recorder",
        "replies",
    )

    is_turn = True
    feed_class: ClassVar[type[Feed]] = Feed
    """What its replies are put into."""

    def __init__(
        self,
        asked: "Agent",
        messages: MessageSequencePromise,
        arguments: Mapping[str, Any],
        parent: Scope | None,
        *,
        errors_as_messages: bool | None = None,
        listening: Recorder | None = None,
    ) -> None:
        self._set_up(parent)
        if parent is not None:
            self.hub = parent.hub
        if errors_as_messages is not None:
            self.errors_as_messages = errors_as_messages
        self.agent = asked
        self.messages = messages
        self.arguments = arguments
        self.recorder = listening
        self._task: asyncio.Task[None] | None = None
        self._held: list[Awaitable[Any]] | None = None
        self._queued = self._started = self._stopped = False
        self._context: Context | None = copy_context()
        feed = self._feed = self.feed_class(
            parent,
            owner=self,
            role="assistant",
            agent=asked.name,
            errors_as_messages=self.errors_as_messages,
        )
        feed.going = feed.owned_log = True
        feed.recorder = listening
        self.replies = MessageSequencePromise(feed, parent)

    # -- what an agent does with it

    def reply(self, *messages: Any) -> Self:
        """Hand on messages of any kind, also unfinished ones; they keep their order.

        Raises:
            AppenderClosed: The replies were finished already.
        """
        feed = self._open_feed()
        for message in messages:
            feed.add(message)
        return self

    def reply_out_of_order(self, *messages: Any) -> Self:
        """Hand on messages that may overtake earlier ones which are not ready yet."""
        feed = self._open_feed()
        for message in messages:
            feed.add_out_of_order(message)
        return self

    def finish_early(self) -> None:
        """Close the replies now; the agent may work on."""
        self._feed.end()

    def hold_open(self, work: Awaitable[Any]) -> None:
        """Keep the replies open until `work` is done, too; a coroutine starts now."""
        if asyncio.iscoroutine(work):
            work = self.start(work)
        if self._held is None:
            self._held = []
        self._held.append(work)

    async def step[T](self, name: str, work: Callable[[], Awaitable[T]], *, args: Any = None) -> T:
        """Do something that must not be done again when this turn is resumed after a crash."""
        return await step(name, lambda _: work(), args=args)

    async def load(self) -> Any:
        """What this agent saved last in this conversation, a JSON value; None at first.

        Where nobody records the turn, there is nothing to load.
        """
        return None if self.recorder is None else await self.recorder.load()

    def save(self, value: Any) -> None:
        """Keep a JSON value for the next turn of this agent; it counts once this one is over."""
        if self.recorder is not None:
            self.recorder.save(value)

    def say_again(self, pieces: Iterable[MessagePromise | Failure]) -> None:
        """What it replied before the run was taken up; hooks have seen that, and recorders."""
        for piece in pieces:
            self._feed.log.push(piece)

    async def _wait_for_held(self) -> None:
        while self._held:
            held, self._held = self._held, None
            for work in held:
                await work

    def _open_feed(self) -> Feed:
        if self._feed.ended:
            raise AppenderClosed(
                f"The replies of {self.agent.name!r} are finished; nothing can be added",
                hint="Reply before the agent's function returns, or use `turn.hold_open(...)`.",
            )
        return self._feed

    # -- how it runs

    def _adopt(self, parent: Scope) -> None:
        """A turn made where no loop ran joins the scope of its first reader."""
        self._set_up(parent)
        self.hub = parent.hub
        self._feed.scope, self._feed.hub = parent, parent.hub
        self.replies._scope = parent

    def _begin(self) -> None:
        """Called by the hub alone, as for a promise."""
        parent = cast(Scope, self.parent)
        if not self._started:
            self._started = True
            if parent.closed:
                self._refuse(StreamCut(f"the scope was left before {self.agent.name!r} began"))
            elif parent.stopping:
                self._refuse(PromiseCancelled(f"{self.agent.name!r} was cancelled before it began"))
            else:
                asyncio.Task(
                    self._run(parent),
                    loop=parent.hub.loop,
                    eager_start=True,
                    context=self._context,
                )
        if self._queued:
            parent._dequeued(self)

    async def _run(self, parent: Scope) -> None:
        task = self._task = parent._enter()
        current.set(self)
        listening = self.recorder
        failure: Failure | None = None
        lost = False  # cancelled, though nobody in the program wanted that
        try:
            if listening is None:
                await self.agent.perform(self)
            else:
                recorder.set(listening)
                await listening.perform(self, lambda: self.agent.perform(self))
            if self._held is not None:
                await self._wait_for_held()
        except BaseException as error:
            lost = task.cancelling() > 0 and not (self._stopped or parent.stopping)
            failure = fail(error, self)
            self.cancel()
        try:
            self._end_replies(failure, lost=lost)
            if self._tasks or self._waiting_to_start or self._parked:
                await self._settle_down()
        except asyncio.CancelledError:
            pass  # only now: the replies are said, and what was started is stopped
        finally:
            self.closed = True
            if listening is not None:
                listening.settled()
            # What nobody else holds may go at once, without waiting for a garbage collection.
            self._context = self._feed.owner = self._task = None
            parent._leave(task)

    def _end_replies(self, failure: Failure | None, *, lost: bool) -> None:
        if self._before_leaving is not None:
            self._say_farewell()
        feed = self._feed
        outcome = failure.error if failure is not None else None
        if self.recorder is not None:  # first, for if the turn is lost, so is what it says at last
            self.recorder.ended(self.replies, asyncio.CancelledError() if lost else outcome)
        if not feed.ended:
            if failure is not None and feed.log.pieces:
                last = feed.log.pieces[-1]
                if isinstance(last, MessagePromise) and last.failed_with(failure.error):
                    failure.seen = True  # it is in the replies already, where it happened
                    failure = None
            feed.end(failure)

    def _refuse(self, error: PromiseError) -> None:
        self._feed.end(Failure(error))

    def cancel_turn(self) -> None:
        """Stop this turn and what it started."""
        if not self._started:
            self._started = True
            self._refuse(PromiseCancelled(f"{self.agent.name!r} was cancelled before it began"))
            if self._queued:
                cast(Scope, self.parent)._dequeued(self)
        elif self._task is not None:
            self._stopped = True
            self._task.cancel()

    @property
    def main_task(self) -> "asyncio.Task[None] | None":
        return self._task

    @property
    def label(self) -> str:
        return self.agent.name

    @property
    def name(self) -> str:
        return self.agent.name

    def __repr__(self) -> str:
        return f"<Turn of {self.agent.name!r}>"
