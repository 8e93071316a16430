"""Anthropic: what is known of its models, and what of a request they keep for the next."""

import json
from typing import Any

import pytest

from retinue.messages import FrozenDict, Image, Message, Thinking, ToolCall, ToolResult, ToolSpec
from retinue.models import ChatRequest
from retinue.models.anthropic._encode import encode
from retinue.models.anthropic._known import Known, known

ADD = ToolSpec(name="add", description="Adds numbers.", parameters={})
CALL = ToolCall(id="c1", name="add", args={})
ANSWER = Message(role="tool", parts=[ToolResult(call_id="c1", name="add", content="2")])
FAILED = Message(
    role="tool", parts=[ToolResult(call_id="c1", name="add", content="no " * 600, error=True)]
)
THOUGHT = Thinking(text="Hm.", signature="EqQB")


def sent(*messages: Message | str, model: str = "m", **request: Any) -> dict[str, Any]:
    said = tuple([Message(one) if isinstance(one, str) else one for one in messages])
    return json.loads(encode(ChatRequest(messages=said, **request), model).body)


def parts(*found: Any, role: str = "user") -> Message:
    return Message(parts=found, role=role)


def own(*found: Any) -> Message:
    return parts(*found, role="assistant")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("m", Known()),
        ("claude-3-opus-20240229", Known()),
        ("claude-opus-4-1", Known()),
        ("claude-opus-4-20250514", Known()),
        ("claude-sonnet-4-5-20250929", Known(max_tokens=64_000)),
        ("claude-haiku-4-5-20251001", Known(max_tokens=64_000, cacheable=4096)),
        ("claude-opus-4-6", Known(max_tokens=64_000, cacheable=4096)),
        ("claude-opus-4-7", Known(max_tokens=64_000, cacheable=2048)),
        ("claude-opus-4-8", Known(max_tokens=64_000)),
        ("claude-sonnet-5", Known(max_tokens=64_000)),
        ("claude-opus-5", Known(max_tokens=64_000, cacheable=512)),
        (
            "claude-fable-5",
            Known(max_tokens=64_000, cacheable=512, forced_tools=False),
        ),
        (
            "anthropic/claude-opus-5.5",
            Known(max_tokens=64_000, cacheable=512, forced_tools=False, bound_thinking=True),
        ),
        (
            "claude-haiku-5-5",
            Known(max_tokens=64_000, cacheable=512, bound_thinking=True),
        ),
        (
            "claude-mythos-6",
            Known(max_tokens=64_000, cacheable=512, forced_tools=False, bound_thinking=True),
        ),
    ],
)
def test_what_is_known_of_models(name: str, what: Known) -> None:
    assert known(name) == what


LONG = "word " * 400  # more than 512 tokens by any count, fewer than 1024 by ours
OPUS = "claude-opus-5-5"
EPHEMERAL = {"type": "ephemeral"}


def marks(body: dict[str, Any]) -> list[str]:
    """Where breakpoints are: by the place of their block."""
    found = [f"tools[{n}]" for n, tool in enumerate(body.get("tools", ())) if _marked(tool)]
    found += [f"system[{n}]" for n, one in enumerate(body.get("system", ())) if _marked(one)]
    for n, message in enumerate(body["messages"]):
        found += [f"{n}.{m}" for m, block in enumerate(message["content"]) if _marked(block)]
    return found


def _marked(block: dict[str, Any]) -> bool:
    return "cache_control" in block


def long_tool(name: str) -> ToolSpec:
    return ToolSpec(name=name, description=LONG, parameters={})


CACHES: list[tuple[str, dict[str, Any], list[Message | str], list[str]]] = [
    ("nothing that is short", {"system": "Be brief."}, ["hi"], []),
    ("a long question", {}, [LONG], ["0.0"]),
    ("long instructions", {"system": LONG}, ["hi"], ["system[0]", "0.0"]),
    (
        "the last of long tools",
        {"tools": (long_tool("a"), long_tool("b"))},
        ["hi"],
        ["tools[1]", "0.0"],
    ),
    (
        "all there is, four at most",
        {"tools": (long_tool("a"),), "system": "Be brief."},
        ["a", own("b"), "c", own("d"), parts("e", "f")],
        ["tools[0]", "system[0]", "2.0", "4.1"],
    ),
    (
        "what is long enough together",
        {"system": LONG[:900]},
        [LONG[:900], own("b"), "c"],
        ["0.0", "2.0"],
    ),
    (
        "results of tools, and never thoughts",
        {"tools": (ADD,)},
        [LONG, own(THOUGHT, CALL), ANSWER],
        ["0.0", "2.0"],
    ),
    (
        "results of what failed, by their words",
        {"tools": (ADD,)},
        ["a", own(CALL), FAILED],
        ["2.0"],
    ),
    ("pictures", {}, [parts(Image(data=b"png")), own("b"), "c"], ["0.0", "2.0"]),
]


@pytest.mark.parametrize(
    ("request_", "messages", "places"), [row[1:] for row in CACHES], ids=[row[0] for row in CACHES]
)
def test_what_is_cached(request_: Any, messages: list[Any], places: list[str]) -> None:
    body = sent(*messages, model=OPUS, **request_)
    assert marks(body) == places


def test_short_of_what_a_model_caches_nothing_is_marked() -> None:
    assert marks(sent(LONG, model="claude-opus-4-6")) == []
    assert marks(sent(LONG * 8, model="claude-opus-4-6")) == ["0.0"]


@pytest.mark.parametrize(
    ("cache", "control"), [("5m", EPHEMERAL), ("1h", {"type": "ephemeral", "ttl": "1h"})]
)
def test_how_long_it_is_kept(cache: Any, control: Any) -> None:
    asked = ChatRequest(messages=(Message(LONG),))
    body = json.loads(encode(asked, OPUS, cache=cache).body)
    assert body["messages"][0]["content"][0]["cache_control"] == control
    assert sent(LONG, model=OPUS, options=FrozenDict(cache=cache)) == body


@pytest.mark.parametrize(
    "given",
    [
        {"cache": None},
        {"cache_control": EPHEMERAL},
        {"tools": [{"type": "x", "name": "y", "cache_control": EPHEMERAL}]},
    ],
)
def test_who_marks_by_hand_is_left_alone(given: Any) -> None:
    body = sent(LONG, model=OPUS, options=FrozenDict(given))
    assert not [place for place in marks(body) if not place.startswith("tools")]


@pytest.mark.parametrize(
    "given",
    [
        {"system": LONG},
        {"system": [{"type": "text", "text": LONG}]},
        {"messages": [{"role": "user", "content": LONG}]},
    ],
)
def test_what_was_given_in_the_vendors_words_is_not_touched(given: Any) -> None:
    body = sent("hi", model=OPUS, options=FrozenDict(given))
    name = next(iter(given))
    assert body[name] == given[name]
