"""The model of somebody who has chosen none: which servers are asked, and for how long."""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

from retinue.errors import ModelRejected
from retinue.models import PROVIDERS, find_model
from retinue.models.auto import PATIENCE, automatic
from retinue.models.demo import Demo
from retinue.testing import MockLLM

from ._raw import Asked, Connection, Serve, response, serving

SLACK = 1.5
"""Seconds for a loaded machine, beside those that are allowed."""
DEMO = ("demo", None)


@pytest.fixture
def nowhere(unused_tcp_port: int) -> str:
    """An address at which nobody listens."""
    return f"http://127.0.0.1:{unused_tcp_port}"


async def found(**places: Any) -> tuple[str, str | None]:
    """What `automatic` finds, and not a moment too late."""
    began = time.monotonic()
    name = await asyncio.to_thread(automatic, **{"keys": (), **places})
    assert time.monotonic() - began < PATIENCE + SLACK
    return name


def documents(**found: Any) -> Serve:
    """A server with these documents, by the last part of their path."""

    async def serve(connection: Connection, asked: Asked) -> None:
        place = asked.head.split()[1].rsplit("/", 1)[1]
        if place in found:
            body = json.dumps(found[place]).encode()
            await connection.say(response(body, kind="application/json"))
        else:
            await connection.say(response(b"", "404 Not Found", "text/plain"))

    return serve


def models(*rows: str | dict[str, Any]) -> dict[str, Any]:
    return {"models": [{"name": row} if isinstance(row, str) else row for row in rows]}


async def test_a_key_is_enough_and_nobody_is_asked() -> None:
    async with MockLLM() as mock:
        assert await found(keys=["openai"], ollama=mock.url) == (PROVIDERS["openai"].usual, None)
        assert not mock.requests


