"""Anthropic: our requests in the words of the Messages API."""

import base64
import json
from typing import Any

import pytest

from retinue.errors import ModelRejected
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
from retinue.models.anthropic._encode import Encoded, encode, encode_count

ADD = ToolSpec(
    name="add",
    description="Adds numbers.",
    parameters={"type": "object", "properties": {"a": {"type": "integer"}}},
)
BARE = ToolSpec(name="now", description=" ", parameters={})
TOOL_ADD = {
    "name": "add",
    "description": "Adds numbers.",
    "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}},
}
TOOL_BARE = {"name": "now", "input_schema": {"type": "object"}}


def encoded(*messages: Message | str, model: str = "m", **request: Any) -> Encoded:
    said = tuple([Message(one) if isinstance(one, str) else one for one in messages])
    return encode(ChatRequest(messages=said, **request), model, cache=None)


def sent(*messages: Message | str, model: str = "m", **request: Any) -> dict[str, Any]:
    return json.loads(encoded(*messages, model=model, **request).body)


def said(*messages: Message | str, **request: Any) -> Any:
    """The messages, each as its role and its blocks; of a text the words alone."""

    def short(block: Any) -> Any:
        return block["text"] if block.keys() == {"type", "text"} else block

    body = sent(*messages, **request)
    return [(one["role"], [short(block) for block in one["content"]]) for one in body["messages"]]


def parts(*found: Any, role: str = "user", **fields: Any) -> Message:
    return Message(parts=found, role=role, **fields)


def own(*found: Any, **fields: Any) -> Message:
    return parts(*found, role="assistant", **fields)


def block(**data: Any) -> Block:
    return Block(vendor="anthropic", data=data)


def options(**given: Any) -> FrozenDict:
    return FrozenDict(given)


def test_the_least_request() -> None:
    assert sent("hi") == {
        "model": "m",
        "max_tokens": 32_000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        "stream": True,
    }


CALL = ToolCall(id="c1", name="add", args={"a": 1, "ä": [None, "b"]})
CALLED = {"type": "tool_use", "id": "c1", "name": "add", "input": {"a": 1, "ä": [None, "b"]}}
LOOK = ToolCall(id="c2", name="look", args={})
LOOKED = {"type": "tool_use", "id": "c2", "name": "look", "input": {}}
PICTURE = base64.b64encode(b"png").decode()
AS_PICTURE = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": PICTURE},
}
NO_RESULT = {
    "type": "tool_result",
    "tool_use_id": "c1",
    "is_error": True,
    "content": "No result is known; it may have happened.",
}


def answered(content: Any, id: str = "c1", **more: Any) -> Message:
    return parts(ToolResult(call_id=id, name="add", content=content, **more), role="tool")


def as_answer(content: Any = None, id: str = "c1", **more: Any) -> dict[str, Any]:
    found = {"type": "tool_result", "tool_use_id": id, "content": content, **more}
    return {name: value for name, value in found.items() if value is not None}


THOUGHT = Thinking(text="Hm.", signature="EqQB", source="model:anthropic:claude-opus-5-5")
AS_THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"}
SEARCH = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"url": "u"}]}
CITED = {"type": "text", "text": "grass is green", "citations": [{"type": "char_location"}]}

