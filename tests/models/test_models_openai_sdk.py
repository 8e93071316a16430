"""The vendor's own client, as what carries requests."""

import asyncio
import errno
import importlib
import os
import socket
import ssl
import subprocess
import sys

import pytest

from retinue.errors import ModelRejected, ModelUnauthorized, ModelUnreachable, StreamIncomplete
from retinue.messages import Image, Message, Text
from retinue.models import ChatRequest, Model, find_model
from retinue.models._wire import Server, document
from retinue.models.openai import _carrier
from retinue.testing.mock_llm import MockLLM

from ._raw import CHUNKED, Asked, Connection, chunk, response, serving

pytest.importorskip("openai", reason="needs the extra: uv sync --group vendors")

COMPLETED = b'data: {"type":"response.completed","response":{"status":"completed"}}\n\n'
HELLO = b'data: {"type":"response.output_text.delta","delta":"hello"}\n\n' + COMPLETED


def model_at(url: str, key: str = "sk-1") -> Model:
    return find_model("openai:gpt-6-sol", base_url=f"{url}/v1", api_key=key, retries=0)


async def test_requests_are_those_of_the_vendors_client(hear) -> None:
    async with MockLLM() as mock:
        await hear(model_at(mock.url), "Hello?")
    headers = mock.requests[0].headers
    assert headers["user-agent"].startswith("AsyncOpenAI/Python")
    assert headers["authorization"] == "Bearer sk-1"
    assert headers["accept-encoding"] == "identity"
    assert headers["content-type"] == "application/json"


async def test_keys_share_connections(hear) -> None:
    async with MockLLM() as mock:
        for key in ("sk-1", "sk-2", "sk-3"):
            await hear(model_at(mock.url, key), "Hello?")
    keys = [request.headers["authorization"] for request in mock.requests]
    assert keys == ["Bearer sk-1", "Bearer sk-2", "Bearer sk-3"]
    assert mock.connections == 1


async def test_what_the_environment_says_is_the_vendors_matter_but_the_key_is_ours(
    hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    async with MockLLM() as mock:
        await hear(model_at(mock.url), "Hello?")
    headers = mock.requests[0].headers
    assert headers["authorization"] == "Bearer sk-1"
    assert headers["openai-organization"] == "org-1"


async def test_no_proxy_stands_before_this_machine(hear, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with MockLLM() as mock:
        chunks = await hear(model_at(mock.url), "Hello?")
    assert chunks[-1].stop == "end"


async def test_a_large_picture_arrives(hear) -> None:
    picture = bytes(range(256)) * 8192  # 2 MB
    async with MockLLM() as mock:
        said = Message(parts=[Text(text="What is this?"), Image(data=picture)])
        await hear(model_at(mock.url), said)
    asked = mock.requests[0].asked
    assert asked is not None
    assert [part.data for part in asked.messages[0].parts if isinstance(part, Image)] == [picture]
    assert mock.requests[0].headers["content-length"]


async def test_a_key_is_not_carried_to_another_place(hear) -> None:
    async def elsewhere(connection: Connection, _: Asked) -> None:
        headers = {"Location": "http://127.0.0.1:1/v1/responses"}
        await connection.say(response(b"", "307 Temporary Redirect", headers=headers))

    async with serving(elsewhere) as served:
        with pytest.raises(ModelRejected, match=r"elsewhere: http://127\.0\.0\.1:1/v1"):
            await hear(model_at(served.url), "Hello?")


async def test_what_cannot_be_a_key_is_sent_nowhere(hear) -> None:
    async with MockLLM() as mock:
        with pytest.raises(ModelUnauthorized, match="a character that is in no key"):
            await hear(model_at(mock.url, "sk-\n1"), "Hello?")
    assert not mock.requests


async def test_who_is_not_there_is_unreachable(hear) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ModelUnreachable, match=rf"at http://127.0.0.1:{port}/v1: .*refused") as no:
        await hear(model_at(f"http://127.0.0.1:{port}"), "Hello?")
    assert "base_url" in str(no.value.hint)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no connection within 20 s"),
        (socket.gaierror(-2, "Name or service not known"), "no such host"),
        (ssl.SSLCertVerificationError("self-signed"), "its certificate cannot be trusted"),
        (ConnectionResetError(errno.ECONNRESET, "-"), os.strerror(errno.ECONNRESET)),
        (ValueError("a  b\nc"), "a b c"),
        (ValueError(), "ValueError"),
    ],
)
def test_why_nobody_is_there_is_told_in_the_words_of_who_saw_it_first(
    error: Exception, words: str
) -> None:
    package = importlib.import_module("retinue.models._wire.guest")
    outer = ValueError("Request timed out.")
    outer.__cause__ = error
    assert words in package.words_of(outer)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://[", "http://", "nonsense"])
