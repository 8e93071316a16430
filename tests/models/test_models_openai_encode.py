"""Responses: our requests in its words."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import ModelRejected, RetinueError
from retinue.messages import (
    Audio,
    Block,
    File,
    FrozenDict,
    Image,
    Message,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from retinue.models import ChatRequest
from retinue.models.openai._encode import encode, encode_count, reasons

ADD = ToolSpec(
    name="add",
    description="Adds numbers.",
    parameters={"type": "object", "properties": {"a": {"type": "integer"}}},
)
SUB = ToolSpec(name="sub", description="Subtracts.", parameters={"type": "object"})
TOOL_ADD = {
    "type": "function",
    "name": "add",
    "description": "Adds numbers.",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
    "strict": False,
}


def sent(*messages: Message | str, model: str = "gpt-6.1-sol", **request: Any) -> dict[str, Any]:
    said = tuple([Message(one) if isinstance(one, str) else one for one in messages])
    return json.loads(encode(ChatRequest(messages=said, **request), model))


def parts(*found: Any, role: str = "user", **fields: Any) -> Message:
    return Message(parts=found, role=role, **fields)


def said(*found: Any) -> Message:
    return parts(*found, role="assistant")


def of_openai(**data: Any) -> Block:
    return Block(vendor="openai", data=data)


def test_the_least_request() -> None:
    assert sent("hi") == {
        "model": "gpt-6.1-sol",
        "input": [{"role": "user", "content": "hi"}],
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }


CALL = ToolCall(id="c1", name="add", args={"a": 1, "ä": [None, "b"]})
CALLED = {
    "type": "function_call",
    "call_id": "c1",
    "name": "add",
    "arguments": '{"a":1,"ä":[null,"b"]}',
}
PICTURE = base64.b64encode(b"png").decode()
AS_PICTURE = {
    "type": "input_image",
    "detail": "auto",
    "image_url": f"data:image/png;base64,{PICTURE}",
}


def answered(content: Any, **more: Any) -> Message:
    return parts(ToolResult(call_id="c1", name="add", content=content, **more), role="tool")


def output(found: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": "c1", "output": found}


def text(words: str) -> dict[str, Any]:
    return {"type": "input_text", "text": words}


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


MESSAGES: list[tuple[str, list[Message], list[Any]]] = [
    (
        "the parts of a text are one text, and thoughts are not the user's",
        [parts(Text(text="a"), Thinking(text="Hm."), Text(text="b"))],
        ["ab"],
    ),
    (
        "a picture with a text",
        [parts(Text(text="See:"), Image(data=b"png"))],
        [user(text("See:"), AS_PICTURE)],
    ),
    (
        "a picture by its address",
        [parts(Image(url="https://example.com/cat.png"))],
        [
            user(
                {
                    "type": "input_image",
                    "detail": "auto",
                    "image_url": "https://example.com/cat.png",
                }
            )
        ],
    ),
    (
        "a file",
        [parts(File(name="a.pdf", media_type="application/pdf", data=b"pdf"))],
        [
            user(
                {
                    "type": "input_file",
                    "filename": "a.pdf",
                    "file_data": f"data:application/pdf;base64,{base64.b64encode(b'pdf').decode()}",
                }
            )
        ],
    ),
    (
        "a file by its address",
        [parts(File(name="a.pdf", url="https://example.com/a.pdf"))],
        [user({"type": "input_file", "file_url": "https://example.com/a.pdf"})],
    ),
    (
        "a file of text is text",
        [parts(File(name="a.md", media_type="text/markdown", data=b"# A\xff"))],
        ["# A\ufffd"],
    ),
    (
        "instructions in the middle",
        [Message("hi"), Message("Be kind.", role="system"), Message("ho")],
        ["hi", {"role": "system", "content": "Be kind."}, "ho"],
    ),
    (
        "an answer of another vendor, with its call and the result",
        [said(Text(text="I look."), CALL), answered("42")],
        [{"role": "assistant", "content": "I look."}, CALLED, output("42")],
    ),
    (
        "a result that failed",
        [said(CALL), answered("no", error=True)],
        [CALLED, output("Error: no")],
    ),
    (
        "a result with a picture",
        [said(CALL), answered([Text(text="Here."), Image(data=b"png")])],
        [CALLED, output([text("Here."), AS_PICTURE])],
    ),
    (
        "a result that is only a picture",
        [said(CALL), answered([Image(data=b"png")])],
        [CALLED, output([text("The result follows."), AS_PICTURE])],
    ),
    (
        "a call without a result",
        [said(CALL), Message("Well?")],
        [CALLED, output("Error: No result is known; it may have happened."), "Well?"],
    ),
    (
        "what other vendors thought, and their blocks, are theirs",
        [
            said(
                Thinking(text="Hm.", signature="sig"),
                Block(vendor="anthropic", data={"type": "redacted_thinking", "data": "x"}),
                Text(text="Yes."),
            ),
            Message("Sure?"),
        ],
        [{"role": "assistant", "content": "Yes."}, "Sure?"],
    ),
    (
        "what was only thought is not said",
        [said(Thinking(text="Hm.")), Message("Well?")],
        ["Well?"],
    ),
]
REASONING = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Hm."}],
    "encrypted_content": "gAAA",
    "status": "completed",
}
SAID = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "phase": "commentary",
    "status": "completed",
}
CITED = {
    "type": "url_citation",
    "url": "https://e.org",
    "title": "E",
    "start_index": 0,
    "end_index": 2,
}
WORDLESS = {"type": "output_text", "annotations": [CITED]}


def message(words: str | None, **more: Any) -> dict[str, Any]:
    content = WORDLESS if words is None else {**WORDLESS, "text": words}
    return {**SAID, **more, "content": [content]}


ITS_OWN: list[tuple[str, list[Any], list[Any]]] = [
    (
        "reasoning goes back as it came, and what was said after it",
        [
            Thinking(text="Hm."),
            of_openai(**REASONING),
            Text(text="Yes."),
            of_openai(**message(None)),
        ],
        [REASONING, message("Yes.")],
    ),
    (
        "reasoning without a word after it",
        [Thinking(text="Hm."), of_openai(**REASONING)],
        [REASONING],
    ),
    (
        "two messages of one answer stay two",
        [
            *(Text(text="I look."), of_openai(**message(None))),
            *(Text(text="\n\nIt is."), of_openai(**message(None, id="msg_2"))),
        ],
        [message("I look."), message("It is.", id="msg_2")],
    ),
    (
        "a refusal",
        [Text(text="No."), of_openai(**{**SAID, "content": [{"type": "refusal"}]})],
        [{**SAID, "content": [{"type": "refusal", "refusal": "No."}]}],
    ),
    (
        "several content parts, as long as they say what is said",
        [
            Text(text="Yes, but no."),
            of_openai(
                **SAID,
                content=[
                    {"type": "output_text", "text": "Yes, ", "annotations": []},
                    {"type": "output_text", "text": "but ", "annotations": []},
                    {"type": "refusal", "refusal": "no."},
                ],
            ),
        ],
        [
            {
                **SAID,
                "content": [
                    {"type": "output_text", "text": "Yes, ", "annotations": []},
                    {"type": "output_text", "text": "but ", "annotations": []},
                    {"type": "refusal", "refusal": "no."},
                ],
            }
        ],
    ),
    (
        "what is said differently now is said so",
        [
            Text(text="Yes."),
            of_openai(**SAID, content=[{"type": "output_text", "text": "No."}, {"type": "video"}]),
        ],
        [{"role": "assistant", "content": "Yes."}],
    ),
    (
        "words after which no item of theirs comes",
        [of_openai(**REASONING), Text(text="Yes.")],
        [REASONING, {"role": "assistant", "content": "Yes."}],
    ),
    (
        "an item that nobody here knows",
        [
            Text(text="I search."),
            of_openai(type="web_search_call", id="ws_1", status="completed", action={"q": ["a"]}),
        ],
        [
            {"role": "assistant", "content": "I search."},
            {
                "type": "web_search_call",
                "id": "ws_1",
                "status": "completed",
                "action": {"q": ["a"]},
            },
        ],
    ),
]


def called(**more: Any) -> Block:
    return of_openai(type="function_call", id="fc_1", call_id="c1", status="completed", **more)


CALLS: list[tuple[str, Block, dict[str, Any]]] = [
    ("all that a call had", called(), {**CALLED, "id": "fc_1", "status": "completed"}),
    (
        "arguments as they were written",
        called(arguments='{ "ä": [null, "b"], "a": 1 }'),
        {
            **CALLED,
            "id": "fc_1",
            "status": "completed",
            "arguments": '{ "ä": [null, "b"], "a": 1 }',
        },
    ),
    (
        "arguments that are others now",
        called(arguments='{"a": 2}'),
        {**CALLED, "id": "fc_1", "status": "completed"},
    ),
    (
        "arguments that were repaired",
        called(arguments="{'a': 1"),
        {**CALLED, "id": "fc_1", "status": "completed"},
    ),
    ("what belongs to a call that is gone", of_openai(type="function_call", call_id="c0"), CALLED),
]


@pytest.mark.parametrize(
    ("messages", "items"), [one[1:] for one in MESSAGES], ids=[one[0] for one in MESSAGES]
)
def test_messages(messages: list[Message], items: list[Any]) -> None:
    expected = [{"role": "user", "content": i} if isinstance(i, str) else i for i in items]
    assert sent(*messages)["input"] == expected


@pytest.mark.parametrize(
    ("found", "items"), [one[1:] for one in ITS_OWN], ids=[one[0] for one in ITS_OWN]
)
def test_what_the_model_said_itself(found: list[Any], items: list[Any]) -> None:
    assert sent(said(*found), "Well?")["input"] == [*items, {"role": "user", "content": "Well?"}]


@pytest.mark.parametrize(
    ("block", "item"), [one[1:] for one in CALLS], ids=[one[0] for one in CALLS]
)
def test_what_the_model_called_itself(block: Block, item: dict[str, Any]) -> None:
    found = sent(said(CALL, block), answered("42"))["input"]
    assert found == [item, output("42")]


def test_what_another_agent_was_given_is_not_handed_on() -> None:
    theirs = Message(
        parts=[of_openai(**REASONING), Text(text="Yes."), of_openai(**message(None))],
        role="assistant",
        agent="critic",
    )
    assert sent(theirs, agent="writer")["input"] == [{"role": "user", "content": "critic: Yes."}]


def test_tools_and_choices() -> None:
    assert sent("hi", tools=(ADD,))["tools"] == [TOOL_ADD]
    assert "tool_choice" not in sent("hi", tools=(ADD,))
    assert sent("hi", tools=(ADD,), tool_choice="none")["tool_choice"] == "none"
    assert sent("hi", tools=(ADD,), tool_choice="required")["tool_choice"] == "required"
    chosen = sent("hi", tools=(ADD, SUB), tool_choice="sub")
    assert chosen["tool_choice"] == {"type": "function", "name": "sub"}
    assert len(chosen["tools"]) == 2
    assert "tools" not in sent("hi")


CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(("schema", "strict"), [(CLOSED, True), ({"type": "object"}, False)])
def test_structured_output_is_strict_where_the_schema_allows(schema: Any, strict: bool) -> None:
    form = {"type": "json_schema", "name": "answer", "schema": schema, "strict": strict}
    assert sent("hi", output=schema)["text"] == {"format": form}


def test_limits_and_instructions() -> None:
    found = sent("hi", system="Be kind.", max_tokens=99)
    assert found["instructions"] == "Be kind."
    assert found["max_output_tokens"] == 99


@pytest.mark.parametrize(
    ("model", "temperature", "include"),
    [
        ("gpt-6.1-sol", False, True),
        ("o4-mini", False, True),
        ("gpt-4o", True, False),
        ("ft:gpt-4o-mini:us", True, False),
        ("gpt-5-chat-latest", False, False),
        ("our-deployment", True, True),
    ],
)
def test_what_a_model_would_refuse_is_left_out(
    model: str, temperature: bool, include: bool
) -> None:
    found = sent("hi", model=model, temperature=0.5)
    assert ("temperature" in found) is temperature
    assert ("include" in found) is include


@pytest.mark.parametrize(
    ("model", "so"),
    [
        ("gpt-6.1-sol", True),
        ("gpt-5", True),
        ("o3", True),
        ("o4-mini-2025-04-16", True),
        ("gpt-5-chat-latest", False),
        ("chat-latest", False),
        ("gpt-4.1", False),
        ("gpt-audio", False),
        ("our-deployment", False),
        ("", False),
    ],
)
def test_who_reasons(model: str, so: bool) -> None:
    assert reasons(model) is so


def test_options_are_added_replaced_and_taken_out() -> None:
    options = FrozenDict(
        tools=[{"type": "web_search"}],
        include=["web_search_call.action.sources"],
        text={"verbosity": "low"},
        reasoning={"effort": "high"},
        store=None,
    )
    found = sent("hi", tools=(ADD,), output=CLOSED, options=options)
    assert found["tools"] == [TOOL_ADD, {"type": "web_search"}]
    assert found["include"] == ["reasoning.encrypted_content", "web_search_call.action.sources"]
    assert found["text"]["verbosity"] == "low"
    assert found["text"]["format"]["schema"] == CLOSED
    assert found["reasoning"] == {"effort": "high"}
    assert "store" not in found


@pytest.mark.parametrize(
    ("request_of", "words"),
    [
        (lambda: sent(parts(Audio(data=b"wav"))), "does not hear"),
        (lambda: sent(parts(Image())), "This image is empty"),
        (lambda: sent(parts(File(name="a"))), "This file is empty"),
        (lambda: sent(said(CALL), answered([Audio(data=b"wav")])), "does not hear"),
        (lambda: sent("hi", tools=(ADD,), tool_choice="sub"), "'sub', is not offered"),
        (lambda: sent("hi", tool_choice="sub"), "'sub', is not offered"),
        (lambda: sent("hi", options=FrozenDict(seed=float("nan"))), "cannot be said"),
    ],
)
def test_what_cannot_be_said_is_refused(request_of: Any, words: str) -> None:
    with pytest.raises(ModelRejected, match=words) as caught:
        request_of()
    assert caught.value.hint


def test_tokens_are_counted_of_what_is_read() -> None:
    request = ChatRequest(
        messages=(Message("hi"),),
        system="Be kind.",
        tools=(ADD,),
        max_tokens=9,
        options=FrozenDict(reasoning={"effort": "low"}),
    )
    assert json.loads(encode_count(request, "gpt-6.1-sol")) == {
        "model": "gpt-6.1-sol",
        "input": [{"role": "user", "content": "hi"}],
        "instructions": "Be kind.",
        "tools": [TOOL_ADD],
        "reasoning": {"effort": "low"},
    }


@pytest.mark.parametrize("messages", [one[1] for one in MESSAGES], ids=[one[0] for one in MESSAGES])
def test_the_vendors_own_types_agree(messages: list[Message]) -> None:
    _validate(sent(*messages, tools=(ADD,), tool_choice="add", output=CLOSED, system="Be kind."))


@pytest.mark.parametrize(
    "found", [one[1] for one in ITS_OWN[:5]], ids=[one[0] for one in ITS_OWN[:5]]
)
def test_the_vendors_own_types_agree_with_what_goes_back(found: list[Any]) -> None:
    _validate(sent(said(*found, CALL, called()), answered("42")))


def _validate(body: dict[str, Any]) -> None:
    params = pytest.importorskip("openai.types.responses.response_create_params")
    pydantic = pytest.importorskip("pydantic")
    types = pydantic.TypeAdapter(params.ResponseCreateParamsStreaming)
    found = types.validate_python(body)
    for name in ("tools", "input"):
        list(found.get(name, ()))  # these are only looked at when they are read


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from(["type", "content", "call_id", "id"]), JSON)), JSON)
def test_whatever_stands_in_blocks_there_is_a_body_or_an_error_of_ours(
    data: list[dict[str, Any]], content: Any
) -> None:
    blocks = [Block(vendor="openai", data=one) for one in data]
    kept = Block(vendor="openai", data={"type": "message", "content": content})
    with suppress(RetinueError):
        json.loads(encode(ChatRequest(messages=(said(*blocks, Text(text="a"), kept, CALL),)), "m"))
