"""What a client of the Messages API sends, read back block by block."""

from collections.abc import Iterable
from typing import Final

from retinue.messages import (
    Block,
    File,
    FrozenDict,
    Image,
    Message,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from retinue.testing.mock_llm._fields import Fields, Unfit
from retinue.testing.mock_llm._reading import bytes_of


def blocks_of(said: Fields, name: str) -> list[Fields]:
    """The blocks of a content, which may be written as one text."""
    match said.data.get(name):
        case None:
            return []
        case str(text):
            return [Fields({"type": "text", "text": text}, said.at(name))]
        case _:
            return said.each(name)


def text_of(said: Fields, name: str) -> str | None:
    """The texts of a content; None where there is none."""
    texts = [block.text("text") for block in blocks_of(said, name)]
    return "\n\n".join(texts) if texts else None


def tools_of(said: Fields) -> tuple[ToolSpec, ...]:
    """The tools that the client runs itself."""
    return tuple(
        [
            ToolSpec(
                name=tool.text("name"),
                description=tool.optional_text("description") or "",
                parameters=FrozenDict(tool.fields("input_schema").data),
            )
            for tool in said.each("tools")
            if (tool.optional_text("type") or "custom") == "custom"
        ]
    )


def conversation(said: Iterable[Fields]) -> list[Message]:
    """The messages; of the user's, what tools answered is one of its own."""
    found: list[Message] = []
    names: dict[str, str] = {}
    for message in said:
        role = message.text("role")
        results: list[Part] = []
        parts: list[Part] = []
        for block in blocks_of(message, "content"):
            if block.text("type") == "tool_result":
                results.append(_result(block, names))
            else:
                parts += _parts(block, role)
        names |= {part.id: part.name for part in parts if isinstance(part, ToolCall)}
        if results:
            found.append(Message(role="tool", parts=results))
        if parts:
            found.append(Message(role=role, parts=parts))
    return found


def _parts(block: Fields, role: str) -> list[Part]:
    match block.text("type"):
        case "text":
            text = Text(text=block.text("text"))
            return [text, _own(block)] if block.items("citations") else [text]
        case "thinking":
            return [Thinking(text=block.text("thinking"), signature=block.text("signature"))]
        case "tool_use":
            args = block.fields("input").data
            call = ToolCall(id=block.text("id"), name=block.text("name"), args=args)
            rest = {k: v for k, v in block.data.items() if k not in _OF_CALL}
            return [call, _own(Fields({**rest, "id": call.id}))] if "caller" in rest else [call]
        case "image":
            return [_image(block)]
        case "document":
            return [_document(block)]
        case _ if role == "assistant":
            return [_own(block)]
        case kind:
            raise Unfit(f"{block.at('type')}: {kind!r} is no kind of content of the user's")


def _own(block: Fields) -> Block:
    """What only this vendor understands."""
    return Block(vendor="anthropic", data=block.data)


def _result(block: Fields, names: dict[str, str]) -> ToolResult:
    id = block.text("tool_use_id")
    found = [_shown(inner) for inner in blocks_of(block, "content")]
    match found:
        case []:
            content: str | list[Text | Image | File] = ""
        case [Text(text=text)]:
            content = text
        case _:
            content = found
    error = block.flag("is_error", default=False)
    return ToolResult(call_id=id, name=names.get(id, ""), content=content, error=error)


def _shown(block: Fields) -> Text | Image | File:
    match block.text("type"):
        case "text":
            return Text(text=block.text("text"))
        case "image":
            return _image(block)
        case _:
            return _document(block)


def _image(block: Fields) -> Image:
    source = block.fields("source")
    match source.text("type"):
        case "base64":
            data = bytes_of(source.text("data"), source.at("data"))
            return Image(media_type=source.text("media_type"), data=data)
        case "url":
            return Image(url=source.text("url"))
        case kind:
            raise Unfit(f"{source.at('type')}: {kind!r} is no source of a picture")


def _document(block: Fields) -> File:
    source = block.fields("source")
    name = block.optional_text("title") or ""
    match source.text("type"):
        case "base64":
            data = bytes_of(source.text("data"), source.at("data"))
            return File(name=name, media_type=source.text("media_type"), data=data)
        case "text":
            return File(name=name, media_type="text/plain", data=source.text("data").encode())
        case "url":
            return File(name=name, media_type="application/pdf", url=source.text("url"))
        case kind:
            raise Unfit(f"{source.at('type')}: {kind!r} is no source of a document")


_OF_CALL: Final = ("name", "input", "cache_control")
