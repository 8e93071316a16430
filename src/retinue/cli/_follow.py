"""follow: from replies, as they come, to the events that every form of output is made of."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any

from retinue.errors import RetinueError
from retinue.messages import (
    MessagePromise,
    MessageSequencePromise,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from retinue.messages.events import (
    ErrorRaised,
    Event,
    MessageEnded,
    MessageStarted,
    ModelAnswered,
    TextAdded,
    ThinkingAdded,
    ThinkingEnded,
    ToolAnswered,
    ToolAsked,
)
from retinue.steps import Effect, Settle, Work, recorder
from retinue.telemetry.terminal import redacted


async def follow(replies: MessageSequencePromise) -> AsyncGenerator[Event]:
    """What happens in these replies, as it happens; their errors are raised in their place."""
    async for promise in replies:
        yield MessageStarted(message=promise.id, role=promise.role, agent=promise.agent)
        async with aclosing(_pieces(promise)) as pieces:
            async for event in pieces:
                yield event
        message = await promise
        usage = message.metadata.get("usage")
        if usage is not None:
            yield ModelAnswered(
                model=message.metadata.get("model", ""),
                usage=dict(usage),
                cost=message.metadata.get("cost"),
                stop=message.metadata.get("stop"),
                agent=message.agent,
            )
        yield MessageEnded(message=message, agent=message.agent)


def error_raised(error: BaseException, secrets: Mapping[str, str]) -> ErrorRaised:
    """The error as an event, with secrets masked."""
    return ErrorRaised(
        error=type(error).__name__,
        text=redacted(str(error), secrets.items()),
        hint=getattr(error, "hint", None),
    )


@contextmanager
def watching(tell: Callable[[Event], None]) -> Generator[None]:
    """Tell of each tool the moment it begins and the moment it is done, whoever uses it in here.

    The replies tell of both as well, of the results when the last of several is there; and they may
    come later than this does.
    """
    token = recorder.set(_Watching(tell))
    try:
        yield
    finally:
        recorder.reset(token)


class _Watching:
    """Records nothing, and listens to what tools do."""

    address = ""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell

    def inquiry(self, agent: str, passed: Callable[[], str], key: str | None) -> "_Watching":
        return self

    def identity(self, message: Any) -> str | None:
        return None

    async def perform(self, turn: Any, work: Callable[[], Awaitable[None]]) -> None:
        await work()

    def said(self, message: Any, *, copied: bool) -> Any:
        return message

    def heard(self, what: Any) -> None:
        """Nothing is done again, so it does not matter what it depends on."""

    def ended(self, replies: Any, outcome: BaseException | None) -> None:
        """The replies themselves say so."""

    def settled(self) -> None:
        """As they do of this."""

    async def step[T](self, name: str, work: Work[T], *, args: Any, effect: Effect) -> T:
        return await work(None)

    async def ask(self, question: Any) -> Any:
        raise RetinueError(
            "An agent wants to ask a person, and here only calls of tools can be asked about",
            hint="Run that agent from a program of your own.",
        )

    async def reserve(self, amounts: dict[str, float]) -> Settle:
        return _kept_elsewhere

    async def load(self) -> Any:
        return None

    def save(self, value: Any) -> None:
        """Nothing outlives the session."""

    def emit(self, kind: str, **fields: Any) -> None:
        match kind:
            case "tool_asked":
                self._tell(ToolAsked(call=fields["call"]))
            case "tool_answered":
                self._tell(ToolAnswered(result=fields["result"]))
            case _:
                pass


def _kept_elsewhere(**amounts: float) -> None:
    """The purse of the session knows."""


def arguments_of(call: ToolCall) -> str:
    """The arguments in short: the value where there is one, else name=value."""
    match [*call.args.items()]:
        case [(_, value)]:
            return str(value)
        case several:
            return " ".join([f"{name}={value}" for name, value in several])


async def _pieces(promise: MessagePromise) -> AsyncGenerator[Event]:
    """What is said, thought, asked and answered in a message."""
    id, agent = promise.id, promise.agent
    said = thought = 0
    thinking: Thinking | None = None
    async for piece in promise.pieces():
        goes_on = isinstance(piece, Thinking) and not (thinking and thinking.signature)
        if thinking is not None and not goes_on:
            yield ThinkingEnded(message=id, thinking=thinking, agent=agent)
            thinking = None
        match piece:
            case str(text) | Text(text=text):
                yield TextAdded(message=id, offset=said, text=text)
                said += len(text)
            case Thinking(text=text):
                if text:
                    yield ThinkingAdded(message=id, offset=thought, text=text)
                    thought += len(text)
                before = thinking.text if thinking else ""
                thinking = replace(piece, text=before + text)
            case ToolCall():
                yield ToolAsked(call=piece, message=id, agent=agent)
            case ToolResult():
                yield ToolAnswered(result=piece, agent=agent)
            case _:
                pass
    if thinking is not None:
        yield ThinkingEnded(message=id, thinking=thinking, agent=agent)
