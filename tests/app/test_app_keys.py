"""A key goes to no server but the one it was given for."""

from typing import Any

import pytest

from retinue.app import Way, model_of, way_to
from retinue.errors import ModelUnauthorized
from retinue.messages import Message
from retinue.models import PROVIDERS, ChatRequest, Model, find_model, list_models
from retinue.settings import Endpoint, Secret, Settings
from retinue.testing.mock_llm import MockLLM, Refusal

OURS = "sk-of-the-environment"
ITS_OWN = "sk-of-the-endpoint"
SHOWING = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
"""Headers that show who asks."""
MODELS = {
    "openai:gpt-4o-mini": ("/v1", "retinue"),
    "openai:gpt-6-sol": ("/v1", "retinue"),
    "anthropic:m": ("", "anthropic"),
    "gemini:m": ("", "google.genai"),
    "ollama:m": ("", "retinue"),
    "compatible:m": ("/v1", "retinue"),
}
"""By name: the path of the address, and the package that is needed."""


@pytest.fixture(autouse=True)
def keys_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in PROVIDERS.values():
        for variable in provider.keys:
            monkeypatch.setenv(variable, OURS)
        if provider.address:
            monkeypatch.delenv(provider.address, raising=False)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", OURS)  # what its package would find by itself


def everything(**more: Any) -> Settings:
    """Settings with a key to every vendor."""
    key = Secret("env:OURS", OURS)
    vendors = ("anthropic", "gemini", "ollama", "openai")
    return Settings(**{f"{vendor}_api_key": key for vendor in vendors}, **more)


@pytest.fixture(params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(MODELS[request.param][1], reason="needs the extra")
    return request.param


def lab(mock: MockLLM, name: str, key: Secret | None = None) -> Settings:
    path, _ = MODELS[name]
    endpoint = Endpoint(base_url=f"{mock.url}{path}", model=name, api_key=key)
    return everything(models={"lab": endpoint})


async def ask(model: Model) -> None:
    async with model.chat(ChatRequest(messages=(Message("Hello?"),))) as chunks:
        async for _ in chunks:
            pass


async def test_an_endpoint_at_an_address_of_its_own_is_shown_no_other_key(name: str) -> None:
    async with MockLLM() as mock:
        settings = lab(mock, name)
        await ask(model_of(settings, "lab"))
        way = way_to(settings, "lab")
        await list_models(name.partition(":")[0], base_url=way.base_url)
    assert len(mock.requests) >= 2
    for request in mock.requests:
        assert request.status == 200
        assert not request.headers.keys() & {*SHOWING}
        assert not [value for value in request.headers.values() if "sk-" in value]


async def test_it_is_shown_its_own_where_it_has_one(name: str) -> None:
    async with MockLLM() as mock:
        await ask(model_of(lab(mock, name, Secret("env:L", ITS_OWN)), "lab"))
    (request,) = mock.requests
    shown = [request.headers[header] for header in SHOWING if header in request.headers]
    assert [value.removeprefix("Bearer ") for value in shown] == [ITS_OWN]


async def test_where_it_wants_one_it_is_said_where_that_belongs(name: str) -> None:
    async with MockLLM() as mock:
        mock.script("*", *[Refusal(401)] * 3)
        with pytest.raises(ModelUnauthorized) as caught:
            await ask(model_of(lab(mock, name), "lab"))
    assert "Set api_key in that endpoint" in (caught.value.hint or "")


def test_a_login_of_claude_code_is_no_key_for_it() -> None:
    pytest.importorskip("claude_agent_sdk")
    there = Endpoint(base_url="http://127.0.0.1:1", model="claude_agent:m")
    with pytest.raises(ModelUnauthorized, match="needs a key for http://127") as caught:
        model_of(everything(models={"lab": there}), "lab")
    assert "Set api_key in that endpoint" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["openai:m", "openai:gpt-6-sol", "anthropic:m"])
def test_the_vendor_wants_a_key_also_where_its_address_is_said(name: str) -> None:
    pytest.importorskip(MODELS.get(name, ("", "retinue"))[1], reason="needs the extra")
    address = {"openai": "https://api.openai.com/v1/", "anthropic": "https://api.anthropic.com/v1"}
    own = Endpoint(base_url=address[name.partition(":")[0]], model=name)
    with pytest.raises(ModelUnauthorized, match="needs a key") as caught:
        model_of(everything(models={"work": own}), "work")
    assert "api_key of the endpoint" in (caught.value.hint or "")


async def test_the_address_in_a_variable_is_shown_the_key_beside_it(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    provider = name.partition(":")[0]
    variable = PROVIDERS[provider].address
    if variable is None:
        pytest.skip("it has none")
    async with MockLLM() as mock:
        monkeypatch.setenv(variable, f"{mock.url}{MODELS[name][0]}")
        await ask(find_model(name))
        await list_models(provider)
    for request in mock.requests:
        assert [header for header in SHOWING if OURS in request.headers.get(header, "")]


def test_ollama_is_shown_its_own_key_where_the_settings_say_it_is() -> None:
    settings = everything(ollama_url="http://house")
    assert way_to(settings, "ollama:m") == Way("ollama:m", "http://house", settings.ollama_api_key)
