"""The vendor's own client, as what carries our requests. Loaded with the first of them.

It runs over the connections that all models share, and what comes back is cut and read by us: its
typed stream costs 72 us a token, this 6 (docs/models_openai.md). One client per event loop and
address, for all models and keys; a key goes with its request.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import httpx2
import openai

from retinue.models._find import is_customary
from retinue.models._wire import Connection, Server
from retinue.models._wire.guest import (
    Response,
    Shared,
    kept_on_loop,
    sent,
    unreachable,
)
from retinue.models.compatible import OPENAI

if int(openai.VERSION.partition(".")[0]) < 3:  # others may want an older one
    raise ImportError(f"openai {openai.VERSION} has another way to speak HTTP")

_PLACE: Final = "_retinue_openai"
_BROKEN: Final = (
    openai.APIConnectionError,
    httpx2.RequestError,
    httpx2.InvalidURL,
    aiohttp.ClientError,
    OSError,
    ValueError,
)
"""What the client raises, and what it lets through from below."""


@asynccontextmanager
async def opened(server: Server, path: str, body: bytes | None) -> AsyncGenerator[Connection]:
    """Send a request, POST where it has a body; leaving before its end closes the socket.

    Raises:
        ModelUnauthorized: The key cannot be one.
        ModelUnreachable: Nobody answers, or the connection breaks.
    """
    headers = {
        "Authorization": openai.omit,  # without a key, that of the client would be shown
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        **server.headers(),
    }
    try:
        client = await kept_on_loop(
            _PLACE, server.base_url, lambda: _made(server.base_url), lambda made: made.close()
        )
        response = await sent(client, path, body, headers, refused=openai.APIStatusError)
    except _BROKEN as error:
        raise unreachable(server, error) from error
    try:
        yield Response(response, server, _BROKEN)
    finally:
        await response.aclose()


def _made(base_url: str) -> openai.AsyncOpenAI:
    client = openai.AsyncOpenAI(
        base_url=base_url,
        api_key="in the headers of each request",
        max_retries=0,
        http_client=httpx2.AsyncClient(transport=Shared(), timeout=None),
    )
    if not is_customary("openai", base_url, own=OPENAI):
        client.organization = client.project = None
        client._custom_headers = {}  # OPENAI_CUSTOM_HEADERS may hold the key of a gateway
    return client
