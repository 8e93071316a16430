"""Content: what somebody says, as the blocks of the Messages API. Pure; tested with tables.

Source: https://platform.claude.com/docs/en/api/messages
"""

import re
from collections.abc import Iterable
from typing import Final, cast

from retinue.errors import ModelRejected
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
from retinue.models._wire import Base64, Json


class Ids:
    """Ids of calls as the API accepts them: of letters that it knows, and none of them twice.

    Other servers write theirs with dots and colons, and count from 0 in each answer.
    """

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._latest: dict[str, str] = {}

    def of_call(self, id: str) -> str:
        """Of a call; one of the same id as before is another call."""
        right = base = re.sub(r"[^a-zA-Z0-9_-]", "_", id) or "call"
        count = 1
        while right in self._used:
            count += 1
            right = f"{base}_{count}"
        self._used.add(right)
        self._latest[id] = right
        return right

    def of_result(self, id: str) -> str:
        """Of the result of the call that had this id last."""
        return self._latest[id]


def users(parts: Iterable[Part], *, citations: bool) -> list[Json]:
    """What the user says.

    Args:
        parts: Of their message.
        citations: Whether documents may be cited.

    Raises:
        ModelRejected: It cannot be shown to these models.
    """
    found: list[Json] = []
    for part in parts:
        match part:
            case Text(text=text):
                if text.strip():
                    found.append({"type": "text", "text": text})
            case Image() | Audio() | File():
                found.append(_medium(part, citations=citations))
            case _:
                pass  # thoughts, calls and blocks are not the user's
    return found


def results(message: Message, ids: Ids, *, citations: bool) -> list[Json]:
    """What tools answered.

    Raises:
        ModelRejected: It cannot be shown to these models.
    """
    return [_result(result, ids, citations=citations) for result in message.tool_results]


def assistants(message: Message, ids: Ids) -> list[Json]:
    """What the model said itself, each block as it came. Its pictures and files do not go back: the
    API accepts them from the user alone."""
    found: list[Json] = []
    for part in message.parts:
        match part:
            case Text(text=text):
                if found and found[-1].keys() == _PLAIN:
                    text = found.pop()["text"] + text
                found.append({"type": "text", "text": text})
            case Thinking(text=text, signature=str(signature)):
                found.append({"type": "thinking", "thinking": text, "signature": signature})
            case ToolCall(id=id, name=name, args=args):
                name = re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:128]
                call = {"id": ids.of_call(id), "name": name, "input": args}
                found.append({"type": "tool_use", **call})
            case Block(data={"type": str()}):
                _put(found, cast("Json", part.data))
            case _:
                pass
    found = [block for block in found if block["type"] != "text" or block["text"].strip()]
    while found and found[-1]["type"] in _THOUGHTS:  # of an answer that was cut
        found.pop()
    if found and found[-1]["type"] == "text":  # what it asks for is waited for at the end
        found.sort(key=lambda block: block["type"] == "tool_use")
    return found


def _put(blocks: list[Json], data: Json) -> None:
    """A block that goes back as it came. Of two kinds our own part comes before it; it takes the
    place of that, unless somebody has changed what was said."""
    match data:
        case {"type": "text", "text": str(text)}:
            last = blocks[-1] if blocks else {}
            if last.keys() == _PLAIN and last["text"].endswith(text):
                last["text"] = last["text"].removesuffix(text)
                blocks.append(data)
        case {"type": "tool_use", "id": id}:
            if blocks and blocks[-1].get("id") == id:
                blocks[-1] |= data
        case {"type": "container"}:
            pass  # it is no content; see `container_of`
        case _:
            blocks.append(data)


def _result(result: ToolResult, ids: Ids, *, citations: bool) -> Json:
    found: Json = {"type": "tool_result", "tool_use_id": ids.of_result(result.call_id)}
    if isinstance(result.content, str):
        content: str | list[Json] = result.content if result.content.strip() else ""
    else:
        content = users(result.content, citations=citations)
    if result.error:
        found |= {"is_error": True, "content": content or "It failed."}
    elif content:
        found["content"] = content
    return found


def _medium(part: Image | Audio | File, *, citations: bool) -> Json:
    source = _source(part)
    if source is None:
        raise ModelRejected(
            f"Anthropic's models cannot be shown this {_what(part)}",
            hint="They see pictures as PNG, JPEG, GIF or WebP, and read PDF and text.",
        )
    if isinstance(part, Image):
        return {"type": "image", "source": source}
    found: Json = {"type": "document", "source": source}
    if isinstance(part, File) and part.name.strip():
        found["title"] = part.name[:500]
    if citations:
        found["citations"] = {"enabled": True}
    return found


def _source(part: Image | Audio | File) -> Json | None:
    match part:
        case Image(data=bytes(data), media_type=kind) if kind in _PICTURES:
            return _base64(data, kind)
        case File(data=bytes(data), media_type="application/pdf" as kind):
            return _base64(data, kind)
        case File(data=bytes(data), media_type=kind) if _is_text(kind):
            return {
                "type": "text",
                "media_type": "text/plain",
                "data": data.decode(errors="replace"),
            }
        case (
            Image(data=None, url=str(url))
            | File(data=None, url=str(url), media_type="application/pdf")
        ) if url.startswith(("https://", "http://")):
            return {"type": "url", "url": url}
        case _:
            return None


def _base64(data: bytes, kind: str) -> Json:
    return {"type": "base64", "media_type": kind, "data": Base64(data)}


def _is_text(kind: str) -> bool:
    return kind.startswith("text/") or kind in _TEXTS


def _what(part: Image | Audio | File) -> str:
    name = type(part).__name__.lower()
    where = "" if part.data is not None else " by its address"
    return f"{name} ({part.media_type}){where}"


def container_of(messages: Iterable[Message]) -> str | None:
    """Where the code of the turn that is going on runs; it must be told with what follows of it."""
    for message in reversed(list(messages)):
        if message.role not in ("assistant", "tool"):
            break
        for part in message.parts:
            match part:
                case Block(data={"type": "container", "id": str(id)}):
                    return id
                case _:
                    pass
    return None


_PLAIN: Final = {"type": "", "text": ""}.keys()
"""Of a text that is not cited."""
_THOUGHTS: Final = ("thinking", "redacted_thinking")
_PICTURES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")
_TEXTS: Final = ("application/json", "application/xml", "application/yaml", "application/toml")
