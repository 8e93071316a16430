"""One conversation over several vendors: what was said goes with it, and each gets back its own."""

from collections.abc import AsyncIterator, Callable
from itertools import permutations
from typing import Any

import pytest

from retinue import Message, Messages, Scope, assistant, tool
from retinue.messages import Thinking, ToolCall
from retinue.models import Model, find_model
from retinue.testing import MockLLM
from retinue.testing.mock_llm import Answer

for package in ("anthropic", "google.genai", "openai"):
    pytest.importorskip(package, reason="needs the extras: uv sync --group vendors")

VENDORS: dict[str, tuple[str, Callable[[str], Model]]] = {
    "anthropic": (
        "claude-sonnet-5-5",
        lambda url: find_model("anthropic:claude-sonnet-5-5", base_url=url, api_key="key-1"),
    ),
    "openai": (
        "gpt-6-sol",
        lambda url: find_model("openai:gpt-6-sol", base_url=f"{url}/v1", api_key="key-2"),
    ),
    "gemini": (
        "gemini-4-argon",
        lambda url: find_model("gemini:gemini-4-argon", base_url=url, api_key="key-3"),
    ),
    "compatible": (
        "qwen3",
        lambda url: find_model("compatible:qwen3", base_url=f"{url}/v1", api_key="key-4"),
    ),
    "ollama": ("llama3", lambda url: find_model("ollama:llama3", base_url=url, api_key="key-5")),
}
ROUTES = [(first, second) for first, second in permutations(VENDORS, 2)]


@tool
def population(city: str) -> int:
    """How many people live in a city."""
    return 206_035


@pytest.fixture
async def mock() -> AsyncIterator[MockLLM]:
    async with MockLLM(strict=True) as mock:
        yield mock


def said(request: Any) -> list[Any]:
    """What a vendor was told of the conversation: words, calls by name, results."""
    found: list[Any] = []
    for message in request.asked.messages:
        if message.role == "user" and not message.tool_results and message.text:
            found.append(message.text)
        elif message.role == "assistant":
            found += [message.text] if message.text else []
            found += [(call.name, dict(call.args)) for call in message.tool_calls]
        found += [result.text for result in message.tool_results]
    return found


def answers(vendor: str, words: str) -> tuple[Answer, ...]:
    """Thinks, asks for a tool, and says this."""
    call = ToolCall(id=f"call_{vendor}_{words[:5]}", name="population", args={"city": "Turku"})
    return Answer([Thinking(text="Hm. "), "Let me see.", call]), Answer([words])


@pytest.mark.parametrize(("first", "second"), ROUTES)
async def test_a_conversation_goes_there_and_back(first: str, second: str, mock: MockLLM) -> None:
    conversation = Messages()
    told: list[Any] = []
    for turn, vendor in enumerate((first, second, first)):
        name, found = VENDORS[vendor]
        words = f"{turn}: it has 206,035."
        mock.script(name, *answers(vendor, words))
        host = assistant("host", model=found(mock.url), tools=[population])
        question = f"How many live in Turku? ({turn})"
        async with Scope():
            conversation += (Message(question),)
            conversation += await host.inquire(conversation)
        told.append(question)
        assert said(mock.requests[-2]) == told
        told += ["Let me see.", ("population", {"city": "Turku"}), "206035"]
        assert said(mock.requests[-1]) == told
        told.append(words)
    assert conversation[-1].text == "2: it has 206,035."
