"""Framing: from blocks of bytes, cut anywhere, to the frames in them. No socket, no clock."""

import json
from typing import Any, Final, Protocol, cast

from retinue.errors import StreamIncomplete

_LONGEST: Final = 16 * 1024 * 1024
"""Bytes of one frame; a server that never ends a line must not fill the memory."""


class Frames(Protocol):
    """Cuts what comes into frames."""

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

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, block: bytes) -> list[bytes]:
        if self._rest:
            block = self._rest + block
        if b"\r" in block:
            block = _with_plain_line_ends(block)
        whole, end, self._rest = block.rpartition(b"\n\n")
        if not end:
            _limit(self._rest)
            return []
        found: list[bytes] = []
        for event in whole.split(b"\n\n"):
            if event.startswith(b"data: ") and b"\n" not in event:
                found.append(event[6:])
            elif (data := _data_of(event)) is not None:
                found.append(data)
        return found

    def end(self) -> list[bytes]:
        rest, self._rest = self._rest.replace(b"\r", b"\n"), b""
        data = _data_of(rest)
        return [] if data is None else [data]


class Lines:
    """Each line of a stream of JSON lines. Source: https://github.com/ndjson/ndjson-spec"""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, block: bytes) -> list[bytes]:
        if self._rest:
            block = self._rest + block
        whole, end, self._rest = block.rpartition(b"\n")
        if not end:
            _limit(self._rest)
            return []
        return [line for line in whole.split(b"\n") if line.strip()]

    def end(self) -> list[bytes]:
        rest, self._rest = self._rest, b""
        return [rest] if rest.strip() else []


def frame_of(data: bytes, model: str) -> dict[str, Any]:
    """The JSON object of a frame.

    Raises:
        StreamIncomplete: It is none.
    """
    try:
        frame = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise unreadable(data, model) from error
    if not isinstance(frame, dict):
        raise unreadable(data, model)
    return cast("dict[str, Any]", frame)


def names_in(rows: Any, field: str) -> tuple[str, ...]:
    """The texts that stand in this field of the rows of a list; whatever else there is is none."""
    found: list[str] = []
    for row in cast("list[Any]", rows) if isinstance(rows, list) else ():
        match row:
            case dict():
                name = cast("dict[str, Any]", row).get(field)
                found += [name] if isinstance(name, str) else []
            case _:
                pass
    return tuple(found)


def unreadable(data: bytes, model: str) -> StreamIncomplete:
    """The error that a frame is which nobody can read."""
    shown = data[:60].decode(errors="replace")
    return StreamIncomplete(
        f"{model!r} sent a frame that cannot be read: {shown!r}",
        hint="Ask again. If it stays so, the server behind this address speaks another protocol.",
    )


def _data_of(event: bytes) -> bytes | None:
    """The data lines of an event as one; None where it has none."""
    found = [
        line[5:].removeprefix(b" ")
        for line in event.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        if line.startswith(b"data:")
    ]
    return b"\n".join(found) if found else None


def _with_plain_line_ends(block: bytes) -> bytes:
    """CR LF and CR as LF; a CR at the very end may be half a line end, so it waits."""
    cut = len(block) - block.endswith(b"\r")
    head = block[:cut].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return head + block[cut:]


def _limit(rest: bytes) -> None:
    if len(rest) > _LONGEST:
        raise StreamIncomplete(
            f"A frame of more than {_LONGEST // 1024**2} MB came in, and no end of it",
            hint="The server behind this address does not speak the protocol it was asked in.",
        )