CONVERSATIONS: list[tuple[str, list[Message | str], list[Any]]] = [
    (
        "in turn",
        ["hi", own("yes?"), "why?"],
        [("user", ["hi"]), ("assistant", ["yes?"]), ("user", ["why?"])],
    ),
    (
        "neighbours of one role are one",
        ["a", "b", own("c"), own("d"), "e"],
        [("user", ["a", "b"]), ("assistant", ["c", "d"]), ("user", ["e"])],
    ),
    (
        "what says nothing is left out",
        ["a", parts(" ", "\n"), own(""), "b"],
        [("user", ["a", "b"])],
    ),
    (
        "blank texts are left out, within a text they stay",
        [parts("a", " ", AS := Image(data=b"png"), "\n"), own("b", "\n\n", "c"), "d"],
        [("user", ["a", AS_PICTURE]), ("assistant", ["b\n\nc"]), ("user", ["d"])],
    ),
    (
        "the assistant spoke first",
        [own("Welcome."), "hi"],
        [("user", ["Begin."]), ("assistant", ["Welcome."]), ("user", ["hi"])],
    ),
    (
        "the assistant spoke last",
        ["hi", own("Well, ")],
        [("user", ["hi"]), ("assistant", ["Well, "]), ("user", ["Go on."])],
    ),
    (
        "a word of the system's in the middle",
        ["hi", own("yes?"), Message("Be brief.", role="system")],
        [
            ("user", ["hi"]),
            ("assistant", ["yes?"]),
            ("user", ["<system>\nBe brief.\n</system>"]),
        ],
    ),
    (
        "a call, its result, and what is said then",
        ["hi", own("I add.", CALL), answered("2"), "and?"],
        [
            ("user", ["hi"]),
            ("assistant", ["I add.", CALLED]),
            ("user", [as_answer("2"), "and?"]),
        ],
    ),
    (
        "parallel calls, in their order",
        ["hi", own(CALL, LOOK), answered("b", id="c2"), "so", answered("a")],
        [
            ("user", ["hi"]),
            ("assistant", [CALLED, LOOKED]),
            ("user", [as_answer("a"), as_answer("b", id="c2"), "so"]),
        ],
    ),
    (
        "a call that was never answered",
        ["hi", own(CALL), "never mind"],
        [("user", ["hi"]), ("assistant", [CALLED]), ("user", [NO_RESULT, "never mind"])],
    ),
    (
        "words after a call go before it",
        ["hi", own(CALL, "I add.", LOOK, "And look."), answered("a"), answered("b", id="c2")],
        [
            ("user", ["hi"]),
            ("assistant", ["I add.", "And look.", CALLED, LOOKED]),
            ("user", [as_answer("a"), as_answer("b", id="c2")]),
        ],
    ),
    (
        "thoughts and what they led to",
        ["hi", own(THOUGHT, "I add.", THOUGHT, CALL), answered("2")],
        [
            ("user", ["hi"]),
            ("assistant", [AS_THOUGHT, "I add.", AS_THOUGHT, CALLED]),
            ("user", [as_answer("2")]),
        ],
    ),
    (
        "a thought that is not shown",
        ["hi", own(Thinking(text="", signature="Eq"), "So."), "and?"],
        [
            ("user", ["hi"]),
            ("assistant", [{"type": "thinking", "thinking": "", "signature": "Eq"}, "So."]),
            ("user", ["and?"]),
        ],
    ),
    (
        "a thought that nobody may read",
        ["hi", own(block(type="redacted_thinking", data="EmwK"), "So."), "and?"],
        [
            ("user", ["hi"]),
            ("assistant", [{"type": "redacted_thinking", "data": "EmwK"}, "So."]),
            ("user", ["and?"]),
        ],
    ),
    (
        "an answer that was cut while it was thought",
        ["hi", own("So", THOUGHT), own(THOUGHT), "and?"],
        [("user", ["hi"]), ("assistant", ["So"]), ("user", ["and?"])],
    ),
    (
        "the vendor's own tools",
        ["hi", own("I search.", block(**SEARCH), block(**FOUND), "So."), "and?"],
        [
            ("user", ["hi"]),
            ("assistant", ["I search.", SEARCH, FOUND, "So."]),
            ("user", ["and?"]),
        ],
    ),
    (
        "a turn that was paused goes on",
        ["hi", own("I search.", block(**SEARCH)), own(block(**FOUND), block(**SEARCH))],
        [("user", ["hi"]), ("assistant", ["I search.", SEARCH, FOUND, SEARCH])],
    ),
    (
        "what is cited, with what is said around it",
        ["hi", own("As it says, grass is green", block(**CITED), ". Yes."), "and?"],
        [
            ("user", ["hi"]),
            ("assistant", ["As it says, ", CITED, ". Yes."]),
            ("user", ["and?"]),
        ],
    ),
    (
        "what is cited and nothing else",
        ["hi", own("grass is green", block(**CITED)), "and?"],
        [("user", ["hi"]), ("assistant", [CITED]), ("user", ["and?"])],
    ),
    (
        "a citation of what was changed since",
        ["hi", own("grass is red", block(**CITED)), own(block(**CITED)), "and?"],
        [("user", ["hi"]), ("assistant", ["grass is red"]), ("user", ["and?"])],
    ),
    (
        "a call by a program of the vendor's",
        ["hi", own(CALL, block(type="tool_use", id="c1", caller={"tool_id": "s"})), answered("2")],
        [
            ("user", ["hi"]),
            ("assistant", [CALLED | {"caller": {"tool_id": "s"}}]),
            ("user", [as_answer("2")]),
        ],
    ),
    (
        "what belongs to a call that is not there",
        ["hi", own(CALL, block(type="tool_use", id="c9", caller={})), answered("2")],
        [("user", ["hi"]), ("assistant", [CALLED]), ("user", [as_answer("2")])],
    ),
    (
        "a block that is none",
        ["hi", own("a", block(kind="x"), Block(vendor="anthropic", data=7)), "b"],
        [("user", ["hi"]), ("assistant", ["a"]), ("user", ["b"])],
    ),
    (
        "thoughts of the user's, if there are any",
        [parts(THOUGHT, "hi", block(**SEARCH))],
        [("user", ["hi"])],
    ),
    (
        "pictures of the assistant's stay",
        ["hi", own("Look:", Image(data=b"png")), "and?"],
        [("user", ["hi"]), ("assistant", ["Look:"]), ("user", ["and?"])],
    ),
]


