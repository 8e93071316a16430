"""What a client of the Gemini API sends, read back turn by turn, and refused as Google does."""

import base64
import hashlib
import json
from collections.abc import Mapping
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
)
from retinue.testing.mock_llm._fields import Fields, Unfit
from retinue.testing.mock_llm._reading import bytes_of

_SKIPPED: Final = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
"""What stands where a signature would be, on calls that another model made."""


def sealed(part: Mapping[str, Any]) -> str:
    """The signature of a part: of another part it is another."""
    said = {name: part[name] for name in part if name != "thoughtSignature"}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()
    return base64.b64encode(digest).decode()


def text_of(content: Fields) -> str:
    return "".join([part.text("text") for part in content.each("parts")])


def conversation(said: Fields) -> list[Message]:
    """The messages that the contents are.

    Raises:
        Unfit: They would be refused.
    """
    contents = said.each("contents")
    if not contents:
        raise Unfit("GenerateContentRequest.contents: contents is not specified")
    reading = _Reading()
    for content in contents:
        reading.add(content)
    return reading.end()


class _Reading:
    """Contents become messages, one each."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._waiting: list[ToolCall] = []
        self._position = 0

    def add(self, content: Fields) -> None:
        parts = content.each("parts")
        if not parts:
            raise Unfit(
                "Unable to submit request because it must include at least one parts field, which "
                "describes the prompt input."
            )
        self._position += 1
        match content.optional_text("role") or "user":
            case "user":
                self._user(parts)
            case "model":
                self._model(parts)
            case role:
                raise Unfit(f"Please use a valid role: user, model. {role!r} is none.")

    def end(self) -> list[Message]:
        if self._waiting:
            raise Unfit(_COUNT)
        return self._messages

    def _user(self, parts: list[Fields]) -> None:
        answers = [part.fields("functionResponse") for part in parts if part.has(_RESPONSE)]
        if len(answers) != len(self._waiting):
            raise Unfit(_COUNT)
        found: list[Part] = [self._result(answer) for answer in answers]
        found += [_part(part) for part in parts if not part.has(_RESPONSE)]
        self._messages.append(Message(role="tool" if answers else "user", parts=found))

    def _result(self, answer: Fields) -> ToolResult:
        name, id = answer.text("name"), answer.optional_text("id")
        place = next(
            (
                place
                for place, call in enumerate(self._waiting)
                if call.name == name and id in (None, call.id)
            ),
            None,
        )
        if place is None:
            raise Unfit(f"Please ensure that function response {name!r} matches a function call.")
        call = self._waiting.pop(place)
        response = answer.fields("response").data
        failed = "error" in response
        said = response.get("error" if failed else "output", response)
        text = said if isinstance(said, str) else json.dumps(said)
        return ToolResult(call_id=call.id, name=name, content=text, error=failed)

    def _model(self, parts: list[Fields]) -> None:
        if self._waiting:
            raise Unfit(_COUNT)
        calls = [part for part in parts if part.has("functionCall")]
        if calls and (not self._messages or self._messages[-1].role == "assistant"):
            raise Unfit(
                "Please ensure that function call turn comes immediately after a user turn or "
                "after a function response turn."
            )
        if calls and not calls[0].has(_SIGNATURE):
            name = calls[0].fields("functionCall").text("name")
            raise Unfit(
                "Function call is missing a thought_signature in functionCall parts. This is "
                "required for tools to work correctly, and missing thought_signature may lead to "
                f"degraded model performance. Additional data, function call `default_api:{name}` "
                f", position {self._position}."
            )
        found: list[Part] = []
        for part in parts:
            if part.has(_SIGNATURE):
                signature = part.text(_SIGNATURE)
                if signature != sealed(part.data) and signature not in _SKIPPED:
                    raise Unfit("Corrupted thought signature.")
            if part.has("functionCall"):
                call = part.fields("functionCall")
                id = call.optional_text("id") or f"call_{self._position}_{len(self._waiting)}"
                args = call.fields("args").data if call.has("args") else {}
                self._waiting.append(ToolCall(id=id, name=call.text("name"), args=args))
                found.append(self._waiting[-1])
            else:
                found.append(_part(part))
        self._messages.append(Message(role="assistant", parts=found))


def _part(part: Fields) -> Part:
    if part.has("text"):
        text = part.text("text")
        return Thinking(text=text) if part.flag("thought", default=False) else Text(text=text)
    if part.has("inlineData"):
        inline = part.fields("inlineData")
        data = bytes_of(inline.data.get("data"), inline.at("data"))
        return _medium(inline.text("mimeType"), data=data)
    if part.has("fileData"):
        file = part.fields("fileData")
        return _medium(file.text("mimeType"), url=file.text("fileUri"))
    if part.data.keys() & _KNOWN:
        return Block(vendor="gemini", data=part.data)
    raise Unfit(f"{part.at('data')}: required oneof field 'data' must have one initialized field")


def _medium(kind: str, *, data: bytes | None = None, url: str | None = None) -> Part:
    match kind.partition("/")[0]:
        case "image":
            return Image(media_type=kind, data=data, url=url)
        case "audio":
            return Audio(media_type=kind, data=data, url=url)
        case _:
            return File(name="file", media_type=kind, data=data, url=url)


_RESPONSE: Final = "functionResponse"
_SIGNATURE: Final = "thoughtSignature"
_KNOWN: Final = {"executableCode", "codeExecutionResult", "toolCall", "toolResponse"}
_COUNT: Final = (
    "Please ensure that the number of function response parts is equal to the number of function "
    "call parts of the function call turn."
)
