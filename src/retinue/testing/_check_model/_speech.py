"""What is said: text, thoughts, what it cost, why it ended."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from retinue.messages import Thinking
from retinue.models import Stop, Usage
from retinue.testing.mock_llm import Answer, Silence, Wire

from ._bench import Bench, Check, Heard, expect, named, request

_UNICODE = "Grüße, 世界! 👩‍👩‍👧 naïve \u2028 line \u2029 next \x85 e\u0301 𝄞 \u200b\ufeff end"
"""Letters of one to four bytes, and some that Python, but no protocol, takes for ends of lines."""


def checks(wire: Wire) -> Sequence[Check]:
    spelled = [
        Check(f"the wire is read as other servers spell it ({place})", _spelled(place))
        for place in range(1, len(wire.spellings()) + 1)
    ]
    return [
        named(text_comes_in_pieces_before_the_answer_is_over),
        named(text_is_whole_and_in_order),
        named(an_answer_may_be_empty),
        named(what_is_large_goes_through),
        named(unicode_survives_being_cut_anywhere),
        *spelled,
        named(thinking_comes_apart_from_text),
        named(usage_is_told),
        *[Check(f"the stop reason {stop!r} is told", _stops(stop)) for stop in _plain(wire)],
    ]


async def text_comes_in_pieces_before_the_answer_is_over(bench: Bench) -> None:
    bench.script(["One ", Silence(), "two"])
    model = await bench.model()
    heard = Heard()
    there = asyncio.Event()

    async def read() -> None:
        async with model.chat(request("Hello?")) as chunks:
            async for chunk in chunks:
                heard.chunks.append(chunk)
                if chunk.text:
                    there.set()

    reading = asyncio.create_task(read())
    reading.add_done_callback(lambda _: there.set())
    try:
        await bench.wait(there, "the first words while the server still makes the next")
    finally:
        await bench.stop(reading)
    expect(heard.text.strip() == "One", "the text 'One '", heard)


async def text_is_whole_and_in_order(bench: Bench) -> None:
    text = "First, second;  third\nand\n\nfourth."
    bench.script(text)
    heard = await bench.hear_whole()
    expect(heard.text == text, f"the text {text!r}", heard)
    expect(heard.stops == ["end"], "the stop 'end'", heard)


async def an_answer_may_be_empty(bench: Bench) -> None:
    bench.script(Answer())
    heard = await bench.hear_whole()
    expect(heard.text == "", "no text", heard)


async def what_is_large_goes_through(bench: Bench) -> None:
    text = "large" * 60_000  # one word, so one frame: more than many a buffer for lines
    heard = await bench.hear_whole(text)
    expect(heard.text == text, f"{len(text)} letters", f"{len(heard.text)} letters")


async def unicode_survives_being_cut_anywhere(bench: Bench) -> None:
    model = await bench.model()
    for segment in (None, 1, 2, 3, 7):
        bench.script(Answer(_UNICODE, segment=segment))
        heard = await bench.hear_whole(model=model)
        where = f"(cut every {segment} bytes)" if segment else "(not cut)"
        expect(heard.text == _UNICODE, f"the text {_UNICODE!r} {where}", heard)


def _spelled(place: int) -> Callable[[Bench], Awaitable[None]]:
    async def is_read(bench: Bench) -> None:
        await bench.speak(bench.wire.spellings()[place - 1])
        bench.script(Answer([Thinking(text="Well, "), "it is", " so."], segment=5))
        heard = await bench.hear_whole()
        expect(heard.text == "it is so.", "the text 'it is so.'", heard)
        expect(heard.thinking == "Well, ", "the thought 'Well, '", heard)

    return is_read


async def thinking_comes_apart_from_text(bench: Bench) -> None:
    bench.script([Thinking(text="Two and two. "), "It is four."])
    heard = await bench.hear_whole()
    expect(heard.thinking == "Two and two. ", "the thought 'Two and two. '", heard)
    expect(heard.text == "It is four.", "the text 'It is four.', without the thought", heard)


async def usage_is_told(bench: Bench) -> None:
    told = Usage(input=120, output=34, cache_read=64, cache_write=16, cache_write_1h=6, thinking=8)
    counts = bench.wire.counts
    expected = Usage(**{name: n for name, n in told.counted().items() if name in counts})
    bench.script(Answer("Four.", usage=told))
    heard = await bench.hear_whole()
    expect(heard.usage == expected, f"{expected}", heard)


def _plain(wire: Wire) -> Sequence[Stop]:
    """The stops of answers without calls."""
    return [stop for stop in wire.stops if stop != "tool_calls"]


def _stops(stop: Stop) -> Callable[[Bench], Awaitable[None]]:
    async def is_told(bench: Bench) -> None:
        bench.script(Answer("So far, so", stop=stop))
        heard = await bench.hear_whole()
        expect(heard.stops == [stop], f"the stop {stop!r}", heard)
        expect(heard.text == "So far, so", "the text that came before it", heard)

    return is_told
