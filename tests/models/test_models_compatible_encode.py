"""Chat Completions: our requests in its words."""

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
from retinue.models.compatible._dialect import OF_OTHERS, Dialect, of_openai
from retinue.models.compatible._encode import encode, is_closed

ADD = ToolSpec(
    name="add",
    description="Adds numbers.",
    parameters={"type": "object", "properties": {"a": {"type": "integer"}}},
)
SUB = ToolSpec(name="sub", description="Subtracts.", parameters={"type": "object"})
TOOL_ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds numbers.",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
    },
}
OF_OPENAI = of_openai("gpt-4o")
OF_SOL = of_openai("gpt-6.1-sol")


def sent(*messages: Message | str, dialect: Dialect = OF_OTHERS, **request: Any) -> dict[str, Any]:
    said = tuple([Message(one) if isinstance(one, str) else one for one in messages])
    return json.loads(encode(ChatRequest(messages=said, **request), "m", dialect))


def parts(*found: Any, role: str = "user", **fields: Any) -> Message:
    return Message(parts=found, role=role, **fields)


def test_the_least_request() -> None:
    assert sent("hi") == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


CALL = ToolCall(id="c1", name="add", args={"a": 1, "ä": [None, "b"]})
CALLED = {
    "id": "c1",
    "type": "function",
    "function": {"name": "add", "arguments": '{"a":1,"ä":[null,"b"]}'},
}
PICTURE = base64.b64encode(b"png").decode()
AS_PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}


def answered(content: Any, **more: Any) -> Message:
    return parts(ToolResult(call_id="c1", name="add", content=content, **more), role="tool")


MESSAGES: list[tuple[str, list[Message], list[dict[str, Any]]]] = [
    (
        "roles",
        [
            Message("Be brief.", role="system"),
            Message("hi"),
            Message("yes?", role="assistant"),
            Message("why?"),
        ],
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "yes?"},
            {"role": "user", "content": "why?"},
        ],
    ),
    (
        "a call and its result",
        [parts("I add.", CALL, role="assistant"), answered("2")],
        [
            {"role": "assistant", "content": "I add.", "tool_calls": [CALLED]},
            {"role": "tool", "tool_call_id": "c1", "content": "2"},
        ],
    ),
    (
        "a call without words, a result that is an error",
        [parts(CALL, role="assistant"), answered("no", error=True)],
        [
            {"role": "assistant", "content": None, "tool_calls": [CALLED]},
            {"role": "tool", "tool_call_id": "c1", "content": "Error: no"},
        ],
    ),
    (
        "a result that is a picture follows as the user's",
        [parts(CALL, role="assistant"), answered([Text(text="see"), Image(data=b"png")])],
        [
            {"role": "assistant", "content": None, "tool_calls": [CALLED]},
            {"role": "tool", "tool_call_id": "c1", "content": "see"},
            {"role": "user", "content": [{"type": "text", "text": "From add:"}, AS_PICTURE]},
        ],
    ),
    (
        "thoughts and blocks stay at home",
        [
            parts(Thinking(text="hm"), "yes", Block(vendor="x", data={}), role="assistant"),
            Message("and?"),
        ],
        [{"role": "assistant", "content": "yes"}, {"role": "user", "content": "and?"}],
    ),
    (
        "an answer that was only thought",
        [parts(Thinking(text="hm"), role="assistant"), Message("and?")],
        [{"role": "assistant", "content": ""}, {"role": "user", "content": "and?"}],
    ),
    (
        "pictures, by data and by address",
        [parts("see", Image(data=b"png"), Image(url="https://x/y.png"))],
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "see"},
                    AS_PICTURE,
                    {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
                ],
            }
        ],
    ),
    (
        "sound",
        [parts(Audio(media_type="audio/mpeg", data=b"png"), Audio(data=b"png"))],
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_audio", "input_audio": {"data": PICTURE, "format": "mp3"}},
                    {"type": "input_audio", "input_audio": {"data": PICTURE, "format": "wav"}},
                ],
            }
        ],
    ),
    (
        "a file that is text is text, any other a file",
        [
            parts(
                File(name="a.txt", media_type="text/plain", data="ä\n".encode()),
                File(name="b.pdf", media_type="application/pdf", data=b"png"),
            )
        ],
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "ä\n"},
                    {
                        "type": "file",
                        "file": {
                            "filename": "b.pdf",
                            "file_data": f"data:application/pdf;base64,{PICTURE}",
                        },
                    },
                ],
            }
        ],
    ),
    (
        "texts alone are one text",
        [parts("a", File(name="b", media_type="text/x", data=b"b"))],
        [{"role": "user", "content": "ab"}],
    ),
]


