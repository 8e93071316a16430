"""Encode: a conversation as the one prompt that Claude Code takes. Pure; tested with tables.

Its input is what a user says; there is no word for what a model said before. So earlier messages
are told in the prompt, a JSON object each (nobody can forge the end of one), and the last message
stands after them as it is.
"""

import json
from typing import Any, Final

from retinue.errors import ModelRejected
from retinue.messages import Message, Text, ToolCall, ToolResult
from retinue.models import ChatRequest
from retinue.models._wire import Json, conversation, dumped, written
from retinue.models.anthropic._content import users

OPTIONS: Final = ("effort", "fallback_model", "thinking")
"""What may be chosen of a request, by the names of the Claude Agent SDK."""


def prompt_of(request: ChatRequest) -> list[Json]:
    """What is said, as blocks of the Messages API. Thoughts and other vendors' blocks stay behind.

    Raises:
        ModelRejected: It cannot be shown to these models, or there is nothing to answer.
    """
    messages = conversation(request)
    if messages and messages[-1].role == "tool":
        messages.append(Message("Go on.", role="user"))
    if not messages:
        raise ModelRejected("Nothing was said that could be answered", hint="Say something.")
    *earlier, last = messages
    blocks: list[Json] = []
    if earlier:
        blocks.append({"type": "text", "text": _BEFORE + "\n".join(map(_told, earlier))})
        for message in earlier:
            blocks += _media(message)
        blocks.append({"type": "text", "text": _NOW})
    blocks += users(last.parts, citations=False)
    return json.loads(dumped({"content": blocks}))["content"]


def check(request: ChatRequest) -> None:
    """Refuse what Claude Code has no way for, before anything is started.

    Raises:
        ModelRejected: There is something of that in the request.
    """
    for wanted, what, instead in (
        (request.tools, "be given tools", "Leave them out (--tools none), or choose"),
        (request.tool_choice not in ("auto", "none"), "be held to a tool", "Choose"),
        (request.output is not None, "be held to a form", "Choose"),
        (request.temperature is not None, "be given a temperature", "Leave it out, or choose"),
    ):
        if wanted:
            raise ModelRejected(
                f"Models of 'claude_agent' cannot {what}", hint=f"{instead} 'anthropic:NAME'."
            )
    for name in request.options.keys() - set(OPTIONS):
        raise ModelRejected(
            f"Models of 'claude_agent' have no option {name!r}",
            hint=f"Leave it out. Known options: {', '.join(OPTIONS)}.",
        )


def _told(message: Message) -> str:
    row: dict[str, Any] = {"role": message.role}
    if text := message.text:
        row["text"] = text
    if calls := message.tool_calls:
        row["calls"] = [_call(call) for call in calls]
    if results := message.tool_results:
        row["results"] = [_result(result) for result in results]
    return written(row)


def _call(call: ToolCall) -> Json:
    return {"id": call.id, "name": call.name, "args": call.args}


def _result(result: ToolResult) -> Json:
    told: Json = {"id": result.call_id, "name": result.name, "text": result.text}
    return {**told, "error": True} if result.error else told


def _media(message: Message) -> list[Json]:
    """Pictures and files of an earlier message, and who showed them."""
    parts = [part for part in message.parts if not isinstance(part, Text)]
    for result in message.tool_results:
        if not isinstance(result.content, str):
            parts += [part for part in result.content if not isinstance(part, Text)]
    found = users(parts, citations=False)
    if found:
        found.insert(0, {"type": "text", "text": f"Shown before, by the {message.role}:"})
    return found


_BEFORE: Final = """\
This conversation has a past. What was said, oldest first, one JSON object a line; "assistant" is \
you:
"""
_NOW: Final = "Now the user says what follows. Answer that, in plain words and not in JSON."
