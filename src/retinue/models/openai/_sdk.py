"""The vendor's own client, as what carries our requests. Loaded with the first of them.

It runs over aiohttp, which the vendor offers, and what comes back is cut and read by us: its typed
stream costs 72 us a token, this 6 (docs/models_openai.md). One client per event loop and address,
for all models and keys; a key goes with its request.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import httpx2
import openai

from retinue.errors import ModelUnreachable
from retinue.models._wire import Connection, Server

if int(openai.VERSION.partition(".")[0]) < 3:  # others may want an older one
    raise ImportError(f"openai {openai.VERSION} has another way to speak HTTP")

_PLACE: Final = "_retinue_openai"
_LARGE: Final = 512 * 1024
"""Bytes; a larger body is sent in blocks, so that the loop is not held up."""
_MOST: Final = 4 * 1024 * 1024
"""Bytes of a document that is no stream."""
_MOMENT: Final = 0.1
"""Seconds in which the end of a body follows its last frame, if it follows at all."""
_CONNECTING: Final = 20.0
"""Seconds; how long to wait for words is the guard's matter."""
_BROKEN: Final = (
    openai.APIConnectionError,
    httpx2.RequestError,
    httpx2.InvalidURL,
    aiohttp.ClientError,
    OSError,
    ValueError,
)
"""What the client raises, and what it lets through from below."""
_HERE: Final = ("127.0.0.1", "localhost", "[::1]")


class _Open:
    """A `Connection`, over a response that is still coming."""

    def __init__(self, response: httpx2.Response, server: Server) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._blocks: AsyncIterator[bytes] = response.aiter_bytes()
        self._server = server

    async def next_block(self) -> bytes:
        try:
            return await anext(self._blocks, b"")
        except _BROKEN as error:
            server = self._server
            raise ModelUnreachable(
                f"The connection to {server.name!r} at {server.base_url} broke: "
                f"{server.hide(_words(error))}",
                hint=server.unreachable,
            ) from _cause(server, error)

    async def document(self) -> bytes:
        found = bytearray()
        while len(found) < _MOST and (block := await self.next_block()):
            found += block
        return bytes(found[:_MOST])

    async def settle(self) -> None:
        try:
            async with asyncio.timeout(_MOMENT):
                while await self.next_block():
                    pass
        except (TimeoutError, ModelUnreachable):
            pass  # the answer is whole; the connection will be closed


@asynccontextmanager
async def opened(server: Server, path: str, body: bytes | None) -> AsyncGenerator[Connection]:
    """Send a request, POST where it has a body; leaving before its end closes the socket.

    Raises:
        ModelUnauthorized: The key cannot be one.
        ModelUnreachable: Nobody answers, or the connection breaks.
    """
    headers = {"Accept-Encoding": "identity", "Content-Type": "application/json"}
    headers |= server.headers()
    try:
        response = await _sent(await _client(server.base_url), path, body, headers)
    except _BROKEN as error:
        raise ModelUnreachable(
            f"{server.name!r} cannot be reached at {server.base_url}: {server.hide(_words(error))}",
            hint=server.unreachable,
        ) from _cause(server, error)
    try:
        yield _Open(response, server)
    finally:
        await response.aclose()


async def _sent(
    client: openai.AsyncOpenAI, path: str, body: bytes | None, headers: dict[str, str]
) -> httpx2.Response:
    # A key must not be carried to another place.
    options: Any = {"headers": headers, "follow_redirects": False}
    asking: Any = {"cast_to": httpx2.Response, "options": options, "stream": True}
    try:
        if body is None:
            return await client.get(f"/{path}", **asking)
        if len(body) <= _LARGE:
            return await client.post(f"/{path}", content=body, **asking)
        headers["Content-Length"] = str(len(body))
        return await client.post(f"/{path}", content=_in_blocks(body), **asking)
    except openai.APIStatusError as error:
        return error.response


async def _in_blocks(body: bytes) -> AsyncGenerator[bytes]:
    for start in range(0, len(body), _LARGE):
        yield body[start : start + _LARGE]


async def _client(base_url: str) -> openai.AsyncOpenAI:
    """The client for this address, kept on the loop itself and closed with it."""
    loop = asyncio.get_running_loop()
    kept: dict[str, tuple[openai.AsyncOpenAI, Any]] | None = getattr(loop, _PLACE, None)
    if kept is None:
        kept = {}
        setattr(loop, _PLACE, kept)
    if base_url not in kept:
        client = _made(base_url)
        closing = _closing(client)
        kept[base_url] = client, closing
        await anext(closing)
    return kept[base_url][0]


def _made(base_url: str) -> openai.AsyncOpenAI:
    patience = openai.Timeout(None, connect=_CONNECTING)
    return openai.AsyncOpenAI(
        base_url=base_url,
        api_key="in the headers of each request",
        max_retries=0,
        timeout=patience,
        http_client=openai.DefaultAioHttpClient(
            timeout=patience,
            # As many connections as conversations (0 is no limit to aiohttp, and None is 100).
            limits=httpx2.Limits(max_connections=0, keepalive_expiry=60),
            follow_redirects=False,
            mounts={f"all://{host}": None for host in _HERE},  # no proxy for this machine
        ),
    )


async def _closing(client: openai.AsyncOpenAI) -> AsyncGenerator[None]:
    """Closes the client when the loop shuts its async generators down, as asyncio.run does."""
    try:
        yield
    finally:
        await client.close()


def _cause(server: Server, error: Exception) -> Exception | None:
    """The error, to be shown as the cause; unless it repeats the key."""
    return error if server.hide(str(error)) == str(error) else None


def _words(error: BaseException) -> str:
    """What went wrong, in the words of who saw it first."""
    while error.__cause__ is not None:
        error = error.__cause__
    match error:
        case ssl.SSLError():
            return f"its certificate cannot be trusted ({error})"
        case socket.gaierror():
            return "no such host"
        case TimeoutError():
            return f"no connection within {_CONNECTING:g} s"
        case OSError(errno=int(code)) if code > 0:
            return os.strerror(code)
        case _:
            return " ".join(str(error).split())[:200] or type(error).__name__
