"""Wire: how one vendor says it. Everything here is pure; the server in `_server.py` does the rest.

A wire of your own is served by `MockLLM(wires=[...])` and checked by `check_model(wire=...)`.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from retinue.errors import ModelError
from retinue.messages import Thinking, ToolCall, value
from retinue.models import ChatRequest, Stop, Usage
from retinue.models.scripted import WrittenCall

from ._answers import Line, Refusal

type Json = dict[str, Any]
type Calls = Sequence[ToolCall | WrittenCall]


@value
class Asked:
    """What a client wants, read back from its wire.

    Args:
        model: Which model.
        streaming: Whether it wants the answer in pieces.
        request: The rest in our words; what no word of ours stands for is in its `options`.
        body: As it came.
    """

    model: str
    streaming: bool
    request: ChatRequest
    body: Json


@value
class Shelf:
    """Which models there are, and which of them are in memory."""

    models: tuple[str, ...]
    loaded: tuple[str, ...]


class Lookup(NamedTuple):
    """A path where something can be looked up."""

    method: str
    shown: Callable[[Shelf, Any], Any]
    """The JSON that is shown; gets the body of the request. Raises Unfit where that is wrong."""


class Writer(Protocol):
    """Writes one answer, frame by frame; it is asked for them in the order they go out."""

    def opening(self) -> Iterable[bytes]:
        """What comes before anything is said."""
        ...

    def text(self, text: str) -> Iterable[bytes]: ...

    def thinking(self, text: str) -> Iterable[bytes]: ...

    def calls(self, calls: Calls) -> Iterable[bytes]:
        """Parallel calls."""
        ...

    def ended(self, stop: str, usage: Usage) -> Iterable[bytes]:
        """Why it stopped (in the vendor's word), what it cost, and that it is whole."""
        ...


class Wire(Protocol):
    """One vendor's protocol, from the server's side."""

    name: str
    media: str
    """The content type of a stream."""
    quiet: bytes
    """Bytes of a stream that say nothing; they keep a connection open."""
    asked_at: re.Pattern[str]
    """The paths a model is asked at, by POST."""
    lookups: Mapping[str, Lookup]
    """Other paths."""
    stops: Mapping[Stop, str]
    """The vendor's words for why an answer ended, where it has one."""
    counts: frozenset[str]
    """The fields of `Usage` that it tells."""
    refusals: Sequence[tuple[Refusal, type[ModelError]]]
    """How the vendor refuses, and which error of ours that is."""

    def key(self, headers: Mapping[str, str]) -> str | None:
        """The key of a request, empty where it has none; None: nobody needs one here."""
        ...

    def read(self, path: str, body: Any) -> Asked:
        """What a client asks.

        Raises:
            Unfit: The vendor would not understand it.
        """
        ...

    def writer(self, asked: Asked) -> Writer: ...

    def whole(self, asked: Asked, lines: Sequence[Line], stop: str, usage: Usage) -> Json:
        """The answer of a client that does not want it in pieces."""
        ...

    def frame(self, data: Any) -> bytes:
        """A frame of a stream: of JSON, or of a text as it is."""
        ...

    def error(self, status: int, message: str, code: str | None = None) -> Json:
        """What the vendor says with an HTTP error; with 500 also inside a stream."""
        ...

    def spellings(self) -> "Sequence[Wire]":
        """The same wire as other servers spell it; a client must read them all."""
        ...


def bearer(headers: Mapping[str, str]) -> str:
    """The key in the header where most vendors expect it; empty where there is none."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def words(text: str) -> list[str]:
    """A text cut as a model would: words with the space after each; joined they are the text."""
    return re.findall(r"\S+\s*|\s+", text)


def pieces(text: str, count: int = 3) -> Iterator[str]:
    """A text cut into so many pieces, wherever that is."""
    size = max(1, -(-len(text) // count))
    for start in range(0, len(text), size):
        yield text[start : start + size]


def dumped(data: Any) -> str:
    """JSON, with every letter as it is: what UTF-8 can cut in two is meant to be cut."""
    return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)


def encoded(text: str) -> bytes:
    """UTF-8. Half a surrogate, which a client may have sent, has none, and is replaced."""
    return text.encode(errors="replace")


def args_text(call: ToolCall | WrittenCall) -> str:
    """The arguments of a call as a model writes them."""
    return call.args if isinstance(call, WrittenCall) else json.dumps(call.args)


def counted(asked: Asked, lines: Sequence[Line]) -> Usage:
    """What an answer cost, roughly: four letters of the request or one word are a token."""
    thoughts = sum(len(words(line.text)) for line in lines if isinstance(line, Thinking))
    said = sum(len(words(line)) for line in lines if isinstance(line, str))
    called = sum(8 for line in lines if isinstance(line, ToolCall | WrittenCall))
    asked_for = max(1, len(json.dumps(asked.body)) // 4)
    return Usage(input=asked_for, output=said + called + thoughts, thinking=thoughts)