@pytest.mark.parametrize(
    ("messages", "wanted"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES]
)
def test_messages(messages: list[Message], wanted: list[dict[str, Any]]) -> None:
    assert sent(*messages)["messages"] == wanted


def test_others_are_users_and_the_system_stands_first() -> None:
    body = sent(
        Message("hi", agent="you"), Message("yes", agent="me"), system="Be brief.", agent="me"
    )
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "you: hi"},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": "Go on."},
    ]


@pytest.mark.parametrize(
    "part",
    [
        Image(),
        Audio(url="https://x/y.wav"),
        Audio(media_type="audio/ogg", data=b"x"),
        File(name="a", url="https://x/y"),
    ],
)
def test_what_cannot_be_said_is_refused(part: Any) -> None:
    with pytest.raises(ModelRejected, match=type(part).__name__.lower()) as caught:
        sent(parts("see", part))
    assert caught.value.hint


CHOICES: list[tuple[str, Dialect, dict[str, Any]]] = [
    ("auto", OF_OTHERS, {"tools": ["add", "sub"]}),
    ("none", OF_OTHERS, {"tools": ["add", "sub"], "tool_choice": "none"}),
    ("required", OF_OTHERS, {"tools": ["add", "sub"], "tool_choice": "required"}),
    # llama-server takes no notice of a name: what is offered alone is named well enough
    ("add", OF_OTHERS, {"tools": ["add"], "tool_choice": "required"}),
    (
        "add",
        OF_OPENAI,
        {
            "tools": ["add", "sub"],
            "tool_choice": {"type": "function", "function": {"name": "add"}},
        },
    ),
]


@pytest.mark.parametrize(("choice", "dialect", "wanted"), CHOICES)
def test_the_choice_of_tools(choice: str, dialect: Dialect, wanted: dict[str, Any]) -> None:
    body = sent("hi", tools=(ADD, SUB), tool_choice=choice, dialect=dialect)
    assert body["tools"][0] == TOOL_ADD
    names = [tool["function"]["name"] for tool in body["tools"]]
    assert {"tools": names, **{k: body[k] for k in body if k == "tool_choice"}} == wanted


def test_a_tool_that_must_be_used_has_to_be_offered() -> None:
    with pytest.raises(ModelRejected, match="'mul', is not offered"):
        sent("hi", tools=(ADD,), tool_choice="mul")


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
def test_without_tools_there_is_no_choice(choice: str) -> None:
    assert {"tools", "tool_choice"}.isdisjoint(sent("hi", tool_choice=choice))


CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


def test_structured_output_is_strict_where_the_schema_is_closed() -> None:
    for schema, strict in ((CLOSED, True), ({"type": "object"}, False)):
        assert sent("hi", output=schema)["response_format"] == {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": strict},
        }


@pytest.mark.parametrize(
    ("schema", "closed"),
    [
        (CLOSED, True),
        ({"type": "string"}, True),
        ({**CLOSED, "additionalProperties": True}, False),
        ({**CLOSED, "required": []}, False),
        ({"type": "array", "items": CLOSED}, True),
        ({"type": "array", "items": {"type": "object"}}, False),
        ({"anyOf": [CLOSED, {"type": "null"}]}, True),
        ({"anyOf": [CLOSED, {"properties": {}}]}, False),
        ({"$ref": "#/$defs/A", "$defs": {"A": CLOSED}}, True),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object"}}}, False),
    ],
)
def test_closed_schemas(schema: Any, closed: bool) -> None:
    assert is_closed(schema) is closed
    assert is_closed(FrozenDict(schema)) is closed


