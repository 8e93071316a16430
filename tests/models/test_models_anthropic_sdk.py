"""Anthropic: what the vendor's own client carries, and how a model is found."""

import subprocess
import sys

import pytest

from retinue.errors import (
    MissingExtra,
    ModelRejected,
    ModelUnauthorized,
    UnknownModel,
)
from retinue.messages import FrozenDict, Message, Text, Thinking, ToolSpec
from retinue.models import ChatRequest, Model, find_model, list_models
from retinue.models.anthropic import Anthropic
from retinue.models.guard import Guarded
from retinue.testing import Opening, check_model
from retinue.testing.mock_llm import Anthropic as Wire
from retinue.testing.mock_llm import MockLLM

pytest.importorskip("anthropic", reason="needs the extra: uv sync --group vendors")


def at(url: str, key: str = "sk-1", name: str = "claude-sonnet-5-5") -> Model:
    return find_model(f"anthropic:{name}", base_url=url, api_key=key, retries=0)


def inner(model: Model) -> Anthropic:
    assert isinstance(model, Guarded)
    assert isinstance(model.inner, Anthropic)
    return model.inner


async def test_the_adapter_keeps_the_contract() -> None:
    def opened(at: Opening) -> Model:
        return find_model(f"anthropic:{at.model}", base_url=at.url, api_key=at.api_key, **at.limits)

    await check_model(opened, wire="anthropic", without={"audio", "temperature"})


# -- requests


async def test_requests_are_those_of_the_vendors_client(hear) -> None:
    async with MockLLM() as mock:
        await hear(at(mock.url), "Hello?")
    headers = mock.requests[0].headers
    assert headers["user-agent"].startswith("AsyncAnthropic/Python")
    assert headers["anthropic-version"] >= "2026-10-21"
    assert headers["authorization"] == "Bearer sk-1"
    assert headers["accept-encoding"] == "identity"
    assert headers["content-type"] == "application/json"
    assert "anthropic-beta" not in headers


async def test_what_is_not_for_everybody_yet_goes_into_a_header(hear) -> None:
    async with MockLLM() as mock:
        await hear(at(mock.url), "Hello?", options=FrozenDict(betas=["a-1", "b-2"]))
    assert mock.requests[0].headers["anthropic-beta"] == "a-1,b-2"
    assert "betas" not in mock.requests[0].body


async def test_what_the_environment_says_is_the_vendors_matter_but_the_key_is_ours(
    hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-of-the-environment")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-team: poets")
    async with MockLLM() as mock:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", mock.url)
        await hear(at(mock.url), "Hello?")
    headers = mock.requests[0].headers
    assert headers["authorization"] == "Bearer sk-1"
    assert headers["x-team"] == "poets"


async def test_halves_of_letters_are_replaced_not_refused(hear) -> None:
    async with MockLLM() as mock:
        chunks = await hear(at(mock.url), "a\ud83d\ude00 b\ud83d")
    assert "".join([chunk.text for chunk in chunks if chunk.text]) == "a😀 b\ufffd"


async def test_a_wrong_key_is_told(hear) -> None:
    async with MockLLM() as mock:
        with pytest.raises(ModelUnauthorized, match="does not accept the key") as caught:
            await hear(at(mock.url, "sk-bad"), "Hello?")
    assert "ANTHROPIC_API_KEY" in (caught.value.hint or "")


# -- what is no stream


async def test_tokens_are_counted_by_the_vendor() -> None:
    asked = ChatRequest(
        messages=(Message("Hello?"),),
        system="Be brief.",
        tools=(ToolSpec(name="now", description="The time.", parameters={}),),
        max_tokens=7,
        options=FrozenDict(stop_sequences=["END"], betas=["a-1"]),
    )
    async with MockLLM(wires=[Wire()]) as mock:
        count = await inner(at(mock.url)).count_tokens(asked)
    request = mock.requests[0]
    assert request.path == "/v1/messages/count_tokens"
    assert request.status == 200
    assert request.headers["anthropic-beta"] == "a-1"
    assert 20 < count < 200