async def test_a_proxy_that_cannot_be_one_is_an_error(
    hear, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(ModelUnreachable) as caught:
        await hear(model_at("http://lab.test"), "Hello?")
    assert caught.value.hint


async def test_the_proxy_of_the_environment_is_used(hear, monkeypatch: pytest.MonkeyPatch) -> None:
    async def says(connection: Connection, _: Asked) -> None:
        await connection.say(CHUNKED + chunk(HELLO) + b"0\r\n\r\n")

    async with serving(says) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        await hear(model_at("http://lab.test"), "Hello?")
        assert proxy.asked[0].head.startswith("POST http://lab.test/v1/responses ")


async def test_what_is_no_http_is_unreachable(hear) -> None:
    async def greets(connection: Connection, _: Asked) -> None:
        await connection.say(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
        connection.writer.close()

    async with serving(greets) as served:
        with pytest.raises(ModelUnreachable, match="cannot be reached"):
            await hear(model_at(served.url), "Hello?")


async def test_a_broken_answer_is_not_whole(hear) -> None:
    async def breaks(connection: Connection, _: Asked) -> None:
        await connection.say(CHUNKED + chunk(HELLO.replace(COMPLETED, b"")))
        connection.writer.transport.abort()

    async with serving(breaks) as served:
        with pytest.raises(StreamIncomplete, match="broke off"):
            await hear(model_at(served.url), "Hello?")


async def test_after_the_end_the_connection_is_kept(hear) -> None:
    async def says(connection: Connection, _: Asked) -> None:
        done = chunk(b"data: [DONE]\n\n")
        await connection.say(CHUNKED + chunk(HELLO) + done + b"0\r\n\r\n")

    async with serving(says) as served:
        for _ in range(3):
            chunks = await hear(model_at(served.url), "Hello?")
            assert chunks[0].text == "hello"
    assert len(served.connections) == 1


async def test_who_never_ends_is_not_waited_for(hear) -> None:
    async def says(connection: Connection, _: Asked) -> None:
        await connection.say(CHUNKED + chunk(HELLO))
        await connection.until_left()

    async with serving(says) as served:
        chunks = await hear(model_at(served.url), "Hello?")
        assert chunks[-1].stop == "end"
        await asyncio.wait_for(served.connections[0].left.wait(), 10)


async def test_a_document_is_read_as_well() -> None:
    async def lists(connection: Connection, _: Asked) -> None:
        await connection.say(response(b'{"data": []}', kind="application/json"))

    async with serving(lists) as served:
        there = Server(
            name="m",
            base_url=f"{served.url}/v1",
            api_key="sk-1",
            unreachable="Look.",
            unauthorized="Look.",
        )
        assert await document(there, "models", opened=_carrier()) == {"data": []}
    assert served.asked[0].head.startswith("GET /v1/models ")


def test_the_package_is_loaded_with_the_first_request() -> None:
    code = """
import sys
from retinue.models import find_model
model = find_model("openai:gpt-6-sol", api_key="sk-1")
print([name for name in ("openai", "httpx2", "aiohttp") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"


async def test_each_loop_has_a_client_of_its_own() -> None:
    async with MockLLM() as mock:
        model = model_at(mock.url)

        async def ask() -> str:
            async with model.chat(ChatRequest(messages=(Message("Hello?"),))) as chunks:
                return "".join([chunk.text async for chunk in chunks if chunk.text])

        assert await asyncio.to_thread(lambda: asyncio.run(ask())) == "Hello?"
        assert await asyncio.gather(ask(), ask()) == ["Hello?", "Hello?"]
    assert mock.connections == 3
