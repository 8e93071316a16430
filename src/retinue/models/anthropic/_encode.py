"""Encode: our request in the words of the Messages API. Pure; tested with tables.

Sources: https://platform.claude.com/docs/en/api/messages,
https://platform.claude.com/docs/en/build-with-claude/working-with-messages
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, cast

from retinue.errors import ModelRejected
from retinue.messages import Block, Message, Thinking, ToolSpec
from retinue.models import ChatRequest
from retinue.models._wire import Json, dumped
from retinue.models.view import shown, thinker_of

from ._caching import Lifetime, mark
from ._content import Ids, assistants, container_of, results, users
from ._decode import VENDOR
from ._known import Known, known
from ._schema import enforceable


class Encoded(NamedTuple):
    """A request as it is sent.

    Args:
        body: Of it.
        betas: What of it is not for everybody yet; they go into a header.
    """

    body: bytes
    betas: tuple[str, ...] = ()


def encode(request: ChatRequest, model: str, *, cache: Lifetime | None = "5m") -> Encoded:
    """The request. It has no temperature: the API accepts none, of any model.

    Of the options, `cache` is as here, `citations=True` lets documents be cited, `betas` go into
    their header, `server_tools` (or `tools`) stand beside the tools of the request, and
    `thinking="adaptive"` is short for the object. One that is None takes a field out again.

    Raises:
        ModelRejected: Something cannot be said to this model.
    """
    body, betas = _body(request, model, cache)
    return Encoded(dumped({**body, "stream": True}), betas)


def encode_count(request: ChatRequest, model: str) -> Encoded:
    """The request that asks how many tokens the request has.

    Raises:
        ModelRejected: As of `encode`.
    """
    body, betas = _body(request, model, None)
    return Encoded(dumped({k: v for k, v in body.items() if k in _COUNTED}), betas)


def _body(request: ChatRequest, model: str, cache: Lifetime | None) -> tuple[Json, tuple[str, ...]]:
    options = dict(request.options)
    betas: list[str] = list(options.pop("betas", None) or ())
    cache = options.pop("cache", cache)
    what = known(model)
    seen = shown(map(_own, request.messages), request.agent)
    system, messages = _conversation(
        request.system, seen, citations=bool(options.pop("citations", False))
    )
    body: Json = {
        "model": model,
        "max_tokens": what.max_tokens if request.max_tokens is None else request.max_tokens,
        "messages": messages,
    }
    if system:
        body["system"] = [{"type": "text", "text": system}]
    others = [*(options.pop("tools", None) or ()), *(options.pop("server_tools", None) or ())]
    body |= _tools(request, what, others, messages)
    if container := container_of(seen):
        body["container"] = container
    thinking = _thinking(options.pop("thinking", None), what, messages)
    if thinking is not None:
        body["thinking"] = thinking
        if "block_binding" in thinking:
            betas.append(_BINDING)
    config = cast("Json", options.pop("output_config", None) or {})
    if request.output is not None:
        form = {"type": "json_schema", "schema": enforceable(request.output)}
        config = {"format": form, **config}
    if config:
        body["output_config"] = config
    body |= options
    if cache is not None:
        mark(body, cache, cacheable=what.cacheable)
    body = {name: value for name, value in body.items() if value is not None}
    return body, tuple(dict.fromkeys(betas))


def _conversation(
    system: str | None, seen: Iterable[Message], *, citations: bool
) -> tuple[str, list[Json]]:
    """The instructions, and what was said after them: by the user and the assistant in turn.

    It begins with the user and ends with them, unless a turn of the assistant was paused while the
    vendor's own tools run. What is said again in a later request is said in the same words: what
    the vendor keeps, and the thoughts that are bound to it, would be lost.
    """
    standing = [system or ""]
    said: list[Json] = []
    ids = Ids()
    for message in seen:
        role = "user"
        match message.role:
            case "assistant":
                role, content = "assistant", assistants(message, ids)
            case "tool":
                content = results(message, ids, citations=citations)
            case "system" if not said:
                standing.append(message.text)
                continue
            case "system":  # older models accept no other word of the system's
                content = [_text(f"<system>\n{message.text}\n</system>")]
            case _:
                content = users(message.parts, citations=citations)
        if not content:
            continue
        if not said and role == "assistant":
            said.append({"role": "user", "content": [_text("Begin.")]})
        if said and said[-1]["role"] == role:
            said[-1]["content"] += content
        else:
            said.append({"role": role, "content": content})
    instructions = "\n\n".join([text for text in standing if text.strip()])
    if not said and not instructions:
        raise ModelRejected("The model was asked nothing", hint="Pass at least one message.")
    if not said or not _open(said[-1]):
        said.append({"role": "user", "content": [_text("Go on." if said else "Begin.")]})
    return instructions, said


def _own(message: Message) -> Message:
    """The message without what other vendors' models thought, and their blocks."""
    kept = [part for part in message.parts if not _is_foreign(part, message)]
    if len(kept) == len(message.parts):
        return message
    return Message(role=message.role, agent=message.agent, parts=kept)


