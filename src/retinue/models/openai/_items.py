"""Items: what OpenAI's output consists of, and what is kept of each so that it goes back unchanged.

What a part of ours says (the words of a message, the name and the arguments of a call) is not kept
twice: the block that follows that part holds the rest of its item. Everything else (encrypted
reasoning, searches, ...) is a block as it is.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from retinue.messages import ToolCall
from retinue.models._wire import Json, written
from retinue.models.compatible._encode import short_id

VENDOR: Final = "openai"
"""Of the blocks."""
BETWEEN: Final = "\n\n"
"""Stands between the messages of one answer, so that their words do not run together."""

_WORDS: Final = {"output_text": "text", "refusal": "refusal"}
"""Where the words of a content part are, by its type."""


def without_words(item: Mapping[str, Any]) -> Json:
    """A message without its words; several content parts are kept with them, to be told apart."""
    match item.get("content"):
        case [{"type": "output_text" | "refusal" as kind} as part]:
            rest = {name: value for name, value in part.items() if name != _WORDS[kind]}
            return {**item, "content": [rest]}
        case _:
            return dict(item)


def with_words(rest: Mapping[str, Any], words: str) -> Json | None:
    """The message that this was, with these words; None: they are others than it had."""
    match rest.get("content"):
        case [{"type": "output_text" | "refusal" as kind} as part] if _WORDS[kind] not in part:
            return {**rest, "content": [{**part, _WORDS[kind]: words}]}
        case [*parts]:
            return dict(rest) if "".join([_said(part) for part in parts]) == words else None
        case _:
            return None


def without_call(item: Mapping[str, Any], call: ToolCall) -> Json:
    """A call without its name and arguments; these are kept where we would write them otherwise."""
    said = {"name"} if item.get("arguments") != written(call.args) else {"name", "arguments"}
    rest = {name: value for name, value in item.items() if name not in said}
    return {**rest, "call_id": call.id}


def with_call(rest: Mapping[str, Any], call: ToolCall, name: str) -> Json:
    """The call that this was, with the arguments it has now, by this name."""
    args = written(call.args)
    match rest.get("arguments"):
        case str(was) if _same(was, args):
            args = was
        case _:
            pass
    return {**rest, "call_id": call_id_of(call.id), "name": name, "arguments": args}


def call_id_of(id: str) -> str:
    """The id of a call as OpenAI accepts it: 64 letters, though others write more.

    Source: the errors that AnswerDotAI/fastllm#45 and decolua/9router#393 quote.
    """
    return short_id(id, 64)


def _said(part: Any) -> str:
    match part:
        case {"type": "output_text", "text": str(words)}:
            return words
        case {"type": "refusal", "refusal": str(words)}:
            return words
        case _:
            return ""


def _same(one: str, other: str) -> bool:
    try:
        return json.loads(one) == json.loads(other)
    except ValueError:
        return False
