"""Faults on a real socket: each ends in one of our errors, in time, and without the key."""

import asyncio
import logging
import socket
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from retinue.errors import (
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelSilent,
    ModelUnauthorized,
    ModelUnreachable,
    StreamIncomplete,
)
from retinue.messages import Message
from retinue.models import ChatChunk, ChatRequest, Model, find_model
from retinue.models._wire import _http

from ._raw import CHUNKED, HELLO, Asked, Connection, Serve, chunk, response, serving

type Hear = Callable[..., Awaitable[list[ChatChunk]]]

KEY = "sk-0123456789abcdef"
LINE = b'{"message":{"role":"assistant","content":"hello"},"done":false}\n'
FRAME = HELLO.split(b"\n\n")[0] + b"\n\n"


def model(provider: str, url: str, **limits: Any) -> Model:
    given = {"retries": 0, "first_timeout": 10.0, "idle_timeout": 10.0, **limits}
    return find_model(f"{provider}:m", base_url=url, api_key=KEY, **given)


def says(data: bytes, *, close: bool = True) -> Serve:
    """Sends these bytes, and closes, or waits until the client does."""

    async def serve(connection: Connection, _: Asked) -> None:
        await connection.say(data)
        if close:
            connection.writer.close()
        else:
            await connection.until_left()

    return serve


def resets(data: bytes) -> Serve:
    async def serve(connection: Connection, _: Asked) -> None:
        await connection.say(data)
        await asyncio.sleep(0.05)  # else it might overtake what was sent
        connection.writer.transport.abort()

    return serve


def document(body: bytes, status: str = "200 OK", kind: str = "application/json") -> Serve:
    return says(response(body, status, kind), close=False)


CHAT, OLLAMA, BOTH = ("compatible",), ("ollama",), ("compatible", "ollama")
EVENTS, LINES = "text/event-stream", "application/x-ndjson"
END = b"0\r\n\r\n"
ECHO = f'{{"error":{{"message":"Incorrect API key provided: {KEY}"}}}}'.encode()
ZIPPED = CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
LONG = b"HTTP/1.1 500 Oh\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 5_000_000

