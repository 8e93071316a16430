"""Gemini: who is asked and how, through the vendor's own client."""

import json
import socket
import ssl
import subprocess
import sys
from datetime import datetime
from importlib import import_module
from typing import Any

import pytest

from retinue.errors import (
    MissingExtra,
    ModelOverloaded,
    ModelRejected,
    ModelUnauthorized,
    UnknownModel,
)
from retinue.messages import Message, ToolSpec
from retinue.models import ChatRequest, Model, find_model, gemini, list_models
from retinue.models.gemini import Gemini
from retinue.models.gemini._place import Place
from retinue.models.guard import Guarded
from retinue.testing import MockLLM
from retinue.testing.mock_llm import Refusal

credentials = pytest.importorskip(
    "google.auth.credentials", reason="needs the extra: uv sync --group vendors"
)
pytest.importorskip("google.genai", reason="needs the extra: uv sync --group vendors")

HELLO = ChatRequest(messages=(Message("Hello?"),))


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def inner(model: Model) -> Gemini:
    assert isinstance(model, Guarded)
    assert isinstance(model.inner, Gemini)
    return model.inner


def opened(mock: MockLLM, name: str = "m", **options: Any) -> Model:
    options = {"api_key": "k", "retries": 0, **options}
    return find_model(f"gemini:{name}", base_url=mock.url, **options)


