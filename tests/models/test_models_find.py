"""find_model: names, options, and what it says when there is no such model."""

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from retinue.errors import (
    ModelRejected,
    ModelSilent,
    ModelUnauthorized,
    ModelUnreachable,
    StreamIncomplete,
    UnknownModel,
)
from retinue.messages import Message
from retinue.models import ChatRequest, Model, find_model, list_models, provider_of
from retinue.models._wire import asking
from retinue.models.compatible import _server
from retinue.models.demo import Demo
from retinue.models.guard import Guarded
from retinue.models.replay import Recorded, Replay
from retinue.models.scripted import Scripted
from retinue.testing import MockLLM

from ._raw import Asked, Connection, response, serving


@pytest.fixture(autouse=True)
def nobody_has_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in ("OPENAI", "OLLAMA"):
        for variable in ("API_KEY", "BASE_URL", "HOST"):
            monkeypatch.delenv(f"{provider}_{variable}", raising=False)


@pytest.mark.parametrize("name", ["demo", "demo:", "demo:demo"])
def test_demo_needs_no_more_than_its_name(name: str) -> None:
    model = find_model(name)
    assert isinstance(model, Demo)
    assert model.name == "demo"


async def test_a_script_comes_under_guard_and_bears_its_name(tmp_path: Path, hear) -> None:
    path = tmp_path / "fixture.json"
    path.write_text('["hello there"]')
    model = find_model(f"scripted:{path}")
    assert isinstance(model, Guarded)
    assert model.name == f"scripted:{path}"
    assert "".join(chunk.text or "" for chunk in await hear(model, "hi")) == "hello there"


async def test_a_recording_is_found_by_its_path(tmp_path: Path, hear) -> None:
    path = tmp_path / "heard.jsonl"
    await hear(Recorded(Scripted("yes"), path), "hi")
    model = find_model(f"replay:{path}")
    assert isinstance(model, Replay)
    assert model.name == f"replay:{path}"
    assert (await hear(model, "hi"))[0].text == "yes"


def test_where_and_key_are_no_matter_to_a_model_without_a_network() -> None:
    assert find_model("demo", base_url="http://127.0.0.1:1", api_key="secret").name == "demo"


@pytest.mark.parametrize("name", ["nobody:m", "llama3.2", "", ":", "Demo"])
def test_an_unknown_model_is_told_what_there_is_now(name: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        find_model(name)
    assert repr(name) in str(caught.value)
    assert "gemini:NAME, ollama:NAME, compatible:NAME, demo" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("name", "meant"), [("dmeo", "demo"), ("script:a.json", "scripted"), ("olama:m", "ollama")]
)
def test_a_near_match_is_offered(name: str, meant: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        find_model(name)
    assert (caught.value.hint or "").startswith(f"Did you mean {meant!r}?")


def test_there_is_only_one_demo() -> None:
    with pytest.raises(UnknownModel, match="demo:large") as caught:
        find_model("demo:large")
    assert caught.value.hint


def test_an_option_the_provider_does_not_have_is_named() -> None:
    with pytest.raises(UnknownModel, match="'demo' have no option 'tempo'") as caught:
        find_model("demo", tempo=3)
    assert "none" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["scripted:nowhere.json", "replay:nowhere.jsonl", "scripted:"])
def test_a_file_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        find_model(name)
    assert name.partition(":")[2] in str(caught.value)
    assert caught.value.hint


