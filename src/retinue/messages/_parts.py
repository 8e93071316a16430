"""What a message is made of. Parts do not change; each may say where it came from.

`source` is provenance: "user", "system", "model:NAME", "tool:NAME", ... None where nobody said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from ._frozen import FrozenDict, freeze, set_once, unchanging
from ._value import value


@unchanging
@value
class Text:
    """Words."""

    text: str
    source: str | None = None

    def __str__(self) -> str:
        return self.text


@unchanging
@value
class Image:
    """A picture, as bytes or by address."""

    media_type: str = "image/png"
    data: bytes | None = field(default=None, repr=False)
    url: str | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        _keep_bytes(self)


@unchanging
@value
class Audio:
    """Sound, as bytes or by address."""

    media_type: str = "audio/wav"
    data: bytes | None = field(default=None, repr=False)
    url: str | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        _keep_bytes(self)


@unchanging
@value
class File:
    """Any other file, as bytes or by address."""

    name: str
    media_type: str = "application/octet-stream"
    data: bytes | None = field(default=None, repr=False)
    url: str | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        _keep_bytes(self)


@unchanging
@value
class Thinking:
    """What a model thought before it spoke; the signature goes back to its vendor unchanged."""

    text: str
    signature: str | None = None
    source: str | None = None


@unchanging
@value
class ToolCall:
    """A model asks for a tool. `args` is a JSON object."""

    id: str
    name: str
    args: Mapping[str, Any] = FrozenDict()
    source: str | None = None

    def __post_init__(self) -> None:
        set_once(self, "args", freeze(self.args))


@unchanging
@value
class ToolResult:
    """What a tool answered: text, or parts; `error` where it failed."""

    call_id: str
    name: str
    content: "str | Sequence[Text | Image | Audio | File]" = ""
    error: bool = False
    source: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.content, str | tuple):
            set_once(self, "content", tuple(self.content))

    @property
    def text(self) -> str:
        """The words of the answer."""
        if isinstance(self.content, str):
            return self.content
        return "".join([part.text for part in self.content if isinstance(part, Text)])


@unchanging
@value
class Block:
    """Something only its vendor understands (encrypted reasoning, ...): sent back as it is."""

    vendor: str
    data: Any
    source: str | None = None

    def __post_init__(self) -> None:
        set_once(self, "data", freeze(self.data))


type Part = Text | Image | Audio | File | Thinking | ToolCall | ToolResult | Block

PARTS: tuple[type[Any], ...] = (Text, Image, Audio, File, Thinking, ToolCall, ToolResult, Block)


@value
class ToolSpec:
    """What a model is told about a tool. `parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


def _keep_bytes(part: Image | Audio | File) -> None:
    """A bytearray or a memoryview could still be changed by whoever made it."""
    if part.data is not None and part.data.__class__ is not bytes:
        set_once(part, "data", bytes(part.data))
