"""HTTP/1.1, as much of it as a client of a model needs: requests in, answers out in chunks."""

import asyncio
import socket
import struct
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple, cast
from urllib.parse import urlsplit

_MOST: Final = 64 * 1024 * 1024
"""Bytes of a body."""


class Sent(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    """By their names in small letters."""
    body: bytes


class NoRequest(Exception):
    """What came is no request that can be understood; the connection is of no use any more."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Sent | None:
    """The next request of a connection; None where the client has gone.

    Raises:
        NoRequest: It is none.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        method, path, headers = _head(head.decode("latin-1"))
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return Sent(method, path, headers, await _body(reader, headers))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError:
        raise NoRequest(431, "the head of the request is too long") from None


def _head(text: str) -> tuple[str, str, dict[str, str]]:
    first, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
    match first.split(" "):
        case [method, target, "HTTP/1.1"]:
            pass
        case [_, _, version] if version.startswith("HTTP/"):
            raise NoRequest(505, f"this is {version}, and only HTTP/1.1 is understood")
        case _:
            raise NoRequest(400, "this is no HTTP request")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, text = line.partition(":")
        if not colon or name != name.strip():
            raise NoRequest(400, f"this is no header: {line[:40]!r}")
        headers[name.lower()] = text.strip()
    try:
        return method, urlsplit(target).path, headers
    except ValueError:
        raise NoRequest(400, f"this is no address: {target[:40]!r}") from None


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _chunks(reader)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal()):
        raise NoRequest(400, "the content-length is no number")
    return await reader.readexactly(_allowed(int(length)))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        size = (await reader.readuntil(b"\r\n")).partition(b";")[0].strip()
        try:
            length = int(size, 16)
        except ValueError:
            raise NoRequest(400, "the size of a chunk is no number") from None
        if length == 0:
            break
        _allowed(len(body) + length)
        body += (await reader.readexactly(length + 2))[:-2]
    while await reader.readuntil(b"\r\n") != b"\r\n":  # trailers
        pass
    return bytes(body)


def _allowed(length: int) -> int:
    if not 0 <= length <= _MOST:
        raise NoRequest(413, f"a body of {length} bytes is too large")
    return length


class Outlet:
    """Where an answer goes.

    Args:
        writer: The connection.
        segment: Bytes that go out at once; None: as they are given.
    """

    def __init__(self, writer: asyncio.StreamWriter, *, segment: int | None = None) -> None:
        self._writer = writer
        self.segment = segment
        self.begun = False
        """Whether something has been sent."""
        self.status: int | None = None
        """What was sent of it."""

    async def whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """An answer whose length is known; where that is said in the headers, it is believed."""
        self.status = status
        await self._send(_status(status, {"content-length": str(len(body)), **headers}) + body)

    async def begin(self, headers: Mapping[str, str]) -> None:
        """Begin an answer in chunks."""
        self.status = 200
        await self._send(_status(200, {"transfer-encoding": "chunked", **headers}))

    async def chunk(self, data: bytes) -> None:
        await self._send(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        await self._send(b"0\r\n\r\n")

    async def half(self, data: bytes) -> None:
        """A chunk that promises more than it has."""
        await self._send(b"%x\r\n%b" % (len(data) + 100, data))

    async def raw(self, data: bytes) -> None:
        await self._send(data)

    def reset(self) -> None:
        """Break the connection, so that the client sees a reset and no end."""
        connection = cast("socket.socket | None", self._writer.get_extra_info("socket"))
        if connection is not None:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()

    async def _send(self, data: bytes) -> None:
        self.begun = True
        step = self.segment or len(data) or 1
        for start in range(0, len(data), step):
            self._writer.write(data[start : start + step])
            await self._writer.drain()
            await asyncio.sleep(0)  # the client may read what there is


def _status(status: int, headers: Mapping[str, str]) -> bytes:
    try:
        words = HTTPStatus(status).phrase
    except ValueError:
        words = "Unknown"
    lines = [f"HTTP/1.1 {status} {words}", *[f"{name}: {text}" for name, text in headers.items()]]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
