"""follow: from replies, as they come, to the events that every form of output is made of."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace

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
