"""The table of docs/models.md: each cell of it is tried, at a strict mock of the vendor."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from retinue.errors import ModelRejected
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
    ToolResult,
)
from retinue.models import ChatRequest
from retinue.testing import MockLLM
from retinue.testing.mock_llm import Answer

from ._held import NAMES, Tapped, models_at, parts_of, secrets_in
from ._kept import KEPT, VENDORS
from ._talks import PNG, TOOLS, blocks_of
from ._wire_readers import Entry, read

for package in ("anthropic", "google.genai", "openai"):
    pytest.importorskip(package, reason="needs the extras: uv sync --group vendors")

URL = "https://example.com/a"
CALL = ToolCall(id="call_1", name="add", args={"a": [1, None]})


@dataclass
class Example:
    """A conversation, and what stands in a request if this or that becomes of it.

    Args:
        said: The conversation, which ends with a question.
        fates: By the word of the table, entries that stand in the request one after the other.
    """

    said: list[Message]
    fates: dict[str, list[Entry]]


def asked(*parts: Part) -> list[Message]:
    return [Message(parts=parts), Message("?", role="system"), Message("Well?")]


def own(*parts: Part, agent: str = "host", vendor: str = "nobody") -> Message:
    name = f"{vendor}:{NAMES.get(vendor, 'm')}"
    return Message(parts=parts, role="assistant", agent=agent, model=name)


def answered(content: Any, *, error: bool = False) -> list[Message]:
    result = ToolResult(call_id="call_1", name="add", content=content, error=error)
    return [Message("So."), own(CALL), Message(parts=[result], role="tool"), Message("Well?")]


PDF = File(name="a.pdf", media_type="application/pdf", data=b"%PDF")
PDF_AT = File(name="a.pdf", media_type="application/pdf", url=f"{URL}.pdf")
TEXT = File(name="a.txt", media_type="text/plain", data=b"Plain.")
PICTURE: Entry = ("user", "image", PNG, "")

EXAMPLES: dict[str, Example] = {
    "words": Example(
        asked(Text(text="Good \u2028day")), {"yes": [("user", "text", "Good \u2028day")]}
    ),
    "words that are only space": Example(
        asked(Text(text=" "), Image(data=PNG)),
        {"yes": [("user", "text", " ")]},
    ),
    "calls of tools": Example(
        answered("42"), {"yes": [("agent", "call", 0, "add", '{"a": [1, null]}')]}
    ),
    "results of tools": Example(
        answered("42"),
        {"yes": [("tool", "result", 0, "42")]},
    ),
    "that a result is an error": Example(
        answered("It broke", error=True),
        {
            "yes": [("tool", "result", 0, "It broke", True)],
            "as words": [("tool", "result", 0, "Error: It broke", None)],
        },
    ),
    "results that belong to no call": Example(
        [
            Message("So."),
            Message(parts=[ToolResult(call_id="call_0", name="add", content="41")], role="tool"),
            Message("Well?"),
        ],
        {"yes": [("tool", "result", 0, "41")], "as words": [("user", "text", "41")]},
    ),
    "a picture by its data": Example(asked(Image(data=PNG)), {"yes": [("user", "image", PNG, "")]}),
    "a picture by its address": Example(
        asked(Image(url=f"{URL}.png")), {"yes": [("user", "image", f"{URL}.png", "")]}
    ),
    "a picture between words": Example(
        asked(Text(text="a"), Image(data=PNG), Text(text="b")),
        {
            "in its place": [
                ("user", "text", "a"),
                ("user", "image", PNG, ""),
                ("user", "text", "b"),
            ],
            "after them": [("user", "text", "ab"), PICTURE],
        },
    ),
    "a picture that a tool shows": Example(
        answered([Text(text="See."), Image(data=PNG)]),
        {
            "yes": [("tool", "image", PNG, "")],
            "after it": [("user", "text", "From add:"), ("user", "image", PNG, "")],
        },
    ),
    "a picture in the agent's own message": Example(
        [Message("So."), own(Text(text="See."), Image(data=PNG)), Message("Well?")],
        {"yes": [("agent", "image", PNG, "")]},
    ),
    "sound (WAV, MP3) by its data": Example(
        asked(Audio(data=b"RIFF")), {"yes": [("user", "audio", b"RIFF", "")]}
    ),
    "sound by its address": Example(
        asked(Audio(url=f"{URL}.wav")), {"yes": [("user", "audio", f"{URL}.wav")]}
    ),
    "any other file by its data": Example(
        asked(File(name="a.zip", media_type="application/zip", data=b"PK")),
        {"yes": [("user", "file", b"PK")]},
    ),
    "a PDF by its data": Example(asked(PDF), {"yes": [("user", "file", b"%PDF")]}),
    "a PDF by its address": Example(asked(PDF_AT), {"yes": [("user", "file", f"{URL}.pdf")]}),
    "a file of text": Example(
        asked(TEXT),
        {"yes": [("user", "file", b"Plain.")], "as words": [("user", "text", "Plain.")]},
    ),
    "the name of a PDF": Example(asked(PDF), {"yes": [("user", "file", b"%PDF", "a.pdf")]}),
    "the name of a PDF at an address": Example(
        asked(PDF_AT), {"yes": [("user", "file", f"{URL}.pdf", "a.pdf")]}
    ),
    "the name of a file of text": Example(
        asked(TEXT), {"yes": [("user", "file", b"Plain.", "a.txt")]}
    ),
    "another agent's words": Example(
        [
            own(Text(text="Good day."), agent="critic"),
            Message("?", role="system"),
            Message("Well?"),
        ],
        {
            "yes": [("user", "text", "Good day.")],
            "after its name": [("user", "text", "critic: Good day.")],
        },
    ),
}
"""Of the rows that are about what is said and shown."""


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def tapped() -> Tapped:
    return Tapped()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tapped: Tapped) -> AsyncIterator[MockLLM]:
    async with MockLLM(strict=True, wires=tapped.wires) as server:
        yield server


@pytest.fixture
def mock(server: MockLLM) -> MockLLM:
    """The server, as if nothing had been asked of it."""
    server.requests.clear()
    for name in NAMES.values():
        server.script(name)
    return server


async def ask(mock: MockLLM, vendor: str, messages: list[Message]) -> Message:
    """Its answer, as a message of the agent "host"."""
    request = ChatRequest(messages=tuple(messages), agent="host", tools=TOOLS)
    async with models_at(mock.url)[vendor].chat(request) as chunks:
        return own(*parts_of([chunk async for chunk in chunks]), vendor=vendor)


async def test_the_table_has_all_that_is_tried_and_nothing_else() -> None:
    assert set(KEPT) == {*EXAMPLES, *HIDDEN}
    assert set(VENDORS) == set(NAMES)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("kind", EXAMPLES)
async def test_what_is_said_arrives_as_the_table_says(
    kind: str, vendor: str, mock: MockLLM
) -> None:
    example = EXAMPLES[kind]
    try:
        await ask(mock, vendor, example.said)
    except ModelRejected:
        assert mock.requests == []
        fate = "refused"
    else:
        told = read(vendor, mock.requests[0].body)
        fate = next((f for f, form in example.fates.items() if stands(form, told.said)), "dropped")
    assert fate == KEPT[kind][vendor]


def stands(form: list[Entry], said: list[Entry]) -> bool:
    """Whether these entries, or longer ones that begin like them, stand there in a row."""
    return any(
        all(there[: len(one)] == one for one, there in zip(form, said[start:], strict=False))
        for start in range(len(said) - len(form) + 1)
    )


# -- what only the vendor understands


async def thought(
    mock: MockLLM, tapped: Tapped, vendor: str, agent: str = "host"
) -> tuple[list[Message], list[Any]]:
    """A question, an answer with all that only this vendor understands, a call and its result; and
    what it wants back of that."""
    mock.script(NAMES[vendor], Answer([Thinking(text="secret"), "Let me see.", CALL]))
    tapped.events.clear()
    answer = await ask(mock, vendor, [Message("So.")])
    made = [*blocks_of(vendor, 1), *tapped.returned(vendor)]
    blocks = [Block(vendor=vendor, data=data) for data in blocks_of(vendor, 1)]
    result = ToolResult(call_id="call_1", name="add", content="42")
    mock.requests.clear()
    return [
        Message("So."),
        own(*blocks, *answer.parts, agent=agent, vendor=vendor),
        Message(parts=[result], role="tool", agent=agent),
        Message("Well?"),
    ], made


def leaks(body: Any, made: list[Any]) -> bool:
    """Whether a request has thoughts, or what their vendor wants back, in it."""
    return any(secret in str(body) for secret in ("secret", *secrets_in(made)))


async def signed_thoughts(mock: MockLLM, tapped: Tapped, vendor: str) -> str:
    messages, made = await thought(mock, tapped, vendor)
    if not made:
        return "none"
    await ask(mock, vendor, messages)
    back = read(vendor, mock.requests[0].body).returned
    return "unchanged" if back == made else "dropped"


async def unsigned_thoughts(mock: MockLLM, _: Tapped, vendor: str) -> str:
    fates: list[str] = []
    for call in ((), (CALL,)):
        said = own(Thinking(text="secret"), Text(text="Let me see."), *call, vendor=vendor)
        await ask(mock, vendor, [Message("So."), said, Message("Well?")])
        fates.append("yes" if "secret" in str(mock.requests[-1].body) else "dropped")
    match fates:
        case ["dropped", "yes"]:
            return "with their calls"
        case [fate, other]:
            assert fate == other
            return fate
        case _:
            raise AssertionError(fates)


async def others_thoughts(mock: MockLLM, tapped: Tapped, vendor: str) -> str:
    for other in VENDORS:
        if other != vendor:
            messages, made = await thought(mock, tapped, other)
            await ask(mock, vendor, messages)
            if leaks(mock.requests[0].body, made):
                return f"{other}'s are not"
    return "dropped"


async def other_agents(mock: MockLLM, tapped: Tapped, vendor: str) -> str:
    messages, made = await thought(mock, tapped, vendor, agent="critic")
    await ask(mock, vendor, messages)
    body = mock.requests[0].body
    words = [("user", "text", "So.critic: Let me see.Well?")]
    kept = leaks(body, made) or read(vendor, body).said != words
    return "kept" if kept else "dropped"


HIDDEN = {
    "its own signed thoughts, signatures, blocks": signed_thoughts,
    "its own thoughts without a signature": unsigned_thoughts,
    "another vendor's thoughts, signatures, blocks": others_thoughts,
    "another agent's calls, results, thoughts and blocks": other_agents,
}
"""Of the other rows: what becomes of it."""


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("kind", HIDDEN)
async def test_what_is_not_for_everybody_goes_where_the_table_says(
    kind: str, vendor: str, mock: MockLLM, tapped: Tapped
) -> None:
    assert await HIDDEN[kind](mock, tapped, vendor) == KEPT[kind][vendor]
