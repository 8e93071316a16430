"""Tokens: how many a text has, about, and how many a model can read."""

import string
from typing import Any, Final

from retinue.messages import (
    Audio,
    Block,
    File,
    Image,
    Message,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    canonical,
)
from retinue.models import ChatRequest

from .prices import window_listed

PICTURE: Final = 1_600
"""Tokens of a picture, whatever it shows: about the most that vendors count for one of usual size.

Source: https://platform.claude.com/docs/en/build-with-claude/vision#evaluate-image-size
"""

_MESSAGE: Final = 4
"""Tokens around each message: its role, and where it begins and ends."""
_TOOL: Final = 12
"""Tokens around each tool."""

_WINDOWS: Final = {
    "anthropic:claude-fable-5-2": 1_000_000,
    "anthropic:claude-mythos-5-2": 1_000_000,
    "anthropic:claude-opus-5-5": 1_000_000,
    "anthropic:claude-sonnet-5-5": 1_000_000,
    "anthropic:claude-haiku-5-5": 1_000_000,
    "openai:gpt-6-astra": 1_050_000,
    "openai:gpt-6.1-sol": 1_050_000,
    "openai:gpt-6.1-terra": 1_050_000,
    "openai:gpt-6-sol": 1_050_000,
    "openai:gpt-6-luna": 1_050_000,
    "gemini:gemini-4-argon": 1_048_576,
    "gemini:gemini-3.8-flash": 1_000_000,
}
"""Of the models that are used most, so that no table need be installed, or loaded, for them."""


def estimate(said: str | Message | ChatRequest) -> int:
    """About how many tokens that is; for any vendor, so right to a third or so, and rather high.

    A token is four ASCII letters, digits or spaces, two ASCII signs, two letters of two bytes in
    UTF-8 (Cyrillic, Greek, Arabic ...), one of three (Chinese, Japanese, Korean, Hindi ...), half
    of one of four (emoji), but each word is at least one. A picture is 1,600, sound one for 500
    bytes, any other file one for 25, but at least 1,600. A message has 4 more, a tool 12.
    """
    match said:
        case str():
            return _of_text(said)
        case Message():
            return _MESSAGE + sum([_of_part(part) for part in said.parts])
        case ChatRequest():
            tools = [
                _TOOL + _of_text(f"{tool.name} {tool.description} {canonical(tool.parameters)}")
                for tool in said.tools
            ]
            answer = 0 if said.output is None else _of_text(canonical(said.output))
            messages = [estimate(message) for message in said.messages]
            return _of_text(said.system or "") + answer + sum(tools) + sum(messages)


def beginning(text: str, tokens: int) -> str:
    """The longest beginning of a text that has no more than so many tokens, by estimate."""
    low, high = 0, min(len(text), 4 * max(tokens, 0))
    while low < high:
        middle = (low + high + 1) // 2
        if _of_text(text[:middle]) <= tokens:
            low = middle
        else:
            high = middle - 1
    return text[:low]


def window_of(name: str, *, base_url: str | None = None) -> int | None:
    """How many tokens a model can read; None where that is not known.

    Not known are models on one's own machine: how they were started decides.

    Args:
        name: Of the model: "provider:name".
        base_url: Where it is asked, if that is known.
    """
    return _WINDOWS.get(name) or window_listed(name, base_url=base_url)


def _of_text(text: str) -> int:
    data = text.encode("utf-8", "surrogatepass")
    signs = _count(data, _SIGNS)
    two, three, four = (0, 0, 0) if text.isascii() else [_count(data, lead) for lead in _LEADS]
    letters = len(text) - signs - two - three - four
    quarters = letters + 2 * signs + 2 * two + 4 * three + 8 * four
    return max(-(-quarters // 4), len(text.split()))


def _of_part(part: Part) -> int:
    match part:
        case Text(text=text) | Thinking(text=text):
            return _of_text(text)
        case Image():
            return PICTURE
        case Audio(data=bytes(data)):
            return max(len(data) // 500, 1)
        case File(data=bytes(data), media_type=kind) if kind.startswith("text/"):
            return _of_text(data.decode(errors="replace"))
        case File(data=bytes(data)):
            return max(len(data) // 25, PICTURE)
        case Audio() | File():
            return PICTURE
        case ToolCall(name=name, args=args):
            return _of_text(f"{name} {canonical(args)}")
        case ToolResult(content=content):
            parts = (Text(text=content),) if isinstance(content, str) else content
            return sum([_of_part(inner) for inner in parts])
        case Block(data=data):
            return _of_text(_written(data))


def _written(data: Any) -> str:
    return data if isinstance(data, str) else canonical(data)


def _count(data: bytes, of: bytes) -> int:
    """How many of these bytes are in it; nothing in Python counts quicker."""
    return len(data) - len(data.translate(None, of))


_SIGNS: Final = string.punctuation.encode()
_LEADS: Final = (bytes(range(0xC0, 0xE0)), bytes(range(0xE0, 0xF0)), bytes(range(0xF0, 0xF8)))
"""The first bytes of letters of two, three and four bytes in UTF-8."""
