"""Anthropic's Messages API as the mock speaks it: what goes out, what is read back and refused.

Samples: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

import base64
from typing import Any

import pytest

from retinue.messages import Block, File, Image, Text, Thinking, ToolCall, ToolResult, ToolSpec
from retinue.models import Usage
from retinue.testing.mock_llm import (
    Answer,
    Anthropic,
    ErrorEvent,
    Event,
    MockLLM,
    Shelf,
    WrittenCall,
)
from retinue.testing.mock_llm.anthropic._writing import signed

USER = {"role": "user", "content": "Hello?"}
ADD = {"name": "add", "description": "Adds.", "input_schema": {"type": "object"}}
USE = {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "2"}
CALL = ToolCall(id="t1", name="add", args={"a": 1})
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": signed("Hm.")}
DATA = base64.b64encode(b"data").decode()


def own(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


@pytest.fixture
def messages(ask):
    """Ask a model over the Messages API."""

    async def messages(*said: Any, stream: bool = True, path: str = "", **more: Any):
        body = {"model": "m", "max_tokens": 9, "stream": stream, "messages": list(said) or [USER]}
        return await ask(f"/v1/messages{path}", {**body, **more}, x_api_key="sk-1")

    return messages


def refused(got: Any) -> str:
    assert got.status == 400
    assert got.json["type"] == "error"
    assert got.json["error"]["type"] == "invalid_request_error"
    return got.json["error"]["message"]


# -- what goes out


async def test_a_stream_is_as_the_reference_shows_it(mock: MockLLM, messages) -> None:
    mock.script("m", Answer(["Hello", "!"], usage=Usage(input=25, output=15)))
    got = await messages()
    names = [line[7:] for line in got.body.decode().split("\n") if line.startswith("event: ")]
    assert names == [event["type"] for event in got.events]
    start, ping, *rest = got.events
    assert start["message"]["content"] == []
    assert start["message"]["model"] == "m"
    assert ping == {"type": "ping"}
    assert [event for event in rest if event["type"] != "message_delta"] == [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": "", "citations": None},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "Hello"},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "!"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_stop"},
    ]
    assert rest[-2]["delta"]["stop_reason"] == "end_turn"
    assert rest[-2]["usage"]["input_tokens"] == 25
    assert rest[-2]["usage"]["output_tokens"] == 15


def deltas(events: list[Any], kind: str) -> list[Any]:
    return [
        event["delta"]
        for event in events
        if event["type"] == "content_block_delta" and event["delta"]["type"] == kind
    ]


async def test_thoughts_and_calls_are_blocks_of_their_own(mock: MockLLM, messages) -> None:
    mock.script(
        "m",
        [Thinking(text="I add. "), "Wait.", CALL, WrittenCall(id="", name="add", args='{"a": ')],
    )
    events = (await messages()).events
    starts = [e["content_block"] for e in events if e["type"] == "content_block_start"]
    assert [start["type"] for start in starts] == ["thinking", "text", "tool_use", "tool_use"]
    assert starts[2]["id"] == "t1"
    assert starts[3]["id"].startswith("toolu_")
    assert starts[2]["input"] == {}
    assert deltas(events, "signature_delta")[0]["signature"] == signed("I add. ")
    pieces = [delta["partial_json"] for delta in deltas(events, "input_json_delta")]
    assert pieces[0] == ""
    assert "".join(pieces) == '{"a": 1}{"a": '


async def test_thoughts_that_are_not_to_be_shown_are_signed_alone(mock: MockLLM, messages) -> None:
    mock.script("m", [Thinking(text="I add. "), "So."])
    got = await messages(thinking={"type": "adaptive", "display": "omitted"})
    assert deltas(got.events, "thinking_delta") == []
    assert deltas(got.events, "signature_delta")[0]["signature"] == signed("I add. ")


async def test_an_answer_can_be_had_in_one_piece(mock: MockLLM, messages) -> None:
    lines = [Thinking(text="Hm."), "So", " it is.", Event({"type": "ping"}), CALL]
    mock.script("m", Answer(lines, usage=Usage(input=10, output=3, cache_read=4, cache_write=1)))
    got = await messages(stream=False)
    assert got.json["content"] == [
        THOUGHT,
        {"type": "text", "text": "So it is.", "citations": None},
        USE | {"caller": {"type": "direct"}},
    ]
    assert got.json["stop_reason"] == "tool_use"
    usage = got.json["usage"]
    assert usage["input_tokens"] == 5
    assert (usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]) == (4, 1)


async def test_an_error_in_the_stream_is_an_event(mock: MockLLM, messages) -> None:
    mock.script("m", ["So", ErrorEvent("Internal")])
    last = (await messages()).events[-1]
    assert last["type"] == "error"
    assert last["error"] == {"type": "api_error", "message": "Internal"}


def test_models_are_listed() -> None:
    shown = Anthropic().lookups["/v1/models"].shown
    found = shown(Shelf(models=("a", "b"), loaded=()), None)
    assert [one["id"] for one in found["data"]] == ["a", "b"]
    assert (found["first_id"], found["last_id"], found["has_more"]) == ("a", "b", False)
    assert shown(Shelf(models=(), loaded=()), None) == {"data": [], "has_more": False}


async def test_tokens_are_counted(ask) -> None:
    body = {"model": "m", "messages": [USER]}
    got = await ask("/v1/messages/count_tokens", body)
    assert got.json == {"input_tokens": 16}
    got = await ask("/v1/messages/count_tokens", {**body, "max_tokens": 7})
    assert refused(got) == "max_tokens: Extra inputs are not permitted"


@pytest.mark.parametrize("header", ["x_api_key", "authorization"])
async def test_a_wrong_key_is_refused(ask, header: str) -> None:
    key = "sk-bad" if header == "x_api_key" else "Bearer sk-bad"
    body = {"model": "m", "max_tokens": 9, "messages": [USER]}
    got = await ask("/v1/messages", body, **{header: key})
    assert got.status == 401
    assert got.json["error"]["type"] == "authentication_error"


async def test_without_a_script_it_says_again_what_it_was_told(messages) -> None:
    assert (await messages(stream=False)).json["content"][0]["text"] == "Hello?"


# -- what is read back

PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}
PAGE = {
    "type": "document",
    "title": "p.pdf",
    "source": {"type": "base64", "media_type": "application/pdf", "data": DATA},
}
SERVED = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}
CITED = text("green", citations=[{"type": "char_location"}])


def block(data: Any) -> Block:
    return Block(vendor="anthropic", data=data)


READ: list[tuple[str, list[Any], list[Any]]] = [
    (
        "instructions on the way",
        [USER, {"role": "system", "content": "Be brief."}],
        [("user", [Text(text="Hello?")]), ("system", [Text(text="Be brief.")])],
    ),
    (
        "what the user shows",
        [
            user(
                text("See"),
                PICTURE,
                {"type": "image", "source": {"type": "url", "url": "https://a.b"}},
                PAGE,
                {"type": "document", "source": {"type": "url", "url": "https://a.b"}},
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "x"},
                },
            )
        ],
        [
            (
                "user",
                [
                    Text(text="See"),
                    Image(data=b"data"),
                    Image(url="https://a.b"),
                    File(name="p.pdf", media_type="application/pdf", data=b"data"),
                    File(name="", media_type="application/pdf", url="https://a.b"),
                    File(name="", media_type="text/plain", data=b"x"),
                ],
            )
        ],
    ),
    (
        "calls and results",
        [
            USER,
            own(text("I add."), USE, {**USE, "id": "t2", "caller": {"type": "x"}}),
            user(
                {**RESULT, "content": [text("2"), PICTURE, PAGE], "is_error": True},
                {"type": "tool_result", "tool_use_id": "t2"},
                text("And?"),
            ),
        ],
        [
            ("user", [Text(text="Hello?")]),
            (
                "assistant",
                [
                    Text(text="I add."),
                    CALL,
                    ToolCall(id="t2", name="add", args={"a": 1}),
                    block({"type": "tool_use", "id": "t2", "caller": {"type": "x"}}),
                ],
            ),
            (
                "tool",
                [
                    ToolResult(
                        call_id="t1",
                        name="add",
                        content=[
                            Text(text="2"),
                            Image(data=b"data"),
                            File(name="p.pdf", media_type="application/pdf", data=b"data"),
                        ],
                        error=True,
                    ),
                    ToolResult(call_id="t2", name="add"),
                ],
            ),
            ("user", [Text(text="And?")]),
        ],
    ),
    (
        "what only the vendor understands",
        [
            USER,
            own(THOUGHT, {"type": "redacted_thinking", "data": "mock-1"}, SERVED, FOUND, CITED),
            USER,
        ],
        [
            ("user", [Text(text="Hello?")]),
            (
                "assistant",
                [
                    Thinking(text="Hm.", signature=signed("Hm.")),
                    block({"type": "redacted_thinking", "data": "mock-1"}),
                    block(SERVED),
                    block(FOUND),
                    Text(text="green"),
                    block(CITED),
                ],
            ),
            ("user", [Text(text="Hello?")]),
        ],
    ),
    (
        "a turn that was paused",
        [USER, own(SERVED)],
        [("user", [Text(text="Hello?")]), ("assistant", [block(SERVED)])],
    ),
]


@pytest.mark.parametrize(("said", "parts"), [row[1:] for row in READ], ids=[row[0] for row in READ])
async def test_what_is_read_back(mock: MockLLM, messages, said: Any, parts: Any) -> None:
    got = await messages(*said, tools=[ADD])
    assert got.status == 200
    asked = mock.requests[0].asked
    assert asked is not None
    assert [(one.role, list(one.parts)) for one in asked.messages] == parts


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        (None, "auto"),
        ({"type": "auto"}, "auto"),
        ({"type": "none"}, "none"),
        ({"type": "any"}, "required"),
        ({"type": "tool", "name": "add"}, "add"),
    ],
)
async def test_what_else_is_asked(mock: MockLLM, messages, given: Any, choice: str) -> None:
    schema = {"type": "object", "properties": {"type": {"type": "string"}}}
    form = {"type": "json_schema", "schema": schema | {"additionalProperties": False}}
    await messages(
        system=[text("Be brief."), text("Be kind.")],
        tools=[ADD, {"type": "web_search_20260318", "name": "web_search"}],
        tool_choice=given,
        output_config={"format": form},
        stop_sequences=["END"],
    )
    asked = mock.requests[0].asked
    assert asked is not None
    assert asked.system == "Be brief.\n\nBe kind."
    assert asked.tools == (
        ToolSpec(name="add", description="Adds.", parameters=ADD["input_schema"]),
    )
    assert asked.tool_choice == choice
    assert asked.output == form["schema"]
    assert asked.max_tokens == 9
    assert asked.options == {"stop_sequences": ["END"]}


# -- what is refused

MARK = {"cache_control": {"type": "ephemeral"}}
FORM = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}


def form(**changes: Any) -> dict[str, Any]:
    return {"output_config": {"format": {"type": "json_schema", "schema": FORM | changes}}}


REFUSED: list[tuple[str, list[Any], dict[str, Any], str]] = [
    ("no limit", [], {"max_tokens": None}, "max_tokens: Field required"),
    ("a temperature", [], {"temperature": 1.0}, "temperature: Extra inputs are not permitted"),
    ("no message", [], {"messages": []}, "at least one message is required"),
    ("an empty text", [user(text(""))], {}, "text content blocks must be non-empty"),
    ("a blank text", [user(text(" "))], {}, "must contain non-whitespace text"),
    ("blank instructions", [], {"system": " "}, "system: text content blocks must contain"),
    ("an empty message", [USER, own(), USER], {}, "assistant messages must have non-empty content"),
    (
        "a role of others",
        [{"role": "tool", "content": "x"}],
        {},
        "should be 'user', 'assistant' or",
    ),
    (
        "instructions first",
        [{"role": "system", "content": "x"}],
        {},
        "must follow a 'user' message",
    ),
    (
        "instructions before the user",
        [USER, {"role": "system", "content": "x"}, USER],
        {},
        "role 'system' must precede an 'assistant' message or end the array",
    ),
    (
        "a picture among instructions",
        [USER, {"role": "system", "content": [{"type": "image", "source": {"type": "url"}}]}],
        {},
        "'image' is no content of instructions",
    ),
    ("an assistant that spoke last", [USER, own(text("Well"))], {}, "assistant message prefill"),
    ("a call without its result", [USER, own(USE), USER], {}, "were found without `tool_result`"),
    ("a call at the end", [USER, own(USE)], {}, "were found without `tool_result`"),
    (
        "words before a result",
        [USER, own(USE), user(text("So"), RESULT)],
        {},
        "were found without `tool_result` blocks immediately after: t1",
    ),
    ("a result without its call", [user(RESULT)], {}, "unexpected `tool_use_id` found in `tool_re"),
    (
        "one id twice",
        [USER, own(USE), user(RESULT), own(USE), user(RESULT)],
        {},
        "`tool_use` ids must be unique",
    ),
    (
        "an odd id",
        [USER, own(USE | {"id": "a.b:0"}), user(RESULT | {"tool_use_id": "a.b:0"})],
        {},
        "String should match pattern",
    ),
    ("no tools", [USER, own(USE), user(RESULT)], {"tools": []}, "blocks must define tools"),
    (
        "a failure without words",
        [USER, own(USE), user({"type": "tool_result", "tool_use_id": "t1", "is_error": True})],
        {},
        "content cannot be empty if `is_error` is true",
    ),
    (
        "a thought that was changed",
        [USER, own(THOUGHT | {"thinking": "Ha."}, text("So.")), USER],
        {},
        "Invalid `signature` in `thinking` block",
    ),
    (
        "a thought that others signed",
        [USER, own(THOUGHT | {"signature": "EqQB"}, text("So.")), USER],
        {},
        "Invalid `signature` in `thinking` block",
    ),
    (
        "a thought that nobody hid",
        [USER, own({"type": "redacted_thinking", "data": "x"}, text("So.")), USER],
        {},
        "Invalid `data` in `redacted_thinking` block",
    ),
    ("a thought at the end", [USER, own(text("So."), THOUGHT), USER], {}, "cannot be `thinking`"),
    (
        "a thought that was lost",
        [USER, own(USE), user(RESULT)],
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        "Expected `thinking` or `redacted_thinking`, but found `tool_use`",
    ),
    (
        "a tool by force, with a thought",
        [],
        {"thinking": {"type": "enabled"}, "tool_choice": {"type": "any"}},
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
    (
        "a choice of tomorrow",
        [],
        {"tool_choice": {"type": "some"}},
        "Input tag 'some'",
    ),
    (
        "five marks",
        [user(*[text("a", **MARK)] * 3)],
        {"system": [text("b", **MARK)], **MARK},
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    (
        "a mark on a thought",
        [USER, own(THOUGHT | MARK, text("So.")), USER],
        {},
        "cache_control: Extra inputs are not permitted",
    ),
    ("citations of the user's", [user(CITED)], {}, "citations: Extra inputs are not permitted"),
    ("a picture of the assistant's", [USER, own(PICTURE), USER], {}, "not permitted in assistant"),
    ("a page of the assistant's", [USER, own(PAGE), USER], {}, "not permitted in assistant"),
    (
        "a picture of another kind",
        [user({"type": "image", "source": PICTURE["source"] | {"media_type": "image/bmp"}})],
        {},
        "media_type: Input should be one of",
    ),
    (
        "what its own tools found, without what they were asked",
        [USER, own(FOUND, text("So.")), USER],
        {},
        "must have a corresponding `server_tool_use` block",
    ),
    ("what the user has no word for", [user(SERVED)], {}, "no kind of content of the user's"),
    (
        "a picture from nowhere",
        [user({"type": "image", "source": {"type": "file"}})],
        {},
        "'file' is no source of a picture",
    ),
    (
        "a page from nowhere",
        [user({"type": "document", "source": {"type": "file"}})],
        {},
        "'file' is no source of a document",
    ),
    ("an open schema", [], form(additionalProperties=True), "must be explicitly set to false"),
    (
        "a limit in a schema",
        [],
        form(properties={"n": {"anyOf": [{"type": "integer", "minimum": 1}]}}),
        "property 'minimum' is not supported",
    ),
]


@pytest.mark.parametrize(
    ("said", "more", "why"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_what_is_refused(messages, said: Any, more: Any, why: str) -> None:
    assert why in refused(await messages(*said, **{"tools": [ADD], **more}))


async def test_a_thought_that_was_not_shown_goes_back_as_it_is(messages) -> None:
    hidden = THOUGHT | {"thinking": ""}
    assert (await messages(USER, own(hidden, text("So.")), USER)).status == 200


@pytest.mark.parametrize("first", [THOUGHT, {"type": "redacted_thinking", "data": "mock-1"}])
async def test_a_thought_before_a_call_is_what_is_wanted(messages, first: Any) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    got = await messages(USER, own(first, USE), user(RESULT), tools=[ADD], thinking=thinking)
    assert got.status == 200
