"""Offline: a model for where nothing may be asked of any."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from retinue.errors import RunError
from retinue.models import ChatChunk, ChatRequest


class Offline:
    """Answers nothing; what it answered once is in a journal."""

    name = "offline"

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        raise RunError("A model was asked, and here none may be")
        yield
