"""The clients of OpenAI and Anthropic, as what carries requests: what holds for both."""

import asyncio
import socket
from dataclasses import dataclass

import pytest

from retinue.errors import ModelRejected, ModelUnauthorized, ModelUnreachable, StreamIncomplete
from retinue.messages import Image, Message, Text
from retinue.models import ChatRequest, Model, find_model
from retinue.testing.mock_llm import MockLLM

from ._raw import CHUNKED, Asked, Connection, chunk, response, serving


@dataclass(frozen=True, kw_only=True)
class Guest:
    """A vendor's client: what it is asked, and an answer in its words.

    Args:
        model: Ours, over that client.
        above: Of its base_url, what follows the address of the server.
        path: Where an answer is asked for.
        hello: The answer "hello", without its end.
        done: Its end.
        after: What may still follow.
    """

    model: str
    above: str
    path: str
    hello: bytes
    done: bytes
    after: bytes

    def at(self, url: str, key: str = "sk-1") -> Model:
        return find_model(self.model, base_url=url + self.above, api_key=key, retries=0)


GUESTS = {
    "openai": Guest(
        model="openai:gpt-6-sol",
        above="/v1",
        path="/v1/responses",
        hello=b'data: {"type":"response.output_text.delta","delta":"hello"}\n\n',
        done=b'data: {"type":"response.completed","response":{"status":"completed"}}\n\n',
        after=b"data: [DONE]\n\n",
    ),
    "anthropic": Guest(
        model="anthropic:claude-sonnet-5-5",
        above="",
        path="/v1/messages",
        hello=b'data: {"type":"content_block_start","index":0,'
        b'"content_block":{"type":"text","text":""}}\n\n'
        b'data: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"hello"}}\n\n',
        done=b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
        b'data: {"type":"message_stop"}\n\n',
        after=b": and a comment\n\n",
    ),
}


@pytest.fixture(params=GUESTS)
def guest(request: pytest.FixtureRequest) -> Guest:
    pytest.importorskip(request.param, reason="needs the extra: uv sync --group vendors")
    return GUESTS[request.param]


# -- requests


async def test_keys_share_connections(hear, guest: Guest) -> None:
    async with MockLLM() as mock:
        for key in ("sk-1", "sk-2", "sk-3"):
            await hear(guest.at(mock.url, key), "Hello?")
    keys = [request.headers["authorization"] for request in mock.requests]
    assert keys == ["Bearer sk-1", "Bearer sk-2", "Bearer sk-3"]
    assert mock.connections == 1


async def test_each_loop_has_a_client_of_its_own(guest: Guest) -> None:
    async with MockLLM() as mock:
        model = guest.at(mock.url)

        async def ask() -> str:
            async with model.chat(ChatRequest(messages=(Message("Hello?"),))) as chunks:
                return "".join([chunk.text async for chunk in chunks if chunk.text])

        assert await asyncio.to_thread(lambda: asyncio.run(ask())) == "Hello?"
        assert await asyncio.gather(ask(), ask()) == ["Hello?", "Hello?"]
    assert mock.connections == 3


async def test_a_large_picture_arrives(hear, guest: Guest) -> None:
    picture = bytes(range(256)) * 8192  # 2 MB
    async with MockLLM() as mock:
        said = Message(parts=[Text(text="What is this?"), Image(data=picture)])
        await hear(guest.at(mock.url), said)
    asked = mock.requests[0].asked
    assert asked is not None
    assert [part.data for part in asked.messages[0].parts if isinstance(part, Image)] == [picture]
    assert mock.requests[0].headers["content-length"]


async def test_a_key_is_not_carried_to_another_place(hear, guest: Guest) -> None:
    async def elsewhere(connection: Connection, _: Asked) -> None:
        headers = {"Location": f"http://127.0.0.1:1{guest.path}"}
        await connection.say(response(b"", "307 Temporary Redirect", headers=headers))

    async with serving(elsewhere) as served:
        with pytest.raises(ModelRejected, match=r"elsewhere: http://127\.0\.0\.1:1/v1"):
            await hear(guest.at(served.url), "Hello?")


async def test_what_cannot_be_a_key_is_sent_nowhere(hear, guest: Guest) -> None:
    async with MockLLM() as mock:
        with pytest.raises(ModelUnauthorized, match="a character that is in no key"):
            await hear(guest.at(mock.url, "sk-\n1"), "Hello?")
    assert not mock.requests


# -- proxies


def proxied(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, url)


async def test_no_proxy_stands_before_this_machine(
    hear, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxied(monkeypatch, "http://127.0.0.1:1")
    async with MockLLM() as mock:
        chunks = await hear(guest.at(mock.url), "Hello?")
    assert chunks[-1].stop == "end"


async def test_the_proxy_of_the_environment_is_used(
    hear, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def says(connection: Connection, _: Asked) -> None:
        await connection.say(CHUNKED + chunk(guest.hello + guest.done) + b"0\r\n\r\n")

    async with serving(says) as proxy:
        proxied(monkeypatch, proxy.url)
        await hear(guest.at("http://lab.test"), "Hello?")
        assert proxy.asked[0].head.startswith(f"POST http://lab.test{guest.path} ")


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://[", "http://", "nonsense"])
async def test_a_proxy_that_cannot_be_one_is_an_error(
    hear, guest: Guest, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    proxied(monkeypatch, proxy)
    with pytest.raises(ModelUnreachable) as caught:
        await hear(guest.at("http://lab.test"), "Hello?")
    assert caught.value.hint


# -- answers


async def test_who_is_not_there_is_unreachable(hear, guest: Guest) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(ModelUnreachable, match=f"at {url}{guest.above}: .*refused") as caught:
        await hear(guest.at(url), "Hello?")
    assert "base_url" in str(caught.value.hint)


async def test_what_is_no_http_is_unreachable(hear, guest: Guest) -> None:
    async def greets(connection: Connection, _: Asked) -> None:
        await connection.say(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
        connection.writer.close()

    async with serving(greets) as served:
        with pytest.raises(ModelUnreachable, match="cannot be reached"):
            await hear(guest.at(served.url), "Hello?")


async def test_a_broken_answer_is_not_whole(hear, guest: Guest) -> None:
    async def breaks(connection: Connection, _: Asked) -> None:
        await connection.say(CHUNKED + chunk(guest.hello))
        connection.writer.transport.abort()

    async with serving(breaks) as served:
        with pytest.raises(StreamIncomplete, match="broke off"):
            await hear(guest.at(served.url), "Hello?")


async def test_after_the_end_the_connection_is_kept(hear, guest: Guest) -> None:
    async def says(connection: Connection, _: Asked) -> None:
        answer = chunk(guest.hello + guest.done) + chunk(guest.after)
        await connection.say(CHUNKED + answer + b"0\r\n\r\n")

    async with serving(says) as served:
        for _ in range(3):
            chunks = await hear(guest.at(served.url), "Hello?")
            assert chunks[0].text == "hello"
    assert len(served.connections) == 1


async def test_who_never_ends_is_not_waited_for(hear, guest: Guest) -> None:
    async def says(connection: Connection, _: Asked) -> None:
        await connection.say(CHUNKED + chunk(guest.hello + guest.done))
        await connection.until_left()

    async with serving(says) as served:
        chunks = await hear(guest.at(served.url), "Hello?")
        assert chunks[-1].stop == "end"
        await asyncio.wait_for(served.connections[0].left.wait(), 10)
