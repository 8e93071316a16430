"""The events of an answer, and the message that they build. Pure."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from retinue.models import Usage
from retinue.testing.mock_llm._wire import Asked, Calls, Json, args_text, pieces, words

_BEFORE: Final = b"mock thought"


class Answering:
    """Writes one answer; a text stays open as long as it is gone on with.

    Args:
        asked: What was asked.
        framed: Makes a frame of an event.
    """

    def __init__(self, asked: Asked, framed: Callable[[Any], bytes]) -> None:
        self._framed = framed
        self._key = hashlib.sha256(json.dumps(asked.body).encode()).hexdigest()[:12]
        self._shown = _display(asked.body) != "omitted"
        self._content: list[Json] = []
        self._text: Json | None = None  # the one that is open
        self.message: Json = {
            "id": f"msg_{self._key}",
            "type": "message",
            "role": "assistant",
            "model": asked.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": _usage(Usage(input=1, output=1)),
        }

    def opening(self) -> Iterator[bytes]:
        yield self._event("message_start", message=self.message)
        yield self._event("ping")

    def text(self, text: str) -> Iterator[bytes]:
        if self._text is None and text:
            self._text = {"type": "text", "text": "", "citations": None}
            yield self._start(self._text)
        for word in words(text):
            assert self._text is not None
            self._text["text"] += word
            yield self._delta({"type": "text_delta", "text": word})

    def thinking(self, text: str) -> Iterator[bytes]:
        yield from self._stop_text()
        signature = signed(text)
        thought: Json = {"type": "thinking", "thinking": "", "signature": ""}
        yield self._start(thought)
        if self._shown:
            thought["thinking"] = text
            for word in words(text):
                yield self._delta({"type": "thinking_delta", "thinking": word})
        thought["signature"] = signature
        yield self._delta({"type": "signature_delta", "signature": signature})
        yield self._stop()

    def calls(self, calls: Calls) -> Iterator[bytes]:
        yield from self._stop_text()
        for call in calls:
            id = call.id or f"toolu_{self._key}_{len(self._content)}"
            use: Json = {"type": "tool_use", "id": id, "name": call.name, "input": {}}
            use["caller"] = {"type": "direct"}
            yield self._start(use)
            written = args_text(call)
            for piece in ("", *pieces(written)):
                yield self._delta({"type": "input_json_delta", "partial_json": piece})
            use["input"] = _read(written)
            yield self._stop()

    def ended(self, stop: str, usage: Usage) -> Iterator[bytes]:
        yield from self._stop_text()
        counts = _usage(usage)
        end = {"stop_reason": stop, "stop_sequence": None, "stop_details": None}
        self.message |= {"content": self._content, "usage": counts, **end}
        yield self._event("message_delta", delta=end, usage=counts)
        yield self._event("message_stop")

    def _start(self, block: Json) -> bytes:
        self._content.append(block)
        return self._event("content_block_start", index=self._index, content_block=block)

    def _delta(self, delta: Json) -> bytes:
        return self._event("content_block_delta", index=self._index, delta=delta)

    def _stop(self) -> bytes:
        return self._event("content_block_stop", index=self._index)

    def _stop_text(self) -> Iterator[bytes]:
        if self._text is not None:
            yield self._stop()
            self._text = None

    @property
    def _index(self) -> int:
        return len(self._content) - 1

    def _event(self, kind: str, **fields: Any) -> bytes:
        return self._framed({"type": kind, **fields})


def signed(thought: str) -> str:
    """The signature of a thought; nobody but its maker can read what is in it."""
    return base64.b64encode(_BEFORE + thought.encode(errors="replace")).decode()


def is_signed(thought: str, signature: str) -> bool:
    """Whether it is the signature of this thought, or of one that was not shown."""
    return signature == signed(thought) or (not thought and signature.startswith(signed("")))


def _display(body: Json) -> str:
    match body.get("thinking"):
        case {"display": str(display)}:
            return display
        case _:
            return "summarized"


def _read(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError:
        return {}


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input - usage.cache_read - usage.cache_write,
        "output_tokens": usage.output,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write - usage.cache_write_1h,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
        "output_tokens_details": {"thinking_tokens": usage.thinking},
        "server_tool_use": None,
        "service_tier": "standard",
    }
