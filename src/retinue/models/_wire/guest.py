"""Guest: a vendor's own client that carries our requests. What those adapters have in common.

Such clients sit on httpx2. They know addresses, versions and credentials; what goes and comes is
read and written by us, for the objects they make of each event cost ten times as much. Imported by
the file of an adapter that imports the vendor's package, and by no other.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Final, cast

import aiohttp
import httpx2

from retinue.errors import ModelUnreachable

from ._http import responded
from ._kept import kept_on_loop
from ._server import Server

CONNECTING: Final = 20.0
"""Seconds; how long to wait for words is the guard's matter."""
_MOST: Final = 4 * 1024 * 1024
"""Bytes of a document that is no stream."""
_MOMENT: Final = 0.1
"""Seconds in which the end of a body follows its last frame, if it follows at all."""

_KEYS: Final = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
"""Headers in which vendors want their keys."""


class Response:
    """A `Connection`, over a response that is still coming.

    Args:
        response: Of the client.
        server: Who is asked.
        broken: The errors that mean that the connection broke.
    """

    def __init__(
        self, response: httpx2.Response, server: Server, broken: tuple[type[Exception], ...]
    ) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._blocks: AsyncIterator[bytes] = response.aiter_bytes()
        self._server = server
        self._broken = broken

    async def next_block(self) -> bytes:
        """Wait for more of the body; empty at its end.

        Raises:
            ModelUnreachable: The connection broke.
        """
        try:
            return await anext(self._blocks, b"")
        except self._broken as error:
            server = self._server
            raise ModelUnreachable(
                f"The connection to {server.name!r} at {server.base_url} broke: "
                f"{server.brief(words_of(error))}",
                hint=server.unreachable,
            ) from error

    async def document(self) -> bytes:
        """The whole body, or as much of it as any document of ours may have."""
        found = bytearray()
        while len(found) < _MOST and (block := await self.next_block()):
            found += block
        return bytes(found[:_MOST])

    async def settle(self) -> None:
        """The last block was read; where the end follows at once, the connection is kept."""
        try:
            async with asyncio.timeout(_MOMENT):
                while await self.next_block():
                    pass
        except (TimeoutError, ModelUnreachable):
            pass  # the answer is whole; the connection will be closed


class Shared(httpx2.AsyncBaseTransport):
    """Carries what a client of httpx2 sends, over the connections that all models share."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread() or None
        url, headers = str(request.url), request.headers
        try:
            response = await responded(request.method, url, headers, body, decompressed=False)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failed = httpx2.TransportError(_without_key(words_of(error), headers))
        else:
            return _response(response, request)
        raise failed  # here, without its cause: clients log what they are told, with its frames


def _response(response: aiohttp.ClientResponse, request: httpx2.Request) -> httpx2.Response:
    found = response.headers.items()
    return httpx2.Response(
        response.status,
        headers=[(name, _without_key(value, request.headers)) for name, value in found],
        stream=_Coming(response),
        request=request,
    )


def _without_key(words: str, sent: Mapping[str, str]) -> str:
    """The words of a server, or about it, for a client that may log them."""
    for name in _KEYS:
        if key := sent.get(name, "").removeprefix("Bearer "):
            words = words.replace(key, "...")
    return words


class _Coming(httpx2.AsyncByteStream):
    """The body of a response."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        while block := await self._response.content.readany():
            yield block

    async def aclose(self) -> None:
        self._response.release()
        await self._response.wait_for_close()


async def sent(
    client: Any,
    path: str,
    body: bytes | None,
    headers: Mapping[str, object],
    *,
    refused: type[Exception],
) -> httpx2.Response:
    """Have a client send a request, POST where it has a body; what comes back, a refusal too.

    Args:
        client: Of OpenAI or Anthropic, whose packages are made by the same generator.
        path, body, headers: Of the request.
        refused: What the client raises where it is refused.
    """
    # A key must not be carried to another place.
    options = {"headers": headers, "follow_redirects": False}
    asking: Any = {"cast_to": httpx2.Response, "options": options, "stream": True}
    try:
        if body is None:
            return await client.get(f"/{path}", **asking)
        return await client.post(f"/{path}", content=body, **asking)
    except refused as error:
        return cast("Any", error).response


def unreachable(server: Server, error: Exception) -> ModelUnreachable:
    """The error that nobody answers."""
    return ModelUnreachable(
        f"{server.name!r} cannot be reached at {server.base_url}: {server.brief(words_of(error))}",
        hint=server.unreachable,
    )


def words_of(error: BaseException) -> str:
    """What went wrong, in the words of who saw it first."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    match error:
        case ssl.SSLError():
            return f"its certificate cannot be trusted ({error})"
        case socket.gaierror() | UnicodeError():
            return "no such host"
        case TimeoutError() | asyncio.CancelledError():
            return f"no connection within {CONNECTING:g} s"
        case OSError(errno=int(code)) if code > 0:
            return os.strerror(code)
        case _:
            return " ".join(str(error).split()) or type(error).__name__


__all__ = [
    "CONNECTING",
    "Response",
    "Shared",
    "kept_on_loop",
    "sent",
    "unreachable",
    "words_of",
]
