"""Credentials that lie about on this machine: they go where they are meant for, and not to an
address that is given.
"""

import os
from itertools import product
from pathlib import Path

import pytest

from retinue.errors import ModelRejected
from retinue.models import Model, find_model
from retinue.models.gemini._place import Place
from retinue.testing import MockLLM
from retinue.testing.mock_llm import Request

from ._places import KEY, PIECE, ask

GATE = "x-gate"
NOWHERE = "http://127.0.0.1:9"
VENDORS = {
    "anthropic:m": ("ANTHROPIC", "anthropic"),
    "openai:gpt-6-sol": ("OPENAI", "openai"),
    "claude_agent:m": ("ANTHROPIC", "claude_agent_sdk"),
}
"""Models, with whose variables count for them, and what has to be installed."""


OVER_HTTP = ["anthropic:m", "openai:gpt-6-sol"]


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(
        VENDORS[request.param][1], reason="needs the extra: uv sync --group vendors"
    )
    return request.param


@pytest.fixture
def variables(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A gateway's key in the headers that the vendor's package adds; the prefix of its variables.

    There is nothing else of a vendor's, and nobody's login.
    """
    vendors = ("ANTHROPIC_", "CLAUDE", "OPENAI_")
    for variable in [one for one in os.environ if one.startswith(vendors)]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "config"))
    prefix, _ = VENDORS[name]
    monkeypatch.setenv(f"{prefix}_CUSTOM_HEADERS", f"{GATE}: {KEY}")
    return prefix


def at(url: str, name: str) -> Model:
    return find_model(name, base_url=url, api_key="sk-given", retries=0)


async def request_to(mock: MockLLM, model: Model) -> Request:
    assert await ask(model, limit=50.0) is None
    return mock.asked(model.name.partition(":")[2])[-1]


@pytest.mark.timeout(120)  # Claude Code is a process
@pytest.mark.parametrize(
    ("name", "beside"),
    [*product(OVER_HTTP, [None, NOWHERE, "nowhere"]), ("claude_agent:m", NOWHERE)],
    indirect=["name"],
)
async def test_headers_of_the_environment_do_not_go_to_an_address_that_is_given(
    name: str, variables: str, beside: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if beside is not None:
        monkeypatch.setenv(f"{variables}_BASE_URL", beside)
    monkeypatch.setenv("OPENAI_ORG_ID", KEY)
    monkeypatch.setenv("OPENAI_PROJECT_ID", KEY)
    async with MockLLM() as mock:
        request = await request_to(mock, at(mock.url, name))
    assert GATE not in request.headers
    assert PIECE not in str(request.headers)
    assert "sk-given" in str(request.headers)


@pytest.mark.parametrize("authorization", ["Authorization", "authorization"])
@pytest.mark.parametrize("name", OVER_HTTP, indirect=True)
async def test_neither_do_they_take_the_place_of_the_key_there(
    name: str, variables: str, authorization: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{variables}_CUSTOM_HEADERS", f"{authorization}: Bearer {KEY}")
    async with MockLLM() as mock:
        request = await request_to(mock, at(mock.url, name))
    assert request.headers["authorization"] == "Bearer sk-given"


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("name", "path"),
    [*product(OVER_HTTP, ["", "/v1"]), ("claude_agent:m", "")],
    indirect=["name"],
)
async def test_they_go_to_the_address_in_the_variable_beside_them(
    name: str, variables: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with MockLLM() as mock:
        monkeypatch.setenv(f"{variables}_BASE_URL", f"{mock.url}{path}")
        monkeypatch.setenv(f"{variables}_API_KEY", "sk-of-the-environment")
        request = await request_to(mock, find_model(name, retries=0))
    assert request.headers[GATE] == KEY
    assert "sk-of-the-environment" in str(request.headers)


# -- the token of Vertex AI


@pytest.mark.parametrize(
    "base_url",
    [
        "http://lab:8080",
        "https://gate.test/google",
        "https://googleapis.com.gate.test",
        "https://evilgoogleapis.com",
        "https://127.0.0.1.gate.test",
        "http://us-aiplatform.googleapis.com",  # anybody on the way would read it
    ],
)
def test_a_google_token_goes_to_google_alone(base_url: str) -> None:
    pytest.importorskip("google.genai", reason="needs the extra: uv sync --group vendors")
    with pytest.raises(ModelRejected, match="your Google token") as caught:
        find_model("gemini:m", base_url=base_url, vertexai=True, project="p")
    assert "googleapis.com" in (caught.value.hint or "")
    elsewhere = find_model("gemini:m", base_url=base_url, vertexai=True, api_key="k")
    assert elsewhere.name == "gemini:m"


@pytest.mark.parametrize(
    "base_url",
    [
        None,
        "https://us-aiplatform.googleapis.com",
        "https://googleapis.com",
        "https://aiplatform.eu.rep.googleapis.com",
        "http://127.0.0.1:9",
        "http://[::1]:9",
        "http://localhost:9",
    ],
)
def test_that_is_all_addresses_of_googles_and_this_machine(base_url: str | None) -> None:
    assert Place(base_url=base_url, vertexai=True, project="p").base_url == base_url
