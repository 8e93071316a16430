"""Messages: what is said, by whom, and how it travels while it is still being said.

`Message` and its parts never change. A `MessagePromise` is one message on its way, token by token; a
`MessageSequencePromise` several of them, flat and in order, whatever they were made from.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._frozen import FrozenDict, Record, canonical, content_hash, freeze
from ._message import ErrorMessage, Message, MessagePromise, Messages, Piece, chained_hash, new_id
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
from ._sequence import Feed, MessageSequenceAppender, MessageSequencePromise, sequence_of

if TYPE_CHECKING:
    from ._declared import Frozen

_LATER = {"Frozen": "_declared"}
"""What few programs need, and is loaded when they ask for it."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_LATER[name]}", __name__), name)
    return value



__all__ = [
    "PARTS",
    "Audio",
    "Block",
    "ErrorMessage",
    "Feed",
    "File",
    "Frozen",
    "FrozenDict",
    "Image",
    "Message",
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
    "freeze",
    "new_id",
    "sequence_of",
]
