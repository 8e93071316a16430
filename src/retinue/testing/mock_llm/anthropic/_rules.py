"""What the Messages API refuses, in its words.

Sources: https://platform.claude.com/docs/en/api/errors and .../api/versioning (removed fields);
quoted in public: anthropics/claude-code#7929 (calls without results) and #28515 (ids),
#73821 (places of role 'system'), maximhq/bifrost#5097 (letters of ids), HKUDS/nanobot#4356.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from retinue.testing.mock_llm._fields import Fields, Unfit

from ._reading import blocks_of
from ._writing import is_signed


def check(said: Fields) -> None:
    """Whether the API would understand a request.

    Raises:
        Unfit: It would not.
    """
    for name in ("temperature", "top_p", "top_k"):
        if name in said.data:
            raise Unfit(f"{name}: Extra inputs are not permitted")
    messages = said.each("messages")
    if not messages:
        raise Unfit("messages: at least one message is required")
    for block in blocks_of(said, "system"):
        _check_text(block, "system")
    _check_marks(said, messages)
    _check_output(said)
    _check_messages(messages)
    _check_thinking(said, messages)
    spoken = any(_of(message, "tool_use", "tool_result") for message in messages)
    if spoken and not said.items("tools"):
        raise Unfit("Requests which include `tool_use` or `tool_result` blocks must define tools.")
    last = blocks_of(messages[-1], "content")
    if messages[-1].text("role") == "assistant" and last[-1].text("type") == "text":
        raise Unfit(
            "This model does not support assistant message prefill. The conversation must end "
            "with a user message."
        )


def _check_messages(messages: Sequence[Fields]) -> None:
    waiting: list[str] = []
    served: set[str] = set()
    ids: set[str] = set()
    roles = [message.text("role") for message in messages]
    for n, message in enumerate(messages):
        role, at = roles[n], message.at("content").removesuffix(".content")
        blocks = blocks_of(message, "content")
        if role not in ("user", "assistant", "system"):
            raise Unfit(f"{at}.role: Input should be 'user', 'assistant' or 'system'")
        if role == "system" and (n == 0 or roles[n - 1] != "user"):
            raise Unfit(f"{at}: role 'system' must follow a 'user' message")
        if role == "system" and roles[n + 1 : n + 2] not in ([], ["assistant"]):
            raise Unfit(f"{at}: role 'system' must precede an 'assistant' message or end the array")
        if not blocks:
            raise Unfit(f"{at}: {role} messages must have non-empty content")
        results = [block.text("tool_use_id") for block in _of(message, "tool_result")]
        _check_results(at, blocks, results, waiting)
        for block in blocks:
            _check_block(block, role, served)
        waiting = [block.text("id") for block in _of(message, "tool_use")]
        for id in waiting:
            if not re.fullmatch(r"[a-zA-Z0-9_-]+", id):
                pattern = "String should match pattern '^[a-zA-Z0-9_-]+$'"
                raise Unfit(f"{at}.content.tool_use.id: {pattern}")
            if id in ids:
                raise Unfit(f"{at}.content: `tool_use` ids must be unique")
            ids.add(id)
        if role == "assistant" and blocks[-1].text("type") in _THOUGHTS:
            raise Unfit(f"{at}: The final block in an assistant message cannot be `thinking`.")
    if waiting:
        raise Unfit(_unanswered(len(messages) - 1, waiting))


def _check_results(
    at: str, blocks: Sequence[Fields], results: Sequence[str], waiting: Sequence[str]
) -> None:
    """What stands at the beginning of a message: results of the calls of the one before."""
    for id in results:
        if id not in waiting:
            raise Unfit(
                f"{at}.content: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each "
                "`tool_result` block must have a corresponding `tool_use` block in the previous "
                "message."
            )
    first = [block.text("type") for block in blocks[: len(results)]]
    missing = [id for id in waiting if id not in results]
    if missing or first != ["tool_result"] * len(results):
        raise Unfit(_unanswered(at, missing or waiting))


def _unanswered(at: Any, ids: Sequence[str]) -> str:
    return (
        f"{at}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(ids)}. Each `tool_use` block must have a corresponding `tool_result` block in "
        "the next message."
    )


def _check_block(block: Fields, role: str, served: set[str]) -> None:
    kind, at = block.text("type"), block.at("type").removesuffix(".type")
    if role == "system" and kind != "text":
        raise Unfit(f"{at}: {kind!r} is no content of instructions")
    match kind:
        case "text":
            _check_text(block, "messages")
            if role == "user" and block.items("citations"):
                raise Unfit(f"{at}.citations: Extra inputs are not permitted")
        case "thinking":
            if not is_signed(block.text("thinking"), block.text("signature")):
                raise Unfit(f"{at}: Invalid `signature` in `thinking` block")
        case "redacted_thinking":
            if not block.text("data").startswith("mock-"):
                raise Unfit(f"{at}: Invalid `data` in `redacted_thinking` block")
        case "image":
            source = block.fields("source")
            if role == "assistant":
                raise Unfit(f"{at}: Images are not permitted in assistant messages")
            if source.has("media_type") and source.text("media_type") not in _PICTURES:
                raise Unfit(f"{at}.source.media_type: Input should be one of {_PICTURES}")
        case "document" if role == "assistant":
            raise Unfit(f"{at}: Documents are not permitted in assistant messages")
        case "tool_result":
            inner = blocks_of(block, "content")
            if block.flag("is_error", default=False) and not inner:
                raise Unfit(f"{at}: content cannot be empty if `is_error` is true")
            for one in inner:
                _check_block(one, role, served)
        case "server_tool_use":
            served.add(block.text("id"))
        case _ if kind.endswith("_tool_result") and block.text("tool_use_id") not in served:
            raise Unfit(
                f"{at}: unexpected `tool_use_id` found in `{kind}` blocks. Each `{kind}` block "
                "must have a corresponding `server_tool_use` block before it."
            )
        case _:
            pass


def _check_text(block: Fields, at: str) -> None:
    text = block.text("text")
    if not text:
        raise Unfit(f"{at}: text content blocks must be non-empty")
    if not text.strip():
        raise Unfit(f"{at}: text content blocks must contain non-whitespace text")


def _check_marks(said: Fields, messages: Sequence[Fields]) -> None:
    blocks = [*said.each("tools"), *blocks_of(said, "system")]
    for message in messages:
        blocks += blocks_of(message, "content")
    marked = [block for block in blocks if block.has("cache_control")]
    for block in marked:
        if block.optional_text("type") in _THOUGHTS:
            raise Unfit(f"{block.at('cache_control')}: Extra inputs are not permitted")
    count = len(marked) + said.has("cache_control")
    if count > _MARKS:
        raise Unfit(
            f"A maximum of {_MARKS} blocks with cache_control may be provided. Found {count}."
        )


def _check_thinking(said: Fields, messages: Sequence[Fields]) -> None:
    if not said.has("thinking"):
        return
    thinking = said.fields("thinking")
    if thinking.text("type") != "enabled":
        return
    if said.has("tool_choice") and said.fields("tool_choice").text("type") in ("any", "tool"):
        raise Unfit("Thinking may not be enabled when tool_choice forces tool use.")
    if len(messages) > 1 and _of(messages[-1], "tool_result"):
        first = blocks_of(messages[-2], "content")[0]
        if first.text("type") not in _THOUGHTS:
            raise Unfit(
                f"{first.at('type')}: Expected `thinking` or `redacted_thinking`, but found "
                f"`{first.text('type')}`. When `thinking` is enabled, a final `assistant` message "
                "must start with a thinking block."
            )


def _check_output(said: Fields) -> None:
    if said.has("output_config") and said.fields("output_config").has("format"):
        form = said.fields("output_config").fields("format")
        _check_schema(form.fields("schema").data, form.at("schema"))


def _check_schema(schema: Any, at: str) -> None:
    match schema:
        case {"type": "object"} if schema.get("additionalProperties") is not False:
            raise Unfit(
                f"{at}: For 'object' type, 'additionalProperties' must be explicitly set to false"
            )
        case Mapping():
            fields = cast("Mapping[str, Any]", schema)
            for word in fields.keys() & _UNKNOWN_WORDS:
                raise Unfit(f"{at}: property '{word}' is not supported")
            inner: list[Any] = [fields.get("items"), *fields.get("anyOf", ())]
            for word in ("properties", "$defs"):
                inner += fields.get(word, {}).values()
            for one in inner:
                _check_schema(one, at)
        case _:
            pass


def _of(message: Fields, *kinds: str) -> list[Fields]:
    """The blocks of these kinds."""
    return [one for one in blocks_of(message, "content") if one.text("type") in kinds]


_MARKS: Final = 4
_THOUGHTS: Final = ("thinking", "redacted_thinking")
_PICTURES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
_UNKNOWN_WORDS: Final = frozenset(
    {"maximum", "maxLength", "maxItems", "minimum", "minLength", "multipleOf", "oneOf"}
)