def test_asking_for_it_loads_nothing_of_googles() -> None:
    code = """
import sys
from retinue.models import find_model
find_model("gemini-3.8-flash", api_key="k")
assert not [name for name in sys.modules if name.startswith(("google.genai", "httpx2"))]
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_it_needs_a_key() -> None:
    with pytest.raises(ModelUnauthorized) as caught:
        find_model("gemini:gemini-3.8-flash")
    assert "GEMINI_API_KEY" in (caught.value.hint or "")


@pytest.mark.parametrize("variable", ["GEMINI_API_KEY", "GOOGLE_API_KEY"])
def test_both_variables_of_a_key_count(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "from-there")
    assert inner(find_model("gemini:m")).api_key == "from-there"


def test_of_both_it_is_the_one_that_the_vendors_package_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.setenv(variable, f"in-{variable}")
    theirs = pytest.importorskip("google.genai._api_client").get_env_api_key()
    assert inner(find_model("gemini:m")).api_key == theirs == "in-GOOGLE_API_KEY"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (None, "https://generativelanguage.googleapis.com"),
        ("http://lab:1", "http://lab:1"),
        ("http://lab:1/v1beta", "http://lab:1"),
        ("https://lab/google/", "https://lab/google"),
    ],
)
def test_the_version_is_no_part_of_the_address(written: str | None, found: str) -> None:
    assert inner(find_model("gemini:m", base_url=written, api_key="k")).place.shown == found


def test_at_vertex_a_project_stands_for_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    model = inner(find_model("gemini:m", vertexai=True, project="p"))
    assert model.api_key is None
    assert model.place == Place(vertexai=True, project="p")
    assert model.place.shown == "https://aiplatform.googleapis.com"


def test_a_name_is_needed_and_words_of_vertex_need_vertex() -> None:
    with pytest.raises(UnknownModel):
        find_model("gemini:", api_key="k")
    with pytest.raises(ModelRejected, match="Vertex"):
        find_model("gemini:m", api_key="k", project="p")


async def test_a_missing_package_is_said_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "retinue.models.gemini._sdk", None)
    with pytest.raises(MissingExtra):
        await list_models("gemini", api_key="k")
    monkeypatch.setattr(gemini, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra) as caught:
        find_model("gemini:m", api_key="k")
    assert "retinue[gemini]" in (caught.value.hint or "")


async def test_a_wrong_key_is_unauthorized(hear: Any) -> None:
    async with MockLLM() as mock:
        with pytest.raises(ModelUnauthorized, match="API key not valid"):
            await hear(opened(mock, api_key="is-bad"), "Hello?")
        assert mock.requests[0].status == 400
        with pytest.raises(ModelUnauthorized, match="character"):
            await hear(opened(mock, api_key="has a space"), "Hello?")
        assert len(mock.requests) == 1


async def test_a_name_that_cannot_be_one_is_unknown(hear: Any) -> None:
    async with MockLLM() as mock:
        with pytest.raises(UnknownModel):
            await hear(opened(mock, "../up?"), "Hello?")


async def test_how_long_to_wait_comes_from_the_body(hear: Any) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "39s"}]
    body = {"error": {"code": 429, "message": "Quota.", "details": details}}
    async with MockLLM() as mock:
        mock.script("m", Refusal(429, body=json.dumps(body).encode()))
        with pytest.raises(ModelOverloaded, match="Quota") as caught:
            await hear(opened(mock), "Hello?")
    assert caught.value.retry_after == 39


async def test_a_key_is_not_carried_to_another_place(hear: Any) -> None:
    async with MockLLM() as mock:
        mock.script("m", Refusal(307))
        with pytest.raises(ModelRejected, match="elsewhere"):
            await hear(opened(mock), "Hello?")
        assert len(mock.requests) == 1


async def test_keys_share_one_pool_of_connections(hear: Any) -> None:
    async with MockLLM() as mock:
        for key in ("k1", "k2"):
            await hear(opened(mock, api_key=key), "Hello?")
        assert [one.headers["x-goog-api-key"] for one in mock.requests] == ["k1", "k2"]
        assert mock.connections == 1


async def test_the_models_that_can_be_talked_with_are_listed() -> None:
    async with MockLLM(models=["m1", "m2"]) as mock:
        found = await list_models("gemini", base_url=mock.url, api_key="k")
    assert found == ("gemini:m1", "gemini:m2")
    with pytest.raises(ModelUnauthorized):
        await list_models("gemini")


@pytest.mark.parametrize("vertexai", [False, True])
async def test_tokens_are_counted_with_instructions_and_tools(vertexai: bool) -> None:
    tool = ToolSpec(name="add", description="Adds. " * 100, parameters={"type": "object"})
    longer = ChatRequest(messages=HELLO.messages, system="Sing. " * 100, tools=(tool,))
    async with MockLLM() as mock:
        model = inner(opened(mock, vertexai=vertexai))
        few, many = await model.count_tokens(HELLO), await model.count_tokens(longer)
    assert 0 < few < 100 < few + 250 < many


class OfThisMachine(credentials.Credentials):
    """Credentials as a login leaves them; no token was fetched yet."""

    def refresh(self, request: object) -> None:
        self.token = "fetched"
        self.expiry = datetime(2100, 1, 1)  # the package compares without zones


async def test_at_vertex_this_machine_says_who_asks(
    hear: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("google.auth.default", lambda **_: (OfThisMachine(), None))
    async with MockLLM() as mock:
        model = opened(mock, api_key="unused", vertexai=True, project="p", location="l")
        assert [chunk.text for chunk in await hear(model, "Hello?") if chunk.text] == ["Hello?"]
        one = mock.requests[0]
    assert one.path == (
        "/v1beta1/projects/p/locations/l/publishers/google/models/m:streamGenerateContent"
    )
    assert one.headers["authorization"] == "Bearer fetched"


async def test_at_vertex_nobody_without_credentials_is_heard(
    hear: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from google.auth.exceptions import DefaultCredentialsError

    def nobody(**_: Any) -> Any:
        raise DefaultCredentialsError("no credentials were found")

    monkeypatch.setattr("google.auth.default", nobody)
    async with MockLLM() as mock:
        with pytest.raises(ModelUnauthorized, match="no credentials") as caught:
            await hear(opened(mock, vertexai=True, project="p"), "Hello?")
        assert not mock.requests
    assert "gcloud" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ssl.SSLError("self-signed"), "its certificate cannot be trusted"),
        (socket.gaierror(-2, "x"), "no such host"),
        (TimeoutError(), "no connection within 20 s"),
        (ConnectionRefusedError(111, "x"), "Connection refused"),
        (RuntimeError("of\n its own"), "of its own"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_what_went_wrong_at_the_bottom_is_told(error: Exception, words: str) -> None:
    words_of = import_module("retinue.models._wire.guest").words_of
    outer = ValueError("outside")
    outer.__cause__ = error
    assert words in words_of(outer)
