"""The kit for adapters, over Google's wire: the vendor's own client is in between."""

import pytest

from retinue import Scope, assistant, tool
from retinue.messages import Block, Thinking, ToolCall
from retinue.models import Model, find_model
from retinue.testing import MockLLM, Opening, check_model
from retinue.testing.mock_llm import Answer

pytest.importorskip("google.genai", reason="needs the extra: uv sync --group vendors")


def gemini(at: Opening) -> Model:
    return find_model(f"gemini:{at.model}", base_url=at.url, api_key=at.api_key, **at.limits)


def vertex(at: Opening) -> Model:
    """As in its express mode, where there is a key and no project."""
    return find_model(
        f"gemini:{at.model}", base_url=at.url, api_key=at.api_key, vertexai=True, **at.limits
    )


async def test_the_adapter_of_gemini_keeps_the_contract() -> None:
    await check_model(gemini, wire="gemini")


async def test_it_keeps_the_contract_at_vertex_too() -> None:
    await check_model(vertex, wire="gemini", only=["text is whole", "usage", "parallel calls"])


@tool
async def weather(city: str) -> str:
    """What the weather is."""
    return f"Rain in {city}."


async def test_an_assistant_thinks_calls_pauses_and_answers_under_a_strict_eye() -> None:
    """Every request of it holds what the vendor wants back, or the mock would refuse it."""
    async with MockLLM(strict=True) as mock:
        mock.script(
            "m",
            [Thinking(text="Rain? "), ToolCall(id="1", name="weather", args={"city": "Turku"})],
            Answer("Take ", stop="pause"),
            [Thinking(text="Hm. "), "a coat."],
        )
        model = find_model("gemini:m", base_url=mock.url, api_key="k")
        host = assistant("host", model=model, tools=[weather])
        async with Scope():
            first = await host.inquire("What shall I wear?")
            second = await host.inquire("What shall I wear?", *first, "Why?")
        bodies = [request.body for request in mock.requests]
    assert "".join(m.text for m in first if m.role == "assistant") == "Take a coat."
    assert second[-1].text == "a coat."
    assert [body.get("continuationToken") is not None for body in bodies] == [
        False,
        False,
        True,
        False,
    ]
    blocks = [part for m in first for part in m.parts if isinstance(part, Block)]
    assert {block.vendor for block in blocks} == {"gemini"}
    signed = [
        list(part)
        for turn in bodies[-1]["contents"]
        for part in turn["parts"]
        if "thoughtSignature" in part
    ]
    words = ["text", "thoughtSignature"]  # of nothing: it comes with the last event of an answer
    assert signed == [["functionCall", "thoughtSignature"], words, words]
