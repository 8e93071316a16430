"""The kit for adapters, over Google's wire: the vendor's own client is in between."""

import pytest

from retinue.models import Model, find_model
from retinue.testing import Opening, check_model

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