@pytest.mark.parametrize(
    ("keys", "missing", "vendor", "told"),
    [
        ({"openai", "anthropic", "gemini"}, (), "openai", []),
        ({"gemini", "anthropic"}, (), "anthropic", []),
        ({"gemini"}, (), "gemini", []),
        ({"openai", "anthropic"}, ("openai", "anthropic"), "openai", []),
        ({"gemini", "anthropic"}, ("anthropic",), "gemini", ["anthropic"]),
        ({"gemini", "anthropic"}, ("anthropic", "google.genai"), None, ["anthropic", "gemini"]),
        ({"claude_agent", "ollama"}, (), None, []),
    ],
)
async def test_of_several_keys_it_is_the_first_that_is_of_use(
    keys: set[str],
    missing: tuple[str, ...],
    vendor: str | None,
    told: list[str],
    nowhere: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for package in ("anthropic", "google", "google.genai"):  # as if they were here
        monkeypatch.setitem(sys.modules, package, with_spec(package))
    for package in missing:
        monkeypatch.setitem(sys.modules, package, None)
    with caplog.at_level(logging.WARNING, "retinue"):
        name, _ = await found(keys=keys, ollama=nowhere, llama_server=nowhere)
    assert name == (PROVIDERS[vendor].usual if vendor else "demo")
    assert [record.__dict__["fields"] for record in caplog.records] == [
        {"of": each, "get": f"pip install 'retinue[{each}]'"} for each in told
    ]


def with_spec(name: str) -> ModuleType:
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    return module


NOMIC = {"name": "nomic-embed-text:latest", "details": {"family": "nomic-bert"}}
MINILM = {"name": "all-minilm", "details": {"family": "bert", "families": ["bert"]}}
# since https://github.com/ollama/ollama/commit/4b2d52996 the list says what a model can do
CAPABLE = {"name": "qwen3:4b", "capabilities": ["completion", "tools"]}
EMBEDS = {"name": "bge-m3", "capabilities": ["embedding"]}
CLOUD = {"name": "gpt-oss:120b-cloud", "remote_host": "https://ollama.com:443"}

OLLAMA: list[tuple[str, dict[str, Any], str | None]] = [
    ("loaded", {"ps": models("a", "b"), "tags": models("c")}, "a"),
    ("only installed", {"ps": models(), "tags": models("c:1b", "d")}, "c:1b"),
    ("an embedding is loaded", {"ps": models(NOMIC), "tags": models(NOMIC, "d")}, "d"),
    ("only embeddings", {"ps": models(), "tags": models(NOMIC, MINILM, EMBEDS)}, None),
    (
        "embeddings and one that talks",
        {"ps": models(), "tags": models(EMBEDS, CAPABLE)},
        "qwen3:4b",
    ),
    ("only one that runs elsewhere", {"ps": models(), "tags": models(CLOUD)}, None),
    ("none", {"ps": models(), "tags": models()}, None),
    ("no lists", {"ps": {"models": None}, "tags": [1]}, None),
    ("lists of something else", {"ps": {"models": [1, {}, {"name": 1}]}, "tags": {}}, None),
    ("an older one that cannot say what is loaded", {"tags": models("c")}, "c"),
]


@pytest.mark.parametrize(
    ("found_there", "name"), [row[1:] for row in OLLAMA], ids=[row[0] for row in OLLAMA]
)
async def test_ollama(found_there: dict[str, Any], name: str | None, nowhere: str) -> None:
    async with serving(documents(**found_there)) as server:
        wanted = (f"ollama:{name}", server.url) if name else DEMO
        assert await found(ollama=server.url, llama_server=nowhere) == wanted


LLAMA: list[tuple[str, Any, str | None]] = [
    ("alone", {"data": [{"id": "tiny", "owned_by": "llamacpp"}], "models": []}, "tiny"),
    (
        "a router: one that is loaded",
        {
            "data": [
                {"id": "a:Q4", "status": {"value": "unloaded"}},
                {"id": "b:Q4", "status": {"value": "loaded"}},
            ]
        },
        "b:Q4",
    ),
    ("none", {"data": []}, None),
    ("something else", {"data": "x"}, None),
]


@pytest.mark.parametrize(
    ("found_there", "name"), [row[1:] for row in LLAMA], ids=[row[0] for row in LLAMA]
)
async def test_llama_server(found_there: Any, name: str | None, nowhere: str) -> None:
    async with serving(documents(models=found_there)) as server:
        wanted = (f"compatible:{name}", f"{server.url}/v1") if name else DEMO
        assert await found(ollama=nowhere, llama_server=f"{server.url}/v1") == wanted


async def test_of_both_it_is_ollama() -> None:
    async with (
        serving(documents(ps=models("a"))) as ollama,
        serving(documents(models={"data": [{"id": "b"}]})) as llama,
    ):
        asked = await found(ollama=ollama.url, llama_server=f"{llama.url}/v1")
        assert asked == ("ollama:a", ollama.url)


async def test_where_there_is_nobody_it_is_the_demo(nowhere: str) -> None:
    assert await found(ollama=nowhere, llama_server=nowhere) == DEMO
    assert await found(ollama="http://a..b", llama_server=nowhere) == DEMO


async def is_a_page(connection: Connection, _: Asked) -> None:
    await connection.say(response(b"<html>It works!</html>", kind="text/html"))


async def wants_a_key(connection: Connection, _: Asked) -> None:
    body = b'{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}'
    await connection.say(response(body, "401 Unauthorized", "application/json"))


async def is_silent(connection: Connection, _: Asked) -> None:
    await connection.until_left()


async def is_garbage(connection: Connection, _: Asked) -> None:
    await connection.say(bytes(range(256)) * 4)
    connection.writer.close()


async def is_half(connection: Connection, _: Asked) -> None:
    await connection.say(response(b'{"models": [{"name": "a"}]}')[:-5])
    connection.writer.close()


async def is_deep(connection: Connection, _: Asked) -> None:
    await connection.say(response(b"[" * 100_000))


async def trickles(connection: Connection, _: Asked) -> None:
    await connection.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        await connection.say(b" ")
        await asyncio.sleep(0.02)


async def closes(connection: Connection, _: Asked) -> None:
    connection.writer.close()


STRANGERS = [is_a_page, wants_a_key, is_silent, is_garbage, is_half, is_deep, trickles, closes]


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda stranger: stranger.__name__)
async def test_whoever_else_listens_there_is_passed_by_in_time(stranger: Serve) -> None:
    async with serving(stranger) as server:
        assert await found(ollama=server.url, llama_server=server.url) == DEMO
        # and holds nobody up who does answer
        async with serving(documents(models={"data": [{"id": "b"}]})) as llama:
            asked = await found(ollama=server.url, llama_server=f"{llama.url}/v1")
            assert asked == ("compatible:b", f"{llama.url}/v1")


