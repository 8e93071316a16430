"""The server: HTTP, scripts, faults, and what it sees of its clients."""

import asyncio
import email.utils
import json
import math
import re
import socket
import time
from datetime import timedelta
from typing import Any

import pytest

from retinue.errors import MessageError
from retinue.messages import FrozenDict, Text, Thinking
from retinue.testing.mock_llm import (
    Answer,
    Cut,
    Disconnect,
    ErrorEvent,
    Loris,
    Malformed,
    MockLLM,
    NoAnswer,
    Refusal,
    Request,
    Silence,
)

PATIENCE = 20.0
BODY = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hello?"}]}
CHAT = "/v1/chat/completions"


def words(got: Any) -> str:
    """The text of a stream of chat chunks."""
    chunks = [event for event in got.events if isinstance(event, dict) and event.get("choices")]
    return "".join([c["choices"][0]["delta"].get("content") or "" for c in chunks])


def whole(got: Any) -> str:
    return got.json["choices"][0]["message"]["content"]


async def soon(event: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE):
        await event.wait()


# -- scripts


async def test_a_model_without_a_script_says_again_what_it_was_told(chat) -> None:
    said = ({"role": "user", "content": "one"}, {"role": "assistant", "content": "two"})
    assert words(await chat(*said)) == "one"
    assert words(await chat({"role": "system", "content": "Be."})) == "Nothing was said."


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("Write 2000 words, please", 2000),
        ("an essay of 1,234 words", 1234),
        ("a 40-word summary", 40),
        ("1 word", 1),
        ("0 words", 0),
        ("99999999 words", 20_000),
    ],
)
async def test_who_asks_for_so_many_words_gets_them_in_markdown(chat, asked, count) -> None:
    text = whole(await chat({"role": "user", "content": asked}, stream=False)) or ""
    assert len(re.findall(r"[A-Za-z]+", text.replace("```python", "```"))) == count
    if count >= 200:
        assert {"# ", "- **", "```", "| ---", "> "} <= {
            start for line in text.split("\n") for start in ("# ", "- **", "```", "| ---", "> ")
            if line.startswith(start)
        }  # fmt: skip
        assert "**" in text


async def test_replies_come_in_turn_and_the_last_again_and_again(mock: MockLLM, chat) -> None:
    mock.script("m", "one", ["two", " and a half"], Refusal(418, "a teapot"))
    assert [words(await chat()) for _ in range(2)] == ["one", "two and a half"]
    assert [(await chat()).status for _ in range(3)] == [418, 418, 418]
    assert words(await chat(model="other")) == "Hello?"
    mock.script("m")
    assert words(await chat()) == "Hello?"


async def test_a_star_is_every_model_without_a_script(mock: MockLLM, chat) -> None:
    mock.script("*", "any")
    mock.script("m", "mine")
    assert [words(await chat(model=name)) for name in ("m", "x")] == ["mine", "any"]


async def test_a_function_makes_the_reply_from_the_request(mock: MockLLM, chat) -> None:
    def reply(request: Request) -> Answer:
        assert request.asked is not None
        return Answer(f"{len(request.asked.messages)} from {request.headers['authorization']}")

    mock.script("m", reply)
    assert words(await chat(key="k")) == "1 from Bearer k"


async def test_a_function_that_fails_is_an_error_of_the_server(mock: MockLLM, chat) -> None:
    mock.script("m", lambda request: request.nothing, lambda request: [3])
    got = await chat()
    assert got.status == 500
    assert "the script failed: AttributeError" in got.json["error"]["message"]
    assert "int is nothing that can be served" in (await chat()).json["error"]["message"]


@pytest.mark.parametrize("reply", [3, [3], Answer(["a", 3]), Text(text="a"), None])
def test_what_cannot_be_served_is_refused_when_it_is_written(reply: Any) -> None:
    with pytest.raises(MessageError, match="is nothing that can be served") as caught:
        MockLLM().script("m", reply)
    assert caught.value.hint


# -- keys


@pytest.mark.parametrize(
    ("strict", "key", "status"),
    [
        (False, "", 200),
        (True, "", 401),
        (True, "k", 200),
        (True, "k-bad", 401),
        (False, "bad", 401),
    ],
)
async def test_keys(connect, strict, key, status) -> None:
    async with MockLLM(strict=strict) as mock, connect(mock) as client:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        client.send("POST", CHAT, json.dumps(BODY).encode(), **headers)
        assert (await client.got()).status == status
        client.send("POST", CHAT, json.dumps(BODY).encode(), authorization="Basic eDp5")
        assert (await client.got()).status == (401 if strict else 200)
        client.send("POST", "/api/chat", json.dumps(BODY).encode())
        assert (await client.got()).status == 200
    assert mock.requests[0].status == status