def _is_foreign(part: Any, message: Message) -> bool:
    match part:
        case Block(vendor=vendor):
            return vendor != VENDOR
        case Thinking(signature=None):
            return True
        case Thinking():
            return thinker_of(part, message) not in (VENDOR, None)
        case _:
            return False


def _open(message: Json) -> bool:
    """Whether the model may answer after this message: the user's, or its own that was paused."""
    return message["role"] == "user" or message["content"][-1]["type"] not in ("text", "tool_use")


def _tools(
    request: ChatRequest, what: Known, others: Iterable[Json], messages: Iterable[Json]
) -> Json:
    """What may be used, and what must be."""
    tools = [*[_tool(tool) for tool in request.tools], *[dict(tool) for tool in others]]
    offered = ("required", *[tool.get("name") for tool in tools]) if tools else ()
    match request.tool_choice:
        case "auto" if tools:
            return {"tools": tools}
        case "none" if tools:
            return {"tools": tools, "tool_choice": {"type": "none"}}
        case "auto" | "none":
            # What is spoken of must be there, though it is not to be used.
            blocks = [block for message in messages for block in message["content"]]
            names = dict.fromkeys([one["name"] for one in blocks if one["type"] == "tool_use"])
            tools = [{"name": name, "input_schema": {"type": "object"}} for name in names]
            return {"tools": tools, "tool_choice": {"type": "none"}} if tools else {}
        case choice if choice not in offered:
            raise ModelRejected(
                f"The tool to be used, {choice!r}, is not offered",
                hint="Offer it among the tools of the request.",
            )
        case choice if not what.forced_tools:
            raise ModelRejected(
                f"This model cannot be told to use a tool ({choice!r})",
                hint="Leave the choice to the model, or ask for structured output.",
            )
        case "required":
            return {"tools": tools, "tool_choice": {"type": "any"}}
        case choice:
            return {"tools": tools, "tool_choice": {"type": "tool", "name": choice}}


def _tool(tool: ToolSpec) -> Json:
    found: Json = {"name": tool.name}
    if tool.description.strip():
        found["description"] = tool.description
    return {**found, "input_schema": {"type": "object", **tool.parameters}}


def _thinking(asked: Any, what: Known, messages: Iterable[Json]) -> Json | None:
    """How it is to think.

    Thoughts that go back were made after what stood before them then, and some models refuse them
    after anything else: with another agent's instructions, say, or when old messages were cut.
    They are told to do without those.
    """
    thinking: Json | None = {"type": asked} if isinstance(asked, str) else asked
    if not what.bound_thinking or not any(
        block["type"] in ("thinking", "redacted_thinking")
        for message in messages
        for block in message["content"]
    ):
        return thinking
    thinking = thinking or {"type": "adaptive"}
    if thinking.get("type") != "adaptive":
        return thinking
    return {"block_binding": {"prefix_mismatch_behavior": "drop_block"}, **thinking}


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


_BINDING: Final = "thinking-binding-controls-2026-08-01"
_COUNTED: Final = frozenset(
    {
        "cache_control",
        "messages",
        "model",
        "output_config",
        "speed",
        "system",
        "thinking",
        "tool_choice",
        "tools",
    }
)
