"""What a vendor was told, read from the body of a request; nothing of ours that decodes is used.

A body becomes entries, in order: (who, "text", words), (who, "image" | "audio" | "file", bytes or
address, name), ("agent", "call", n, name, arguments), ("tool", "result", n, words, failed), where
`n` counts the calls of the request and says which result belongs to which. What only the vendor
understands is in `returned`, not among the entries.
"""

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

type Entry = tuple[Any, ...]


@dataclass
class Told:
    """A request, read.

    Args:
        system: The instructions; messages of role "system" before all others are among them.
        said: The entries, in the form of `plain`.
        returned: What goes back to the vendor that it came from.
    """

    system: str = ""
    said: list[Entry] = field(default_factory=list)
    returned: list[Any] = field(default_factory=list)


def read(vendor: str, body: Any) -> Told:
    """A request to this vendor, read."""
    reader = _READERS[vendor]()
    reader.read(body)
    system, said = plain(reader.entries)
    instructions = [text for text in (reader.system, system) if text.strip()]
    return Told("\n\n".join(instructions), said, reader.returned)


def plain(entries: Iterable[Entry]) -> tuple[str, list[Entry]]:
    """The instructions that come first, and the rest: what one says in a row is one text, and calls
    stand behind the words of their message, as not all wires know of an order between the two."""
    found: list[Entry] = []
    for _, run in groupby(entries, key=lambda entry: entry[0]):
        found += sorted(run, key=lambda entry: entry[1] == "call")
    joined: list[Entry] = []
    for (who, is_text), run in groupby(found, key=lambda entry: (entry[0], entry[1] == "text")):
        if not is_text:
            joined += run
            continue
        texts = [entry[2] for entry in run if entry[2]]
        if texts:
            joined.append((who, "text", ("\n\n" if who == "system" else "").join(texts)))
    if joined and joined[0][0] == "system":
        return joined[0][2], joined[1:]
    return "", joined


class _Reader:
    def __init__(self) -> None:
        self.system = ""
        self.entries: list[Entry] = []
        self.returned: list[Any] = []
        self._calls = 0
        self._open: dict[str, list[int]] = {}

    def _text(self, who: str, words: str) -> None:
        told = re.fullmatch(r"<system>\n(.*)\n</system>", words, re.DOTALL)
        if told and who == "user":
            who, words = "system", told[1]
        self.entries.append((who, "text", words))

    def _call(self, id: str, name: str, args: Any) -> None:
        self._open.setdefault(id, []).append(self._calls)
        self.entries.append(("agent", "call", self._calls, name, json.dumps(args)))
        self._calls += 1

    def _result(self, id: str, words: str, failed: bool | None = None) -> None:
        """Of the call of this id that waits longest."""
        self.entries.append(("tool", "result", self._open[id].pop(0), words, failed))

    def _medium(self, who: str, kind: str, address: str, name: str = "") -> None:
        """By its address, or by a data URL of Base64."""
        found = re.fullmatch(r"data:[^;,]+;base64,(.*)", address, re.DOTALL)
        data = base64.b64decode(found[1], validate=True) if found else address
        self.entries.append((who, kind, data, name))


class _Anthropic(_Reader):
    def read(self, body: Any) -> None:
        self.system = "".join([block["text"] for block in body.get("system", ())])
        for message in body["messages"]:
            for block in message["content"]:
                self._block({"assistant": "agent"}.get(message["role"], message["role"]), block)

    def _block(self, who: str, block: Any) -> None:
        match block:
            case {"type": "text", "citations": _} if who == "agent":
                self.returned.append(block)
                self._text(who, block["text"])
            case {"type": "text", "text": words}:
                self._text(who, words)
            case {"type": "tool_use", "id": id, "name": name, "input": args}:
                self._call(id, name, args)
            case {"type": "tool_result", "tool_use_id": id}:
                content = block.get("content", "")
                content = (
                    [{"type": "text", "text": content}] if content.__class__ is str else content
                )
                words = [one["text"] for one in content if one["type"] == "text"]
                self._result(id, "".join(words), block.get("is_error", False))
                for one in content:
                    if one["type"] != "text":
                        self._block("tool", one)
            case {"type": "image" | "document" as kind, "source": source}:
                kind = "image" if kind == "image" else "file"
                name = block.get("title", "")
                match source:
                    case {"type": "url", "url": url}:
                        self._medium(who, kind, url, name)
                    case {"type": "text", "data": data}:
                        self.entries.append((who, kind, data.encode(), name))
                    case {"media_type": media, "data": data}:
                        self._medium(who, kind, f"data:{media};base64,{data}", name)
            case _:
                self.returned.append(block)


