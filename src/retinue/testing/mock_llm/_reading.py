"""Reading: what the wires read alike."""

import base64
import binascii
from collections.abc import Iterable
from typing import Any, Final

from retinue.messages import FrozenDict, Message, ToolResult, ToolSpec

from ._fields import Fields, Unfit

NAME: Final = "^[a-zA-Z0-9_-]+$"
"""What OpenAI accepts as the name of a tool; source: the errors that mcp-use/mcp-use#90 and, of
lengths, vercel/ai#5171 and decolua/9router#393 quote."""


def tool_of(tool: Fields) -> ToolSpec:
    """A tool as Chat Completions describes it, and others who do it alike."""
    function = tool.fields("function")
    schema = function.fields("parameters").data if function.has("parameters") else {}
    return ToolSpec(
        name=function.text("name"),
        description=function.optional_text("description") or "",
        parameters=FrozenDict(schema),
    )


def bytes_of(data: Any, at: str) -> bytes:
    """What stands there in base64."""
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise Unfit(f"{at} must be base64") from None


def unpaired(messages: Iterable[Message]) -> str | None:
    """What a vendor says of calls without results, and of results without calls; None: all is well.

    Source: https://github.com/MoonshotAI/kimi-cli/issues/2405 quotes the one for calls.
    """
    waiting: dict[str, None] = {}
    for message in messages:
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        for result in results:
            if result.call_id not in waiting:
                return _NO_CALL
            del waiting[result.call_id]
        if waiting and not results:
            break
        waiting |= {call.id: None for call in message.tool_calls}
    return f"{_NO_RESULT} {', '.join(waiting)}" if waiting else None


_NO_CALL: Final = (
    "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
)
_NO_RESULT: Final = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. The following tool_call_ids did not have response messages:"
)
