"""Ends: who stops reading closes the socket, as the server sees it; who does not, shares it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from retinue.models import ChatChunk, Model
from retinue.testing.mock_llm import Answer, Silence, Wire

from ._bench import Bench, Check, Heard, expect, named, request


def checks(wire: Wire) -> Sequence[Check]:
    return [
        named(a_cancelled_reader_closes_the_socket),
        named(a_reader_cancelled_before_the_first_piece_closes_the_socket),
        named(leaving_the_block_early_closes_the_socket),
        named(a_reader_that_fails_closes_the_socket),
        named(one_reader_that_leaves_does_not_disturb_the_others),
        named(the_model_can_be_asked_again_in_another_loop),
        named(answers_one_after_the_other_share_a_connection),
        named(many_answers_at_once_do_not_mix),
        named(many_answers_at_once_share_connections),
    ]


async def a_cancelled_reader_closes_the_socket(bench: Bench) -> None:
    bench.script(["One ", Silence()], "Fine.")
    begun = asyncio.Event()

    async def read(chunks: AsyncIterator[ChatChunk]) -> None:
        async for _ in chunks:
            begun.set()

    await _cancelled(bench, read, begun)


async def a_reader_cancelled_before_the_first_piece_closes_the_socket(bench: Bench) -> None:
    bench.script(Answer("One", first_delay=1e6), "Fine.")

    async def read(chunks: AsyncIterator[ChatChunk]) -> None:
        async for _ in chunks:
            pass

    await _cancelled(bench, read, None)


async def _cancelled(
    bench: Bench,
    read: Callable[[AsyncIterator[ChatChunk]], Awaitable[None]],
    begun: asyncio.Event | None,
) -> None:
    """Cancel a reader once the server has the request, and the reader what it waits for."""
    model = await bench.model()

    async def ask() -> None:
        async with model.chat(request("Hello?")) as chunks:
            await read(chunks)

    reading = asyncio.create_task(ask())
    try:
        if begun is not None:
            await bench.wait(begun, "the first piece")
        await bench.came()
        reading.cancel()
        there = await bench.ended(reading)
    finally:
        await bench.stop(reading)
    expect(there, "the reader's end once it is cancelled", "it goes on")
    outcome = "a cancellation" if reading.cancelled() else repr(reading.exception())
    expect(reading.cancelled(), "the cancellation, and nothing in its stead", outcome)
    await bench.wait(bench.seen[0].left, "the end of the connection, at the server,")
    heard = await bench.hear_whole(model=model)
    expect(heard.text == "Fine.", "the next answer, 'Fine.'", heard)


async def leaving_the_block_early_closes_the_socket(bench: Bench) -> None:
    bench.script(["One ", Silence()], "Fine.")
    model = await bench.model()

    async def read() -> None:
        async with model.chat(request("Hello?")) as chunks:
            async for _ in chunks:
                break

    reading = asyncio.create_task(read())
    there = await bench.ended(reading)
    expect(there, "that the block can be left", "it cannot")
    expect(reading.exception() is None, "no error", repr(reading.exception()))
    await bench.wait(bench.seen[0].left, "the end of the connection, at the server,")
    heard = await bench.hear_whole(model=model)
    expect(heard.text == "Fine.", "the next answer, 'Fine.'", heard)


async def a_reader_that_fails_closes_the_socket(bench: Bench) -> None:
    bench.script(["One ", Silence()])
    model = await bench.model()
    failure = ZeroDivisionError("of the reader")

    async def read() -> None:
        async with model.chat(request("Hello?")) as chunks:
            async for _ in chunks:
                raise failure

    reading = asyncio.create_task(read())
    there = await bench.ended(reading)
    expect(there, "that the block can be left", "it cannot")
    expect(reading.exception() is failure, "the reader's own error", repr(reading.exception()))
    await bench.wait(bench.seen[0].left, "the end of the connection, at the server,")


async def one_reader_that_leaves_does_not_disturb_the_others(bench: Bench) -> None:
    bench.script(["One ", Silence()], Answer("One two three", frame_delay=0.02))
    model = await bench.model()
    leaving = asyncio.create_task(bench.hear(model=model))
    try:
        await bench.came()
        others = [asyncio.create_task(bench.hear_whole(model=model)) for _ in range(3)]
        leaving.cancel()
        heard = [(await other).text for other in others]
    finally:
        await bench.stop(leaving)
    expect(heard == ["One two three"] * 3, "the others' whole answers", heard)
    await bench.wait(bench.seen[0].left, "the end of the connection, at the server,")


async def the_model_can_be_asked_again_in_another_loop(bench: Bench) -> None:
    model = await bench.model()

    def ask(n: int) -> str:
        return asyncio.run(bench.hear_whole(f"In loop {n}.", model)).text

    heard = [await asyncio.to_thread(ask, n) for n in (1, 2)]  # a program that calls run() twice
    heard.append((await bench.hear_whole("In loop 3.", model)).text)
    expected = [f"In loop {n}." for n in (1, 2, 3)]
    expect(heard == expected, f"the answers {expected}", heard)


async def answers_one_after_the_other_share_a_connection(bench: Bench) -> None:
    model = await bench.model()
    for _ in range(4):
        await bench.hear_whole(model=model)
    connections = bench.mock.connections
    expect(connections == 1, "one connection for four answers", f"{connections} connections")


async def many_answers_at_once_do_not_mix(bench: Bench) -> None:
    await _all_at_once(bench, await bench.model())


async def many_answers_at_once_share_connections(bench: Bench) -> None:
    model = await bench.model()
    for _ in range(2):
        await _all_at_once(bench, model)
    connections, many = bench.mock.connections, bench.crowd
    expect(
        connections <= many,
        f"no more than {many} connections for two times {many} answers",
        f"{connections} connections",
    )


async def _all_at_once(bench: Bench, model: Model) -> None:
    asked = [f"Say {n} and nothing else." for n in range(bench.crowd)]
    heard: list[Heard] = await asyncio.gather(*[bench.hear_whole(one, model) for one in asked])
    texts = [one.text for one in heard]
    expect(texts == asked, "to each its own answer", texts)