@pytest.mark.parametrize(
    ("messages", "wire"), [row[1:] for row in CONVERSATIONS], ids=[row[0] for row in CONVERSATIONS]
)
def test_conversations(messages: list[Message | str], wire: Any) -> None:
    assert said(*messages) == wire


def test_what_was_said_to_others_is_the_users_with_their_names() -> None:
    found = said(
        "Shall we?",
        own(THOUGHT, "I think so.", block(**CITED), agent="writer"),
        own(THOUGHT, "I think not.", CALL, agent="critic"),
        agent="writer",
    )
    assert found == [
        ("user", ["Shall we?"]),
        ("assistant", [AS_THOUGHT, "I think so."]),
        ("user", ["critic: I think not."]),
    ]


OTHERS: list[Message] = [
    own(Thinking(text="Hm.", signature="Eq", source="model:openai:gpt-6"), "So."),
    own(Thinking(text="Hm.", signature="Eq"), "So.", model="gemini:gemini-4-argon"),
    own(Thinking(text="Hm."), "So.", model="anthropic:claude-opus-5-5"),
    own(Block(vendor="openai", data={"type": "reasoning"}), "So."),
]


@pytest.mark.parametrize("message", OTHERS)
def test_what_others_models_thought_stays_here(message: Message) -> None:
    assert said("hi", message, "and?")[1] == ("assistant", ["So."])


@pytest.mark.parametrize(
    "message",
    [
        own(THOUGHT, "So.", model="fallback:x"),
        own(Thinking(text="Hm.", signature="EqQB"), "So.", model="anthropic:claude-opus-5-5"),
        own(Thinking(text="Hm.", signature="EqQB"), "So."),
    ],
)
def test_what_was_thought_here_goes_back(message: Message) -> None:
    assert said("hi", message, "and?")[1] == ("assistant", [AS_THOUGHT, "So."])


