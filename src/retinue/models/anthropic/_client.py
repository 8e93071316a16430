"""The vendor's package and its connections. It alone imports the package, which takes more than a
second: it is loaded with the first request.

The package sends, shows the key, keeps connections and reads refusals. Of its streams we read the
bytes: the objects it would make of each event cost as much again, and know less than came.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from typing import Any, Final

import anthropic
import httpx2

from retinue.errors import ModelRejected, ModelSilent, ModelUnreachable
from retinue.models import ChatChunk
from retinue.models._wire import (
    Frame,
    Server,
    ServerSentEvents,
    frame_of,
    rows_of,
    texts_of,
    unreadable,
)
from retinue.models._wire.status import error_of, no_stream

from ._decode import Answer
from ._encode import Encoded

_PLACE: Final = "_retinue_anthropic"
_PATIENCE: Final = 10.0
"""Seconds for a document; a stream is watched by the guard."""
_CONNECTING: Final = 20.0
_MOMENT: Final = 0.1
"""Seconds in which the end of a body follows its last event, if it follows at all."""
_BROKEN: Final = (anthropic.APIConnectionError, httpx2.HTTPError, httpx2.StreamError)


@asynccontextmanager
async def streamed(
    server: Server, asked: Encoded, answer: Answer
) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
    """Ask, and read the answer; leaving before its end closes the socket.

    Raises:
        ModelUnauthorized: The key cannot be one.
        ModelUnreachable: Nobody answers, or the connection breaks.
        ModelRejected: Something in it is no JSON, or no stream comes from there.
        ModelError: What the server says instead.
    """
    client = await _client(server)
    async with AsyncExitStack() as stack:
        with _translated(server):
            response = await stack.enter_async_context(
                client.messages.with_streaming_response.create(**_sent(asked), stream=True)
            )
        kind = response.headers.get("content-type", "nothing")
        if kind.startswith(ServerSentEvents.foreign):
            with _translated(server):
                said = await response.read()
            raise no_stream(server, kind, said)
        async with aclosing(_chunks(response.http_response, server, answer)) as chunks:
            yield chunks


async def listed(server: Server) -> tuple[str, ...]:
    """The names of the models that are offered there.

    Raises:
        ModelSilent: It takes too long.
        ModelError: As of `streamed`.
    """
    client = await _client(server)
    async with _document(server):
        response = await client.models.with_raw_response.list(limit=1000)
        return texts_of(rows_of(frame_of(await response.read(), server), "data"), "id")


async def counted(server: Server, asked: Encoded) -> int:
    """How many tokens a request has.

    Raises:
        ModelSilent: It takes too long.
        ModelError: As of `streamed`.
    """
    client = await _client(server)
    async with _document(server):
        response = await client.messages.with_raw_response.count_tokens(**_sent(asked))
        said = await response.read()
    count = frame_of(said, server).get("input_tokens")
    if not isinstance(count, int):
        raise unreadable(said, server)
    return count


async def _chunks(
    response: httpx2.Response, server: Server, answer: Answer
) -> AsyncGenerator[ChatChunk]:
    frames = ServerSentEvents()
    async with aclosing(response.aiter_bytes()) as blocks:
        while not answer.done:
            try:
                block = await anext(blocks, b"")
            except _BROKEN as error:
                raise _broken(server, error) from _cause(server, error)
            for frame in frames.feed(block) if block else frames.end():
                for chunk in answer.read(frame):
                    yield chunk
            if not block:
                break
        await _settle(blocks)
    for chunk in answer.end():
        yield chunk


async def _settle(blocks: AsyncIterator[bytes]) -> None:
    """The last event was read; where the end follows at once, the connection is kept."""
    try:
        async with asyncio.timeout(_MOMENT):
            await anext(blocks, b"")
    except (*_BROKEN, TimeoutError):
        pass  # the answer is whole; the connection will be closed


def _sent(asked: Encoded) -> dict[str, Any]:
    """What the package asks for by name, and the rest, which may be newer than it."""
    body = dict(asked.body)
    sent = {name: body.pop(name) for name in ("model", "max_tokens", "messages") if name in body}
    headers = {"anthropic-beta": ",".join(asked.betas)} if asked.betas else {}
    return {**sent, "extra_body": body, "extra_headers": headers}


class _Pool:
    """The connections of one loop, for all addresses and keys."""

    def __init__(self) -> None:
        self.http = anthropic.DefaultAsyncHttpxClient(
            follow_redirects=False,  # a key must not be carried to another place
            # How long to wait for words is the guard's matter; here only for a connection.
            timeout=httpx2.Timeout(None, connect=_CONNECTING),
        )


async def _client(server: Server) -> anthropic.AsyncAnthropic:
    """The package's client, over the connections of this loop; it is made in 25 us."""
    server.headers()  # or the package would say less about a key that is none
    loop = asyncio.get_running_loop()
    kept: tuple[_Pool, Any] | None = getattr(loop, _PLACE, None)
    if kept is None or kept[0].http.is_closed:
        pool = _Pool()
        closing = _closing(pool)
        await anext(closing)
        kept = pool, closing
        setattr(loop, _PLACE, kept)
    return anthropic.AsyncAnthropic(
        api_key=server.api_key, base_url=server.base_url, max_retries=0, http_client=kept[0].http
    )


async def _closing(pool: _Pool) -> AsyncGenerator[None]:
    """Closes the pool when the loop shuts its async generators down, as asyncio.run does."""
    try:
        yield
    finally:
        await pool.http.aclose()


@asynccontextmanager
async def _document(server: Server) -> AsyncGenerator[None]:
    """Where something is waited for that is no stream."""
    try:
        async with asyncio.timeout(_PATIENCE):
            with _translated(server):
                yield
    except TimeoutError as error:
        raise ModelSilent(
            f"Nothing came from {server.base_url} for {_PATIENCE:g} s", hint=server.unreachable
        ) from error


@contextmanager
def _translated(server: Server) -> Generator[None]:
    """Where the package's errors become ours."""
    try:
        yield
    except anthropic.APIStatusError as error:
        said = error.response
        raise error_of(server, said.status_code, said.content, said.headers) from _cause(
            server, error
        )
    except _BROKEN as error:
        raise ModelUnreachable(
            f"{server.name!r} cannot be reached at {server.base_url}: {_words(server, error)}",
            hint=server.unreachable,
        ) from _cause(server, error)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelRejected(
            f"This cannot be said in a request: {server.hide(str(error))}",
            hint="Options, schemas and arguments are plain JSON values.",
        ) from _cause(server, error)


def _broken(server: Server, error: Exception) -> ModelUnreachable:
    return ModelUnreachable(
        f"The connection to {server.name!r} at {server.base_url} broke: {_words(server, error)}",
        hint=server.unreachable,
    )


def _cause(server: Server, error: Exception) -> Exception | None:
    """The error, to be shown as the cause; unless it repeats the key."""
    return error if server.hide(str(error)) == str(error) else None


def _words(server: Server, error: BaseException) -> str:
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
            return server.hide(" ".join(str(error).split())[:200]) or type(error).__name__
