"""Asking: a request goes out, and its answer comes back chunk by chunk, or as one document."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Any, Final, Protocol, cast

from retinue.errors import ModelSilent
from retinue.models import ChatChunk

from ._bare import bare
from ._server import Server
from .framing import Frames
from .reading import Frame, frame_of
from .status import error_of, no_stream

_PATIENCE: Final = 10.0
"""Seconds for a document; a stream is watched by the guard."""


class Answer(Protocol):
    """What has come of one answer: the pure half of an adapter."""

    done: bool
    """Whether the frame came that marks its end."""

    def read(self, frame: bytes) -> Iterable[ChatChunk]:
        """The chunks of a frame, in order.

        Raises:
            ModelError: The frame is an error, or cannot be read.
        """
        ...

    def end(self) -> Iterable[ChatChunk]:
        """The last chunks, when nothing more comes.

        Raises:
            StreamIncomplete: The server did not say that it was done.
            BadArguments: A call cannot be read.
        """
        ...


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

    async def settle(self) -> None:
        """The last block was read; where the end follows at once, the connection is kept."""
        ...


type Opener = Callable[[Server, str, bytes | None], AbstractAsyncContextManager[Connection]]
"""Sends a request, POST where it has a body, and opens what comes back."""


def streamed(
    server: Server,
    path: str,
    body: bytes,
    frames: Frames,
    answer: Answer,
    *,
    opened: Opener | None = None,
) -> AbstractAsyncContextManager[AsyncIterator[ChatChunk]]:
    """Send a request, and read its answer; leaving before its end closes the socket.

    Args:
        server: Who is asked.
        path: Where, below its address.
        body: What.
        frames: How the answer is cut into frames.
        answer: What becomes of them.
        opened: What carries the request, if not plain HTTP: a vendor's own client, say.

    Raises:
        ModelUnreachable: Nobody answers, or the connection breaks.
        ModelRejected: The address is none, or no stream comes from there.
        ModelError: What the server says instead.
    """
    return _Streamed((opened or _connected)(server, path, body), server, frames, answer)


class _Streamed:
    """A block around one answer; no generator, as there may be thousands of them at once."""

    __slots__ = ("_answer", "_block", "_chunks", "_frames", "_server")

    def __init__(
        self,
        block: AbstractAsyncContextManager[Connection],
        server: Server,
        frames: Frames,
        answer: Answer,
    ) -> None:
        self._block = block
        self._server = server
        self._frames = frames
        self._answer = answer

    async def __aenter__(self) -> AsyncIterator[ChatChunk]:
        try:
            connection = await self._opened()
        except BaseException as error:
            bare(error, self._server)
            raise
        self._chunks = _chunks(connection, self._frames, self._answer, self._server)
        return self._chunks

    async def __aexit__(self, *raised: Any) -> None:
        try:
            try:
                await self._chunks.aclose()
            finally:
                await self._block.__aexit__(*raised)
        except BaseException as error:
            bare(error, self._server)
            raise

    async def _opened(self) -> Connection:
        connection = await self._block.__aenter__()
        try:
            await self._look_at(connection)
        except BaseException as error:
            await self._block.__aexit__(type(error), error, error.__traceback__)
            raise
        return connection

    async def _look_at(self, connection: Connection) -> None:
        """Raise what came instead of an answer."""
        server = self._server
        kind = connection.headers.get("Content-Type", "nothing")
        if connection.status != 200:
            said = await connection.document()
            raise error_of(server, connection.status, said, connection.headers)
        if kind.startswith(self._frames.foreign):
            raise no_stream(server, kind, await connection.document())


async def document(
    server: Server, path: str, body: bytes | None = None, *, opened: Opener | None = None
) -> Frame:
    """The JSON object at this address.

    Args:
        server, path, opened: As of `streamed`.
        body: What is asked, where something is.

    Raises:
        ModelUnreachable, ModelRejected: As of `streamed`.
        ModelSilent: It takes too long.
        ModelError: What the server says instead.
    """
    try:
        return await _document((opened or _connected)(server, path, body), server)
    except BaseException as error:
        bare(error, server)
        raise


async def _document(block: AbstractAsyncContextManager[Connection], server: Server) -> Frame:
    try:
        async with asyncio.timeout(_PATIENCE), block as connection:
            found = await connection.document()
    except TimeoutError as error:
        raise ModelSilent(
            f"Nothing came from {server.base_url} for {_PATIENCE:g} s", hint=server.unreachable
        ) from error
    if connection.status != 200:
        raise error_of(server, connection.status, found, connection.headers)
    return frame_of(found, server)


async def _chunks(
    connection: Connection, frames: Frames, answer: Answer, server: Server
) -> AsyncGenerator[ChatChunk]:
    try:
        while not answer.done and (block := await connection.next_block()):
            for frame in frames.feed(block):
                for chunk in answer.read(frame):
                    yield chunk
        if answer.done:
            await connection.settle()
        else:
            for frame in frames.end():
                for chunk in answer.read(frame):
                    yield chunk
        for chunk in answer.end():
            yield chunk
    except BaseException as error:
        block = frame = b""  # what a server sends may repeat the key
        bare(error, server)
        raise


def _connected(
    server: Server, path: str, body: bytes | None
) -> AbstractAsyncContextManager[Connection]:
    """POST where there is a body. The client is loaded with the first request, not before."""
    opened = import_module("._http", __package__).opened(server, path, body)
    return cast("AbstractAsyncContextManager[Connection]", opened)