def test_ids_of_other_servers_are_made_right_and_told_apart() -> None:
    odd = [ToolCall(id=id, name="a.b c", args={}) for id in ("functions.add:0", "functions_add_0")]
    again = ToolCall(id="functions.add:0", name="add", args={})
    nameless = ToolCall(id="", name="add", args={})
    results = [
        [ToolResult(call_id=call.id, name="add", content=str(n)) for n, call in enumerate(calls)]
        for calls in (odd, [again, nameless])
    ]
    found = said(
        "hi",
        own(*odd),
        parts(*results[0], role="tool"),
        own(again, nameless),
        parts(*results[1], role="tool"),
    )
    ids = [[block["id"] for block in blocks] for role, blocks in found if role == "assistant"]
    assert ids == [["functions_add_0", "functions_add_0_2"], ["functions_add_0_3", "call"]]
    back = [[block["tool_use_id"] for block in blocks] for _, blocks in (found[2], found[4])]
    assert back == ids
    assert found[1][1][0]["name"] == "a_b_c"


RESULTS: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
    ("42", {}, {"content": "42"}),
    (" ", {}, {}),
    ("broke", {"error": True}, {"content": "broke", "is_error": True}),
    ("", {"error": True}, {"content": "It failed.", "is_error": True}),
    (
        [Text(text="Look:"), Text(text=" "), Image(data=b"png")],
        {},
        {"content": [{"type": "text", "text": "Look:"}, AS_PICTURE]},
    ),
]


@pytest.mark.parametrize(("content", "more", "wire"), RESULTS)
def test_results(content: Any, more: Any, wire: Any) -> None:
    found = said("hi", own(CALL), answered(content, **more))[2][1]
    assert found == [{"type": "tool_result", "tool_use_id": "c1", **wire}]


PDF = base64.b64encode(b"%PDF").decode()
MEDIA: list[tuple[Any, dict[str, Any]]] = [
    (Image(data=b"png"), AS_PICTURE),
    (
        Image(url="https://a.b/c.png"),
        {"type": "image", "source": {"type": "url", "url": "https://a.b/c.png"}},
    ),
    (
        File(name="p.pdf", media_type="application/pdf", data=b"%PDF"),
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
            "title": "p.pdf",
        },
    ),
    (
        File(name=" ", media_type="application/pdf", url="http://a.b/p.pdf"),
        {"type": "document", "source": {"type": "url", "url": "http://a.b/p.pdf"}},
    ),
    *[
        (
            File(name="t", media_type=kind, data="für\udc00".encode("utf-8", "surrogatepass")),
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "für���"},
                "title": "t",
            },
        )
        for kind in ("text/csv", "application/json")
    ],
]


@pytest.mark.parametrize(("part", "wire"), MEDIA)
def test_what_is_shown(part: Any, wire: Any) -> None:
    assert said(parts("See:", part)) == [("user", ["See:", wire])]


