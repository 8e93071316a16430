"""The vendor's own client, as what carries our requests. Loaded with the first of them, for that
takes more than a second.

It says which version of the API is meant, and runs over the connections that all models share.
What comes back is cut and read by us: its typed stream costs 104 us a token, this 36, and knows
less than came (docs/models_anthropic.md). One client per event loop and address; a key goes with
its request.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import anthropic
import httpx2

from retinue.models._find import is_customary
from retinue.models._wire import Connection, Server
from retinue.models._wire.guest import (
    Response,
    Shared,
    kept_on_loop,
    sent,
    unreachable,
)

from . import ANTHROPIC

if tuple(map(int, anthropic.__version__.split(".")[:2])) < (2, 10):  # others may want an older one
    raise ImportError(f"anthropic {anthropic.__version__} has another way to speak HTTP")

_PLACE: Final = "_retinue_anthropic"
_BROKEN: Final = (
    anthropic.APIConnectionError,
    httpx2.RequestError,
    httpx2.InvalidURL,
    aiohttp.ClientError,
    OSError,
    ValueError,
)
"""What the client raises, and what it lets through from below."""


@asynccontextmanager
async def opened(
    server: Server, path: str, body: bytes | None, *, betas: Sequence[str] = ()
) -> AsyncGenerator[Connection]:
    """Send a request, POST where it has a body; leaving before its end closes the socket.

    Args:
        server: Who is asked.
        path: Where, below its address.
        body: What.
        betas: What of it is not for everybody yet.

    Raises:
        ModelUnauthorized: The key cannot be one.
        ModelUnreachable: Nobody answers, or the connection breaks.
    """
    headers: dict[str, object] = {
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
    }
    if not server.headers():  # the package would say less about a key that is none
        headers["Authorization"] = anthropic.omit  # else that of the client would be shown
    if betas:
        headers["anthropic-beta"] = ",".join(betas)
    try:
        client = await kept_on_loop(
            _PLACE, server.base_url, lambda: _made(server.base_url), lambda made: made.close()
        )
        client = client.with_options(api_key=server.api_key)  # its log would show a header of ours
        if not is_customary("anthropic", server.base_url, own=ANTHROPIC):
            client._custom_headers = {}  # ANTHROPIC_CUSTOM_HEADERS may hold the key of a gateway
        response = await sent(client, path, body, headers, refused=anthropic.APIStatusError)
    except _BROKEN as error:
        raise unreachable(server, error) from error
    try:
        yield Response(response, server, _BROKEN)
    finally:
        await response.aclose()


def _made(base_url: str) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(
        base_url=base_url,
        api_key="the key goes with its request",
        max_retries=0,
        http_client=httpx2.AsyncClient(transport=Shared(), timeout=None),
    )