@pytest.mark.parametrize(
    ("dialect", "wanted"),
    [
        (OF_OTHERS, {"max_tokens": 9, "temperature": 0.5}),
        (OF_OPENAI, {"max_completion_tokens": 9, "temperature": 0.5}),
        (OF_SOL, {"max_completion_tokens": 9}),
    ],
)
def test_limits_by_the_names_of_the_dialect(dialect: Dialect, wanted: dict[str, Any]) -> None:
    body = sent("hi", max_tokens=9, temperature=0.5, dialect=dialect)
    limits = ("max_tokens", "max_completion_tokens", "temperature")
    assert {name: body[name] for name in limits if name in body} == wanted


def test_options_come_last_and_none_takes_a_field_out() -> None:
    options = {"seed": 7, "stream_options": None, "temperature": 1}
    body = sent("hi", temperature=0.5, options=options)
    assert (body["seed"], body["temperature"]) == (7, 1)
    assert "stream_options" not in body


REASONING = [
    ("gpt-4o", True, True),
    ("gpt-4.1-mini", True, True),
    ("ft:gpt-4o:lab::1", True, True),
    ("o3", False, True),
    ("gpt-5", False, True),
    ("gpt-5.4", False, True),
    ("gpt-5.6-terra", False, False),
    ("gpt-6-luna", False, False),
    ("gpt-6.1-sol", False, False),
    ("gpt-6-astra", False, True),  # it has no effort of none: OpenAI says so itself
]


@pytest.mark.parametrize(("model", "sampling", "thinks"), REASONING)
def test_how_openai_wants_to_be_asked(model: str, sampling: bool, thinks: bool) -> None:
    dialect = of_openai(model)
    assert (dialect.sampling, dialect.thinks_with_tools) == (sampling, thinks)


def test_a_model_that_may_not_think_with_tools_is_told_so() -> None:
    assert sent("hi", tools=(ADD,), dialect=OF_SOL)["reasoning_effort"] == "none"
    assert "reasoning_effort" not in sent("hi", dialect=OF_SOL)
    asked = sent("hi", tools=(ADD,), dialect=OF_SOL, options={"reasoning_effort": "low"})
    assert asked["reasoning_effort"] == "low"


PART = st.one_of(
    st.builds(Text, text=st.text()),
    st.builds(Text, text=st.text(st.characters(categories=["Cs", "Ll"]))),
    st.builds(Image, data=st.none() | st.binary(), url=st.none() | st.text()),
    st.builds(Audio, media_type=st.sampled_from(["audio/wav", "x"]), data=st.none() | st.binary()),
    st.builds(File, name=st.text(), media_type=st.text(), data=st.none() | st.binary()),
    st.builds(Thinking, text=st.text()),
    st.builds(ToolCall, id=st.text(), name=st.text(), args=st.dictionaries(st.text(), st.floats())),
    st.builds(ToolResult, call_id=st.text(), name=st.text(), content=st.text()),
)
MESSAGE = st.builds(
    Message,
    parts=st.lists(PART, max_size=4),
    role=st.sampled_from(["user", "assistant", "tool", "system"]),
    agent=st.sampled_from([None, "me", "you"]),
)


@given(st.lists(MESSAGE, max_size=5), st.sampled_from([OF_OTHERS, OF_OPENAI, OF_SOL]))
def test_any_conversation_is_json_or_one_of_our_errors(
    messages: list[Message], dialect: Dialect
) -> None:
    with suppress(RetinueError):
        body = sent(*messages, dialect=dialect, agent="me")
        assert all(message["role"] for message in body["messages"])
        json.dumps(body).encode()
