"""What stands between: proxies, and certificates."""

import asyncio
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from retinue.errors import ModelRejected, ModelUnreachable
from retinue.models import ChatChunk, Model, find_model

from ._raw import Asked, Connection, response, says_hello, serving

type Hear = Callable[..., Awaitable[list[ChatChunk]]]
type Proxied = Callable[..., None]


def model(url: str, key: str | None = None) -> Model:
    """A model that is asked once, and without a pause."""
    return find_model("compatible:m", base_url=url, api_key=key, retries=0)


def words(chunks: list[ChatChunk]) -> str:
    return "".join([chunk.text or "" for chunk in chunks])


# -- proxies


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Proxied:
    """Sets the variables that proxies are named in, and no others."""

    def set_variables(**variables: str) -> None:
        for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    set_variables()
    return set_variables


async def test_the_proxy_of_the_environment_is_used(proxied: Proxied, hear: Hear) -> None:
    async with serving(says_hello) as proxy:
        proxied(HTTP_PROXY=proxy.url)
        for _ in range(2):
            assert words(await hear(model("http://lab.test/v1", "sk-1"), "hi")) == "hello"
        assert len(proxy.connections) == 1
        assert proxy.asked[0].head.startswith("POST http://lab.test/v1/chat/completions ")


async def test_a_secure_address_is_tunnelled_and_the_key_stays_inside(
    proxied: Proxied, hear: Hear
) -> None:
    async def refuse(connection: Connection, asked: Asked) -> None:
        await connection.say(response(b"", "403 Forbidden"))

    async with serving(refuse) as proxy:
        proxied(HTTPS_PROXY=proxy.url)
        with pytest.raises(ModelUnreachable, match="403"):
            await hear(model("https://lab.test/v1", "sk-1"), "hi")
        assert proxy.asked[0].head.startswith("CONNECT lab.test:443 ")
        assert "sk-1" not in proxy.asked[0].head


async def test_this_machine_is_reached_without_a_proxy(proxied: Proxied, hear: Hear) -> None:
    async with serving(says_hello) as proxy, serving(says_hello) as server:
        proxied(HTTP_PROXY=proxy.url)
        for host in ("127.0.0.1", "localhost"):
            await hear(model(server.url.replace("127.0.0.1", host)), "hi")
        assert not proxy.asked
        assert len(server.asked) == 2


async def test_hosts_can_be_left_out(proxied: Proxied, hear: Hear) -> None:
    async with serving(says_hello) as proxy:
        proxied(HTTP_PROXY=proxy.url, NO_PROXY="127.0.0.1,other.invalid:81")
        with pytest.raises(ModelUnreachable):
            await hear(model("http://other.invalid:81"), "hi")
        assert not proxy.asked
        await hear(model("http://other.invalid:82"), "hi")
        assert len(proxy.asked) == 1


async def test_a_proxy_that_is_not_there_is_an_error_without_its_password(
    proxied: Proxied, hear: Hear, unused_tcp_port: int
) -> None:
    proxied(HTTP_PROXY=f"http://ada:hunter2@127.0.0.1:{unused_tcp_port}")
    with pytest.raises(ModelUnreachable, match=r"reached at http://lab\.test/v1") as caught:
        await hear(model("http://lab.test/v1"), "hi")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://[", "http://", "nonsense"])
async def test_a_proxy_that_cannot_be_one_is_an_error(
    proxy: str, proxied: Proxied, hear: Hear
) -> None:
    proxied(HTTP_PROXY=proxy)
    with pytest.raises((ModelUnreachable, ModelRejected)) as caught:
        await hear(model("http://lab.test/v1"), "hi")
    assert caught.value.hint


# -- TLS


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine's own, and its key beside it."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    place = tmp_path_factory.mktemp("tls") / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += [
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=lab",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ]
    command += ["-keyout", str(place.with_name("key.pem")), "-out", str(place)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return place


def secured(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context


async def test_a_certificate_that_cannot_be_trusted_is_an_error(
    certificate: Path, hear: Hear
) -> None:
    async with serving(says_hello, secure=secured(certificate)) as server:
        with pytest.raises(ModelUnreachable, match="its certificate cannot be trusted"):
            await hear(model(server.url, "sk-1"), "hi")
        assert not server.asked


async def test_a_secure_connection_is_kept_and_closed_without_a_warning(certificate: Path) -> None:
    code = """
import asyncio, gc, sys
from retinue.messages import Message
from retinue.models import ChatRequest, find_model

async def main():
    model = find_model("compatible:m", base_url=sys.argv[1])
    for _ in range(2):
        async with model.chat(ChatRequest(messages=(Message("hi"),))) as chunks:
            print("".join([chunk.text or "" async for chunk in chunks]))

for _ in range(2):
    asyncio.run(main())
gc.collect()
"""
    async with serving(says_hello, secure=secured(certificate)) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-Wdefault",
            "-c",
            code,
            server.url,
            env={**os.environ, "SSL_CERT_FILE": str(certificate)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert out.split() == [b"hello"] * 4
        assert b"ResourceWarning" not in err
        assert len(server.connections) == 2


async def test_tls_to_a_plain_port_is_an_error(hear: Hear) -> None:
    async def complain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(response(b"", "400 Bad Request"))
        writer.close()

    async with await asyncio.start_server(complain, "127.0.0.1", 0) as server:
        secure = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ModelUnreachable, match=f"cannot be reached at {secure}") as caught:
            await hear(model(secure), "hi")
        assert caught.value.hint
