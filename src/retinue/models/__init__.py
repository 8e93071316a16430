"""Models: one provider's model behind one small contract.

`Model.chat(request)` opens a stream of `ChatChunk`; the block that opened it closes it. A provider
is three translations: our request to theirs, their stream to our chunks, their errors to ours.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import field, fields
from typing import TYPE_CHECKING, Any, Literal, Protocol

from retinue.messages import Block, FrozenDict, Message, ToolCall, ToolSpec, value

from ._addresses import LLAMA_SERVER, ollama_at
from ._find import find_model, list_models, provider_of
from ._providers import PROVIDERS, Provider
from ._schema import complaint

if TYPE_CHECKING:
    from decimal import Decimal

type Stop = Literal[
    "end", "tool_calls", "max_tokens", "stop_sequence", "refused", "context_full", "pause"
]
"""Why a model stopped: it was done, it asks for tools, a limit, a stop word, it refused, ..."""


@value
class Usage:
    """Tokens of one call. `input` counts those read from and written to a cache as well."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    """Those of `cache_write` that are kept for an hour, which costs more than the usual time."""
    thinking: int = 0

    def counted(self) -> dict[str, int]:
        """What there was of it, by name; what goes into a message's metadata."""
        return {one.name: n for one in fields(self) if (n := getattr(self, one.name))}


@value
class ChatRequest:
    """What a model is asked.

    Args:
        messages: The conversation so far, oldest first.
        system: Instructions that stand above the conversation.
        agent: Who asks: its own messages are shown as the assistant's, all others' as the user's
            (with their name before them).
        tools: What the model may ask for.
        tool_choice: "auto", "none", "required", or the name of the tool it must ask for.
        output: A JSON schema the answer must fit.
        max_tokens: Of the answer.
        temperature: 0 and up; left out where the provider refuses it.
        options: Anything else, by the provider's own names.
    """

    messages: tuple[Message, ...]
    system: str | None = None
    agent: str | None = None
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str = "auto"
    output: Mapping[str, Any] | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    options: Mapping[str, Any] = field(default_factory=FrozenDict)


@value
class ChatChunk:
    """A piece of an answer, usually one field. The last chunk of a whole answer has `stop`."""

    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    """Of the thinking that ends here; its vendor wants it back unchanged."""
    tool_call: ToolCall | None = None
    block: Block | None = None
    usage: Usage | None = None
    stop: Stop | None = None
    model: str | None = None
    """Who answers, where it is another model than the one that was asked."""
    cost: "Decimal | None" = None
    """US dollars that the answer took, where its vendor says so; comes with `stop`."""


class Model(Protocol):
    """One provider's model."""

    @property
    def name(self) -> str:
        """As `find_model` would find it: "provider:name"."""
        ...

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatChunk]]:
        """Ask; the chunks come as the model makes them, and end with one that has `stop`.

        Raises:
            ModelError: One of its kinds; see `retinue.errors`.
        """
        ...


__all__ = [
    "LLAMA_SERVER",
    "PROVIDERS",
    "ChatChunk",
    "ChatRequest",
    "Model",
    "Provider",
    "Stop",
    "Usage",
    "complaint",
    "find_model",
    "list_models",
    "ollama_at",
    "provider_of",
]