class _Responses(_Reader):
    def read(self, body: Any) -> None:
        self.system = body.get("instructions", "")
        for item in body["input"]:
            if "id" in item:
                self.returned.append(item)
            match item:
                case {"type": "function_call", "call_id": id, "name": name, "arguments": args}:
                    self._call(id, name, json.loads(args))
                case {"type": "function_call_output", "call_id": id, "output": str(words)}:
                    self._result(id, words)
                case {"type": "function_call_output", "call_id": id, "output": [words, *shown]}:
                    self._result(id, words["text"])
                    self._content("tool", shown)
                case {"role": "assistant", "content": content}:
                    self._content("agent", content)
                case {"role": "user" | "system" as role, "content": content}:
                    self._content(role, content)
                case _:
                    assert "id" in item, item

    def _content(self, who: str, content: Any) -> None:
        if isinstance(content, str):
            self._text(who, content)
            return
        for part in content:
            match part:
                case {"type": "input_text" | "output_text", "text": words}:
                    self._text(who, words)
                case {"type": "input_image", "image_url": url}:
                    self._medium(who, "image", url)
                case {"type": "input_file", "file_url": url}:
                    self._medium(who, "file", url)
                case {"type": "input_file", "file_data": data, "filename": name}:
                    self._medium(who, "file", data, name)


class _Chat(_Reader):
    def read(self, body: Any) -> None:
        for message in body["messages"]:
            match message:
                case {"role": "tool", "tool_call_id": id, "content": words}:
                    self._result(id, words)
                case {"role": role, "content": content}:
                    self._content("agent" if role == "assistant" else role, content)
                    for call in message.get("tool_calls", ()):
                        function = call["function"]
                        self._call(call["id"], function["name"], json.loads(function["arguments"]))

    def _content(self, who: str, content: Any) -> None:
        if isinstance(content, str):
            self._text(who, content)
            return
        for part in content or ():
            match part:
                case {"type": "text", "text": words}:
                    self._text(who, words)
                case {"type": "image_url", "image_url": {"url": url}}:
                    self._medium(who, "image", url)
                case {"type": "input_audio", "input_audio": {"data": data, "format": kind}}:
                    self._medium(who, "audio", f"data:{kind};base64,{data}")
                case {"type": "file", "file": {"filename": name, "file_data": data}}:
                    self._medium(who, "file", data, name)


class _Gemini(_Reader):
    def read(self, body: Any) -> None:
        parts = body.get("systemInstruction", {}).get("parts", ())
        self.system = "".join([part["text"] for part in parts])
        for content in body["contents"]:
            for part in content["parts"]:
                self._part("agent" if content["role"] == "model" else "user", part)

    def _part(self, who: str, part: Any) -> None:
        if part.get("thoughtSignature", _NOBODY) != _NOBODY:
            self.returned.append(part)
        match part:
            case {"text": words}:
                self._text(who, words)
            case {"functionCall": {"id": id, "name": name, "args": args}}:
                self._call(id, name, args)
            case {"functionResponse": {"id": id, "response": {"output": words}}}:
                self._result(id, words, failed=False)
            case {"functionResponse": {"id": id, "response": {"error": words}}}:
                self._result(id, words, failed=True)
            case {"inlineData": {"mimeType": kind, "data": data}}:
                self._medium(who, _kind(kind), f"data:{kind};base64,{data}")
            case {"fileData": {"mimeType": kind, "fileUri": url}}:
                self._medium(who, _kind(kind), url)
            case _:
                self.returned.append(part)


class _Ollama(_Reader):
    def read(self, body: Any) -> None:
        for message in body["messages"]:
            if message["role"] == "tool":
                self._result(message["tool_call_id"], message["content"])
                continue
            who = {"assistant": "agent"}.get(message["role"], message["role"])
            self._text(who, message["content"])
            for data in message.get("images", ()):
                self._medium(who, "image", f"data:image;base64,{data}")
            for call in message.get("tool_calls", ()):
                self._call(call["id"], call["function"]["name"], call["function"]["arguments"])


def _kind(media_type: str) -> str:
    family = media_type.partition("/")[0]
    return family if family in ("image", "audio") else "file"


_NOBODY = "skip_thought_signature_validator"
"""Google's word for a call that no model of theirs has made."""
_READERS: dict[str, Any] = {
    "anthropic": _Anthropic,
    "openai": _Responses,
    "compatible": _Chat,
    "gemini": _Gemini,
    "ollama": _Ollama,
}
