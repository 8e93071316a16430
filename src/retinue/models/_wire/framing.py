"""Framing: from blocks of bytes, cut anywhere, to the frames in them. No socket, no clock."""

from typing import Final, Protocol

from retinue.errors import StreamIncomplete

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
    """The `data` of each event of a text/event-stream; an event without any is none.

    Comments, names and ids are left out: the vendors that are read here repeat in the data what
    matters of them. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
    """

    foreign: tuple[str, ...] = ("text/html", "application/json")

    def __init__(self) -> None:
        self._rest = _Rest()

    def feed(self, block: bytes) -> list[bytes]:
        if self._rest.pieces:
            if b"\n" not in block and b"\r" not in block:
                self._rest.add(block)
                return []
            block = self._rest.take() + block
        if b"\r" in block:
            block = _with_plain_line_ends(block)
        whole, end, rest = block.rpartition(b"\n\n")
        if rest:
            self._rest.add(rest)
        if not end:
            return []
        found: list[bytes] = []
        for event in whole.split(b"\n\n"):
            if event.startswith(b"data: {") and b"\n" not in event:  # nearly every one
                found.append(event[6:])
            elif data := _data_of(event):
                found.append(data)
        return found

    def end(self) -> list[bytes]:
        return self.feed(b"\n\n")


class Lines:
    """Each line of a stream of JSON lines. Source: https://github.com/ndjson/ndjson-spec"""

    foreign: tuple[str, ...] = ("text/html",)

    def __init__(self) -> None:
        self._rest = _Rest()

    def feed(self, block: bytes) -> list[bytes]:
        if self._rest.pieces:
            if b"\n" not in block:
                self._rest.add(block)
                return []
            block = self._rest.take() + block
        whole, end, rest = block.rpartition(b"\n")
        if rest:
            self._rest.add(rest)
        return [line for line in whole.split(b"\n") if line.strip()] if end else []

    def end(self) -> list[bytes]:
        return self.feed(b"\n")


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


def _data_of(event: bytes) -> bytes:
    """The data lines of an event as one. A byte order mark may stand before the first of all."""
    lines = [line.removeprefix(b"\xef\xbb\xbf") for line in event.split(b"\n")]
    return b"\n".join([line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")])


def _with_plain_line_ends(block: bytes) -> bytes:
    """CR LF and CR as LF; a CR at the very end may be half a line end, so it waits."""
    cut = len(block) - block.endswith(b"\r")
    head = block[:cut].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return head + block[cut:]
