"""Conversations that go from one vendor to another, as Hypothesis makes them up."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

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
    ToolSpec,
)

from ._kept import VENDORS


@dataclass
class Said:
    """By the user, the system, or an agent that is a program and not a model."""

    message: Message


@dataclass
class Remembered:
    """By an agent, from a conversation of long ago: what a vendor has made there is given."""

    agent: str
    vendor: str
    parts: list[Part]
    blocks: list[Any]


@dataclass
class Round:
    """A model thinks, speaks and asks for tools; these answer, or nobody knows what they did."""

    lines: list[str | Thinking | ToolCall]
    answers: list[tuple[Any, bool] | None]


@dataclass
class Turned:
    """An agent asks a vendor, which answers in so many rounds."""

    agent: str
    vendor: str
    rounds: list[Round]


type Step = Said | Remembered | Turned

PNG = b"\x89PNG\r\n\x1a\n mock"
ODD = [
    "\u2028",
    "e\u0301",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "\u202eright",
    "\x00",
    "\n\n",
]
WORDS = st.text(max_size=12) | st.sampled_from([*ODD, "", " ", "\n", "Error", "data: [DONE]"])
SPOKEN = WORDS.map(lambda words: words or " ")
LAST = WORDS.map(lambda words: f"{words}.")
THOUGHTS = st.builds(Thinking, text=st.sampled_from(["Hm.", "So ", "\u2028"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)
ARGS = st.dictionaries(WORDS, JSON | WORDS, max_size=3)
LONG = "a_tool_whose_name_is_as_long_as_any_vendor_of_all_these_accepts_"
TOOLS = tuple(
    [
        ToolSpec(name=name, description="", parameters={"type": "object"})
        for name in ("add", "look_up", LONG)
    ]
)
TOOL_NAMES = st.sampled_from([tool.name for tool in TOOLS])
SHOWN = st.one_of(
    st.builds(Image, data=st.binary(max_size=4).map(PNG.__add__)),
    st.just(Image(media_type="image/webp", data=b"RIFF")),
    st.just(File(name="a.txt", media_type="text/plain", data=b"Plain.")),
)
"""What every vendor can be shown."""
RARE = st.one_of(
    st.just(Image(url="https://example.com/a.png")),
    st.just(Audio(data=b"RIFF")),
    st.just(File(name="a.pdf", media_type="application/pdf", data=b"%PDF")),
    st.just(File(name="b.pdf", media_type="application/pdf", url="https://example.com/b.pdf")),
)
"""What some of them refuse."""
MEDIA = st.integers(0, 5).flatmap(lambda n: RARE if n == 0 else SHOWN)
PARTS = st.builds(
    lambda before, media, after: [
        part for part in (Text(text=before), *media, Text(text=after)) if part != Text(text="")
    ],
    WORDS,
    st.lists(MEDIA, max_size=2),
    st.just("") | WORDS,
).map(lambda parts: parts if len(parts) != 2 or not _both_text(parts) else parts[:1])


def _both_text(parts: list[Part]) -> bool:
    return all(isinstance(part, Text) for part in parts)


AGENTS = st.sampled_from(["host", "critic"])
SAID = st.builds(
    lambda parts, role, agent: Said(
        Message(parts=[part for part in parts if isinstance(part, Text)], role=role)
        if role == "system"
        else Message(parts=parts, role=role, agent=agent)
    ),
    PARTS,
    st.sampled_from(["user", "user", "user", "system"]),
    st.sampled_from([None, None, "visitor"]),
)


def blocks_of(vendor: str, n: int) -> list[Any]:
    """What a vendor said once that nobody else can read."""
    secret = f"sealed-{vendor}-{n}"
    match vendor:
        case "anthropic":
            search = {"id": f"s{n}", "name": "web_search", "input": {"q": secret}}
            found = {"tool_use_id": f"s{n}", "content": [{"url": "u"}]}
            return [
                {"type": "redacted_thinking", "data": f"mock-{secret}"},
                {"type": "server_tool_use", **search},
                {"type": "web_search_tool_result", **found},
            ]
        case "openai":
            return [{"type": "web_search_call", "id": f"ws_{secret}", "status": "completed"}]
        case "gemini":
            return [
                {"executableCode": {"language": "PYTHON", "code": secret}},
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": secret}},
            ]
        case _:
            return []


COUNT = st.integers(0, 10**6)
LONG_ID = "call_" + "x" * 90
CALL_IDS = st.sampled_from(["call_1", "functions.add:0", LONG_ID])


def _remembered(
    agent: str, vendor: str, n: int, before: str, picture: bool, calls: list[ToolCall], last: str
) -> Remembered:
    blocks = blocks_of(vendor, n)
    if vendor == "compatible":  # which gets its own ids back, and accepts those
        calls = [call for call in calls if call.id != LONG_ID]
    parts: list[Part] = [Text(text=before)] if before else []
    parts += [Thinking(text="Hm.")] if not blocks else []
    parts += [Block(vendor=vendor, data=block) for block in blocks]
    parts += [Image(data=PNG)] if picture else []
    return Remembered(agent, vendor, [*parts, Text(text=last), *calls], blocks)


REMEMBERED = st.builds(
    _remembered,
    AGENTS,
    st.sampled_from(VENDORS),
    COUNT,
    WORDS,
    st.booleans(),
    st.lists(
        st.builds(ToolCall, id=CALL_IDS, name=TOOL_NAMES, args=ARGS),
        max_size=2,
        unique_by=lambda call: call.id,
    ),
    LAST,
)
RESULTS = st.none() | st.tuples(WORDS | PARTS, st.booleans())
CALLS = st.builds(ToolCall, id=st.just(""), name=TOOL_NAMES, args=ARGS)
LINES = st.lists(SPOKEN | THOUGHTS, max_size=3)
ROUNDS = st.builds(
    lambda lines, calls, answers: Round([*lines, *calls], answers),
    LINES,
    st.lists(CALLS, min_size=1, max_size=3),
    st.lists(RESULTS, min_size=3, max_size=3),
)
LEGS = st.tuples(
    st.lists(SAID | REMEMBERED, max_size=1),
    st.sampled_from(["host", "host", "host", "critic"]),
    st.lists(ROUNDS, max_size=1),
    st.builds(lambda lines, last: Round([*lines, last], []), LINES, LAST),
)
"""What is said before, who asks then, and what a vendor answers: calls perhaps, and words."""
ROUTES = st.permutations(VENDORS).map(lambda vendors: [*vendors[:3], vendors[0]])
"""To one vendor, to a second, to a third, and back to the first."""


def _talk(first: Step, route: list[str], legs: list[Any]) -> list[Step]:
    steps = [first]
    for vendor, (before, agent, calls, words) in zip(route, legs, strict=True):
        steps += [*before, Turned(agent, vendor, [*calls, words])]
    return steps


TALKS = st.builds(
    _talk,
    LAST.map(lambda words: Said(Message(words))) | REMEMBERED,
    ROUTES,
    st.lists(LEGS, min_size=4, max_size=4),
)
SYSTEMS = st.none() | LAST
