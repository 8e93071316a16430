"""Messages: what is said, by whom, and how it travels while it is still being said.

`Message` and its parts never change. A `MessagePromise` is one message on its way, token by token;
a `MessageSequencePromise` several of them, flat and in order, whatever they were made from.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._feed import Feed, MessageSequenceAppender, sequence_of
from ._frozen import FrozenDict, Record, canonical, content_hash, freeze
from ._message import (
    ErrorMessage,
    Message,
    MessagePromise,
    Messages,
    Piece,
    chained_hash,
    derived_id,
    new_id,
)
from ._parts import (
    PARTS,
    Audio,
    Block,
    File,
    Image,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from ._sequence import MessageSequencePromise
from ._value import value
from .hooks import MessageHooks

if TYPE_CHECKING:
    from ._declared import Frozen
    from .history import ChatHistory, MarkdownHistory, MemoryHistory
    from .text import join_messages, split_messages

_LATER = {
    "ChatHistory": "history",
    "Frozen": "_declared",
    "MarkdownHistory": "history",
    "MemoryHistory": "history",
    "join_messages": "text",
    "split_messages": "text",
}
"""What not every program needs, and is loaded when it is asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_LATER[name]}", __name__), name)
    return value


__all__ = [
    "PARTS",
    "Audio",
    "Block",
    "ChatHistory",
    "ErrorMessage",
    "Feed",
    "File",
    "Frozen",
    "FrozenDict",
    "Image",
    "MarkdownHistory",
    "MemoryHistory",
    "Message",
    "MessageHooks",
    "MessagePromise",
    "MessageSequenceAppender",
    "MessageSequencePromise",
    "Messages",
    "Part",
    "Piece",
    "Record",
    "Text",
    "Thinking",
    "ToolCall",
    "ToolResult",
    "ToolSpec",
    "canonical",
    "chained_hash",
    "content_hash",
    "derived_id",
    "freeze",
    "join_messages",
    "new_id",
    "sequence_of",
    "split_messages",
    "value",
]
