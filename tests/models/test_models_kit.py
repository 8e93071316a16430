"""The kit for adapters, run against the wires of ours."""

import pytest

from retinue.models import Model, find_model
from retinue.models.compatible import Compatible
from retinue.models.compatible._dialect import of_openai
from retinue.models.guard import Guarded
from retinue.testing import Opening, check_model


def compatible(at: Opening) -> Model:
    return find_model(
        f"compatible:{at.model}", base_url=f"{at.url}/v1", api_key=at.api_key, **at.limits
    )


def openai(at: Opening) -> Model:
    """As a model of OpenAI that does not reason would be asked."""
    model = Compatible(
        model=at.model,
        base_url=f"{at.url}/v1",
        api_key=at.api_key,
        provider="openai",
        dialect=of_openai("gpt-4o"),
    )
    return Guarded(model, **at.limits)


def ollama(at: Opening) -> Model:
    return find_model(f"ollama:{at.model}", base_url=at.url, api_key=at.api_key, **at.limits)


@pytest.mark.parametrize("opener", [compatible, openai])
async def test_an_adapter_of_chat_completions_keeps_the_contract(opener) -> None:
    await check_model(opener, wire="chat")


async def test_the_adapter_of_ollama_keeps_the_contract() -> None:
    await check_model(
        ollama, wire="ollama", without={"audio", "files", "image_urls", "tool_choice"}
    )
