"""A model that follows a script, unguarded, and counts what is done to it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from retinue.messages import Message
from retinue.models import ChatChunk, ChatRequest, Usage

WAIT = "wait"
"""In a script: say nothing, for ever."""

REQUEST = ChatRequest(messages=(Message("hi"),))
END = ChatChunk(stop="end")


class Probe:
    """Each answer is a script of chunks, errors and WAIT; the last is given again and again."""

    def __init__(self, *answers: list[Any], name: str = "probe") -> None:
        self.answers = list(answers)
        self.name = name
        self.requests: list[ChatRequest] = []
        self.opened = self.closed = self.ended = 0
        self.waits = asyncio.Event()

    @asynccontextmanager
    async def chat(self, request: ChatRequest):
        self.requests.append(request)
        script = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.opened += 1
        said = self._said(script)
        try:
            yield said
        finally:
            await said.aclose()
            self.closed += 1

    async def _said(self, script: list[Any]) -> AsyncGenerator[ChatChunk]:
        try:
            for line in script:
                if isinstance(line, BaseException):
                    raise line
                if isinstance(line, ChatChunk):
                    yield line
                else:
                    self.waits.set()
                    await asyncio.Event().wait()
        finally:
            self.ended += 1


def said(*words: str, input: int | None = None, output: int = 0) -> list[Any]:
    """An answer of these words; with usage where it is given."""
    usage = None if input is None else Usage(input=input, output=output)
    return [*[ChatChunk(text=word) for word in words], ChatChunk(usage=usage, stop="end")]


async def read(model: Any, request: ChatRequest = REQUEST) -> list[ChatChunk]:
    async with model.chat(request) as chunks:
        return [chunk async for chunk in chunks]


def text_of(chunks: list[ChatChunk]) -> str:
    return "".join([chunk.text for chunk in chunks if chunk.text])


async def read_a_part_in_each_way(model: Any, probe: Probe) -> None:
    """Leave the block early, by an error, and by a cancellation while a chunk is waited for."""
    async with model.chat(REQUEST) as chunks:
        await anext(chunks)
    try:
        async with model.chat(REQUEST) as chunks:
            await anext(chunks)
            raise LookupError
    except LookupError:
        pass

    reading = asyncio.create_task(read(model))
    async with asyncio.timeout(10):
        await probe.waits.wait()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert reading.cancelled()
