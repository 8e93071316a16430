"""The variables that people have already: keys of vendors, and what others call their settings."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from retinue.testing.mock_llm import MockLLM

from .conftest import Retinue, Said, Start

KEY = "sk-0123456789abcdef"
CUSTOMARY = {"TEMPERATURE": "0.7", "MAX_TOKENS": "4000"}


@pytest.fixture
async def mock() -> AsyncIterator[MockLLM]:
    async with MockLLM() as mock:
        yield mock


async def asked(retinue: Retinue, **environ: str) -> Said:
    return await asyncio.to_thread(lambda: retinue("-p", "hi", **environ))


async def test_a_model_that_takes_them_gets_temperature_and_the_length_of_an_answer(
    retinue: Retinue, mock: MockLLM
) -> None:
    openai = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{mock.url}/v1"}
    said = await asked(retinue, DEFAULT_MODEL="gpt-4", **openai, **CUSTOMARY)
    assert (said.code, said.err) == (0, "")
    assert said.out
    (request,) = mock.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    body: Any = request.body
    assert (body["model"], body["temperature"]) == ("gpt-4", 0.7)
    assert body.get("max_completion_tokens", body.get("max_tokens")) == 4000


@pytest.mark.parametrize(
    ("package", "key", "address", "model", "path", "limit"),
    [
        (
            "retinue",  # plain HTTP will do
            "OPENAI_API_KEY",
            "OPENAI_BASE_URL",
            "gpt-6.1-sol",
            "/responses",
            "max_output_tokens",
        ),
        (
            "anthropic",
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_BASE_URL",
            "claude-sonnet-5-5",
            "/v1/messages",
            "max_tokens",
        ),
    ],
)
async def test_a_model_that_refuses_a_temperature_gets_none(
    retinue: Retinue,
    mock: MockLLM,
    package: str,
    key: str,
    address: str,
    model: str,
    path: str,
    limit: str,
) -> None:
    pytest.importorskip(package)
    vendor = {key: KEY, address: mock.url}
    said = await asked(retinue, DEFAULT_MODEL=model, **vendor, **CUSTOMARY)
    assert (said.code, said.err) == (0, "")
    (request,) = mock.requests
    assert request.path.endswith(path)
    body: Any = request.body
    assert (body["model"], body[limit]) == (model, 4000)
    assert "temperature" not in body


async def test_an_old_name_is_asked_for_by_that_of_its_successor(retinue: Retinue) -> None:
    lines: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(await reader.readline())
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        environ = {"OPENAI_API_KEY": KEY, "HTTPS_PROXY": f"http://127.0.0.1:{port}"}
        said = await asked(retinue, DEFAULT_MODEL="gpt-4", **environ)
    assert "model has another name now" in said.err
    assert "'openai:gpt-6.1-sol'" in said.err
    assert said.code == 1
    assert {line.split()[1] for line in lines} == {b"api.openai.com:443"}


async def test_the_mock_of_the_command_line_answers_too(retinue: Retinue, start: Start) -> None:
    with start("mock-llm", "--port", "0") as process:
        try:
            line = await asyncio.to_thread(process.stdout.readline)
            found = re.search(rb"http://[\d.]+:\d+", line)
            assert found, line
            address = f"{found[0].decode()}/v1"
            openai = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": address}
            said = await asked(retinue, DEFAULT_MODEL="gpt-4", **openai, **CUSTOMARY)
        finally:
            process.terminate()
    assert (said.code, said.err) == (0, "")
    assert said.out


class TestAKeyWithoutItsPackage:
    """It is said what to install; what can be asked answers."""

    async def test_it_is_told_and_the_next_answers(
        self, retinue: Retinue, mock: MockLLM, nothing_of_vendors: str
    ) -> None:
        environ = {"ANTHROPIC_API_KEY": KEY, "PYTHONPATH": nothing_of_vendors}
        said = await asked(retinue, **environ)
        assert (said.code, bool(said.out)) == (0, True)
        assert "key is not used without its package" in said.err
        assert "pip install 'retinue[anthropic]'" in said.err
        said = await asked(retinue, OPENAI_API_KEY=KEY, OPENAI_BASE_URL=mock.url, **environ)
        assert (said.code, said.err) == (0, "")

    async def test_who_chose_it_is_told_what_to_install(
        self, retinue: Retinue, nothing_of_vendors: str
    ) -> None:
        environ = {"GEMINI_API_KEY": KEY, "PYTHONPATH": nothing_of_vendors}
        said = await asked(retinue, DEFAULT_MODEL="gemini-3.8-flash", **environ)
        assert said.code != 0
        assert "pip install 'retinue[gemini]'" in said.err
        assert said.err.count("\n") == 1

    async def test_the_doctor_tells_it(self, retinue: Retinue, nothing_of_vendors: str) -> None:
        environ = {"GEMINI_API_KEY": KEY, "PYTHONPATH": nothing_of_vendors}
        said = await asyncio.to_thread(lambda: retinue("doctor", **environ))
        assert "that of gemini is not used without its package" in said.out
        assert "-> pip install 'retinue[gemini]'" in said.out

    @pytest.fixture
    def nothing_of_vendors(self, tmp_path: Path) -> str:
        """Where Python finds that none of their packages is here."""
        folder = tmp_path / "packages"
        folder.mkdir()
        gone = "import sys\nfor name in ('anthropic', 'google', 'google.genai'):\n"
        (folder / "sitecustomize.py").write_text(f"{gone}    sys.modules[name] = None\n")
        return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
