"""MiniAgents, MiniAgent, InteractionContext: Scope, Agent and Turn under their MiniAgents names."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self, cast, overload

from retinue.agents import Agent, Inquiry, Turn
from retinue.errors import AppenderClosed
from retinue.messages import Feed, Message, MessageSequencePromise
from retinue.messages.hooks import MessageHooks
from retinue.promise import scope_for_new_work

from .messages import MessageFeed, MessageSequence, MessageType
from .promising.errors import AppenderClosedError
from .promising.promising import PromisingContext

type AgentFunction = Callable[..., Awaitable[None]]
type PersistHandler = Callable[[Sequence[Message]], Awaitable[None]]


class MiniAgents(PromisingContext):
    """Owns the agents and promises started in its block; leaving the block waits for them.

    Args:
        errors_as_messages: Whether an agent's error is handed on as a message instead of being
            raised at the reader. Default: the outer context's, False.
        on_persist_messages: An async function of messages that are whole: each message once, those
            inside another before it. What it did not take is given to it again on leaving.
        options: As for `PromisingContext`.
    """

    def __init__(
        self,
        *,
        errors_as_messages: bool | None = None,
        on_persist_messages: PersistHandler | None = None,
        **options: Any,
    ) -> None:
        hooks = MessageHooks(on_message=on_persist_messages) if on_persist_messages else None
        super().__init__(hooks=hooks, **options)
        if errors_as_messages is not None:
            self.errors_as_messages = errors_as_messages
        self._again = partial(
            MiniAgents,
            errors_as_messages=errors_as_messages,
            on_persist_messages=on_persist_messages,
            **options,
        )

    def run[T](self, work: Awaitable[T]) -> T:
        """From synchronous code: run a coroutine, or a promise made outside, in here to its end.

        It may run one after another: each further one runs in a new context with these options.
        """
        context = self._again() if self.closed else self

        async def inside() -> T:
            async with context:
                return await work

        return asyncio.run(inside())


def run[T](work: Awaitable[T]) -> T:
    """Run a coroutine, or a promise made outside, in a context and an event loop of its own."""
    return MiniAgents().run(work)


class InteractionContext(Turn):
    """What an agent gets: the messages it was asked with, and the way to reply."""

    __slots__ = ()
    feed_class = MessageFeed

    @property
    def message_promises(self) -> MessageSequencePromise:
        """The messages this agent was asked with, as they come; await it for all of them."""
        return self.messages

    make_sure_to_wait = Turn.hold_open

    def _open_feed(self) -> Feed:
        try:
            return super()._open_feed()
        except AppenderClosed as error:
            raise AppenderClosedError.of(error) from None


class AgentCall(Inquiry):
    """An inquiry that is still being asked."""

    __slots__ = ()

    def send_message(self, message: MessageType) -> Self:
        """Say more.

        Raises:
            AppenderClosedError: The call was finished already.
        """
        try:
            return self.send(message)
        except AppenderClosed as error:
            raise AppenderClosedError.of(error) from None

    def reply_sequence(self, finish_call: bool = True) -> MessageSequencePromise:
        """The replies; by default everything is said then."""
        return self.replies(finish=finish_call)


class MiniAgent(Agent):
    """An async function that can be asked; made by `@miniagent`.

    Its alias is the name of the function in capitals, unless it is given; the docstring may refer
    to it as {AGENT_ALIAS}.
    """

    turn_class = InteractionContext
    inquiry_class = AgentCall

    def __init__(
        self,
        function: AgentFunction | type[Any],
        *,
        name: str | None = None,
        description: str | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(function, name=name, description=description, arguments=arguments)
        if name is None:
            self.name = self.__name__ = self.name.upper()
        if self.description:
            self.description = self.description.replace("{AGENT_ALIAS}", self.name)
            self.__doc__ = self.description

    @property
    def alias(self) -> str:
        """How others call it."""
        return self.name

    def inquire(
        self,
        *messages: Any,
        start_soon: bool | None = None,
        key: str | None = None,
        eager: bool | None = None,
        errors_as_messages: bool | None = None,
        **arguments: Any,
    ) -> MessageSequencePromise:
        """Ask; the replies are on their way when this returns, whether anybody reads them or not.

        Args:
            messages: Anything that is a `MessageType`; None is nothing.
            start_soon: Start by itself, or when the replies are first read. Default: the context's.
            key, eager, errors_as_messages: As in `retinue.Agent.inquire`.
            arguments: Go to the agent's function; what can change among them is copied.
        """
        scope = scope_for_new_work()
        asked = messages[0] if len(messages) == 1 else messages
        sequence = MessageSequence.turn_into_sequence_promise(asked)
        turn = self._open(scope, sequence, asked, key, errors_as_messages, arguments)
        self._launch(turn, scope, eager if start_soon is None else start_soon)
        return turn.replies

    def initiate_inquiry(
        self, *, start_soon: bool | None = None, eager: bool | None = None, **arguments: Any
    ) -> AgentCall:
        """Ask without having said everything: more can be sent while the agent replies already."""
        eager = eager if start_soon is None else start_soon
        return cast(AgentCall, super().initiate_inquiry(eager=eager, **arguments))

    trigger = inquire
    initiate_call = initiate_inquiry

    def fork(
        self,
        alias: str | None = None,
        description: str | None = None,
        *,
        name: str | None = None,
        **arguments: Any,
    ) -> "MiniAgent":
        """The same agent with other arguments, and perhaps another alias, which is its name."""
        forked = super().fork(name=alias or name, description=description, **arguments)
        return cast("MiniAgent", forked)


@overload
def miniagent(function: AgentFunction | type[Any], /) -> MiniAgent: ...
@overload
def miniagent(
    *, alias: str | None = None, description: str | None = None, **arguments: Any
) -> Callable[[AgentFunction | type[Any]], MiniAgent]: ...
def miniagent(
    function: AgentFunction | type[Any] | None = None,
    /,
    *,
    alias: str | None = None,
    description: str | None = None,
    **arguments: Any,
) -> MiniAgent | Callable[[AgentFunction | type[Any]], MiniAgent]:
    """Make an agent of an async function `(ctx, **arguments)`."""

    def made(function: AgentFunction | type[Any]) -> MiniAgent:
        return MiniAgent(function, name=alias, description=description, arguments=arguments)

    return made if function is None else made(function)
