"""Endpoints: what may stand in `[models.<name>]`, and that it is what the providers take."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from retinue.app import model_of, way_to
from retinue.errors import SettingsError
from retinue.models import PROVIDERS, ollama_at
from retinue.models.openai import Responses
from retinue.settings import ENDPOINT, OPTIONS, OPTIONS_OF, Endpoint, Settings, load

KEY = "sk-0123456789abcdef"


@pytest.mark.parametrize(
    ("toml", "model", "options"),
    [
        ('model = "openai:a"\napi = "Responses"', "openai:a", {"api": "responses"}),
        (
            'model = "openai:our"\nbase_url = "https://us.openai.azure.com/openai/v1"\n'
            'api = "responses"\nfirst_timeout = 30\nidle_timeout = false\nretries = 0',
            "openai:our",
            {"api": "responses", "first_timeout": 30.0, "idle_timeout": None, "retries": 0},
        ),
        (
            'model = "gemini:a"\nvertexai = true\nproject = "p"\nlocation = "global"',
            "gemini:a",
            {"vertexai": True, "project": "p", "location": "global"},
        ),
        ('model = "anthropic:a"\ncache = "1h"', "anthropic:a", {"cache": "1h"}),
        ('model = "anthropic:a"\ncache = false', "anthropic:a", {"cache": None}),
        ('model = "claude_agent:a"\nretries = 1', "claude_agent:a", {"retries": 1}),
        ('model = "ollama:a:1b"\nkeep_alive = "1h30m"', "ollama:a:1b", {"keep_alive": "1h30m"}),
        ('model = "ollama:a"\nkeep_alive = -1', "ollama:a", {"keep_alive": -1}),
        ('model = "a:8b"\nbase_url = "http://x"\nretries = 9', "compatible:a:8b", {"retries": 9}),
        ('model = "compatible:a"\nbase_url = "http://x"', "compatible:a", {}),
        ('model = "demo"', "demo", {}),
    ],
)
def test_what_a_provider_takes_can_be_said(
    config: Path, toml: str, model: str, options: dict[str, Any]
) -> None:
    config.write_text(f"[models.lab]\n{toml}\n")
    settings = read(config)
    lab = settings.models["lab"]
    assert (lab.name, lab.options) == (model, options)
    way = way_to(settings, "lab")
    assert (way.name, way.options) == (model, options)


@pytest.mark.parametrize(
    ("toml", "complaint", "hint"),
    [
        ('model = "openai:a"\napi = "grpc"', "3: api must be one of chat, responses, not 'gr", ""),
        ('model = "openai:a"\nretries = "2"', "3: retries must be a whole number from 0", ""),
        ('model = "openai:a"\nretires = 2', "3: unknown key of an endpoint, 'retires'", "retries"),
        (
            'model = "a"\nbase_url = "http://x"\napi = "responses"',
            "4: models of compatible have no api",
            'Those of openai have: model = "openai:NAME"',
        ),
        ('model = "openai:a"\nvertexai = true', "3: models of openai have no vertexai", "gemini"),
        ('model = "gemini:a"\nvertexai = "yes"', "3: vertexai must be true or false", ""),
        ('model = "gemini:a"\nproject = "p"', "3: project is a word of Vertex", "vertexai = true"),
        (
            'model = "gemini:a"\nvertexai = false\nlocation = "eu"',
            "4: location is a word of Vertex AI",
            "vertexai = true",
        ),
        ('model = "anthropic:a"\ncache = "5 m"', "3: cache must be one of 5m, 1h, or false", ""),
        ('model = "anthropic:a"\nfirst_timeout = true', "first_timeout must be a number of s", ""),
        ('model = "ollama:a"\nkeep_alive = "long"', '3: keep_alive must be a time like "10m"', ""),
        ('model = "ollama:a"\nkeep_alive = nan', "3: keep_alive must be a time", ""),
        ('model = "gpt-6-luna"', "1: models.lab has no base_url", "[models.lab]"),
        ('base_url = "http://x"', "1: models.lab has no model", "[models.lab]"),
    ],
)
def test_what_it_does_not_take_is_named_with_file_and_key(
    config: Path, toml: str, complaint: str, hint: str
) -> None:
    config.write_text(f"[models.lab]\n{toml}\n")
    with pytest.raises(SettingsError) as caught:
        read(config)
    assert str(caught.value).startswith(f"{config}:")
    assert complaint in str(caught.value)
    assert hint in (caught.value.hint or "")


def test_the_options_arrive_at_the_model(config: Path) -> None:
    config.write_text(
        '[models.azure]\nbase_url = "https://us.openai.azure.com/openai/v1"\napi_key = "env:K"\n'
        'model = "openai:ours"\napi = "responses"\nidle_timeout = false\nretries = 0\n'
    )
    model: Any = model_of(read(config, K=KEY), "azure")
    assert isinstance(model.inner, Responses)
    assert (model.inner.base_url, model.inner.api_key) == (
        "https://us.openai.azure.com/openai/v1",
        KEY,
    )
    assert (model.idle_timeout, model.retries) == (None, 0)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_options_are_those_of_the_provider(provider: str) -> None:
    place, _, factory = PROVIDERS[provider].factory.partition(":")
    find = getattr(import_module(f"retinue.models.{place}"), factory)
    assert {*OPTIONS_OF[provider]} == {*(find.__kwdefaults__ or {})} - {*ENDPOINT}


def test_the_variables_of_keys_are_those_of_the_providers() -> None:
    variables = {option.name: option.variables[1:] for option in OPTIONS}
    for name in ("anthropic", "openai", "gemini"):
        assert variables[f"{name}_api_key"] == PROVIDERS[name].keys
    assert variables["ollama_url"] == (PROVIDERS["ollama"].address,)


def test_ollama_is_where_models_look_for_it() -> None:
    assert Settings().ollama_url == ollama_at(None)


def test_a_name_is_whole() -> None:
    assert Endpoint(model="qwen3:8b", base_url="http://x").name == "compatible:qwen3:8b"
    assert Endpoint(model="qwen3:8b", base_url="http://x").provider == "compatible"
    assert Endpoint(model="ollama:qwen3:8b").provider == "ollama"


def read(config: Path, **environ: str) -> Settings:
    variables = {"XDG_CONFIG_HOME": str(config.parent.parent), **environ}
    return load(flags={}, environ=variables, folder=None)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "retinue" / "config.toml"
    path.parent.mkdir()
    return path