async def test_models_are_listed_as_they_are_found() -> None:
    async with MockLLM(models=("claude-opus-5-5", "claude-haiku-5-5"), wires=[Wire()]) as mock:
        names = await list_models("anthropic", base_url=mock.url, api_key="sk-1")
    assert names == ("anthropic:claude-opus-5-5", "anthropic:claude-haiku-5-5")
    assert mock.requests[0].headers["authorization"] == "Bearer sk-1"


async def test_a_list_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(ModelUnauthorized, match="needs a key"):
        await list_models("anthropic")


# -- how it is found


@pytest.mark.parametrize(
    ("base_url", "address"),
    [
        (None, "https://api.anthropic.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080"),
        ("https://gate.test/anthropic", "https://gate.test/anthropic"),
    ],
)
def test_where_it_is_asked(
    monkeypatch: pytest.MonkeyPatch, base_url: str | None, address: str
) -> None:
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    model = inner(find_model("anthropic:m", base_url=base_url, api_key="sk-1"))
    assert model.base_url == address
    assert model.cache == "5m"


def test_key_and_address_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-2")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    model = inner(find_model("claude-3-opus-20240229", cache="1h"))
    assert (model.name, model.api_key) == ("anthropic:claude-3-opus-20240229", "sk-2")
    assert (model.base_url, model.cache) == ("http://127.0.0.1:9", "1h")
    assert "sk-2" not in repr(model)
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    assert find_model("claude-3-opus-20240229").name == "anthropic:claude-opus-5-5"


def test_it_is_more_patient_than_others() -> None:
    model = find_model("anthropic:m", api_key="sk-1")
    assert isinstance(model, Guarded)
    assert model.idle_timeout == 300


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(ModelUnauthorized, match="needs a key") as no_key:
        find_model("anthropic:claude-opus-5-5")
    assert "ANTHROPIC_API_KEY" in (no_key.value.hint or "")
    with pytest.raises(UnknownModel, match="without a name"):
        find_model("anthropic:")
    with pytest.raises(ModelRejected, match="'2h'"):
        find_model("anthropic:m", api_key="sk-1", cache="2h")


def test_the_extra_is_missed_politely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retinue.models.anthropic.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match="not installed") as caught:
        find_model("anthropic:claude-opus-5-5", api_key="sk-1")
    assert "retinue[anthropic]" in (caught.value.hint or "")


async def test_it_is_missed_by_who_asks_as_well(hear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anthropic", None)
    monkeypatch.delitem(sys.modules, "retinue.models.anthropic._sdk", raising=False)
    with pytest.raises(MissingExtra):
        await hear(Anthropic(model="m", api_key="sk-1"), "Hello?")


async def test_an_old_one_is_as_good_as_none(hear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anthropic.__version__", "2.9.1")
    monkeypatch.delitem(sys.modules, "retinue.models.anthropic._sdk", raising=False)
    with pytest.raises(MissingExtra, match="too old"):
        await hear(Anthropic(model="m", api_key="sk-1"), "Hello?")


def test_the_package_is_loaded_with_the_first_request() -> None:
    code = """
import sys
from retinue.models import find_model
find_model("anthropic:claude-opus-5-5", api_key="sk-1")
print([name for name in ("anthropic", "httpx2", "aiohttp") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"


async def test_a_thought_goes_back_with_its_signature(hear) -> None:
    async with MockLLM(wires=[Wire()]) as mock:
        mock.script("claude-opus-5-5", [Thinking(text="Two and two."), "Four."], "Yes.")
        model = at(mock.url, name="claude-opus-5-5")
        thinking = FrozenDict(thinking={"type": "adaptive", "display": "omitted"})
        first = await hear(model, "2 + 2?", options=thinking)
        signature = next(chunk.signature for chunk in first if chunk.signature)
        own = [Thinking(text="", signature=signature), Text(text="Four.")]
        answer = Message(role="assistant", parts=own, model=model.name)
        await hear(model, "2 + 2?", answer, "Sure?", options=thinking)
        assert mock.requests[1].asked is not None
        assert mock.requests[1].asked.messages[1].parts == tuple(own)
        changed = Message(role="assistant", parts=[own[0], own[1]], model=model.name)
        lost = changed.replaced(parts=[Thinking(text="Three.", signature=signature), own[1]])
        with pytest.raises(ModelRejected, match="Invalid `signature` in `thinking` block"):
            await hear(model, "2 + 2?", lost, "Sure?")
