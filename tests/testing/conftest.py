"""What the tests of the mock share: a server, and a client that shows the bytes."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from retinue.testing.mock_llm import MockLLM

PATIENCE = 20.0
"""Seconds that nothing here may take."""


@dataclass(frozen=True)
class Got:
    """An answer as it came; `body` without chunks, `whole` where it had its end."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool = True

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The data of server-sent events."""
        lines = [line[6:] for line in self.body.decode().split("\n") if line.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    @property
    def lines(self) -> list[Any]:
        """The objects of JSON lines."""
        return [json.loads(line) for line in self.body.decode().split("\n") if line]


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        lines = [f"{method} {path} HTTP/1.1", "host: mock"]
        if body or method == "POST":
            lines.append(f"content-length: {len(body)}")
        lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    async def head(self) -> tuple[int, dict[str, str]]:
        text = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = text.strip().split("\r\n")
        pairs = [line.partition(": ") for line in lines]
        return int(first.split()[1]), {name: text for name, _, text in pairs}

    async def chunk(self) -> bytes:
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def got(self, *, head_only: bool = False) -> Got:
        """The next answer, or as much of it as comes."""
        async with asyncio.timeout(PATIENCE):
            status, headers = await self.head()
            body = b""
            try:
                if head_only:
                    pass
                elif "content-length" in headers:
                    body = await self.reader.readexactly(int(headers["content-length"]))
                else:
                    while piece := await self.chunk():
                        body += piece
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                rest = error.partial if isinstance(error, asyncio.IncompleteReadError) else b""
                return Got(status, headers, body + rest, whole=False)
            return Got(status, headers, body)

    async def is_closed(self) -> bool:
        """Whether nothing more comes, ever."""
        async with asyncio.timeout(PATIENCE):
            try:
                return not await self.reader.read()
            except ConnectionError:
                return True


class Connect(Protocol):
    def __call__(self, mock: MockLLM) -> Any: ...


type Ask = Callable[..., Any]


@pytest.fixture
async def mock() -> AsyncIterator[MockLLM]:
    async with MockLLM() as mock:
        yield mock


@pytest.fixture
def connect() -> Connect:
    """A connection to a server: `async with connect(mock) as client:`."""

    @asynccontextmanager
    async def connect(mock: MockLLM) -> AsyncGenerator[Client]:
        reader, writer = await asyncio.open_connection(mock.host, mock.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()

    return connect


@pytest.fixture
def ask(mock: MockLLM, connect: Connect) -> Ask:
    """Send one request over a connection of its own, and give what comes."""

    async def ask(path: str, body: Any = None, *, method: str = "", **headers: str) -> Got:
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        verb = method or ("GET" if body is None else "POST")
        async with connect(mock) as client:
            client.send(verb, path, raw, **headers)
            return await client.got(head_only=verb == "HEAD")

    return ask


@pytest.fixture
def chat(ask: Ask) -> Ask:
    """Ask a model over Chat Completions."""

    async def chat(*said: Any, model: str = "m", stream: bool = True, key: str = "", **more: Any):
        body = {"model": model, "stream": stream, "messages": list(said) or [user("Hello?")]}
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return await ask("/v1/chat/completions", body | more, **headers)

    return chat


@pytest.fixture
def ollama(ask: Ask) -> Ask:
    """Ask a model over Ollama's wire."""

    async def ollama(*said: Any, model: str = "m", **more: Any):
        body = {"model": model, "messages": list(said) or [user("Hello?")]}
        return await ask("/api/chat", body | more)

    return ollama


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}