FAULTS: list[tuple[str, tuple[str, ...], Serve, type[ModelError], str]] = [
    ("closed at once", BOTH, says(b""), ModelUnreachable, "cannot be reached at http://127"),
    ("reset at once", BOTH, resets(b""), ModelUnreachable, "cannot be reached at http://127"),
    ("no HTTP", BOTH, says(b"SSH-2.0-OpenSSH_9.2\r\n"), ModelUnreachable, "that is no HTTP"),
    ("a head without end", BOTH, says(b"HTTP/1.1 200 OK\r\nX: y"), ModelUnreachable, "reached"),
    (
        "a head without measure",
        BOTH,
        says(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"),
        ModelUnreachable,
        "that is no HTTP",
    ),
    ("a page", BOTH, document(b"<html>", kind="text/html"), ModelRejected, "sent text/html"),
    ("a document", CHAT, document(b'{"choices":[]}'), ModelRejected, "sent application/json"),
    (
        "an error with a status that says all is well",
        CHAT,
        document(b'{"error":{"message":"slow down","code":429}}'),
        ModelOverloaded,
        "slow down",
    ),
    ("no content", BOTH, says(b"HTTP/1.1 204 None\r\n\r\n"), ModelRejected, "no answer: HTTP 204"),
    ("an empty body", CHAT, document(b"", kind=EVENTS), StreamIncomplete, "ended before"),
    ("an empty body", OLLAMA, document(b"", kind=LINES), StreamIncomplete, "ended before"),
    ("a wrong key", BOTH, document(ECHO, "401 No"), ModelUnauthorized, "key provided: …"),
    ("too much to do", BOTH, document(b"", "429 Slow"), ModelOverloaded, "HTTP 429"),
    ("an error without end", BOTH, says(LONG, close=False), ModelUnreachable, "failed: xxx"),
    ("half an error", BOTH, says(response(b"x" * 99, "500 Oh")[:-50]), ModelUnreachable, "broke"),
    ("cut", CHAT, says(CHUNKED + chunk(FRAME) + END), StreamIncomplete, "ended before"),
    ("cut", OLLAMA, says(CHUNKED + chunk(LINE) + END), StreamIncomplete, "ended before"),
    ("cut in it", CHAT, says(CHUNKED + chunk(FRAME[:20]) + END), StreamIncomplete, "be read"),
    ("cut in it", OLLAMA, says(CHUNKED + chunk(LINE[:20]) + END), StreamIncomplete, "be read"),
    ("disconnected", CHAT, says(CHUNKED + chunk(FRAME)), StreamIncomplete, "broke off"),
    ("disconnected", OLLAMA, says(CHUNKED + chunk(LINE)), StreamIncomplete, "broke off"),
    ("reset", CHAT, resets(CHUNKED + chunk(FRAME)), StreamIncomplete, "broke off"),
    ("no chunk", CHAT, says(CHUNKED + b"zz\r\n"), ModelUnreachable, "no HTTP: .*chunk size"),
    ("not zipped", CHAT, says(ZIPPED + chunk(FRAME) + END), ModelUnreachable, "127"),
    ("not agreed", CHAT, document(b"data: [1]\n\n", kind=EVENTS), StreamIncomplete, "be read"),
    ("not agreed", OLLAMA, document(FRAME, kind=EVENTS), StreamIncomplete, "cannot be read"),
]
ROWS = [(provider, *row[2:]) for row in FAULTS for provider in row[1]]
NAMES = [f"{provider}-{row[0]}" for row in FAULTS for provider in row[1]]


@pytest.mark.parametrize(("provider", "serve", "kind", "words"), ROWS, ids=NAMES)
async def test_a_fault_is_one_of_our_errors_and_never_shows_the_key(
    provider: str,
    serve: Serve,
    kind: type[ModelError],
    words: str,
    hear: Hear,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(serve) as server:
        with caplog.at_level(logging.DEBUG), pytest.raises(kind, match=words) as caught:
            await hear(model(provider, server.url), "hi")
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert type(caught.value) is kind
    assert caught.value.hint
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert KEY[:8] not in told + f"{caught.value!r}{caught.value.hint}"


@pytest.mark.parametrize(
    "data",
    [
        f"HTTP/1.1 200 OK\r\nBearer {KEY}\r\n\r\n".encode(),
        f"{KEY}\r\n\r\n".encode(),
        response(f"data: {KEY}\n\n".encode()),
        response(f'data: {{"choices":"{KEY}"}}\n\n'.encode()),
        response(ECHO, kind="text/html"),
        response(ECHO, kind=f"text/html; {KEY}"),
        response(b"", "307 Elsewhere", headers={"Location": f"http://lab/{KEY}"}),
    ],
    ids=str,
)
async def test_a_server_that_repeats_the_key_is_not_repeated(data: bytes, hear: Hear) -> None:
    async with serving(says(data)) as server:
        with pytest.raises(ModelError) as caught:
            await hear(model("compatible", server.url), "hi")
    told = "".join(traceback.format_exception(caught.value))
    assert KEY[:8] not in told + f"{caught.value!r}{caught.value.hint}"


@pytest.mark.parametrize("provider", BOTH)
async def test_nobody_there_is_told_with_the_address_and_what_to_do(
    provider: str, hear: Hear, unused_tcp_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(ModelUnreachable, match=f"{url}.*: Connection refused") as caught:
        await hear(model(provider, url), "hi")
    assert url in (caught.value.hint or "")
    assert ("ollama serve" in (caught.value.hint or "")) is (provider == "ollama")


async def test_a_host_that_nobody_knows_is_told(
    hear: Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(host: Any, *rest: Any, **more: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ModelUnreachable, match=r"http://lab\.test/v1: no such host"):
        await hear(model("compatible", "http://lab.test"), "hi")


@pytest.mark.parametrize("host", ["a..b", "x" * 70, "[::1%nowhere]", "a b", "ä\u200b", "%"])
async def test_a_host_that_cannot_be_one_is_told(host: str, hear: Hear) -> None:
    with pytest.raises((ModelUnreachable, ModelRejected)) as caught:
        await hear(model("compatible", f"http://{host}/v1"), "hi")
    assert caught.value.hint


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\n", CHUNKED, CHUNKED + chunk(b"\n")])
async def test_a_server_that_never_answers_is_silent(
    provider: str, sent: bytes, hear: Hear
) -> None:
    async with serving(says(sent, close=False)) as server:
        with pytest.raises(ModelSilent, match=r"for 0\.1 s") as caught:
            await hear(model(provider, server.url, first_timeout=0.1), "hi")
        assert caught.value.hint
        await server.connections[0].left.wait()


@pytest.mark.parametrize(
    ("provider", "sent"),
    [("compatible", FRAME), ("ollama", LINE), ("compatible", FRAME + b": \n\n")],
)
async def test_a_server_that_stops_in_the_middle_is_silent(provider: str, sent: bytes) -> None:
    async with serving(says(CHUNKED + chunk(sent), close=False)) as server:
        heard: list[str | None] = []
        with pytest.raises(ModelSilent):
            asking = model(provider, server.url, idle_timeout=0.1)
            async with asking.chat(ChatRequest(messages=(Message("hi"),))) as chunks:
                heard += [chunk.text async for chunk in chunks]
        await server.connections[0].left.wait()
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (aiohttp.ConnectionTimeoutError(), "no connection within 20 s"),
        (aiohttp.ServerDisconnectedError(), "Server disconnected"),
        (ConnectionResetError(104, "x"), "Connection reset by peer"),
        (OSError("odd"), "odd"),
        (aiohttp.ClientError(), "ClientError"),
    ],
)
def test_words_for_what_went_wrong(error: Exception, words: str) -> None:
    assert _http._words(error) == words
