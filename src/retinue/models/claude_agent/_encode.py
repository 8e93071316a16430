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
from retinue.models.anthropic._known import known
from retinue.models.anthropic._schema import enforceable

OPTIONS: Final = ("effort", "fallback_model", "thinking")
"""Those of the Claude Agent SDK; all others are fields of the Messages API."""
_FREE: Final = ("auto", "none")
"""Choices that hold the model to no tool."""


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


def body_of(request: ChatRequest, model: str | None) -> Json:
    """What is put into the body of the request that Claude Code makes, beside what it puts there.

    Raises:
        ModelRejected: Something cannot be said to this model.
    """
    body = {name: value for name, value in request.options.items() if name not in OPTIONS}
    if request.output is not None:
        form = {"type": "json_schema", "schema": enforceable(request.output)}
        body["output_config"] = {"format": form, **(body.get("output_config") or {})}
    if (choice := _choice(request, model)) is not None:
        body["tool_choice"] = choice
    return body


def options_of(request: ChatRequest) -> Json:
    """The options of the Claude Agent SDK that were chosen."""
    chosen = {name: request.options[name] for name in OPTIONS if name in request.options}
    # Who must use a tool may not think before it.
    quiet = {} if request.tool_choice in _FREE else {"thinking": {"type": "disabled"}}
    return {**quiet, **chosen}


def _choice(request: ChatRequest, model: str | None) -> Json | None:
    """The tool that must be used, in the words of the Messages API."""
    choice = request.tool_choice
    if choice in _FREE:
        return None
    if not request.tools or choice not in ("required", *[tool.name for tool in request.tools]):
        raise ModelRejected(
            f"The tool to be used, {choice!r}, is not offered",
            hint="Offer it among the tools of the request.",
        )
    if model is not None and not known(model).forced_tools:
        raise ModelRejected(
            f"This model cannot be told to use a tool ({choice!r})",
            hint="Leave the choice to the model, or ask for structured output.",
        )
    return {"type": "any"} if choice == "required" else {"type": "tool", "name": choice}


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
_NOW: Final = """\
Now the user says what follows. Answer that. The lines above only tell what was; your answer needs \
no such form, and a tool is used by calling it.
"""
