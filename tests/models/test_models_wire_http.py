"""The connections: one pool for a loop, kept and closed with it, whoever asks over it."""

import asyncio
import gc
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from retinue import run
from retinue.errors import ModelRejected, ModelUnauthorized, ModelUnreachable
from retinue.messages import Image, Message
from retinue.models import ChatChunk, ChatRequest, Model, find_model
from retinue.models.guard import Guarded

from ._raw import (
    CHUNKED,
    HELLO,
    Asked,
    Connection,
    Serve,
    chunk,
    response,
    says_hello,
    serving,
)

type Hear = Callable[..., Awaitable[list[ChatChunk]]]


def model(url: str, key: str | None = None) -> Model:
    """A model that is asked once, and without a pause."""
    return find_model("compatible:m", base_url=url, api_key=key, retries=0)


def words(chunks: list[ChatChunk]) -> str:
    return "".join([chunk.text or "" for chunk in chunks])


# -- one pool for a loop


async def test_a_connection_is_kept_for_the_next_request(hear: Hear) -> None:
    async with serving(says_hello) as server:
        for _ in range(3):
            assert words(await hear(model(server.url), "hi")) == "hello"
        assert [asked.connection for asked in server.asked] == [0, 0, 0]


async def test_at_once_is_as_many_connections_as_it_takes(hear: Hear) -> None:
    everybody = asyncio.Barrier(120)

    async def wait_for_all(connection: Connection, asked: Asked) -> None:
        await everybody.wait()
        await says_hello(connection, asked)

    async with serving(wait_for_all) as server:
        answers = await asyncio.gather(*[hear(model(server.url), "hi") for _ in range(120)])
        assert {words(answer) for answer in answers} == {"hello"}


async def test_keys_share_the_connections_and_each_is_shown_where_it_belongs(hear: Hear) -> None:
    async with serving(says_hello) as server:
        for key in ("sk-ada", "sk-bob", None, "sk-ada"):
            await hear(model(server.url, key), "hi")
        shown = [asked.headers.get("authorization") for asked in server.asked]
        assert shown == ["Bearer sk-ada", "Bearer sk-bob", None, "Bearer sk-ada"]
        assert {asked.connection for asked in server.asked} == {0}


async def test_what_is_asked_for_is_plain(hear: Hear) -> None:
    async with serving(says_hello) as server:
        await hear(model(server.url), "hi")
    [asked] = server.asked
    assert asked.head.startswith("POST /v1/chat/completions HTTP/1.1")
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["accept-encoding"] == "identity"  # a compressed stream comes in lumps


@pytest.mark.parametrize("runner", [asyncio.run, run], ids=["asyncio.run", "retinue.run"])
def test_the_pool_is_closed_with_its_loop(runner: Callable[..., Any], hear: Hear) -> None:
    async def main() -> str:
        async with serving(says_hello) as server:
            return words(await hear(model(server.url), "hi"))

    for _ in range(2):
        assert runner(main if runner is run else main()) == "hello"
    gc.collect()  # what was left open would warn now, and warnings are errors here


def test_a_model_outlives_its_loop(hear: Hear, unused_tcp_port: int) -> None:
    asking = model(f"http://127.0.0.1:{unused_tcp_port}")

    async def main() -> str:
        async with serving(says_hello, port=unused_tcp_port):
            return words(await hear(asking, "hi"))

    for _ in range(2):
        assert asyncio.run(main()) == "hello"
    gc.collect()


# -- connections that are there no more


def stale(times: int = 1, *, reset: bool = False) -> Serve:
    """Answers, and closes the connection when it is used again, as often as that."""

    async def serve(connection: Connection, asked: Asked) -> None:
        nonlocal times
        first = sum(one.number == connection.number for one in seen) == 0
        seen.append(connection)
        if first or not times:
            await says_hello(connection, asked)
            return
        times -= 1
        if reset:
            connection.writer.transport.abort()
        connection.writer.close()

    seen: list[Connection] = []
    return serve


@pytest.mark.parametrize("reset", [False, True])
async def test_a_kept_connection_that_is_closed_is_replaced_at_once(
    reset: bool, hear: Hear
) -> None:
    async with serving(stale(2, reset=reset)) as server:
        for _ in range(3):  # retries=0: it does not count as an attempt
            assert words(await hear(model(server.url), "hi")) == "hello"
        assert [asked.connection for asked in server.asked] == [0, 0, 1, 1, 2]


async def test_many_of_them_are_replaced_as_well(hear: Hear) -> None:
    everybody = asyncio.Barrier(5)
    used: set[int] = set()

    async def serve(connection: Connection, asked: Asked) -> None:
        if connection.number in used:
            connection.writer.close()
            return
        used.add(connection.number)
        if connection.number < 5:
            await everybody.wait()
        await says_hello(connection, asked)

    async with serving(serve) as server:
        await asyncio.gather(*[hear(model(server.url), "hi") for _ in range(5)])
        assert words(await hear(model(server.url), "hi")) == "hello"
        assert len(server.connections) == 6


