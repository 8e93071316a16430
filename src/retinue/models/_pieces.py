"""How a text that is there already is streamed: in words, as a model would write it."""

import re
from collections.abc import Iterator

from retinue.messages import Block, Text, Thinking, ToolCall

from . import ChatChunk


def words(text: str) -> list[str]:
    """The words of a text with the space before each; joined they are the text."""
    return re.findall(r"\s*\S+|\s+", text)


def chunks_of(part: str | Text | Thinking | ToolCall | Block) -> Iterator[ChatChunk]:
    """A part of an answer, in the pieces a model would send."""
    match part:
        case str() | Text():
            for word in words(str(part)):
                yield ChatChunk(text=word)
        case Thinking():
            for word in words(part.text):
                yield ChatChunk(thinking=word)
            if part.signature is not None:
                yield ChatChunk(signature=part.signature)
        case ToolCall():
            yield ChatChunk(tool_call=part)
        case _:
            yield ChatChunk(block=part)
