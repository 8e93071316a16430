"""The vendor's own client, as what carries requests."""

import errno
import importlib
import os
import socket
import ssl
import subprocess
import sys

import pytest

from retinue.models import Model, find_model
from retinue.models._wire import Server, document
from retinue.models.openai import _carrier
from retinue.testing.mock_llm import MockLLM

from ._raw import Asked, Connection, response, serving

pytest.importorskip("openai", reason="needs the extra: uv sync --group vendors")


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


async def test_what_the_environment_says_is_the_vendors_matter_but_the_key_is_ours(
    hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    async with MockLLM() as mock:
        monkeypatch.setenv("OPENAI_BASE_URL", mock.url)
        await hear(model_at(mock.url), "Hello?")
    headers = mock.requests[0].headers
    assert headers["authorization"] == "Bearer sk-1"
    assert headers["openai-organization"] == "org-1"


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