# -- HTTP


async def test_a_connection_is_used_again_and_counted(mock: MockLLM, connect, ask) -> None:
    async with connect(mock) as client:
        for _ in range(3):
            client.send("POST", CHAT, json.dumps(BODY).encode())
            assert (await client.got()).whole
    await ask("/api/tags")
    assert [one.connection for one in mock.requests] == [0, 0, 0, 1]
    assert mock.connections == 2
    assert [one.model for one in mock.asked("m")] == ["m"] * 3


async def test_requests_may_come_before_they_can_be_answered(mock: MockLLM, connect) -> None:
    mock.script("m", Answer("one", first_delay=0.05), "two")
    async with connect(mock) as client:
        client.send("POST", CHAT, json.dumps(BODY).encode())
        client.send("POST", CHAT, json.dumps(BODY).encode())
        assert [words(await client.got()), words(await client.got())] == ["one", "two"]


async def test_a_client_may_want_the_connection_closed(mock: MockLLM, connect) -> None:
    async with connect(mock) as client:
        client.send("GET", "/api/tags", connection="close")
        assert (await client.got()).status == 200
        assert await client.is_closed()


async def test_a_body_may_come_in_chunks_and_be_expected(mock: MockLLM, connect) -> None:
    raw = json.dumps(BODY).encode()
    async with connect(mock) as client:
        client.writer.write(
            f"POST {CHAT} HTTP/1.1\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n"
            f"7;x=y\r\n".encode() + raw[:7] + b"\r\n%x\r\n" % (len(raw) - 7) + raw[7:]
            + b"\r\n0\r\ntrailer: x\r\n\r\n"
        )  # fmt: skip
        assert await client.head() == (100, {})
        assert words(await client.got()) == "Hello?"


@pytest.mark.parametrize(
    ("path", "method", "status", "allow"),
    [
        ("/v1/models", "HEAD", 200, None),
        ("/", "HEAD", 200, None),
        ("/", "GET", 200, None),
        ("/nothing", "GET", 404, None),
        ("/nothing", "HEAD", 404, None),
        ("/v1/models", "POST", 405, "GET, HEAD"),
        ("/api/show", "GET", 405, "POST"),
        (CHAT, "GET", 405, "POST"),
        ("/api/chat", "DELETE", 405, "POST"),
        ("http://mock/v1/models?limit=1", "GET", 200, None),
    ],
)
async def test_paths_and_methods(ask, path, method, status, allow) -> None:
    got = await ask(path, method=method)
    assert (got.status, got.headers.get("allow")) == (status, allow)
    assert int(got.headers["content-length"]) > 0
    if method != "HEAD" and status >= 400:
        assert got.json["error"]["message"]


@pytest.mark.parametrize(
    "body", [b"{", b"", b"null", b'"text"', b"\xff\xfe", b"[" * 100_000, b"[]"], ids=range(7)
)
async def test_what_is_no_json_object_is_refused(ask, mock: MockLLM, body: bytes) -> None:
    got = await ask(CHAT, body, method="POST")
    assert got.status == 400
    assert "JSON" in got.json["error"]["message"]
    assert mock.requests[-1].asked is None


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 505),
        (b"GET http://[::1 HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nspace : x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nx\r\n", 400),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nfffffffff\r\n", 413),
        (b"GET / HTTP/1.1\r\nx: " + b"x" * 100_000 + b"\r\n\r\n", 431),
    ],
)
async def test_what_is_no_request_is_told_so_and_closed(mock, connect, sent, status) -> None:
    async with connect(mock) as client:
        client.writer.write(sent)
        got = await client.got()
        assert (got.status, got.headers["connection"]) == (status, "close")
        assert got.json["error"]["message"]
        assert await client.is_closed()
    assert mock.requests == []


