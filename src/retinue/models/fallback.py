"""Fallback: another model answers where the first cannot."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import NamedTuple

from retinue import telemetry
from retinue.errors import ModelError, ModelUnreachable, StreamIncomplete
from retinue.models import ChatChunk, ChatRequest, Model


class Fallback:
    """Asks one model after the other until one begins to answer.

    The next is asked after an error that is `retriable`, or a broken connection, before the first
    chunk; why is logged. After it the reader has seen a part, and errors pass through, as do all
    others: what a model refuses for good, or a budget, is for the caller to decide. Where another
    than the first answers, its first chunk is `ChatChunk(model=its name)`.

    Put it around models that are guarded: each then tries again for itself before it gives up.

    Args:
        first, others: The models, in the order in which they are asked.
    """

    def __init__(self, first: Model, *others: Model) -> None:
        self.models = (first, *others)

    @property
    def name(self) -> str:
        return self.models[0].name

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        """Ask; the first chunk is there when the block is entered.

        Raises:
            ModelError: What the last model raises; its hint says what became of the others.
        """
        begun = await self._begun(request)
        async with begun.block, aclosing(_said(begun)) as chunks:
            yield chunks

    async def _begun(self, request: ChatRequest) -> "_Begun":
        failed: list[str] = []
        *others, last = self.models
        for model, following in zip(others, self.models[1:], strict=True):
            try:
                return await _ask(model, request, instead=bool(failed))
            except ModelError as error:
                if not error.retriable:
                    _tell(error, failed)
                    raise
                failed.append(f"{model.name!r} failed: {error}")
                telemetry.event(
                    logging.WARNING,
                    "model is replaced",
                    model=model.name,
                    why=str(error),
                    by=following.name,
                )
        try:
            return await _ask(last, request, instead=bool(failed))
        except ModelError as error:
            _tell(error, failed)
            raise


class _Begun(NamedTuple):
    """An answer whose first chunk has come."""

    block: AsyncExitStack
    chunks: AsyncIterator[ChatChunk]
    ahead: tuple[ChatChunk, ...]


async def _ask(model: Model, request: ChatRequest, *, instead: bool) -> _Begun:
    try:
        async with AsyncExitStack() as block:
            chunks = await block.enter_async_context(model.chat(request))
            async for first in chunks:
                ahead = (ChatChunk(model=model.name), first) if instead else (first,)
                return _Begun(block.pop_all(), chunks, ahead)
            raise StreamIncomplete(
                f"The answer of {model.name!r} ended before it began", hint="Ask again."
            )
    except OSError as error:
        raise ModelUnreachable(
            f"{model.name!r} cannot be reached: {error}",
            hint="Check the network and the model's address, then ask again.",
        ) from error


async def _said(begun: _Begun) -> AsyncGenerator[ChatChunk]:
    for chunk in begun.ahead:
        yield chunk
    async for chunk in begun.chunks:
        yield chunk


def _tell(error: ModelError, failed: list[str]) -> None:
    """Say beside the last error what became of the models before."""
    if failed:
        before = f"Before that: {'; '.join(failed)}."
        error.hint = f"{error.hint} {before}" if error.hint else before
