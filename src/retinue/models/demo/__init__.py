"""Demo: a model without a network, a key or a language model. It matches words.

It uses tools whose names and descriptions are like the request, with arguments found in it; it
quotes the text that came along, and what was said before; it chooses, and fills in forms. It knows
nothing else and says so at the start of each conversation. Equal requests get equal answers.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Final

from retinue.errors import ModelRejected, UnknownModel
from retinue.messages import ToolCall
from retinue.models import ChatChunk, ChatRequest, Model, Usage
from retinue.models._pieces import chunks_of

from ._answers import from_context, from_memory, from_results, without_anything
from ._asked import Asked, understood
from ._choices import formed
from ._tools import Shelf, Wish

INTRODUCTION: Final = "I am Retinue's demo, no language model: I only match words."
"""Stands before the first answer in a conversation."""


class Demo:
    """The demo model; one object may be asked any number of times, all at once."""

    name = "demo"

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        """Answer, word by word.

        Raises:
            ModelRejected: A tool must be asked for, or a form filled in, and the conversation does
                not have what that requires.
        """
        async with aclosing(_said(request)) as chunks:
            yield chunks


def find(name: str, /) -> Model:
    """The demo model; it needs no guard, it cannot be cut off from anything."""
    if name not in ("", "demo"):
        raise UnknownModel(f"No model 'demo:{name}'", hint="There is only one: 'demo'.")
    return Demo()


async def _said(request: ChatRequest) -> AsyncGenerator[ChatChunk]:
    asked = understood(request)
    spoken = 0
    parts = _answer(request, asked)
    for part in parts:
        for chunk in chunks_of(part):
            if request.max_tokens is not None and spoken >= request.max_tokens:
                yield ChatChunk(usage=Usage(input=asked.size, output=spoken), stop="max_tokens")
                return
            spoken += 1
            yield chunk
    stop = "tool_calls" if isinstance(parts[-1], ToolCall) else "end"
    yield ChatChunk(usage=Usage(input=asked.size, output=spoken), stop=stop)


def _answer(request: ChatRequest, asked: Asked) -> list[str | ToolCall]:
    wishes = _wishes(request, asked)
    ready = [wish for wish in wishes if not wish.missing]
    if ready:
        return [
            ToolCall(id=f"demo-{n}", name=wish.tool.name, args=wish.args)
            for n, wish in enumerate(ready, asked.calls + 1)
        ]
    if request.output is not None:
        return [formed(request, asked)]
    text = _text(request, asked, wishes)
    return [f"{INTRODUCTION}\n\n{text}" if asked.is_first else text]


def _wishes(request: ChatRequest, asked: Asked) -> list[Wish]:
    """The tools to ask for; those that lack something come back only if none is complete."""
    question, context = asked.question, asked.context
    match request.tool_choice:
        case "none":
            return []
        case "auto":
            if asked.results or not request.tools:
                return []
            found = Shelf(request.tools).wishes(question, context)
            if (context or from_memory(question, asked.memory)) and all(
                wish.score < _SURE for wish in found
            ):
                return []
            return found
        case choice:
            tools = [tool for tool in request.tools if choice in ("required", tool.name)]
            if not tools:
                raise ModelRejected(
                    f"The tool to be asked for, {choice!r}, is not offered",
                    hint=f"Offered: {', '.join(tool.name for tool in request.tools) or 'none'}.",
                )
            shelf = Shelf(tools)
            found = [wish for wish in shelf.wishes(question, context) if not wish.missing]
            found = found or shelf.best(question, context)[:1]
            if found[0].missing:
                raise ModelRejected(
                    f"{found[0].tool.name!r} must be asked for, but {_lacking(found[0])}",
                    hint="Say it in the message, as in 'city: Turku', or choose a language model.",
                )
            return found


def _text(request: ChatRequest, asked: Asked, wishes: list[Wish]) -> str:
    if asked.results:
        return from_results(asked.question, asked.results)
    if asked.context:
        return from_context(asked.question, asked.context)
    if remembered := from_memory(asked.question, asked.memory):
        return remembered
    if wishes:
        return f"I would use {wishes[0].tool.name}, but {_lacking(wishes[0])}."
    return without_anything(asked, [tool.name for tool in request.tools])


def _lacking(wish: Wish) -> str:
    return f"the request does not say what this is: {', '.join(wish.missing)}"


_SURE: Final = 2.0
"""What a tool must score where a text or a memory could answer as well."""