async def test_half_a_request_is_none(mock: MockLLM, connect, ask) -> None:
    async with connect(mock) as client:
        client.writer.write(b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nhalf")
    assert (await ask("/")).status == 200
    assert [one.method for one in mock.requests] == ["GET"]


async def test_a_lone_surrogate_is_replaced(chat) -> None:
    got = await chat({"role": "user", "content": "a\ud800b"})
    assert words(got) == "a?b"


async def test_a_mistake_of_a_wire_is_an_error_and_no_traceback(connect, capfd) -> None:
    class Broken:
        name = "broken"
        media = "text/plain"
        asked_at = re.compile("/broken")
        lookups = FrozenDict()

        def key(self, headers: Any) -> None:
            return None

        def read(self, path: str, body: Any) -> Any:
            raise ZeroDivisionError("a bug")

    async with MockLLM(wires=[Broken()]) as mock, connect(mock) as client:
        client.send("POST", "/broken", b"{}")
        got = await client.got()
        assert (got.status, got.json["error"]["message"]) == (500, "mock-llm failed: a bug")
    assert capfd.readouterr() == ("", "")


async def test_a_mistake_in_the_middle_breaks_the_connection(mock: MockLLM, chat) -> None:
    mock.script("m", Answer(["one", Silence("long")]))
    got = await chat()
    assert not got.whole


# -- refusals, delays


async def test_a_refusal_is_in_the_words_of_the_vendor(mock: MockLLM, chat, ollama) -> None:
    mock.script("m", Refusal(429, "Slow down", code="rate_limit_exceeded", retry_after=1.5))
    got = await chat()
    assert (got.status, got.headers["retry-after"]) == (429, "1.5")
    kind, code = "invalid_request_error", "rate_limit_exceeded"
    error = {"message": "Slow down", "type": kind, "param": None, "code": code}
    assert got.json == {"error": error}
    assert (await ollama()).json == {"error": "Slow down"}


async def test_retry_after_may_be_a_date(mock: MockLLM, chat) -> None:
    mock.script("m", Refusal(503, retry_after=timedelta(seconds=100)))
    got = await chat()
    date = email.utils.parsedate_to_datetime(got.headers["retry-after"])
    assert 90 < date.timestamp() - time.time() <= 100
    assert got.headers["retry-after"].endswith("GMT")


async def test_a_page_of_a_proxy(mock: MockLLM, chat) -> None:
    mock.script("m", Refusal(599, body=b"<html>"))
    got = await chat()
    assert (got.status, got.body, got.headers["content-type"]) == (599, b"<html>", "text/html")


async def test_delays(mock: MockLLM, chat) -> None:
    mock.script(
        "m", Answer("a b c", first_delay=0.1, frame_delay=0.05), Refusal(500, first_delay=1)
    )
    began = time.monotonic()
    await chat()
    assert time.monotonic() - began >= 0.1 + 6 * 0.05
    began = time.monotonic()
    await chat()
    assert time.monotonic() - began >= 1


async def test_the_pace_is_for_answers_without_a_script(connect) -> None:
    async with MockLLM(pace=0.05) as mock, connect(mock) as client:
        began = time.monotonic()
        client.send("POST", CHAT, json.dumps(BODY).encode())
        await client.got()
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("segment", [1, 3, None])
async def test_bytes_go_out_in_segments(mock: MockLLM, connect, segment: int | None) -> None:
    mock.script("m", Answer("Grüße 𝄞", segment=segment))
    async with connect(mock) as client:
        client.send("POST", CHAT, json.dumps(BODY).encode(), connection="close")
        reads: list[bytes] = []
        async with asyncio.timeout(PATIENCE):
            while data := await client.reader.read(65536):
                reads.append(data)
    text = b"".join(reads).decode()
    assert "Gr\u00fc\u00dfe " in text
    if segment is not None:
        assert len(reads) > len(text) / segment / 4  # a busy machine may read several at once


# -- faults


async def test_a_disconnect_is_in_the_middle_of_a_chunk(mock: MockLLM, chat) -> None:
    mock.script("m", ["One", Disconnect(), "two"])
    got = await chat()
    assert not got.whole
    assert b"One" in got.body
    assert not got.body.endswith(b"\n\n")
    assert b"two" not in got.body


async def test_a_connection_may_be_reset(mock: MockLLM, connect) -> None:
    mock.script("m", ["One", Disconnect(reset=True)])
    for stream in (True, False):
        async with connect(mock) as client:
            client.send("POST", CHAT, json.dumps({**BODY, "stream": stream}).encode())
            with pytest.raises(ConnectionResetError):
                while await client.reader.read(65536):
                    pass


async def test_a_cut_is_a_clean_end_without_the_terminal_event(mock, chat, ollama) -> None:
    mock.script("m", ["One", Cut(), "two"])
    got = await chat()
    assert got.whole
    assert words(got) == "One"
    assert got.events[-1] != "[DONE]"
    assert [line["done"] for line in (await ollama()).lines] == [False]


async def test_a_malformed_frame_is_followed_by_the_rest(mock: MockLLM, chat, ollama) -> None:
    mock.script("m", ["One ", Malformed(), "two"])
    for got in (await chat(), await ollama()):
        assert got.whole
        assert b'{"malformed": [{\n' in got.body
        assert b"two" in got.body


async def test_a_fault_at_the_start_comes_before_any_other_frame(mock: MockLLM, chat) -> None:
    mock.script("m", [Malformed(), "One"])
    assert (await chat()).body.startswith(b'data: {"malformed": [{\n\n')


async def test_silence_and_bytes_without_events(mock: MockLLM, chat, ollama) -> None:
    mock.script("m", [Silence(0.1), "One"], [Loris(0.1, every=0.02), "One"])
    began = time.monotonic()
    assert words(await chat()) == "One"
    assert time.monotonic() - began >= 0.1
    got = await chat()
    assert got.body.startswith(b": still working\n\n: still working\n\n")
    assert words(got) == "One"
    assert (await ollama()).body.startswith(b"\n\n")


async def test_no_answer_at_all(mock: MockLLM, connect) -> None:
    mock.script("m", NoAnswer(), NoAnswer(b"SSH-2.0\r\n"), NoAnswer(seconds=0.1))
    for sent in (b"", b"SSH-2.0\r\n", b""):
        async with connect(mock) as client, asyncio.timeout(PATIENCE):
            client.send("POST", CHAT, json.dumps(BODY).encode())
            assert await client.reader.read() == sent
    assert [one.status for one in mock.requests] == [None] * 3


@pytest.mark.parametrize(
    ("line", "status", "complete", "readable"),
    [
        (Silence(0.01), 200, True, True),
        (Loris(0.05), 200, True, True),
        (Cut(), 200, True, False),
        (Malformed(), 200, True, False),
        (Disconnect(), 200, False, False),
        (ErrorEvent("Melted"), 500, True, True),
        (Thinking(text="hm"), 200, True, True),
    ],
)
async def test_faults_of_an_answer_in_one_piece(
    mock: MockLLM, chat, line, status, complete, readable
) -> None:
    mock.script("m", ["One", line])
    got = await chat(stream=False)
    assert (got.status, got.whole) == (status, complete)
    assert mock.requests[0].status == status
    if readable:
        assert "error" in got.json or whole(got) == "One"
    else:
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            json.loads(got.body)


# -- what is seen of the client


@pytest.mark.parametrize(
    "reply",
    [
        Answer(["One ", Silence()]),
        Answer(["One ", Loris()]),
        Answer("One", first_delay=math.inf),
        Answer("One " * 1000, frame_delay=0.01),
        NoAnswer(seconds=math.inf),
    ],
)
@pytest.mark.parametrize("reset", [False, True])
async def test_a_client_that_leaves_is_seen(mock: MockLLM, connect, reply, reset) -> None:
    mock.script("m", reply)
    async with connect(mock) as client:
        client.send("POST", CHAT, json.dumps(BODY).encode())
        async with asyncio.timeout(PATIENCE):
            while not mock.requests:
                await asyncio.sleep(0.001)
        [request] = mock.requests
        assert not request.left.is_set()
        if reset:
            client.writer.transport.abort()
    await soon(request.left)
    assert not request.answered.is_set()


async def test_a_client_that_does_not_read_is_seen_when_it_leaves(mock: MockLLM, connect) -> None:
    mock.script("m", Answer(["word " * 200_000]))
    async with connect(mock) as client:
        client.writer.transport.pause_reading()
        client.send("POST", CHAT, json.dumps(BODY).encode())
        await asyncio.sleep(0.2)
        client.writer.transport.abort()
    [request] = mock.requests
    await soon(request.left)


async def test_a_client_that_stays_to_the_end_is_seen_too(connect) -> None:
    over: list[Request] = []
    async with MockLLM(ended=over.append) as mock, connect(mock) as client:
        client.send("POST", CHAT, json.dumps(BODY).encode())
        await client.got()
        [request] = mock.requests
        await soon(request.answered)
    assert over == [request]
    assert not request.left.is_set()
    assert (request.method, request.path, request.model, request.status) == ("POST", CHAT, "m", 200)
    assert request.body == BODY
    assert request.headers["host"] == "mock"
    assert "POST /v1/chat/completions model='m' status=200" in repr(request)


async def test_leaving_the_block_ends_what_is_still_answered(connect) -> None:
    async with MockLLM() as mock:
        mock.script("m", Answer(["One", Silence()]))
        async with connect(mock) as client, connect(mock) as idle:
            client.send("POST", CHAT, json.dumps(BODY).encode())
            await client.head()
            async with asyncio.timeout(PATIENCE):
                await mock.__aexit__(None, None, None)
            assert await idle.is_closed()
            await client.chunk()
        [request] = mock.requests
        assert not request.left.is_set()
        await mock.__aenter__()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_addresses_of_ipv6_have_brackets() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        async with MockLLM(host="::1") as mock:
            assert mock.url == f"http://[::1]:{mock.port}"
    except OSError:
        pytest.skip("this machine has no IPv6 on its loopback")
