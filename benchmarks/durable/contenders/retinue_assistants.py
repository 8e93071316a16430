"""The same in Retinue with assistants: what they say is a stream in pieces, their model call a step
of its own, with an event of its usage. The editor hands on what a third one says: four turns."""

import importlib.util
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from script import models

from retinue import Turn, agent, assistant
from retinue.models import ChatChunk, ChatRequest, Usage

PACKAGES = ("retinue",)

_beside = importlib.util.spec_from_file_location("plain", Path(__file__).parent / "retinue.py")
assert _beside is not None
assert _beside.loader is not None
plain: Any = importlib.util.module_from_spec(_beside)
_beside.loader.exec_module(plain)


class Local:
    """A model that answers at once, in two pieces."""

    def __init__(self, name: str, answer: Any, inputs: int) -> None:
        self.name = name
        self._answer = answer
        self._inputs = inputs

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[Any]:
        said = [message.text.removeprefix(f"{message.agent}: ") for message in request.messages]
        text = await self._answer(*said[-self._inputs :])
        yield self._chunks(text)

    async def _chunks(self, text: str) -> AsyncGenerator[ChatChunk]:
        half = len(text) // 2
        yield ChatChunk(text=text[:half])
        yield ChatChunk(text=text[half:])
        yield ChatChunk(stop="end", usage=Usage(input=100, output=50))


writer = assistant("writer", model=Local("writes", models.writer, 1))
critic = assistant("critic", model=Local("reads", models.critic, 1))
last = assistant("last", model=Local("edits", models.editor, 2))


@agent
async def editor(turn: Turn) -> None:
    draft = writer.inquire(turn.messages)
    turn.reply(last.inquire(draft, critic.inquire(draft)))


@asynccontextmanager
async def opened(place: str, where: str) -> AsyncGenerator[Any]:
    async with plain.opened(place, where, editor) as program:
        program.turns = 4
        yield program
