"""Fitted: conversations that grow beyond what a model can read, and go on."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cached_property
from typing import Final

from retinue import telemetry
from retinue.errors import ContextFull, ModelError
from retinue.messages import Message, Text
from retinue.models import ChatChunk, ChatRequest, Model

from ._cut import left_out
from ._summary import Summaries
from ._within import within
from .tokens import estimate, window_of

_ANSWER: Final = 16_384
"""Tokens kept for an answer of which the request does not say how long it may be."""

_SUMMARY: Final = 2_048
"""Tokens of a summary, at most; an eighth of the room where that is less."""

_SHORTEST: Final = 64
"""Tokens below which a summary says nothing."""

_COUNTED: Final = 3
"""So often a request is cut until the vendor's count of it fits, too."""


class Fitted:
    """A model that is asked no more than it can read: the oldest messages give way.

    Where a request does not fit the window, less the room for the answer, the oldest exchanges are
    left out, and of the present one the oldest rounds; that is logged. Never left out are messages
    of role "system", those with `pinned=True` in their metadata, the first and the last message of
    the user, and the last of all; a call and its results stay or go together.

    With a model for summaries, a summary stands where they stood: a message with their ids in its
    metadata as `summary_of`. It is made in pieces that fit, goes on from the summary before, and is
    kept, so that the same messages are summarised once.

    Tokens are estimated; a model that has `count_tokens` is asked for requests that are near the
    limit.

    Args:
        inner: The model.
        window: Tokens that it can read; by default what is known of it. Where nothing is known,
            requests go through as they are.
        summary: Writes summaries; a small and cheap model does.
    """

    def __init__(
        self, inner: Model, *, window: int | None = None, summary: Model | None = None
    ) -> None:
        self.inner = inner
        self.window = window
        self.summary = summary
        self._summaries: Summaries | None = None
        self._count: Callable[[ChatRequest], Awaitable[int]] | None = within(inner, "count_tokens")

    @property
    def name(self) -> str:
        return self.inner.name

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        """Make it fit, then ask.

        Raises:
            ContextFull: It does not fit, whatever is left out; nothing was sent.
            ModelError: What the model raises, or the one for summaries.
        """
        async with self.inner.chat(await self.fitting(request)) as chunks:
            yield chunks

    async def fitting(self, request: ChatRequest) -> ChatRequest:
        """The request as the model is asked it.

        Raises:
            ContextFull: It does not fit, whatever is left out.
            ModelError: What the model for summaries raises.
        """
        window = self._window
        if window is None:
            return request
        limit = window - (request.max_tokens or min(_ANSWER, window // 4))
        room = limit
        for _ in range(_COUNTED):
            fitting = await self._cut(request, room, window)
            tokens = estimate(fitting)
            counted = await self._counted(fitting, tokens, limit)
            if counted <= limit:
                return fitting
            room = min(room - 1, tokens * limit // counted)
        raise self._full()

    @cached_property
    def _window(self) -> int | None:
        return self.window or window_of(self.name, base_url=within(self.inner, "base_url"))

    async def _cut(self, request: ChatRequest, room: int, window: int) -> ChatRequest:
        """The request without what does not fit."""
        messages = request.messages
        sizes = [estimate(message) for message in messages]
        space = room - estimate(replace(request, messages=()))
        if sum(sizes) <= space:
            return request
        brief = min(_SUMMARY, space // 8)
        gone = None
        if self.summary is not None and brief >= _SHORTEST:
            self._summaries = self._summaries or Summaries(self.summary, window)
            gone = left_out(messages, sizes, space - brief)
        summaries = None if gone is None else self._summaries
        if gone is None:
            gone = left_out(messages, sizes, space)
        if gone is None:
            raise self._full()
        telemetry.event(
            logging.INFO,
            "older messages are left out",
            model=self.name,
            messages=len(gone),
            summarised=summaries is not None,
        )
        fitting = [message for place, message in enumerate(messages) if place not in gone]
        if summaries is not None:
            missing = [messages[place] for place in sorted(gone)]
            fitting.insert(min(gone), await _told(summaries, missing, brief))
        return replace(request, messages=tuple(fitting))

    async def _counted(self, request: ChatRequest, tokens: int, limit: int) -> int:
        """Tokens of the request: the vendor's count, where it matters and can be had."""
        if self._count is None or tokens <= limit // 2:
            return tokens
        try:
            return await self._count(request)
        except ModelError as error:
            telemetry.event(logging.INFO, "tokens are estimated", model=self.name, why=str(error))
            return tokens

    def _full(self) -> ContextFull:
        return ContextFull(
            f"The request does not fit the {self._window:,} tokens that {self.name!r} can read, "
            "whatever is left out",
            hint="Send less at once, lower max_tokens, or take a model with a larger window. "
            "Instructions, tools, pinned messages and the last message are never left out.",
        )


async def _told(summaries: Summaries, missing: list[Message], room: int) -> Message:
    """The message that stands for those that are missing."""
    head = f"Summary of {len(missing)} earlier messages, which are left out here:\n\n"
    text = await summaries.of(missing, room - estimate(Message(head)))
    told = Text(text=head + text, source=f"model:{summaries.name}")
    return Message(told, summary_of=tuple([message.id for message in missing]))
