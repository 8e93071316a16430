"""The events of an answer, and the items that they build. Pure."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from retinue.models import Usage
from retinue.testing.mock_llm._wire import Asked, Calls, Json, args_text, pieces, words

from ._reading import sealed

_MADE: Final = 1_700_000_000
"""When everything here was created, in seconds since 1970."""
_IDS: Final = {"message": "msg", "reasoning": "rs", "function_call": "fc"}


class Answering:
    """Writes one answer; an item stays open as long as it is gone on with.

    Args:
        asked: What was asked.
        framed: Makes a frame of an event.
        raw: Whether thoughts come as they were thought, and not as a summary.
        done: Whether "[DONE]" follows the event that marks the end.
    """

    def __init__(
        self, asked: Asked, framed: Callable[[Any], bytes], *, raw: bool, done: bool
    ) -> None:
        self._framed = framed
        self._raw = raw
        self._done = done
        self._key = hashlib.sha256(json.dumps(asked.body).encode()).hexdigest()[:12]
        self._sealing = "reasoning.encrypted_content" in (asked.body.get("include") or ())
        self._sent = 0
        self._item: Json = {}  # the one that is open
        self._said = ""
        self._thought: int | None = None  # the place of the reasoning that was last
        self.response: Json = {
            "id": f"resp_{self._key}",
            "object": "response",
            "created_at": _MADE,
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "model": asked.model,
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": asked.body.get("tool_choice", "auto"),
            "tools": asked.body.get("tools", []),
            "usage": None,
        }
        self._output: list[Json] = []

    def opening(self) -> Iterator[bytes]:
        yield self._event("response.created", response=self.response)
        yield self._event("response.in_progress", response=self.response)

    def text(self, text: str) -> Iterator[bytes]:
        yield from self._open("message", role="assistant", phase="final_answer", content=[])
        for word in words(text):
            self._said += word
            yield self._event("response.output_text.delta", **self._at(), delta=word, logprobs=[])

    def thinking(self, text: str) -> Iterator[bytes]:
        yield from self._open("reasoning", summary=[])
        for word in words(text):
            self._said += word
            yield self._event(f"{self._words()}.delta", **self._at(), delta=word)

    def calls(self, calls: Calls) -> Iterator[bytes]:
        for call in calls:
            yield from self._close()
            yield from self._open("function_call", call_id=call.id, name=call.name, arguments="")
            for piece in pieces(args_text(call)):
                self._said += piece
                yield self._event(f"{self._words()}.delta", **self._at(), delta=piece)

    def ended(self, stop: str, usage: Usage) -> Iterator[bytes]:
        whole = stop == "completed"
        status = "completed" if whole else "incomplete"
        yield from self._close(status)
        self.response |= {
            "status": status,
            "incomplete_details": None if whole else {"reason": stop},
            "output": self._output,
            "usage": _usage(usage),
        }
        yield self._event(f"response.{status}", response=self.response)
        if self._done:
            yield self._framed("[DONE]")

    # -- items

    def _open(self, kind: str, **fields: Any) -> Iterator[bytes]:
        if self._kind() == kind:
            return
        yield from self._close()
        place = len(self._output)
        after = ""
        if kind == "reasoning":
            self._thought = place
        elif self._thought is not None:
            after = f"_r{self._thought}"
        id = f"{_IDS[kind]}_{self._key}_{place}{after}"
        self._item = {"id": id, "type": kind, "status": "in_progress", **fields}
        yield self._event("response.output_item.added", output_index=place, item=self._item)
        if kind != "function_call":
            yield self._event(f"{self._part()}.added", **self._at(), part=self._content(""))

    def _close(self, status: str = "completed") -> Iterator[bytes]:
        if not self._item:
            return
        said = self._said
        item = {**self._item, "status": status}
        match self._kind():
            case "function_call":
                item["arguments"] = said
                done: Json = {"name": item["name"], "arguments": said}
            case "message":
                item["content"] = [self._content(said)]
                done = {"text": said, "logprobs": []}
            case _:
                item["content" if self._raw else "summary"] = [self._content(said)]
                done = {"text": said}
                if self._sealing:
                    item["encrypted_content"] = sealed(item)
        yield self._event(f"{self._words()}.done", **self._at(), **done)
        if self._kind() != "function_call":
            yield self._event(f"{self._part()}.done", **self._at(), part=self._content(said))
        place = len(self._output)
        yield self._event("response.output_item.done", output_index=place, item=item)
        self._output.append(item)
        self._item, self._said = {}, ""

    def _kind(self) -> str:
        return self._item.get("type", "")

    def _content(self, text: str) -> Json:
        match self._kind():
            case "message":
                return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
            case _:
                return {"type": "reasoning_text" if self._raw else "summary_text", "text": text}

    def _part(self) -> str:
        summed = self._kind() == "reasoning" and not self._raw
        return "response.reasoning_summary_part" if summed else "response.content_part"

    def _words(self) -> str:
        """What the events are called that the words of the open item come in."""
        match self._kind():
            case "message":
                return "response.output_text"
            case "function_call":
                return "response.function_call_arguments"
            case _:
                return f"response.reasoning{'' if self._raw else '_summary'}_text"

    def _at(self) -> Json:
        """Where in the output something happens."""
        at: Json = {"item_id": self._item["id"], "output_index": len(self._output)}
        match self._kind():
            case "function_call":
                return at
            case "reasoning" if not self._raw:
                return at | {"summary_index": 0}
            case _:
                return at | {"content_index": 0}

    def _event(self, kind: str, **fields: Any) -> bytes:
        self._sent += 1
        return self._framed({"type": kind, "sequence_number": self._sent - 1, **fields})


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.thinking},
        "total_tokens": usage.input + usage.output,
    }
