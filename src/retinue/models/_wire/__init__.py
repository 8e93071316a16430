"""The wire under every model that is spoken to over plain HTTP, without a vendor's package.

`connected` opens a stream of bytes over the pool of the running loop; `framing` cuts it into the
JSON of its frames, `status` turns what a server refuses into our errors. The last two need no
socket, and the HTTP client is loaded with the first request, not with the first model.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Protocol, cast

from .framing import Frames, Lines, ServerSentEvents, frame_of, names_in, unreadable
from .status import error_of, refused


class Connection(Protocol):
    """A response whose body is still coming."""

    status: int
    headers: Mapping[str, str]

    async def next_block(self) -> bytes:
        """Wait for more of the body; empty at its end.

        Raises:
            ModelUnreachable: The connection broke.
        """
        ...

    async def document(self) -> bytes:
        """The whole body, or as much of it as any document of ours may have."""
        ...


def connected(
    url: str,
    *,
    model: str,
    body: bytes | None = None,
    headers: Mapping[str, str],
    hint: str | None = None,
) -> AbstractAsyncContextManager[Connection]:
    """Send a request, POST where it has a body; leaving before its end closes the socket.

    Args:
        url: Where to.
        model: Who is asked, for errors.
        body: JSON.
        headers: Beside those of the protocol.
        hint: What to do where nobody answers.

    Raises:
        ModelUnreachable: Nobody answers, or the connection breaks.
        ModelRejected: The address is none.
    """
    client = import_module("._http", __package__)
    opened = client.opened(url, model=model, body=body, headers=headers, hint=hint)
    return cast("AbstractAsyncContextManager[Connection]", opened)


async def fetched(
    url: str, *, model: str, headers: Mapping[str, str], hint: str | None = None
) -> tuple[int, bytes, Mapping[str, str]]:
    """A whole document: its status, its body, its headers. Raises as `connected` does."""
    async with connected(url, model=model, headers=headers, hint=hint) as connection:
        return connection.status, await connection.document(), connection.headers


def bearer(key: str | None) -> Mapping[str, str]:
    """The header that shows a key (RFC 6750); none without one."""
    return {"Authorization": f"Bearer {key}"} if key else {}


def joined(base_url: str, path: str) -> str:
    """The address of `path` below a base_url, which may end in a slash or not."""
    return f"{base_url.rstrip('/')}/{path}"


__all__ = [
    "Connection",
    "Frames",
    "Lines",
    "ServerSentEvents",
    "bearer",
    "connected",
    "error_of",
    "fetched",
    "frame_of",
    "joined",
    "names_in",
    "refused",
    "unreadable",
]
