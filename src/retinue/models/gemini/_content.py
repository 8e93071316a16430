"""Content: what somebody says, as the parts of generateContent. Pure; tested with tables.

Sources: https://ai.google.dev/api/caching#Part, and of signatures
https://ai.google.dev/gemini-api/docs/thought-signatures
"""

import mimetypes
from collections.abc import Iterable, Sequence
from typing import Any, Final, cast
from urllib.parse import urlsplit

from retinue.errors import ModelRejected
from retinue.messages import Audio, Block, File, Image, Message, Part, Text, ToolCall, ToolResult
from retinue.models._wire import Base64, Json, told

from ._decode import VENDOR

FOREIGN: Final = "skip_thought_signature_validator"
"""The signature of a call that no model of Google's made; the vendor's own word for it."""


def text_part(text: str) -> Json:
    return {"text": text}


def user_parts(parts: Iterable[Part]) -> list[Json]:
    """What the user says, or a tool shows.

    Raises:
        ModelRejected: It cannot be shown to these models.
    """
    found: list[Json] = []
    for part in parts:
        match part:
            case Text(text=text):
                found += [text_part(text)] if text else []
            case Image() | Audio() | File():
                found.append(_medium(part))
            case _:
                pass  # thoughts, calls and blocks are not the user's
    return found


def model_parts(parts: Iterable[Part]) -> list[Json]:
    """What the model said itself, each part with the signature that it came with."""
    found: list[Json] = []
    for part in parts:
        match part:
            case Text(text=text):
                if found and found[-1].keys() == _PLAIN:
                    text = found.pop()["text"] + text
                found += [text_part(text)] if text else []
            case ToolCall(id=id, name=name, args=args):
                found.append({"functionCall": {"id": id, "name": name, "args": args}})
            case Image() | Audio() | File():
                found.append(_medium(part))
            case Block(vendor=vendor, data=dict()) if vendor == VENDOR:
                _put(found, cast("Json", part.data))
            case _:
                pass  # what was thought is in the signatures; other vendors' blocks are theirs
    return found


def results(message: Message, calls: Iterable[Json]) -> tuple[list[Json], list[Json]]:
    """What tools answered, and what they showed, which follows in a turn of its own.

    Args:
        message: With their results.
        calls: The parts of the turn before it; each call among them gets its answer, for they are
            counted.

    Raises:
        ModelRejected: It cannot be shown to these models.
    """
    found = {result.call_id: result for result in message.tool_results}
    asked = [part["functionCall"] for part in calls if "functionCall" in part]
    answers = [_response(call, found[call["id"]]) for call in asked]
    media = [part for result in found.values() for part in user_parts(told(result)[1])]
    return answers, media


def signed(contents: list[Json]) -> list[Json]:
    """The turns, with a signature on the first call of each that came from elsewhere; the others of
    a turn never have one. In old turns nobody looks, but what is said again should stay the same:
    the beginning that the vendor has cached would be lost.
    """
    for content in contents:
        parts = cast("list[Json]", content["parts"])
        first = next((part for part in parts if "functionCall" in part), None)
        if first is not None:
            first.setdefault("thoughtSignature", FOREIGN)
    return contents


def continuation_of(messages: Sequence[Message]) -> str | None:
    """What brings the answer to its end that was paused, where the conversation ends with it."""
    if messages and messages[-1].role == "assistant":
        for part in reversed(messages[-1].parts):
            match part:
                case Block(vendor=vendor, data={"continuationToken": str(token)}):
                    return token if vendor == VENDOR else None
                case _:
                    pass
    return None


def _put(parts: list[Json], data: Json) -> None:
    """A block that goes back as it came. Where our own part comes before it, it takes the place of
    that, unless somebody has changed what was said."""
    match data:
        case {"functionCall": {"id": id, **more}, **rest}:
            call = parts[-1].get("functionCall") if parts else None
            if call is not None and call["id"] == id:
                parts[-1] = {"functionCall": {**call, **more}, **rest}
        case {"text": str(text)} if text and not data.get("thought"):
            last = parts[-1] if parts else {}
            if last.keys() == _PLAIN and last["text"].endswith(text):
                before = last["text"].removesuffix(text)
                parts[-1:] = [text_part(before)] if before else []
                parts.append(data)
        case {"continuationToken": _}:
            pass  # it is no content; see `continuation_of`
        case _:
            parts.append(data)


def _response(call: Json, result: ToolResult) -> Json:
    text = result.text or ("The result follows." if told(result)[1] else "")
    said = {"error" if result.error else "output": text}
    return {"functionResponse": {"id": call["id"], "name": call["name"], "response": said}}


def _medium(part: Image | Audio | File) -> Json:
    match part:
        case File(data=bytes(data), media_type=kind) if _is_text(kind):
            return text_part(data.decode(errors="replace"))
        case File(media_type=kind) if not _is_medium(part):
            raise ModelRejected(
                f"Google's models cannot be shown this file ({kind})",
                hint="They read PDF and text, see pictures and films, and hear sound.",
            )
        case Image(data=bytes(data)) | Audio(data=bytes(data)) | File(data=bytes(data)):
            return {"inlineData": {"mimeType": part.media_type, "data": Base64(data)}}
        case Image(url=str(url)) | Audio(url=str(url)) | File(url=str(url)):
            return {"fileData": {"mimeType": _kind(part), "fileUri": url}}
        case _:
            raise ModelRejected(
                f"This {type(part).__name__.lower()} is empty", hint="Pass its data, or a url."
            )


def _kind(part: Image | Audio | File) -> str:
    """What it is; the end of an address knows that better than a default."""
    guessed = mimetypes.guess_type(urlsplit(part.url or "").path)[0]
    return guessed or part.media_type


def _is_medium(part: Any) -> bool:
    kind = _kind(part) if part.data is None else part.media_type
    return kind.startswith(("image/", "audio/", "video/", "text/")) or kind == "application/pdf"


def _is_text(kind: str) -> bool:
    return kind.startswith("text/") or kind in _TEXTS


_PLAIN: Final = {"text": ""}.keys()
"""Of a text that nothing else came with."""
_TEXTS: Final = ("application/json", "application/xml", "application/yaml", "application/toml")
