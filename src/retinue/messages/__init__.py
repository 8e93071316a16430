"""Messages: what is said, by whom, and how it travels while it is still being said.

`Message` and its parts never change. A `MessagePromise` is one message on its way, token by token; a
`MessageSequencePromise` several of them, flat and in order, whatever they were made from.
"""

from ._frozen import Frozen, FrozenDict, canonical, content_hash, freeze
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
