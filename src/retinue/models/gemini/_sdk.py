"""The vendor's own client, as what carries our requests. Loaded with the first of them.

It knows the addresses, shows the key, or fetches a token of Vertex AI and keeps it fresh. What goes
and comes is ours: the objects that it makes of each event take 98 us, reading it ourselves takes 15
(docs/models_gemini.md), and they know less than came. So it is given an HTTP client that sends our
body in place of its own, and keeps the response from it.

One client per event loop and place, over the connections that all models share; a key goes with its
request.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Final, cast

import aiohttp
import google.auth.exceptions
import httpx2
from google import genai
from google.genai import types

from retinue.errors import ModelUnauthorized, UnknownModel
from retinue.models._wire import Connection, Server
from retinue.models._wire.guest import (
    Response,
    Shared,
    kept_on_loop,
    unreachable,
    words_of,
)

from ._errors import told
from ._place import Place

_PLACE: Final = "_retinue_gemini"
_BROKEN: Final = (httpx2.HTTPError, httpx2.InvalidURL, aiohttp.ClientError, OSError)


class _Asking:
    """One request: what is sent, and what comes back."""

    def __init__(self, body: bytes | None, *, key: str | None) -> None:
        self.body = body
        self.key = key
        self.response: httpx2.Response | None = None


_ASKING: ContextVar[_Asking] = ContextVar("_ASKING")


class _Carrier(httpx2.AsyncClient):
    """The HTTP client of the vendor's client; who asks is told by the context."""

    async def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:
        asking = _ASKING.get()
        if not asking.key:  # that of the client would be shown
            request.headers.pop("x-goog-api-key", None)
        if asking.body is not None:
            headers = {k: v for k, v in request.headers.items() if k != "content-length"}
            request = self.build_request(
                request.method, request.url, headers=headers, content=asking.body
            )
        asking.response = await super().send(request, stream=True)
        # What the package would make of this is of no interest.
        return httpx2.Response(200, content=b"", request=request)


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
    asking = _Asking(body, key=server.api_key)
    try:
        response = await _answered(asking, server, path, place, model)
        connection = Response(response, server, _BROKEN)
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
            f"{server.name!r} cannot be told who asks: {server.brief(words_of(error))}",
            hint=server.unauthorized,
        ) from error
    except _BROKEN as error:
        raise unreachable(server, error) from error
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
    """The client of this place, for all models and keys."""
    client, _, _ = await kept_on_loop(_PLACE, place, lambda: _opened(place), _close)
    return client


type _Kept = tuple[genai.Client, _Carrier, httpx2.Client]


def _opened(place: Place) -> _Kept:
    # The certificates are read once: the package would read them for each way it may go.
    trusted = httpx2.create_ssl_context()
    unused = httpx2.Client(verify=trusted)
    carrier = _Carrier(transport=Shared(), timeout=None)
    options = types.HttpOptions(
        base_url=place.shown if place.base_url or not place.vertexai else None,
        api_version="v1beta1" if place.vertexai else "v1beta",
        httpx_client=unused,
        httpx_async_client=carrier,
        async_client_args={"ssl": trusted},
        retry_options=types.HttpRetryOptions(attempts=1),  # the guard asks again, nobody else
    )
    return _made(place, options), carrier, unused


async def _close(kept: _Kept) -> None:
    _, carrier, unused = kept
    unused.close()
    await carrier.aclose()


def _made(place: Place, options: types.HttpOptions) -> genai.Client:
    if place.project:
        location = place.location or "global"
        return genai.Client(
            vertexai=True, project=place.project, location=location, http_options=options
        )
    return genai.Client(
        vertexai=place.vertexai, api_key="goes with its request", http_options=options
    )


_STAND_IN: Final = "-"
"""The package wants to have something to say."""