def test_a_provider_is_loaded_only_when_it_is_chosen() -> None:
    code = """
import sys
from retinue.models import find_model
assert not [name for name in sys.modules if name.startswith("retinue.models.demo")]
find_model("demo")
assert "retinue.models.demo" in sys.modules
assert not {"retinue.models.guard", "retinue.models.replay"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_a_model_of_ollama_is_guessed_from_its_tag() -> None:
    with pytest.raises(UnknownModel) as caught:
        find_model("qwen3:4b")
    assert "'ollama:qwen3:4b'" in (caught.value.hint or "")


# -- providers with a network


def inner(model: Model) -> Any:
    assert isinstance(model, Guarded)
    return model.inner


@pytest.mark.parametrize(
    ("name", "now"),
    [
        ("gpt-4", "openai:gpt-6.1-sol"),
        ("openai:gpt-4", "openai:gpt-6.1-sol"),
        ("gpt-3.5-turbo", "openai:gpt-6-luna"),
    ],
)
def test_an_old_name_stands_for_its_successor_and_the_log_says_so(
    name: str, now: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "retinue"):
        assert find_model(name, api_key="sk-1").name == now
    [record] = caplog.records
    assert record.getMessage() == "model has another name now"
    assert record.__dict__["fields"] == {"asked": name, "now": now}


@pytest.mark.parametrize("name", ["gpt-6.1-sol", "openai:gpt-6.1-sol"])
def test_a_name_of_today_is_not_worth_a_word(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "retinue"):
        assert find_model(name, api_key="sk-1").name == "openai:gpt-6.1-sol"
    assert not caplog.records


def test_at_an_address_of_ones_own_old_names_are_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """LocalAI and others call their models so."""
    assert find_model("gpt-4", base_url="http://lab", api_key="x").name == "openai:gpt-4"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://lab/v1")
    model = find_model("openai:gpt-4", api_key="x")
    assert (model.name, inner(model).base_url) == ("openai:gpt-4", "http://lab/v1")


def test_openai_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelUnauthorized, match="'openai:gpt-6-luna' needs a key") as caught:
        find_model("gpt-6-luna")
    assert "OPENAI_API_KEY" in (caught.value.hint or "")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    model = inner(find_model("gpt-6-luna"))
    assert model.api_key == "sk-of-the-environment"
    assert model.base_url == "https://api.openai.com/v1"
    assert inner(find_model("gpt-6-luna", api_key="sk-mine")).api_key == "sk-mine"


@pytest.mark.parametrize("name", ["openai:", "ollama:", "compatible:"])
def test_a_provider_alone_is_no_model(name: str) -> None:
    with pytest.raises(UnknownModel, match="without a name") as caught:
        find_model(name, base_url="http://lab", api_key="sk-1")
    assert caught.value.hint


def test_compatible_needs_an_address() -> None:
    with pytest.raises(UnknownModel, match="without an address") as caught:
        find_model("compatible:m")
    assert "[models.lab]" in (caught.value.hint or "")
    model = find_model("compatible:a/b:c", base_url="http://lab:8080")
    assert model.name == "compatible:a/b:c"
    assert inner(model).base_url == "http://lab:8080/v1"


def test_ollama_is_where_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert inner(find_model("ollama:m")).base_url == "http://127.0.0.1:11434"
    monkeypatch.setenv("OLLAMA_HOST", "0.0.0.0:1234")
    monkeypatch.setenv("OLLAMA_API_KEY", "key")
    model = inner(find_model("ollama:qwen3:4b"))
    assert (model.base_url, model.api_key) == ("http://127.0.0.1:1234", "key")
    assert (model.name, model.model) == ("ollama:qwen3:4b", "qwen3:4b")
    assert inner(find_model("ollama:m", base_url="http://lab")).base_url == "http://lab:80"


def test_options_of_a_provider() -> None:
    model = find_model("ollama:m", keep_alive="1h", first_timeout=5, idle_timeout=None, retries=0)
    assert isinstance(model, Guarded)
    assert (model.first_timeout, model.idle_timeout, model.retries) == (5, None, 0)
    assert inner(model).keep_alive == "1h"
    with pytest.raises(UnknownModel, match="no option 'keep_alive'") as caught:
        find_model("compatible:m", base_url="http://lab", keep_alive="1h")
    assert "first_timeout, idle_timeout, retries" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["compatible:m", "ollama:m", "openai:m"])
def test_a_wrong_address_is_told_at_once_and_its_secrets_are_not(name: str) -> None:
    with pytest.raises(ModelRejected, match="is no address"):
        find_model(name, base_url="lab:port", api_key="sk-1")
    with pytest.raises(ModelRejected) as caught:
        find_model(name, base_url="http://ada:hunter2@lab", api_key="sk-1")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["compatible:m", "ollama:m", "openai:m"])
def test_a_model_does_not_show_its_key(name: str) -> None:
    model = inner(find_model(name, base_url="http://lab", api_key="sk-secret"))
    assert "sk-secret" not in repr(model)
    assert f"{name} at http://lab" in repr(model)


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("https://api.openai.com/v1", "https://status.openai.com"),
        ("http://lab/v1", "its base_url is http://lab/v1"),
    ],
)
def test_what_to_look_at_where_nobody_answers(address: str, hint: str) -> None:
    assert hint in _server("openai:m", address, None, "openai").unreachable


@pytest.mark.parametrize(
    ("name", "provider"),
    [("gpt-4", "openai"), ("ollama:gpt-4", "ollama"), ("claude-3-opus", "anthropic"), ("x", "x")],
)
def test_whom_a_model_is_of(name: str, provider: str) -> None:
    assert provider_of(name) == provider


# -- lists


async def test_lists_of_models_are_names_that_can_be_found() -> None:
    async with MockLLM(models=("a", "b:1b"), loaded=("b:1b",)) as mock:
        listed = await list_models("compatible", base_url=mock.url)
        assert listed == ("compatible:a", "compatible:b:1b")
        assert find_model(listed[1], base_url=mock.url).name == listed[1]
        # those in memory first
        assert await list_models("ollama", base_url=mock.url) == ("ollama:b:1b", "ollama:a")
        assert await list_models("openai", base_url=f"{mock.url}/v1", api_key="sk-1") == (
            "openai:a",
            "openai:b:1b",
        )
        assert mock.requests[-1].headers["authorization"] == "Bearer sk-1"


async def test_a_key_in_a_variable_is_not_shown_at_an_address_that_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    assert inner(find_model("openai:m", base_url="http://lab")).api_key is None
    assert inner(find_model("openai:m", base_url="http://lab", api_key="sk-1")).api_key == "sk-1"
    async with MockLLM(models=("a",)) as mock:
        assert await list_models("openai", base_url=f"{mock.url}/v1") == ("openai:a",)
    assert "authorization" not in mock.requests[0].headers


async def test_who_has_no_list_has_none() -> None:
    assert await list_models("demo") == ()
    with pytest.raises(UnknownModel, match="nobody"):
        await list_models("nobody")
    with pytest.raises(UnknownModel, match="An address is needed"):
        await list_models("compatible")


@pytest.mark.parametrize("provider", ["compatible", "ollama", "openai"])
async def test_a_list_that_cannot_be_had_is_an_error(provider: str) -> None:
    async with MockLLM() as mock:
        address = mock.url
    with pytest.raises(ModelUnreachable, match=address) as caught:
        await list_models(provider, base_url=address, api_key="sk-1")
    assert caught.value.hint


@pytest.mark.parametrize("provider", ["compatible", "ollama", "openai"])
async def test_a_list_that_is_refused_is_an_error(provider: str) -> None:
    async def refuse(connection: Connection, asked: Asked) -> None:
        body = b'{"error":"the key sk-1 is no key"}'
        await connection.say(response(body, "401 Unauthorized", "application/json"))

    async with serving(refuse) as server:
        with pytest.raises(ModelUnauthorized, match="the key … is no key") as caught:
            await list_models(provider, base_url=server.url, api_key="sk-1")
        assert caught.value.hint


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"{", b""])
async def test_a_list_that_is_none_is_an_error(body: bytes) -> None:
    async def say(connection: Connection, asked: Asked) -> None:
        await connection.say(response(body, kind="application/json"))

    async with serving(say) as server:
        with pytest.raises(StreamIncomplete, match="cannot be read"):
            await list_models("compatible", base_url=server.url)


async def test_a_list_that_never_comes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_PATIENCE", 0.1)

    async def wait(connection: Connection, asked: Asked) -> None:
        await connection.until_left()

    async with serving(wait) as server:
        with pytest.raises(ModelSilent, match=r"Nothing came from http.* for 0\.1 s") as caught:
            await list_models("compatible", base_url=server.url)
        assert caught.value.hint
        await server.connections[0].left.wait()


# -- what it costs


@pytest.mark.parametrize(
    "name", ["import retinue", "compatible:m", "ollama:m", "openai:gpt-6-luna"]
)
def test_the_http_client_is_loaded_with_the_first_request(name: str) -> None:
    find = f"find_model({name!r}, base_url='http://127.0.0.1:1', api_key='k')"
    code = f"""
import sys
import retinue
from retinue.models import find_model
{find if ":" in name else ""}
assert "aiohttp" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_a_request_is_made_of_messages_alone() -> None:
    request = ChatRequest(messages=(Message("hi"),))
    assert request.tool_choice == "auto"
    assert request.options == {}
