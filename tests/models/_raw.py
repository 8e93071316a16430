"""A server of bytes on this machine, for what no mock of a vendor would do."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 20.0
"""Seconds that nothing here may take."""

HELLO = (
    b'data: {"choices":[{"delta":{"content":"hello"}}]}\n\n'
    b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)
"""An answer of Chat Completions."""


def response(
    body: bytes = HELLO,
    status: str = "200 OK",
    kind: str = "text/event-stream",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A whole response, after which the connection can be used again."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        *[f"{name}: {value}" for name, value in (headers or {}).items()],
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def chunk(data: bytes) -> bytes:
    """A piece of a body that goes on."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@dataclass
class Asked:
    """A request as it came."""

    connection: int
    head: str
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        lines = [line.split(": ", 1) for line in self.head.split("\r\n")[1:] if line]
        return {name.lower(): value for name, value in lines}


@dataclass
class Connection:
    """One connection, from the server's side."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client has closed it."""

    async def asked(self) -> Asked:
        """The next request. Raises EOFError where the client has gone."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        asked = Asked(self.number, head.removesuffix("\r\n\r\n"), b"")
        length = int(asked.headers.get("content-length", "0"))
        if "chunked" in asked.headers.get("transfer-encoding", ""):
            while size := int(await self.reader.readline(), 16):
                asked.body += await self.reader.readexactly(size)
                await self.reader.readline()
            await self.reader.readline()
        asked.body += await self.reader.readexactly(length)
        return asked

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def until_left(self) -> None:
        """Wait until the client closes the connection."""
        while await self.reader.read(65536):
            pass
        self.left.set()


@dataclass
class Served:
    """What a server has seen."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)


type Serve = Callable[[Connection, Asked], Awaitable[Any]]


@asynccontextmanager
async def serving(
    serve: Serve, *, port: int = 0, secure: ssl.SSLContext | None = None
) -> AsyncGenerator[Served]:
    """A server that reads requests, and does what `serve` does with each."""
    tasks: set[asyncio.Task[Any]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        connection = Connection(len(served.connections), reader, writer)
        served.connections.append(connection)
        try:
            while not writer.is_closing():
                asked = await connection.asked()
                served.asked.append(asked)
                await serve(connection, asked)
        except (EOFError, OSError, asyncio.CancelledError):
            connection.left.set()
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port, ssl=secure, limit=2**20)
    port = server.sockets[0].getsockname()[1]
    served = Served(f"{'https' if secure else 'http'}://127.0.0.1:{port}")
    try:
        async with asyncio.timeout(PATIENCE):
            yield served
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def says_hello(connection: Connection, _: Asked) -> None:
    """Answer as Chat Completions, and keep the connection."""
    await connection.say(response())