async def test_a_new_connection_that_is_closed_is_an_error_and_not_tried_for_ever(
    hear: Hear,
) -> None:
    async def close(connection: Connection, _: Asked) -> None:
        connection.writer.close()

    async with serving(close) as server:
        with pytest.raises(ModelUnreachable, match=f"cannot be reached at {server.url}") as caught:
            await hear(model(server.url), "hi")
        assert caught.value.hint
        assert len(server.asked) == 1


async def test_a_body_that_was_being_sent_is_sent_again_as_a_whole(hear: Hear) -> None:
    picture = Message(parts=[Image(data=os.urandom(2_000_000))])
    async with serving(stale()) as server:
        await hear(model(server.url), "hi")
        assert words(await hear(model(server.url), picture)) == "hello"
        assert server.asked[1].body == server.asked[2].body
        assert len(server.asked[2].body) > 2_000_000


# -- leaving


async def speaks_for_ever(connection: Connection, _: Asked) -> None:
    await connection.say(CHUNKED + chunk(HELLO.split(b"\n\n")[0] + b"\n\n"))
    await connection.until_left()


async def waits_for_ever(connection: Connection, _: Asked) -> None:
    await connection.until_left()


@pytest.mark.parametrize("serve", [speaks_for_ever, waits_for_ever])
async def test_a_reader_that_is_cancelled_closes_the_socket(serve: Serve, hear: Hear) -> None:
    async with serving(serve) as server:
        task = asyncio.create_task(hear(model(server.url), "hi"))
        while not server.asked:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.connections[0].left.wait()


async def test_leaving_early_closes_the_socket() -> None:
    async with serving(speaks_for_ever) as server:
        async with model(server.url).chat(ChatRequest(messages=(Message("hi"),))) as chunks:
            assert (await anext(chunks)).text == "hello"
        await server.connections[0].left.wait()


# -- the end of a body


def ends(after: float | None, *, cleanly: bool = True) -> Serve:
    """The answer comes at once, the end of its body some time after; None: never."""

    async def serve(connection: Connection, _: Asked) -> None:
        await connection.say(CHUNKED + chunk(HELLO))
        if after is None:
            await connection.until_left()
            return
        await asyncio.sleep(after)
        if cleanly:
            await connection.say(b"0\r\n\r\n")
        else:
            connection.writer.close()

    return serve


async def test_an_answer_is_whole_with_its_last_frame(hear: Hear) -> None:
    for serve, kept in ((ends(0.02), True), (ends(None), False), (ends(0, cleanly=False), False)):
        async with serving(serve) as server:
            for _ in range(2):
                began = time.monotonic()
                assert words(await hear(model(server.url), "hi")) == "hello"
                assert time.monotonic() - began < 2
            assert (len(server.connections) == 1) is kept


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("compatible", b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}'),
        ("ollama", b'{"message":{"content":"a"},"done":true}'),
    ],
)
async def test_the_last_frame_may_lack_its_own_end(provider: str, body: bytes, hear: Hear) -> None:
    async def serve(connection: Connection, _: Asked) -> None:
        await connection.say(response(body, kind="text/plain"))

    async with serving(serve) as server:
        chunks = await hear(find_model(f"{provider}:m", base_url=server.url), "hi")
        assert (words(chunks), chunks[-1].stop) == ("a", "end")


# -- large bodies


@pytest.mark.parametrize("provider", ["compatible", "ollama"])
async def test_a_large_picture_holds_nobody_up(provider: str, hear: Hear) -> None:
    data = os.urandom(20_000_000)
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            began = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - began)

    async def refuse(connection: Connection, asked: Asked) -> None:
        await connection.say(response(b'{"error":"no"}', "400 Bad Request", "application/json"))

    async with serving(refuse) as server:
        asking = find_model(f"{provider}:m", base_url=server.url, retries=0)
        watching = asyncio.create_task(watch())
        with pytest.raises(ModelRejected, match="refused the request: no"):
            await hear(asking, Message(parts=[Image(data=data)]))
        watching.cancel()
        assert len(server.asked[0].body) > 26_000_000
    assert longest < 0.5  # seconds of work in one go; it is 0.05


# -- redirections


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_a_redirection_is_not_followed(status: str, hear: Hear) -> None:
    async with serving(says_hello) as thief:

        async def send_away(connection: Connection, asked: Asked) -> None:
            await connection.say(response(b"", status, headers={"Location": f"{thief.url}/v1"}))

        async with serving(send_away) as server:
            with pytest.raises(ModelRejected, match=f"is elsewhere: {thief.url}/v1") as caught:
                await hear(model(server.url, "sk-1"), "hi")
            assert "base_url" in (caught.value.hint or "")
        assert not thief.connections


# -- keys


async def test_what_cannot_be_a_key_is_not_sent(hear: Hear) -> None:
    async with serving(says_hello) as server:
        with pytest.raises(ModelUnauthorized, match="in no key"):
            await hear(model(server.url, "sk-1\r\nX-Evil: 1"), "hi")
        assert not server.connections


async def test_asking_under_guard_is_what_find_model_gives() -> None:
    assert isinstance(model("http://lab"), Guarded)
