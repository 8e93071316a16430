"""Framing: from blocks of bytes, cut anywhere, to the frames in them. No socket, no clock."""

import json
from typing import Any, Final, Protocol, cast

from retinue.errors import StreamIncomplete

from ._server import Server

_LONGEST: Final = 16 * 1024 * 1024
"""Bytes of one frame; a server that never ends a line must not fill the memory."""


class Frames(Protocol):
    """Cuts what comes into frames."""

    foreign: tuple[str, ...]
    """How the content types begin of what cannot be cut so."""

    def feed(self, block: bytes) -> list[bytes]:
        """More bytes; the frames that are whole now.

        Raises:
            StreamIncomplete: A frame does not end.
        """
        ...

    def end(self) -> list[bytes]:
        """Nothing more comes: the last frame, where its end was left out."""
        ...


class ServerSentEvents:
    """The `data` of each event of a text/event-stream.

    Comments, names and ids are left out: the vendors that are read here repeat in the data what
    matters of them. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
    """

    foreign = ("text/html", "application/json")

    def __init__(self) -> None:
        self._rest = _Rest()

    def feed(self, block: bytes) -> list[bytes]:
        if b"\n" not in block and b"\r" not in block:
            self._rest.add(block)
            return []
        if self._rest.pieces:
            block = self._rest.take() + block
        if b"\r" in block:
            block = _with_plain_line_ends(block)
        whole, end, rest = block.rpartition(b"\n\n")
        if rest:
            self._rest.add(rest)
        return _events(whole) if end else []

    def end(self) -> list[bytes]:
        return _events(self._rest.take().replace(b"\r", b"\n"))


class Lines:
    """Each line of a stream of JSON lines. Source: https://github.com/ndjson/ndjson-spec"""

    foreign = ("text/html",)

    def __init__(self) -> None:
        self._rest = _Rest()

    def feed(self, block: bytes) -> list[bytes]:
        if b"\n" not in block:
            self._rest.add(block)
            return []
        if self._rest.pieces:
            block = self._rest.take() + block
        whole, _, rest = block.rpartition(b"\n")
        if rest:
            self._rest.add(rest)
        return [line for line in whole.split(b"\n") if line.strip()]

    def end(self) -> list[bytes]:
        rest = self._rest.take()
        return [rest] if rest.strip() else []


def frame_of(data: bytes, server: Server) -> dict[str, Any]:
    """The JSON object of a frame.

    Raises:
        StreamIncomplete: It is none.
    """
    try:
        frame = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise unreadable(data, server) from error
    if not isinstance(frame, dict):
        raise unreadable(data, server)
    return cast("dict[str, Any]", frame)


def rows_of(frame: dict[str, Any], field: str) -> list[dict[str, Any]]:
    """The objects of the list in this field; whatever else stands there is none."""
    rows = frame.get(field)
    found = cast("list[Any]", rows) if isinstance(rows, list) else []
    return [cast("dict[str, Any]", row) for row in found if isinstance(row, dict)]


def unreadable(data: bytes, server: Server) -> StreamIncomplete:
    """The error that a frame is which nobody can read."""
    shown = server.hide(data.decode(errors="replace"))[:60]
    return StreamIncomplete(
        f"{server.name!r} sent a frame that cannot be read: {shown!r}",
        hint="Ask again. If it stays so, the server behind this address speaks another protocol.",
    )


class _Rest:
    """What came of a frame so far. In pieces: one that comes byte by byte costs no more."""

    __slots__ = ("_size", "pieces")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self._size = 0

    def add(self, block: bytes) -> None:
        self.pieces.append(block)
        self._size += len(block)
        if self._size > _LONGEST:
            raise StreamIncomplete(
                f"A frame of more than {_LONGEST // 1024**2} MB came in, and no end of it",
                hint="The server behind this address does not speak the protocol it was asked in.",
            )

    def take(self) -> bytes:
        found = b"".join(self.pieces)
        self.pieces = []
        self._size = 0
        return found


def _events(text: bytes) -> list[bytes]:
    """The data of each event; one without any is none."""
    found: list[bytes] = []
    for event in text.split(b"\n\n"):
        if event.startswith(b"data: {") and b"\n" not in event:  # nearly every one
            found.append(event[6:])
        elif data := _data_of(event):
            found.append(data)
    return found


def _data_of(event: bytes) -> bytes:
    """The data lines of an event as one."""
    lines = event.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return b"\n".join([line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")])


def _with_plain_line_ends(block: bytes) -> bytes:
    """CR LF and CR as LF; a CR at the very end may be half a line end, so it waits."""
    cut = len(block) - block.endswith(b"\r")
    head = block[:cut].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return head + block[cut:]
