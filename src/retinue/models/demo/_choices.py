"""Answers of a given form: one choice of several, or the fields of a JSON schema."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final, cast

from retinue.errors import ModelRejected
from retinue.messages import Message
from retinue.models import ChatRequest
from retinue.models._schema import Schema, complaint, resolved

from ._asked import Asked
from ._lexicon import content, overlap, sentences
from ._values import SURE, Reading, read_object


def formed(request: ChatRequest, asked: Asked) -> str:
    """The JSON that fits `request.output`, made of what the conversation has.

    Raises:
        ModelRejected: It does not have what is required.
    """
    whole = cast(Schema, request.output)
    schema = resolved(whole, whole)
    if "properties" in schema:
        found: Any = _object(schema, whole, request, asked)
    elif "enum" in schema:
        found = chosen(schema["enum"], request)
    else:
        found = _read({"properties": {"": schema}, "required": ("",)}, whole, asked).get("")
    if wrong := complaint(found, whole):
        raise ModelRejected(
            f"The demo model cannot fill in the answer: {wrong}",
            hint="Say it in the message, as in 'city: Turku', or choose a language model.",
        )
    return json.dumps(found, ensure_ascii=False)


def chosen(values: Sequence[Any], request: ChatRequest) -> Any:
    """The value whose name, and what was told of it, is most like the last message.

    Of equals it is the one that spoke longest ago, then the first.
    """
    last = request.messages[-1] if request.messages else Message()
    asked = content(last.text)
    lines = sentences(request.system or "")
    for message in request.messages[:-1]:
        lines += sentences(message.text)
    told = [_told_of(str(value), lines) for value in values]
    spoke = {message.agent: n for n, message in enumerate(request.messages, 1)}

    def rank(n: int) -> tuple[float, int]:
        telling = {one: w / sum(one in other for other in told) for one, w in told[n].items()}
        return -sum(overlap(asked, telling).values()), spoke.get(values[n], 0)

    return values[min(range(len(values)), key=rank)]


def _object(schema: Schema, whole: Schema, request: ChatRequest, asked: Asked) -> Any:
    found = _read(schema, whole, asked)
    match schema.get("required", ()):
        case [str(only)] if options := resolved(schema["properties"].get(only), whole).get("enum"):
            return {**found, only: chosen(options, request)}
        case _:
            return found


def _read(schema: Schema, whole: Schema, asked: Asked) -> dict[str, Any]:
    """Fields in the question and what came with it; if that is not enough, in all that was said."""
    results = [result.text for result in asked.results]
    text = "\n".join([asked.question, *results, asked.context])[:_MOST]
    found = read_object(schema, Reading(text), SURE, whole)
    if found.missing:
        before = [saying.text for saying in asked.memory]
        found = read_object(schema, Reading("\n".join([text, *before])[:_MOST]), SURE, whole)
    return found.values


def _told_of(value: str, lines: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    mention = re.compile(rf"(?<!\w){re.escape(value)}(?!\w)", re.IGNORECASE)
    for line in lines:
        if mention.search(line):
            found.update(dict.fromkeys(content(line), 1.0))
    return found | dict.fromkeys(content(value.replace("_", " ")), _MENTION)


_MENTION: Final = 5.0
_MOST: Final = 50_000
"""Characters of a conversation that are read for values."""
