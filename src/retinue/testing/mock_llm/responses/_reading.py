"""What a client of the Responses API sends, read back item by item, and refused as OpenAI does."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from retinue.messages import (
    Block,
    File,
    FrozenDict,
    Image,
    Message,
    Part,
    Text,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from retinue.testing.mock_llm._fields import Fields, Unfit
from retinue.testing.mock_llm._reading import NAME, bytes_of


def sealed(item: Mapping[str, Any]) -> str:
    """The encrypted content of a reasoning item: of another item it is another."""
    said = json.dumps([item["id"], item.get("summary"), item.get("content")])
    return "gAAAAA" + base64.b64encode(hashlib.sha256(said.encode()).digest()).decode()


def tools_of(said: Fields) -> tuple[ToolSpec, ...]:
    """The functions among the tools."""
    return tuple(
        [
            ToolSpec(
                name=tool.text("name"),
                description=tool.optional_text("description") or "",
                parameters=FrozenDict(tool.fields("parameters").data),
            )
            for tool in said.each("tools")
            if tool.text("type") == "function"
        ]
    )


def conversation(said: Fields, *, stored: bool) -> list[Message]:
    """The messages that the input is.

    Args:
        said: The body of the request.
        stored: Whether OpenAI was asked to keep the answer; only then it knows items by their ids.

    Raises:
        Unfit: It would be refused.
    """
    if isinstance(said.data.get("input"), str):
        return [Message(said.text("input"))]
    items = said.each("input")
    if not items:
        raise Unfit("input must have at least one item")
    reading = _Reading(stored)
    for item in items:
        reading.add(item)
    return reading.end()


class _Reading:
    """Items become messages: what the model said in a row is one."""

    def __init__(self, stored: bool) -> None:
        self._stored = stored
        self._messages: list[Message] = []
        self._said: list[Part] = []
        self._waiting: dict[str, str] = {}
        self._thoughts: set[str] = set()

    def add(self, item: Fields) -> None:
        kind = item.optional_text("type") or "message"
        match kind:
            case "message":
                self._message(item)
            case "function_call":
                self._needs_its_thought(item, kind)
                call = _call(item)
                self._waiting[call.id] = call.name
                self._said.append(call)
            case "function_call_output":
                self._result(item)
            case "reasoning":
                self._thoughts.add(self._reasoning(item))
                self._said.append(Block(vendor="openai", data=item.data))
            case _ if re.fullmatch(r"\w+_call(_output)?|compaction", kind):
                self._said.append(Block(vendor="openai", data=item.data))
            case _:
                raise Unfit(f"Invalid value: {kind!r}. {item.at('type')} is no kind of item.")

    def end(self) -> list[Message]:
        self._flush()
        for call_id in self._waiting:
            raise Unfit(f"No tool output found for function call {call_id}.")
        return self._messages

    def _flush(self) -> None:
        if self._said:
            self._messages.append(Message(role="assistant", parts=self._said))
            self._said = []

    def _message(self, item: Fields) -> None:
        role = item.text("role")
        match role:
            case "assistant":
                self._needs_its_thought(item, "message")
                self._said += _contents(item, "content", _SAID)
            case "user" | "system" | "developer":
                self._flush()
                parts = _contents(item, "content", _SHOWN)
                role = "user" if role == "user" else "system"
                self._messages.append(Message(role=role, parts=parts))
            case _:
                raise Unfit(f"Invalid value: {role!r}. {item.at('role')} is no role.")

    def _result(self, item: Fields) -> None:
        self._flush()
        call_id = item.text("call_id")
        if call_id not in self._waiting:
            raise Unfit(f"No tool call found for function call output with call_id {call_id}.")
        name = self._waiting.pop(call_id)
        parts = _contents(item, "output", _SHOWN)
        match parts:
            case [Text(text=text)]:
                result = ToolResult(call_id=call_id, name=name, content=text)
            case _:
                result = ToolResult(call_id=call_id, name=name, content=parts)
        self._messages.append(Message(role="tool", parts=[result]))

    def _reasoning(self, item: Fields) -> str:
        id = item.text("id")
        item.items("summary")
        if not item.has("encrypted_content") and not self._stored:
            raise Unfit(
                f"Item with id '{id}' not found. Items are not persisted when `store` is set to "
                "false. Try again with `store` set to true, or remove this item from your input."
            )
        if item.has("encrypted_content") and item.text("encrypted_content") != sealed(item.data):
            raise Unfit(
                f"The encrypted content for item {id} could not be verified. Reason: Encrypted "
                "content could not be decrypted or parsed."
            )
        return id

    def _needs_its_thought(self, item: Fields, kind: str) -> None:
        """What was said after reasoning bears its number; the two go back together."""
        id = item.optional_text("id") or ""
        found = re.fullmatch(r"(?:msg|fc)_(\w+)_\d+_r(\d+)", id)
        if found and (thought := f"rs_{found[1]}_{found[2]}") not in self._thoughts:
            raise Unfit(
                f"Item '{id}' of type '{kind}' was provided without its required 'reasoning' "
                f"item: '{thought}'."
            )


def _contents(item: Fields, name: str, kinds: tuple[str, ...]) -> list[Any]:
    text = item.data.get(name)
    if isinstance(text, str):
        return [Text(text=text)]
    return [_content(part, kinds) for part in item.each(name)]


def _content(part: Fields, kinds: tuple[str, ...]) -> Text | Image | File:
    kind = part.text("type")
    if kind not in kinds:
        known = ", ".join(kinds)
        raise Unfit(f"Invalid value: {kind!r}. Supported values are: {known}. ({part.at('type')})")
    match kind:
        case "input_text" | "output_text":
            return Text(text=part.text("text"))
        case "refusal":
            return Text(text=part.text("refusal"))
        case "input_image":
            url = part.text("image_url")
            if not url.startswith("data:"):
                return Image(url=url)
            media_type, data = _data(url, part.at("image_url"))
            return Image(media_type=media_type, data=data)
        case _:
            if part.has("file_url"):
                return File(name="", url=part.text("file_url"))
            media_type, data = _data(part.text("file_data"), part.at("file_data"))
            return File(name=part.text("filename"), media_type=media_type, data=data)


def _data(url: str, at: str) -> tuple[str, bytes]:
    found = re.fullmatch(r"data:([^;,]+);base64,(.*)", url, re.DOTALL)
    if found is None:
        raise Unfit(f"{at} must be a data URL in base64")
    return found[1], bytes_of(found[2], at)


def _call(item: Fields) -> ToolCall:
    try:
        args = Fields(json.loads(item.text("arguments")), item.at("arguments"))
    except ValueError:
        raise Unfit(f"{item.at('arguments')} must be JSON, as a text") from None
    name = item.fitting("name", pattern=NAME, longest=128)
    id = item.fitting("call_id", pattern=r"[\s\S]+", longest=64)
    return ToolCall(id=id, name=name, args=args.data)


_SAID: Final = ("output_text", "refusal")
_SHOWN: Final = ("input_text", "input_image", "input_file")