async def test_an_address_below_a_path_is_asked_there(nowhere: str) -> None:
    async with serving(documents(ps=models("a"))) as server:
        asked = await found(ollama=f"{server.url}/ollama", llama_server=nowhere)
        assert asked == ("ollama:a", f"{server.url}/ollama")
        assert server.asked[0].head.startswith("GET /ollama/api/ps ")


async def test_a_secure_address_is_not_called_without_security(nowhere: str) -> None:
    async with serving(documents(ps=models("a"))) as server:
        secure = server.url.replace("http:", "https:")
        assert await found(ollama=secure, llama_server=nowhere) == DEMO
        assert not server.asked


def test_what_is_no_address_is_said() -> None:
    with pytest.raises(ModelRejected, match="is no address"):
        automatic(keys=(), ollama="lab:port")


@pytest.fixture
def choosing(monkeypatch: pytest.MonkeyPatch, nowhere: str) -> Callable[..., Any]:
    """`find_model` without a name, where nothing is but what is given."""
    for provider in PROVIDERS.values():
        for variable in (*provider.keys, provider.address or "-"):
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.setitem(automatic.__kwdefaults__, "llama_server", nowhere)
    monkeypatch.setenv("OLLAMA_HOST", nowhere)

    async def choose(**given: Any) -> Any:
        return await asyncio.to_thread(find_model, **given)

    return choose


async def test_a_model_is_chosen_and_can_be_asked(
    choosing: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, hear: Callable[..., Any]
) -> None:
    assert isinstance(await choosing(), Demo)
    async with MockLLM(models=("a",)) as mock:
        chosen = await choosing(base_url=mock.url)
        assert chosen.name == "ollama:a"
        assert (await hear(chosen, "hi"))[-1].stop == "end"
        monkeypatch.setenv("OLLAMA_API_KEY", "of-ollama")  # for where its variable says it is
        assert (await choosing(base_url=mock.url)).inner.api_key is None
        monkeypatch.setenv("OLLAMA_HOST", mock.url)
        chosen = (await choosing()).inner
        assert (chosen.name, chosen.base_url, chosen.api_key) == ("ollama:a", mock.url, "of-ollama")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
        assert (await choosing()).name == PROVIDERS["openai"].usual
        monkeypatch.setenv("GEMINI_API_KEY", "of-google")  # comes after
        assert (await choosing()).name == PROVIDERS["openai"].usual
        monkeypatch.delenv("OPENAI_API_KEY")
        assert (await choosing(api_key="sk-2")).inner.api_key == "sk-2"


async def test_a_llama_server_is_chosen_and_can_be_asked(
    choosing: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, hear: Callable[..., Any]
) -> None:
    async with MockLLM(models=("tiny",)) as mock:
        monkeypatch.setitem(automatic.__kwdefaults__, "llama_server", f"{mock.url}/v1")
        chosen = await choosing()
        assert chosen.name == "compatible:tiny"
        assert (await hear(chosen, "hi"))[-1].stop == "end"
