"""Reading: what stands in a frame or a document. Nothing in it is believed unseen."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast
from uuid import uuid4

from retinue.errors import StreamIncomplete
from retinue.messages import ToolCall, ToolSpec
from retinue.models._repair import parse_tool_args

from ._server import Server

type Frame = dict[str, Any]


def as_agreed[T](data: bytes, server: Server, read: Callable[[Frame], T]) -> T:
    """What `read` makes of the JSON object that these bytes are; it must not do so lazily.

    Raises:
        StreamIncomplete: They are none, or `read` does not find in it what was agreed.
        ModelError: What `read` raises.
    """
    try:
        frame: Any = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise unreadable(data, server) from error
    if frame.__class__ is not dict:
        raise unreadable(data, server)
    try:
        return read(frame)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise unreadable(data, server) from error


def frame_of(data: bytes, server: Server) -> Frame:
    """The JSON object that these bytes are.

    Raises:
        StreamIncomplete: They are none.
    """
    return as_agreed(data, server, lambda frame: frame)


def rows_of(frame: Frame, field: str) -> list[Frame]:
    """The objects of the list in this field; whatever else stands there is none."""
    rows = frame.get(field)
    found = cast("list[Any]", rows) if isinstance(rows, list) else []
    return [cast("Frame", row) for row in found if isinstance(row, dict)]


def texts_of(rows: list[Frame], field: str) -> tuple[str, ...]:
    """The texts that stand in this field of the rows."""
    return tuple([text for row in rows if isinstance(text := row.get(field), str)])


def text_of(value: Any) -> str:
    """The value, if it is a text; empty if it is nothing.

    Raises:
        TypeError: It is something else.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    raise TypeError(f"{type(value).__name__} is no text")


def count_of(fields: Mapping[str, Any], name: str) -> int:
    """The count of this name; 0 where there is none."""
    value = fields.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def called(tools: Iterable[ToolSpec], *, id: Any, name: Any, args: Any) -> ToolCall:
    """A call of one of these tools, as a model, or the server of it, wrote it.

    Args:
        tools: That were offered.
        id: Empty or None where there is none; then one is made.
        name: Of the tool.
        args: The object, or its text, which may be a little wrong.

    Raises:
        BadArguments: The arguments cannot be trusted to mean anything.
        TypeError: The id or the name is no text.
    """
    id, name = text_of(id) or call_id(), text_of(name)
    if not isinstance(args, dict):
        schemas = {tool.name: tool.parameters for tool in tools}
        written = args if isinstance(args, str) else json.dumps(args)
        args = parse_tool_args(written, schemas.get(name, {}))
    return ToolCall(id=id, name=name, args=cast("Frame", args))


def call_id() -> str:
    """An id for a call that came without."""
    return f"call_{uuid4().hex[:24]}"


def unreadable(data: bytes, server: Server) -> StreamIncomplete:
    """The error that a frame is which nobody can read."""
    shown = server.hide(data.decode(errors="replace"))[:60]
    return StreamIncomplete(
        f"{server.name!r} sent a frame that cannot be read: {shown!r}",
        hint="Ask again. If it stays so, the server behind this address speaks another protocol.",
    )


def incomplete(server: Server) -> StreamIncomplete:
    """The error that an answer is which ended, or broke, without a word of it."""
    return StreamIncomplete(
        f"The answer of {server.name!r} ended before it was done",
        hint="It is not whole. Ask again.",
    )
