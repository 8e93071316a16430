"""Request: what a client sent, and how its answer went."""

import asyncio
from collections.abc import Mapping
from typing import Any

from retinue.models import ChatRequest


class Request:
    """One request that came. What it got is filled in while it is answered.

    Args:
        method, path: Of HTTP.
        headers: By their names in small letters.
        body: The JSON of it; None where there was none that can be read.
        connection: Which connection it came over; they are counted from 0.
        at: When, by the clock of the loop.
    """

    def __init__(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Any,
        *,
        connection: int,
        at: float,
    ) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.connection = connection
        self.at = at
        self.model: str | None = None
        self.asked: ChatRequest | None = None
        """What was asked, read back from the wire; None where no model was asked, or not well."""
        self.status: int | None = None
        """Of what was sent; None as long as that is not over, and where there was no answer."""
        self.answered = asyncio.Event()
        """Set when all of the answer, faults included, was sent."""
        self.left = asyncio.Event()
        """Set when the client closed the connection before that."""

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path} model={self.model!r} status={self.status}>"
