"""The vendor's own client, as what carries our requests. Loaded with the first of them.

It knows the addresses, shows the key, or fetches a token of Vertex AI and keeps it fresh. What goes
and comes is ours: the objects that it makes of each event take 98 us, reading it ourselves takes 15
(docs/models_gemini.md), and they know less than came. So it is given an HTTP client that sends our
body in place of its own, and keeps the response from it.

One client per event loop and place, over one pool of connections; a key goes with its request.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Final, cast

import google.auth.exceptions
import httpx2
from google import genai
from google.genai import types

from retinue.errors import ModelUnauthorized, ModelUnreachable, UnknownModel
from retinue.models._wire import Connection, Server

from ._errors import told
from ._place import Place

_PLACE: Final = "_retinue_gemini"
_MOST: Final = 4 * 1024 * 1024
"""Bytes of a document that is no stream."""
_CONNECTING: Final = 20.0
"""Seconds; how long to wait for words is the guard's matter."""
_HERE: Final = ("127.0.0.1", "localhost", "[::1]")
_BROKEN: Final = (httpx2.HTTPError, httpx2.InvalidURL, OSError)


class _Asking:
    """One request: what is sent, and what comes back."""

    def __init__(self, body: bytes | None) -> None:
        self.body = body
        self.response: httpx2.Response | None = None


_ASKING: ContextVar[_Asking] = ContextVar("_ASKING")


class _Carrier(httpx2.AsyncClient):
    """The HTTP client of the vendor's client; who asks is told by the context."""

    async def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:
        asking = _ASKING.get()
        if asking.body is not None:
            headers = {k: v for k, v in request.headers.items() if k != "content-length"}
            request = self.build_request(
                request.method, request.url, headers=headers, content=asking.body
            )
        asking.response = await super().send(request, stream=True)
        # What the package would make of this is of no interest.
        return httpx2.Response(200, content=b"", request=request)


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
        """Nothing is left: these answers are read to the end of their body."""


class _Refused:
    """A `Connection` with a refusal, which is read already."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self._body = told(status, headers, body)

    async def next_block(self) -> bytes:
        body, self._body = self._body, b""
        return body

    async def document(self) -> bytes:
        return await self.next_block()

    async def settle(self) -> None:
        """Nothing is left of it."""


@asynccontextmanager
async def opened(
    server: Server, path: str, body: bytes | None, *, place: Place, model: str
) -> AsyncGenerator[Connection]:
    """Send a request; leaving before its end closes the socket.

    Args:
        server: Who is asked.
        path: What is wanted: "streamGenerateContent", "countTokens" or "models".
        body: What is sent.
        place, model: Of the model.

    Raises:
        ModelUnauthorized: The key cannot be one, or there are no credentials.
        ModelUnreachable: Nobody answers, or the connection breaks.
        UnknownModel: The name cannot be one.
    """
    asking = _Asking(body)
    try:
        response = await _answered(asking, server, path, place, model)
        connection = _Open(response, server)
        if connection.status == 200:
            yield connection
        else:
            yield _Refused(connection.status, connection.headers, await connection.document())
    finally:
        if asking.response is not None:
            await asking.response.aclose()


async def _answered(
    asking: _Asking, server: Server, path: str, place: Place, model: str
) -> httpx2.Response:
    # A compressed stream comes in lumps.
    headers = {"Accept-Encoding": "identity"}
    if server.headers():
        headers["x-goog-api-key"] = cast(str, server.api_key)
    ours = _ASKING.set(asking)
    try:
        await _ask(await _client(place), path, model, {"headers": headers})
    except google.auth.exceptions.GoogleAuthError as error:
        raise ModelUnauthorized(
            f"{server.name!r} cannot be told who asks: {_words(error)}", hint=server.unauthorized
        ) from error
    except _BROKEN as error:
        raise ModelUnreachable(
            f"{server.name!r} cannot be reached at {server.base_url}: {server.hide(_words(error))}",
            hint=server.unreachable,
        ) from _cause(server, error)
    except ValueError as error:
        raise UnknownModel(
            f"{server.name!r} cannot be the name of a model: {error}", hint=server.unknown
        ) from error
    finally:
        _ASKING.reset(ours)
    assert asking.response is not None
    return asking.response


async def _ask(client: genai.Client, path: str, model: str, http: Any) -> None:
    """Have the package send a request; what it says is put in by the carrier."""
    models: Any = client.aio.models
    match path:
        case "streamGenerateContent":
            config: Any = {
                "http_options": http,
                "automatic_function_calling": {"disable": True},
                "automatic_continuation": False,
            }
            chunks = await models.generate_content_stream(
                model=model, contents=_STAND_IN, config=config
            )
            async for _ in chunks:
                pass
        case "countTokens":
            await models.count_tokens(
                model=model, contents=_STAND_IN, config={"http_options": http}
            )
        case _:
            await models.list(config={"http_options": http, "page_size": 1000})


async def _client(place: Place) -> genai.Client:
    """The client of this place, kept on the loop itself and closed with it."""
    loop = asyncio.get_running_loop()
    kept: dict[Place, tuple[genai.Client, Any]] | None = getattr(loop, _PLACE, None)
    if kept is None:
        kept = {}
        setattr(loop, _PLACE, kept)
    if place not in kept:
        # The certificates are read once: the package would read them for each way it may go.
        trusted = httpx2.create_ssl_context()
        unused = httpx2.Client(verify=trusted)
        carrier = _Carrier(
            verify=trusted,
            timeout=httpx2.Timeout(None, connect=_CONNECTING),
            # As many connections as conversations: a vendor's limits are the vendor's to say.
            limits=httpx2.Limits(keepalive_expiry=60),
            follow_redirects=False,  # a key must not be carried to another place
            mounts={f"all://{host}": None for host in _HERE},  # no proxy for this machine
        )
        options = types.HttpOptions(
            base_url=place.shown if place.base_url or not place.vertexai else None,
            api_version="v1beta1" if place.vertexai else "v1beta",
            httpx_client=unused,
            httpx_async_client=carrier,
            async_client_args={"ssl": trusted},
            retry_options=types.HttpRetryOptions(attempts=1),  # the guard asks again, nobody else
        )
        client = _made(place, options)
        closing = _closing(carrier, unused)
        kept[place] = client, closing
        await anext(closing)
    return kept[place][0]


def _made(place: Place, options: types.HttpOptions) -> genai.Client:
    if place.project:
        location = place.location or "global"
        return genai.Client(
            vertexai=True, project=place.project, location=location, http_options=options
        )
    return genai.Client(
        vertexai=place.vertexai, api_key="goes with its request", http_options=options
    )


async def _closing(carrier: _Carrier, unused: httpx2.Client) -> AsyncGenerator[None]:
    """Closes the connections when the loop shuts its async generators down, as asyncio.run does."""
    try:
        yield
    finally:
        unused.close()
        await carrier.aclose()


def _cause(server: Server, error: Exception) -> Exception | None:
    """The error, to be shown as the cause; unless it repeats the key."""
    return error if server.hide(str(error)) == str(error) else None


def _words(error: BaseException) -> str:
    """What went wrong, in the words of who saw it first."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    match error:
        case ssl.SSLError():
            return f"its certificate cannot be trusted ({error})"
        case socket.gaierror() | UnicodeError():
            return "no such host"
        case TimeoutError() | asyncio.CancelledError():
            return f"no connection within {_CONNECTING:g} s"
        case OSError(errno=int(code)) if code > 0:
            return os.strerror(code)
        case _:
            return " ".join(str(error).split())[:200] or type(error).__name__


_STAND_IN: Final = "-"
"""The package wants to have something to say."""
