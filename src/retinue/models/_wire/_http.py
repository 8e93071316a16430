"""HTTP over aiohttp: one pool of connections per event loop, for all models and keys.

Chosen by measurement (docs/performance.md): of the well-kept clients only this one streams to 500
conversations at once at less than 0.6 ms CPU a turn. It takes 130 ms to import, so it is loaded
with the first model that is asked, and not before.
"""

import asyncio
import io
import os
from collections.abc import Mapping
from contextvars import Context, ContextVar
from functools import partial
from typing import Any, Final, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.client_proto import ResponseHandler

from retinue.errors import ModelError, ModelRejected, ModelUnreachable
from retinue.models._addresses import is_loopback

from ._kept import apart, kept_on_loop
from ._server import Server

_LARGE: Final = 512 * 1024
"""Bytes; a larger body is sent in blocks, so that the loop is not held up."""
_MOST: Final = 4 * 1024 * 1024
"""Bytes of a document that is no stream: an error, a list of models."""
_MOMENT: Final = 0.1
"""Seconds in which the end of a body follows its last frame, if it follows at all."""
_GONE: Final = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
_BROKEN: Final = (aiohttp.ClientError, TimeoutError, OSError, ValueError)
"""ValueError: of names of hosts, and of variables for proxies, that are none."""


class opened:  # noqa: N801 - used as a function, and one of these for each answer has to be small
    """Send a request, POST where it has a body; leaving before its end closes the socket.

    The block, and the connection in it.

    Raises:
        ModelUnauthorized: The key cannot be one.
        ModelUnreachable: Nobody answers, or the connection breaks.
        ModelRejected: The address is none.
    """

    __slots__ = ("_body", "_path", "_response", "_server", "headers", "status")

    def __init__(self, server: Server, path: str, body: bytes | None) -> None:
        self._server = server
        self._path = path
        self._body = body

    async def __aenter__(self) -> Self:
        self._response = response = await self._responded()
        self._body = None  # pictures make it large, and an answer may take long
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        return self

    async def __aexit__(self, *raised: Any) -> None:
        self._response.release()
        await self._response.wait_for_close()

    async def next_block(self) -> bytes:
        try:
            return await self._response.content.readany()
        except _BROKEN as error:
            server = self._server
            raise ModelUnreachable(
                f"The connection to {server.name!r} at {server.base_url} broke: "
                f"{server.brief(_words(error))}",
                hint=server.unreachable,
            ) from error

    async def document(self) -> bytes:
        found = bytearray()
        while len(found) < _MOST and (block := await self.next_block()):
            found += block
        return bytes(found[:_MOST])

    async def settle(self) -> None:
        content = self._response.content
        if content.at_eof():
            return
        try:
            async with asyncio.timeout(_MOMENT):
                await content.readany()
        except _BROKEN:
            pass  # the answer is whole; the connection will be closed

    async def _responded(self) -> aiohttp.ClientResponse:
        server, body = self._server, self._body
        headers = server.headers()
        try:
            method = "GET" if body is None else "POST"
            return await responded(method, server.at(self._path), headers, body)
        except _BROKEN as error:
            raise _error(server, error) from error


async def responded(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    *,
    decompressed: bool = True,
) -> aiohttp.ClientResponse:
    """Send a request over the connections of this loop; the response is the caller's to release.

    Raises:
        aiohttp.ClientError, TimeoutError, OSError, ValueError: Of this client.
    """
    pool = await _pool()
    while True:
        attempt = _Attempt()
        context = _attempt.set(attempt)
        try:
            return await pool.session.request(
                method,
                url,
                data=io.BytesIO(body) if body is not None and len(body) > _LARGE else body,
                headers=headers,
                allow_redirects=False,  # a key must not be carried to another place
                auto_decompress=decompressed,
                proxy=pool.proxy(url),
            )
        except _GONE:
            # The server had closed a connection it promised to keep (llama-server does so after
            # each stream), and has not seen the request. Each such attempt uses one of them up.
            if attempt.on_new_connection:
                raise
        finally:
            _attempt.reset(context)


class _Attempt:
    """What is known of one attempt to send a request."""

    on_new_connection = False


_attempt: ContextVar[_Attempt] = ContextVar("retinue.http.attempt")


class _Protocol(ResponseHandler):
    """What hears a connection, in nobody's context, also where it was held up by a slow reader."""

    def resume_reading(self, resume_parser: bool = True) -> None:
        Context().run(super().resume_reading, resume_parser)


class _Connector(aiohttp.TCPConnector):
    """Makes connections that belong to nobody."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[reportUnknownMemberType]
        self._factory = partial(_Protocol, loop=self._loop)

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
        _attempt.get().on_new_connection = True
        return await apart(super()._create_connection(req, traces, timeout), _unused)


async def _unused(protocol: Any) -> None:
    protocol.close()


class _Pool:
    """The connections of one loop."""

    def __init__(self) -> None:
        self.session = aiohttp.ClientSession(
            # As many connections as conversations: a vendor's limits are the vendor's to say.
            connector=_Connector(limit=0, keepalive_timeout=60),
            # How long to wait for words is the guard's matter; here only for a connection.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=20),
            cookie_jar=aiohttp.DummyCookieJar(),
            # A compressed stream comes in lumps.
            headers={"Accept-Encoding": "identity", "Content-Type": "application/json"},
        )
        self._proxies = getproxies()
        self._proxy_of: dict[tuple[str, str], str | None] = {}

    def proxy(self, url: str) -> str | None:
        """The proxy that the environment names for this address, none for this machine itself."""
        if not self._proxies:
            return None
        parts = urlsplit(url)
        place = parts.scheme, parts.netloc
        if place not in self._proxy_of:
            own = is_loopback(parts.hostname or "") or bool(proxy_bypass(parts.netloc))
            self._proxy_of[place] = None if own else self._proxies.get(parts.scheme)
        return self._proxy_of[place]


async def _pool() -> _Pool:
    """The pool of this loop."""
    return await kept_on_loop("_retinue_http", None, _Pool, lambda pool: pool.session.close())


def _error(server: Server, error: Exception) -> ModelError:
    match error:
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return ModelRejected(
                f"{server.base_url!r} is no address",
                hint='A base_url is written "http://127.0.0.1:8080/v1".',
            )
        case _:
            return ModelUnreachable(
                f"{server.name!r} cannot be reached at {server.base_url}: "
                f"{server.brief(_words(error))}",
                hint=server.unreachable,
            )


def _words(error: Exception) -> str:
    """What went wrong, without what aiohttp says around it."""
    match error:
        case aiohttp.ClientConnectorDNSError() | UnicodeError():
            return "no such host"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return f"its certificate cannot be trusted ({error})"
        case TimeoutError():
            return "no connection within 20 s"
        case aiohttp.ClientHttpProxyError(status=status, message=words):
            return f"the proxy said {status} {words}"
        case aiohttp.ClientResponseError(message=words):
            return f"that is no HTTP: {words}"
        case OSError(errno=int(code)) if code > 0:
            return os.strerror(code)
        case _:
            return str(error) or type(error).__name__
