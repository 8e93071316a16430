"""Decode: the events of generateContent as our chunks. Pure; tested with tables.

Sources: https://ai.google.dev/api/generate-content#FinishReason, and of signatures
https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from retinue.errors import BadArguments
from retinue.messages import Block
from retinue.models import ChatChunk, ChatRequest, Stop, Usage
from retinue.models._wire import (
    Frame,
    Server,
    as_agreed,
    called,
    count_of,
    incomplete,
    refused,
    text_of,
)

VENDOR: Final = "gemini"
"""Of the blocks that go back as they came."""

_STOPS: Final[Mapping[str, Stop]] = {
    "STOP": "end",
    "MAX_TOKENS": "max_tokens",
    "CONTINUATION": "pause",
    "SAFETY": "refused",
    "RECITATION": "refused",
    "LANGUAGE": "refused",
    "BLOCKLIST": "refused",
    "PROHIBITED_CONTENT": "refused",
    "SPII": "refused",
    "IMAGE_SAFETY": "refused",
    "IMAGE_PROHIBITED_CONTENT": "refused",
    "IMAGE_RECITATION": "refused",
    "ESCALATION": "refused",
    "PUP_LIMITED_DISABLED": "refused",
    "MODEL_ARMOR": "refused",
}
"""Any other reason is an end."""
_BAD_CALL: Final = ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL")
_BROKEN: Final = ("MALFORMED_RESPONSE", "OTHER", "FINISH_REASON_UNSPECIFIED")
"""Reasons of an answer that is not whole, and may be when it is asked for again."""
_OF_CALL: Final = ("id", "name", "args")
_NOTHING: Final[Sequence[ChatChunk]] = ()


class Answer:
    """What has come of one answer. `read` gives the chunks of each event, `end` the last ones.

    It is read to the end of the body, for words may follow the reason why it stopped.

    Args:
        server: Who answers.
        request: What was asked.
        model: Which model was asked.
    """

    done = False

    def __init__(self, server: Server, request: ChatRequest, model: str) -> None:
        self._server = server
        self._model: str | None = model.rpartition("/")[2]
        self._tools = request.tools
        self._reason: str | None = None
        self._why = ""
        self._usage: Frame | None = None
        self._said = False
        self._called = False

    def read(self, frame: bytes) -> Iterable[ChatChunk]:
        """The chunks of an event, in order.

        Raises:
            ModelError: It is an error, or cannot be read.
        """
        return as_agreed(frame, self._server, self._read)

    def end(self) -> Iterable[ChatChunk]:
        """What it cost, and why it stopped.

        Raises:
            StreamIncomplete: The server did not say that it was done.
            BadArguments: A call cannot be read.
        """
        reason = self._reason
        if reason is None or reason in _BROKEN:
            raise incomplete(self._server)
        if reason in _BAD_CALL:
            raise BadArguments(
                f"The call cannot be understood: {self._server.hide(self._why) or reason}",
                hint="Call one of the tools there are, by its name, with arguments as JSON.",
            )
        stop = _STOPS.get(reason, "end")
        if stop == "end" and self._called:
            stop = "tool_calls"
        if stop == "refused" and self._why and not self._said:
            yield ChatChunk(text=self._why)
        usage = None if self._usage is None else usage_of(self._usage)
        yield ChatChunk(usage=usage, stop=stop)

    def _read(self, found: Frame) -> Iterable[ChatChunk]:
        if found.get("error"):
            raise refused(self._server, found["error"])
        return tuple(self._event(found))

    def _event(self, found: Frame) -> Iterator[ChatChunk]:
        self._usage = found.get("usageMetadata") or self._usage
        if self._model is not None and (answers := text_of(found.get("modelVersion"))):
            if not answers.rpartition("/")[2].startswith(self._model):  # not just with its date
                yield ChatChunk(model=f"gemini:{answers}")
            self._model = None
        match found.get("promptFeedback"):
            case {"blockReason": str(reason)} as feedback:
                self._reason = "SAFETY"
                words = text_of(cast("Frame", feedback).get("blockReasonMessage"))
                self._why = words or f"The prompt was blocked ({reason})."
            case _:
                pass
        for candidate in found.get("candidates") or ():
            content = cast("Frame", candidate.get("content") or {})
            for part in content.get("parts") or ():
                yield from self._part(part)
            if reason := text_of(candidate.get("finishReason")):
                self._reason = reason
                self._why = text_of(candidate.get("finishMessage"))
            if token := candidate.get("continuationToken"):
                yield _block({"continuationToken": token})
            break  # one answer was asked for

    def _part(self, part: Frame) -> Iterable[ChatChunk]:
        match part:
            case {"text": str(text), **rest}:
                return self._words(text, rest, part)
            case {"functionCall": dict(), **rest}:
                return self._call(cast("Frame", part["functionCall"]), rest)
            case _:  # pictures, code that ran, and what there may be one day
                return (_block(part),)

    def _words(self, text: str, rest: Frame, part: Frame) -> Iterable[ChatChunk]:
        thought = rest.pop("thought", False)
        self._said = self._said or bool(text and not thought)
        said = ChatChunk(thinking=text) if thought else ChatChunk(text=text)
        if not rest:  # nearly every one
            return (said,) if text else _NOTHING
        return (said, _block(part)) if text else (_block(part),)

    def _call(self, call: Frame, rest: Frame) -> Iterable[ChatChunk]:
        args: Any = call.get("args") or {}
        whole = called(self._tools, id=call.get("id"), name=call["name"], args=args)
        self._called = True
        yield ChatChunk(tool_call=whole)
        more = {key: value for key, value in call.items() if key not in _OF_CALL}
        if rest or more:  # our call has no words for a signature
            yield _block({"functionCall": {"id": whole.id, **more}, **rest})


def usage_of(counts: Mapping[str, Any]) -> Usage:
    """Tokens as we count them; theirs of the answer leave out what was thought."""
    thoughts = count_of(counts, "thoughtsTokenCount")
    return Usage(
        input=count_of(counts, "promptTokenCount") + count_of(counts, "toolUsePromptTokenCount"),
        output=count_of(counts, "candidatesTokenCount") + thoughts,
        cache_read=count_of(counts, "cachedContentTokenCount"),
        thinking=thoughts,
    )


def _block(data: Frame) -> ChatChunk:
    return ChatChunk(block=Block(vendor=VENDOR, data=data))
