"""How a conversation looks to the agent that asks; every adapter starts from here."""

from collections.abc import Iterable

from retinue.messages import Audio, File, Image, Message, Part, Text, Thinking, ToolResult


def shown(messages: Iterable[Message], agent: str | None = None) -> list[Message]:
    """The conversation as `agent` sees it; with no agent, every role as it is.

    Its own messages are the assistant's. Another agent's become the user's, with the name before
    them, and only what was said: no tool calls, results, thinking, blocks. A message with tool
    calls is followed by one of role "tool" with a result for each of them, in their order: one that
    never came is an error, one that belongs to no call is left out. Messages that say nothing are
    left out.
    """
    seen: list[Message] = []
    answers: dict[int, dict[str, ToolResult]] = {}  # by the place of their message in `seen`
    unanswered: dict[str, int] = {}
    for message in messages:
        if agent is not None and message.agent not in (None, agent):
            said = _said_by_another(message)
            if said is not None:
                seen.append(said)
            continue
        for result in message.tool_results:
            place = unanswered.pop(result.call_id, None)
            if place is not None:
                answers[place][result.call_id] = result
        own = _without_results(message, agent)
        if own is None:
            continue
        seen.append(own)
        if calls := own.tool_calls:
            unanswered.update({call.id: len(seen) for call in calls})
            answers[len(seen)] = {call.id: _unknown(call.id, call.name) for call in calls}
            seen.append(own)  # keeps the place of its answers
    for place, results in answers.items():
        seen[place] = Message(role="tool", agent=seen[place].agent, parts=results.values())
    return seen


def merged(messages: Iterable[Message]) -> list[Message]:
    """The same conversation, neighbours of one role made one message, for those who want that."""
    joined: list[Message] = []
    for message in messages:
        if joined and joined[-1].role == message.role:
            last = joined.pop()
            message = Message(
                role=last.role, agent=last.agent, parts=_joined(last.parts, message.parts)
            )
        joined.append(message)
    return joined


def thinker_of(thinking: Thinking, message: Message) -> str | None:
    """The provider whose model thought this, as in "ollama"; None where nobody said."""
    source = thinking.source or f"model:{getattr(message, 'model', '')}"
    return source.removeprefix("model:").partition(":")[0] or None


def _said_by_another(message: Message) -> Message | None:
    parts = [part for part in message.parts if isinstance(part, Text | Image | Audio | File)]
    if not _says_something(parts):
        return None
    name = f"{message.agent}: "
    match parts[0]:
        case Text(text=text, source=source):
            parts[0] = Text(text=name + text, source=source)
        case _:
            parts.insert(0, Text(text=name))
    return Message(role="user", agent=message.agent, parts=parts)


def _without_results(message: Message, agent: str | None) -> Message | None:
    role = message.role
    if role == "user" and agent is not None and message.agent == agent:
        role = "assistant"
    parts = message.parts
    if message.tool_results or role == "tool":
        parts = [part for part in parts if not isinstance(part, ToolResult)]
        role = "user" if role == "tool" else role
    if not _says_something(parts):
        return None
    if role == message.role and len(parts) == len(message.parts):
        return message
    return Message(role=role, agent=message.agent, parts=parts)


def _says_something(parts: Iterable[Part]) -> bool:
    return any(not isinstance(part, Text) or part.text.strip() for part in parts)


def _unknown(call_id: str, name: str) -> ToolResult:
    return ToolResult(
        call_id=call_id, name=name, content="No result is known; it may have happened.", error=True
    )


def _joined(before: tuple[Part, ...], after: tuple[Part, ...]) -> tuple[Part, ...]:
    match before[-1], after[0]:
        case Text(), Text(text=text, source=source):
            after = (Text(text=f"\n\n{text}", source=source), *after[1:])
        case _:
            pass
    return (*before, *after)
