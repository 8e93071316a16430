"""follow: from the log of a conversation to the words that every form of output is made of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from retinue.messages import Message, Part, Text, Thinking, ToolCall, ToolResult
from retinue.messages.events import (
    ErrorRaised,
    Event,
    Happened,
    LivePiece,
    MessageEnded,
    MessageStarted,
    ModelAnswered,
    Restarted,
    TextAdded,
    ThinkingAdded,
    ThinkingEnded,
    ToolAnswered,
    ToolAsked,
)
from retinue.telemetry.terminal import redacted


class Follower:
    """Hears the log of a conversation, and tells of the replies of one run as they come.

    Whether a message came in pieces or is whole at once, it is told in the same words.

    Args:
        run: Which; what others do in the conversation is not told.
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._open: dict[str, _Told] = {}

    def hear(self, event: Event) -> Iterator[Event]:
        """What is told when this is heard."""
        if isinstance(event, TextAdded | ThinkingAdded):
            if event.message in self._open:
                self._open[event.message].heed(event)
                yield event
        elif event.run == self._run:
            match event:
                case MessageStarted(message=id):
                    self._open[id] = _Told()
                    yield event
                case Restarted(message=str() as id, attempt=attempt) if id in self._open:
                    self._open[id] = _Told(attempt)
                    yield event
                case MessageEnded(message=message):
                    before = self._open.pop(message.id, None)
                    for told in whole(message) if before is None else _rest(message, before):
                        if isinstance(told, Happened):
                            told = replace(told, run=event.run, turn=event.turn)
                        yield told
                case _:
                    pass


@dataclass(slots=True)
class _Told:
    """How much of a message was told, in letters; of one that ended before we came, nothing."""

    attempt: int = 1
    text: int = 0
    thinking: int = 0

    def heed(self, piece: LivePiece) -> None:
        end = piece.offset + len(piece.text)
        if isinstance(piece, TextAdded):
            self.text = end
        else:
            self.thinking = end


def whole(message: Message) -> Iterator[Event]:
    """A message that is there as if it came now."""
    yield MessageStarted(message=message.id, role=message.role, agent=message.agent)
    yield from _rest(message, _Told())


def error_raised(error: BaseException, secrets: Mapping[str, str]) -> ErrorRaised:
    """The error as an event, with secrets masked."""
    raised = ErrorRaised(
        error=type(error).__name__, text=str(error), hint=getattr(error, "hint", None)
    )
    return replace(raised, text=redacted(raised.text, secrets.items()))


def arguments_of(call: ToolCall) -> str:
    """The arguments in short: the value where there is one, else name=value."""
    match [*call.args.items()]:
        case [(_, value)]:
            return str(value)
        case several:
            return " ".join([f"{name}={value}" for name, value in several])


def _rest(message: Message, told: _Told) -> Iterator[Event]:
    """What is told at the end of a message of which so much was told."""
    id, attempt = message.id, told.attempt
    said = thought = 0
    for part in message.parts:
        match part:
            case Text(text=text):
                if new := text[max(0, told.text - said) :]:
                    at = said + len(text) - len(new)
                    yield TextAdded(message=id, offset=at, text=new, attempt=attempt)
                said += len(text)
            case Thinking(text=text):
                if new := text[max(0, told.thinking - thought) :]:
                    at = thought + len(text) - len(new)
                    yield ThinkingAdded(message=id, offset=at, text=new, attempt=attempt)
                thought += len(text)
            case _:
                pass
        yield from _event_of(part, message)
    yield from _end(message)


def _event_of(part: Part, message: Message) -> Iterator[Event]:
    """What a part tells beside its text."""
    id, agent = message.id, message.agent
    match part:
        case Thinking():
            yield ThinkingEnded(message=id, thinking=part, agent=agent)
        case ToolCall():
            yield ToolAsked(call=part, message=id, agent=agent)
        case ToolResult():
            yield ToolAnswered(result=part, agent=agent)
        case _:
            pass


def _end(message: Message) -> Iterator[Event]:
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
