"""Agent: an async function that can be asked, forked, and asked again while it still replies."""

from collections.abc import (
    AsyncIterable,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from inspect import iscoroutinefunction  # asyncio has loaded inspect already
from typing import Any, ClassVar, Self, cast, overload

from retinue.errors import AppenderClosed, NotAnAgent
from retinue.messages import (
    Feed,
    FrozenDict,
    MessagePromise,
    Messages,
    MessageSequencePromise,
    content_hash,
    sequence_of,
)
from retinue.promise import Scope, current, scope_for_new_work
from retinue.steps import recorder

from ._turn import Turn

type AgentFunction = Callable[..., Awaitable[None]]


class Agent:
    """Something that can be asked. Made by `@agent`, `assistant`, `human`, ...; never changes.

    Args:
        function: An async function of a Turn, or a class whose instances (made with `turn=` and the
            arguments) have an async `__call__`. The arguments come as keywords.
        name: How others call it. Default: the function's name.
        description: What it is good for. Default: the docstring, on one line.
        arguments: What the function gets besides the turn, unless the inquiry says otherwise.
    """

    turn_class: ClassVar[type[Turn]] = Turn
    inquiry_class: "ClassVar[type[Inquiry]]"
    """What a turn, and an inquiry, of this kind of agent is."""

    def __init__(
        self,
        function: AgentFunction | type[Any],
        *,
        name: str | None = None,
        description: str | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        if not _is_async(function):
            raise NotAnAgent(
                f"{getattr(function, '__name__', function)!r} is not async, so it is no agent",
                hint="Write `async def`, or a class with `async def __call__(self)`.",
            )
        self._function = function
        self.name = self.__name__ = name or function.__name__
        text = description if description is not None else function.__doc__
        self.description = self.__doc__ = " ".join(text.split()) if text else None
        self._arguments = frozen_arguments(arguments or {})

    def inquire(
        self,
        *messages: Any,
        key: str | None = None,
        eager: bool | None = None,
        errors_as_messages: bool | None = None,
        **arguments: Any,
    ) -> MessageSequencePromise:
        """Ask; the replies are on their way when this returns, whether anybody reads them or not.

        Args:
            messages: Texts, messages, promises, other agents' replies, iterables of them.
            key: Tells equal inquiries of one turn apart, in a durable run.
            eager: Start by itself (at the next tick), or when the replies are first read.
                Default: the scope's.
            errors_as_messages: Whether an error becomes an ErrorMessage. Default: the scope's.
            arguments: Go to the agent's function; what can change among them is copied.
        """
        scope = scope_for_new_work()
        asked = messages[0] if len(messages) == 1 else messages
        turn = self._open(scope, sequence_of(asked), asked, key, errors_as_messages, arguments)
        self._launch(turn, scope, eager)
        return turn.replies

    def initiate_inquiry(
        self,
        *,
        key: str | None = None,
        eager: bool | None = None,
        errors_as_messages: bool | None = None,
        **arguments: Any,
    ) -> "Inquiry":
        """Ask without having said everything: more can be sent while the agent replies already."""
        scope = scope_for_new_work()
        owner = current.get()
        while owner is not None and not owner.is_turn:
            owner = owner.parent
        feed = self.turn_class.feed_class(scope, owner=owner)
        sequence = MessageSequencePromise(feed, scope)
        turn = self._open(scope, sequence, (), key, errors_as_messages, arguments)
        inquiry = self.inquiry_class(self, feed, turn.replies, owner or scope)
        self._launch(turn, scope, eager)
        return inquiry

    def fork(
        self, *, name: str | None = None, description: str | None = None, **arguments: Any
    ) -> "Agent":
        """The same agent with other arguments, and perhaps another name."""
        return type(self)(
            self._function,
            name=name or self.name,
            description=description if description is not None else self.description,
            arguments={**self._arguments, **arguments},
        )

    def perform(self, turn: Turn) -> Awaitable[None]:
        """Run the function on `turn`."""
        function = self._function
        arguments = {**self._arguments, **turn.arguments} if turn.arguments else self._arguments
        if isinstance(function, type):
            return function(turn=turn, **arguments)()
        return function(turn, **arguments)

    def __repr__(self) -> str:
        return f"<Agent {self.name!r}>"

    def _open(
        self,
        scope: Scope | None,
        messages: MessageSequencePromise,
        asked: Any,
        key: str | None,
        errors_as_messages: bool | None,
        arguments: dict[str, Any],
    ) -> Turn:
        if arguments:
            arguments = frozen_arguments(arguments)
        listening = recorder.get()
        if listening is not None:
            identity = listening.identity
            listening = listening.inquiry(
                self.name, lambda: digest(asked, arguments, identity), key
            )
        return self.turn_class(
            self,
            messages,
            arguments,
            scope,
            errors_as_messages=errors_as_messages,
            listening=listening,
        )

    def _launch(self, turn: Turn, scope: Scope | None, eager: bool | None) -> None:
        if scope is not None and (scope.eager if eager is None else eager):
            scope._start(turn)
        else:
            turn.replies._on_demand = lambda: _start_on_demand(turn)


class Inquiry:
    """An inquiry that is still being asked."""

    __slots__ = ("_feed", "_owner", "_replies", "agent")

    def __init__(
        self,
        asked: Agent,
        feed: Feed,
        replies: MessageSequencePromise,
        owner: Scope | None,
    ) -> None:
        self.agent = asked
        self._feed = feed
        self._replies = replies
        self._owner = owner
        if owner is not None:
            owner.before_leaving(self.finish)

    def send(self, *messages: Any) -> Self:
        """Say more.

        Raises:
            AppenderClosed: The inquiry was finished already.
        """
        for message in messages:
            self._open_feed().add(message)
        return self

    def send_out_of_order(self, *messages: Any) -> Self:
        """Say more; it may overtake what was sent before and is not ready yet."""
        for message in messages:
            self._open_feed().add_out_of_order(message)
        return self

    def finish(self) -> Self:
        """Everything is said; finishing twice is harmless."""
        if not self._feed.ended:
            self._feed.end()
            if self._owner is not None:
                self._owner.not_before_leaving(self.finish)
        return self

    @property
    def is_finished(self) -> bool:
        return self._feed.ended

    def replies(self, *, finish: bool = True) -> MessageSequencePromise:
        """The replies; by default everything is said then."""
        if finish:
            self.finish()
        return self._replies

    def _open_feed(self) -> Feed:
        if self._feed.ended:
            raise AppenderClosed(
                f"This inquiry of {self.agent.name!r} is finished; nothing can be sent any more",
                hint="Get the replies with `replies(finish=False)` to go on sending.",
            )
        return self._feed


Agent.inquiry_class = Inquiry


@overload
def agent(function: AgentFunction | type[Any], /) -> Agent: ...
@overload
def agent(
    *, name: str | None = None, description: str | None = None, **arguments: Any
) -> Callable[[AgentFunction | type[Any]], Agent]: ...
def agent(
    function: AgentFunction | type[Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    **arguments: Any,
) -> Agent | Callable[[AgentFunction | type[Any]], Agent]:
    """Make an agent of an async function, or of a class with an async `__call__`."""
    if function is not None:
        return Agent(function, name=name, description=description, arguments=arguments)
    return lambda function: Agent(function, name=name, description=description, arguments=arguments)


def frozen_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as they are now: containers are copied, anything else goes by reference."""
    return {
        name: value if value.__class__ is str else _frozen(value)
        for name, value in arguments.items()
    }


def digest(
    asked: Any,
    arguments: Mapping[str, Any],
    identity: Callable[[MessagePromise], str | None] = lambda _: None,
) -> str:
    """What was passed: values by their content, promises by their producer.

    It must not depend on what has come in the meantime: a run that is resumed is quicker.

    Args:
        asked, arguments: What was passed.
        identity: Which message of which turn a promise is, where that is known.

    Raises:
        MessageError: An argument has no lasting form.
    """
    passed = {name: _said(value, identity) for name, value in arguments.items()}
    return content_hash((_said(asked, identity), FrozenDict(passed)))


def _said(value: Any, identity: Callable[[MessagePromise], str | None]) -> Any:
    match value:
        case Messages():
            return ("messages", value.hash)
        case MessageSequencePromise() if value.identity is None:
            return ("asked",) if value is _asked_now() else ("sequence",)
        case MessageSequencePromise():
            return ("promise", value.identity)
        case MessagePromise():
            return ("promise", identity(value) or value.identity)
        case tuple() | list():
            return tuple([_said(item, identity) for item in cast("Sequence[Any]", value)])
        case Agent():
            return ("agent", value.name)
        case BaseException():
            return ("error", type(value).__name__, str(value))
        case AsyncIterable() | Iterator() | Awaitable():
            return ("stream",)
        case _:
            return value


def _asked_now() -> MessageSequencePromise | None:
    scope = current.get()
    while scope is not None and not isinstance(scope, Turn):
        scope = scope.parent
    return scope.messages if scope is not None else None


def _frozen(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple([_frozen(item) for item in cast("list[Any]", value)])
    if isinstance(value, set):
        return frozenset(cast("set[Any]", value))
    if value.__class__ is dict:
        return FrozenDict({k: _frozen(v) for k, v in cast("dict[str, Any]", value).items()})
    return value


def _start_on_demand(turn: Turn) -> None:
    if turn.parent is None:
        turn._adopt(turn.replies._adopted())
    cast(Scope, turn.parent)._start_first(turn)


def _is_async(function: Any) -> bool:
    return iscoroutinefunction(function) or iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - its kind, not whether it is there
    )