@pytest.mark.parametrize(
    ("part", "what"),
    [
        (Audio(data=b"RIFF"), r"audio \(audio/wav\)"),
        (Image(media_type="image/bmp", data=b"BM"), r"image \(image/bmp\)"),
        (Image(url="ftp://a.b/c.png"), r"image \(image/png\) by its address"),
        (File(name="a.zip", media_type="application/zip", data=b"PK"), r"file \(application/zip\)"),
        (
            File(name="a", media_type="text/css", url="https://a.b"),
            r"file \(text/css\) by its address",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(part: Any, what: str) -> None:
    for message in (parts(part), answered([part])):
        with pytest.raises(ModelRejected, match=f"cannot be shown this {what}"):
            sent("hi", own(CALL), message)


def test_documents_can_be_cited() -> None:
    page = File(name="p", media_type="text/plain", data=b"grass")
    found = said(parts("See:", page), options=options(citations=True))
    assert found[0][1][1]["citations"] == {"enabled": True}


@pytest.mark.parametrize(
    ("messages", "system", "standing"),
    [
        (["hi"], "Be brief.", "Be brief."),
        (["hi"], " ", None),
        ([Message("Be kind.", role="system"), "hi"], "Be brief.", "Be brief.\n\nBe kind."),
        ([Message("Be kind.", role="system"), "hi"], None, "Be kind."),
    ],
)
def test_instructions(messages: list[Any], system: str | None, standing: str | None) -> None:
    body = sent(*messages, system=system)
    assert body.get("system") == (standing and [{"type": "text", "text": standing}])
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]


def test_instructions_alone_are_enough() -> None:
    assert said(system="Tell a story.") == [("user", ["Begin."])]


def test_who_asks_nothing_is_told_so() -> None:
    with pytest.raises(ModelRejected, match="asked nothing"):
        sent(" ")


TOOLS: list[tuple[str, dict[str, Any], Any]] = [
    ("auto", {"tools": [TOOL_ADD, TOOL_BARE]}, None),
    ("none", {"tools": [TOOL_ADD, TOOL_BARE], "tool_choice": {"type": "none"}}, None),
    ("required", {"tools": [TOOL_ADD, TOOL_BARE], "tool_choice": {"type": "any"}}, None),
    (
        "now",
        {"tools": [TOOL_ADD, TOOL_BARE], "tool_choice": {"type": "tool", "name": "now"}},
        None,
    ),
]


@pytest.mark.parametrize(("choice", "wire"), [row[:2] for row in TOOLS])
def test_tools(choice: str, wire: Any) -> None:
    body = sent("hi", tools=(ADD, BARE), tool_choice=choice)
    assert {k: v for k, v in body.items() if k.startswith("tool")} == wire


def test_the_vendors_tools_stand_beside_ours() -> None:
    search = {"type": "web_search_20260318", "name": "web_search"}
    given = options(tools=[search])
    assert sent("hi", tools=(ADD,), options=given)["tools"] == [TOOL_ADD, search]
    assert sent("hi", options=options(server_tools=[search]))["tools"] == [search]
    assert sent("hi", options=given, tool_choice="web_search")["tool_choice"] == {
        "type": "tool",
        "name": "web_search",
    }


@pytest.mark.parametrize("tools", [(), (ADD,)])
@pytest.mark.parametrize("choice", ["sub", "required"])
def test_a_tool_that_is_not_offered_cannot_be_chosen(tools: Any, choice: str) -> None:
    if tools and choice == "required":
        return
    with pytest.raises(ModelRejected, match=f"'{choice}', is not offered"):
        sent("hi", tools=tools, tool_choice=choice)


@pytest.mark.parametrize("choice", ["add", "required"])
def test_models_that_cannot_be_told_to_use_a_tool_are_not(choice: str) -> None:
    with pytest.raises(ModelRejected, match="cannot be told to use a tool"):
        sent("hi", tools=(ADD,), tool_choice=choice, model="claude-opus-5-5")
    sent("hi", tools=(ADD,), tool_choice=choice, model="claude-haiku-5-5")


def test_tools_that_are_spoken_of_are_there_but_not_to_be_used() -> None:
    body = sent("hi", own(CALL, LOOK), answered("2"))
    assert body["tools"] == [
        {"name": "add", "input_schema": {"type": "object"}},
        {"name": "look", "input_schema": {"type": "object"}},
    ]
    assert body["tool_choice"] == {"type": "none"}


def test_a_schema_is_sent_as_it_is_enforced() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    closed = {
        "type": "object",
        "properties": {"n": {"type": "integer", "description": "{minimum: 1}"}},
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "schema": closed}
    assert sent("hi", output=schema)["output_config"] == {"format": form}
    body = sent("hi", output=schema, options=options(output_config={"effort": "high"}))
    assert body["output_config"] == {"format": form, "effort": "high"}


def test_what_is_chosen_is_sent_and_no_temperature() -> None:
    given = options(
        stop_sequences=["END"], betas=["a-1", "b-2"], cache=None, thinking="adaptive", speed=None
    )
    found = encoded("hi", max_tokens=0, temperature=0.5, options=given)
    assert found.betas == ("a-1", "b-2")
    assert json.loads(found.body) == {
        "model": "m",
        "max_tokens": 0,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        "stop_sequences": ["END"],
        "thinking": {"type": "adaptive"},
        "stream": True,
    }


def test_options_that_are_none_take_fields_out_again() -> None:
    given = options(tools=None, betas=None, output_config=None, max_tokens=None)
    assert "max_tokens" not in sent("hi", options=given)


def test_options_that_are_no_json_are_refused() -> None:
    with pytest.raises(ModelRejected, match="cannot be said in a request"):
        sent("hi", options=options(metadata={"id": b"x"}))


BINDING = {"block_binding": {"prefix_mismatch_behavior": "drop_block"}}


@pytest.mark.parametrize(
    ("model", "given", "thinking"),
    [
        ("claude-opus-5-5", {}, {"type": "adaptive", **BINDING}),
        ("claude-fable-5-1", {}, {"type": "adaptive", **BINDING}),
        ("claude-opus-5", {}, None),
        (
            "claude-opus-5-5",
            {"thinking": {"type": "adaptive", "display": "summarized"}},
            {"type": "adaptive", "display": "summarized", **BINDING},
        ),
        (
            "claude-opus-5-5",
            {"thinking": {"type": "adaptive", "block_binding": {}}},
            {"type": "adaptive", "block_binding": {}},
        ),
        ("claude-sonnet-5-5", {"thinking": "between_tools"}, {"type": "between_tools"}),
    ],
)
def test_thoughts_that_no_longer_fit_are_dropped_not_refused(
    model: str, given: Any, thinking: Any
) -> None:
    found = encoded("hi", own(THOUGHT, "So."), "and?", model=model, options=FrozenDict(given))
    assert json.loads(found.body).get("thinking") == thinking
    bound = "block_binding" in (thinking or {})
    assert found.betas == (("thinking-binding-controls-2026-08-01",) if bound else ())


def test_where_nothing_was_thought_nothing_is_asked_for() -> None:
    found = encoded("hi", own("So."), "and?", model="claude-opus-5-5")
    assert "thinking" not in json.loads(found.body)
    assert found.betas == ()


BOX = block(type="container", id="container_1", expires_at="2026-11-20T12:00:00Z")


@pytest.mark.parametrize(
    ("messages", "container"),
    [
        (["hi", own(block(**SEARCH), BOX)], "container_1"),
        (["hi", own("a", BOX, CALL), answered("2")], "container_1"),
        (["hi", own("a", BOX), "and?"], None),
        (["hi", own("a", CALL), answered("2")], None),
    ],
)
def test_a_turn_goes_on_where_its_code_runs(messages: list[Any], container: str | None) -> None:
    assert sent(*messages).get("container") == container


def test_what_is_counted_is_what_is_read() -> None:
    asked = ChatRequest(
        messages=(Message("hi"), own(THOUGHT, "So."), Message("x" * 9000)),
        system="Be brief.",
        tools=(ADD,),
        max_tokens=7,
        options=options(stop_sequences=["END"], service_tier="auto"),
    )
    found = encode_count(asked, "claude-opus-5-5")
    body = json.loads(found.body)
    assert body.keys() == {"model", "messages", "system", "tools", "thinking"}
    assert b"cache_control" not in found.body
    assert found.betas == ("thinking-binding-controls-2026-08-01",)


def test_what_was_said_before_is_said_again_in_the_same_words() -> None:
    """Or nothing of it would be found in a cache."""
    history: list[Message | str] = ["a", own(THOUGHT, "b", CALL), answered("c"), own("d"), "e"]
    whole = said(*history)
    for count in (1, 3, 5):
        before = said(*history[:count])
        assert whole[: len(before)] == before
