"""Cached and Answers: what was asked before, by the same owner, is answered as it was then."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Final, NamedTuple

from retinue import telemetry
from retinue.errors import MessageError
from retinue.models import ChatChunk, ChatRequest, Model, Usage
from retinue.promise.kept import Kept

from ._codec import decode_chunk, encode_chunk, from_line, request_key, to_line

_WHOLE: Final = ("end", "stop_sequence", "tool_calls")
"""Stops of answers that are as good the second time; one that met a limit or was refused is not."""


class Key(NamedTuple):
    """What an answer is known by: who asked whom, and the hash of all that the model was shown."""

    owner: str
    model: str
    request: str


class Answers(Kept[Key, bytes]):
    """Answers that were given, as JSON, in memory: those used last, bounded by size and by age."""


class Cached:
    """A model that is not asked the same twice: an equal request gets the same chunks again.

    Equal means everything that the model is shown, to the last letter and option. Only whole
    answers are kept. The usage of a repeated one is zero, for it cost nothing. Two equal requests
    at once both ask: neither waits for the other's reader. Nobody is given what another owner was
    answered.

    Args:
        inner: The model.
        answers: Where they are kept; shared by models whose names tell them apart.
        owner: Whose conversations these are.
    """

    def __init__(self, inner: Model, answers: Answers, *, owner: str) -> None:
        self.inner = inner
        self.answers = answers
        self.owner = owner

    @property
    def name(self) -> str:
        return self.inner.name

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        """Give the answer that is kept, or ask.

        Raises:
            ModelError: What the model raises.
        """
        key = Key(self.owner, self.name, request_key(request))
        said = self.answers.find(key)
        if said is not None:
            telemetry.event(logging.DEBUG, "model need not be asked again", model=self.name)
            async with aclosing(_again(said)) as chunks:
                yield chunks
            return
        async with self.inner.chat(request) as asked, aclosing(self._heard(key, asked)) as chunks:
            yield chunks

    async def _heard(self, key: Key, chunks: AsyncIterator[ChatChunk]) -> AsyncGenerator[ChatChunk]:
        said: list[ChatChunk] = []
        async for chunk in chunks:
            said.append(chunk)
            if chunk.stop in _WHOLE:
                self._keep(key, said)
            yield chunk

    def _keep(self, key: Key, said: list[ChatChunk]) -> None:
        try:
            line = to_line({"chunks": [encode_chunk(chunk) for chunk in said]})
        except MessageError as error:  # a block of a vendor that is more than JSON and bytes
            telemetry.event(logging.DEBUG, "answer is not kept", model=self.name, why=str(error))
        else:
            self.answers.keep(key, line, size=len(line))


async def _again(said: bytes) -> AsyncGenerator[ChatChunk]:
    for data in from_line(said)["chunks"]:
        chunk = decode_chunk(data)
        yield chunk if chunk.usage is None else replace(chunk, usage=Usage(), cost=None)
