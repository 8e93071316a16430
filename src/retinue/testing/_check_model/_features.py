"""Features: what of a request reaches the wire, or is refused before anything is sent."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final

from retinue.errors import ModelRejected, RetinueError
from retinue.messages import Audio, File, FrozenDict, Image, Message, Text
from retinue.models import ChatRequest
from retinue.testing.mock_llm import Wire

from ._bench import Bench, Check, expect, named
from ._tools import ADD

_PIXEL: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da6364"
    "f8cf50070003860180b49a3c250000000049454e44ae426082"
)
"""A picture of one pixel."""
_SOUND: Final = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00"
_WIDE: Final = 8_000
"""Tokens; who asks nobody for a limit does not want an answer that is cut."""
_PAGE: Final = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n%%EOF\n"
_SCHEMA: Final = FrozenDict(
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "warm": {"type": "boolean"}},
        "required": ["city", "warm"],
        "additionalProperties": False,
    }
)


def _shown(part: Image | Audio | File) -> ChatRequest:
    return ChatRequest(messages=(Message(parts=[Text(text="What is this?"), part]),))


_PARTS: Final[Mapping[str, Image | Audio | File]] = {
    "images": Image(media_type="image/png", data=_PIXEL),
    "image_urls": Image(url="https://example.com/cat.png"),
    "audio": Audio(media_type="audio/wav", data=_SOUND),
    "files": File(name="page.pdf", media_type="application/pdf", data=_PAGE),
}
_PLAIN: Final = (Message("Where is it warm?"),)
_REQUESTS: Final[Mapping[str, ChatRequest]] = {
    **{name: _shown(part) for name, part in _PARTS.items()},
    "tools": ChatRequest(messages=_PLAIN, tools=(ADD,)),
    "tool_choice": ChatRequest(messages=_PLAIN, tools=(ADD,), tool_choice="required"),
    "output": ChatRequest(messages=_PLAIN, output=_SCHEMA),
    "temperature": ChatRequest(messages=_PLAIN, temperature=0.5),
    "max_tokens": ChatRequest(messages=_PLAIN, max_tokens=7),
}
"""What cannot be left out without a word: a request that needs it, for each."""


def known(without: Collection[str]) -> frozenset[str]:
    """The features that are missing.

    Raises:
        RetinueError: One of them is none.
    """
    for name in without:
        if name not in _REQUESTS:
            raise RetinueError(
                f"{name!r} is nothing a model can be without", hint=f"Known: {', '.join(_REQUESTS)}"
            )
    return frozenset(without)


def refusals(without: frozenset[str]) -> Sequence[Check]:
    """The checks that what is missing is refused; a temperature is left out without a word."""
    refused = [
        Check(f"what it cannot do is refused: {name}", _refused(_REQUESTS[name]))
        for name in _REQUESTS
        if name in without and name != "temperature"
    ]
    return [*refused, named(a_temperature_is_left_out)] if "temperature" in without else refused


def _refused(asked: ChatRequest) -> Callable[[Bench], Awaitable[None]]:
    async def is_refused(bench: Bench) -> None:
        await bench.hear_error(ModelRejected, asked=asked, retries=1)
        expect(not bench.mock.requests, "no request at all", bench.mock.requests)

    return is_refused


def checks(wire: Wire) -> Sequence[Check]:
    shown = [
        Check(f"{name.replace('_', ' ')} reach the wire", _reaches(part), frozenset({name}))
        for name, part in _PARTS.items()
    ]
    return [
        named(the_system_prompt_reaches_the_wire),
        named(what_another_agent_said_is_the_users_with_its_name),
        *shown,
        named(structured_output_reaches_the_wire, "output"),
        named(temperature_zero_reaches_the_wire, "temperature"),
        named(max_tokens_reach_the_wire, "max_tokens"),
        named(options_by_the_providers_names_reach_the_wire),
        named(what_nobody_chose_is_left_to_the_provider),
    ]


async def the_system_prompt_reaches_the_wire(bench: Bench) -> None:
    await bench.hear_whole(ChatRequest(messages=_PLAIN, system="Answer in French."))
    seen = bench.seen_last()
    expect(seen.system == "Answer in French.", "the system prompt 'Answer in French.'", seen)
    expect(len(seen.messages) == 1, "one message beside it", seen)


async def what_another_agent_said_is_the_users_with_its_name(bench: Bench) -> None:
    said = (
        Message("Shall we?"),
        Message("I think so.", role="assistant", agent="writer"),
        Message("I think not.", role="assistant", agent="critic"),
    )
    await bench.hear_whole(ChatRequest(messages=said, agent="writer"))
    seen = bench.seen_last().messages
    own = [message.text for message in seen if message.role == "assistant"]
    others = "\n".join([message.text for message in seen if message.role == "user"])
    expect(own == ["I think so."], "'I think so.' as the assistant's, and nothing else", seen)
    expect("critic: I think not." in others, "'critic: I think not.' as the user's", seen)
    expect("Shall we?" in others, "'Shall we?' as the user's", seen)


def _reaches(part: Image | Audio | File) -> Callable[[Bench], Awaitable[None]]:
    async def reaches_the_wire(bench: Bench) -> None:
        await bench.hear_whole(_shown(part))
        seen = bench.seen_last().messages
        parts = [one for message in seen for one in message.parts]
        media = [_told(one) for one in parts if isinstance(one, Image | Audio | File)]
        expect(media == [_told(part)], f"{part}, with its bytes", parts)
        expect(any("What is this?" in message.text for message in seen), "the text beside it", seen)

    return reaches_the_wire


def _told(part: Image | Audio | File) -> tuple[object, ...]:
    """What of it must arrive; not every wire has words for its media type and name."""
    return type(part), part.data, part.url


async def structured_output_reaches_the_wire(bench: Bench) -> None:
    answer = '{"city": "Turku", "warm": false}'
    bench.script(answer)
    heard = await bench.hear_whole(_REQUESTS["output"])
    seen = bench.seen_last().output
    expect(seen == _SCHEMA, f"the schema {_SCHEMA}", seen)
    expect(heard.text == answer, f"the text {answer}", heard)


async def temperature_zero_reaches_the_wire(bench: Bench) -> None:
    await bench.hear_whole(ChatRequest(messages=_PLAIN, temperature=0.0))
    seen = bench.seen_last().temperature
    expect(seen == 0, "the temperature 0", seen)


async def a_temperature_is_left_out(bench: Bench) -> None:
    await bench.hear_whole(_REQUESTS["temperature"])
    seen = bench.seen_last().temperature
    expect(seen is None, "no temperature", seen)


async def max_tokens_reach_the_wire(bench: Bench) -> None:
    await bench.hear_whole(_REQUESTS["max_tokens"])
    seen = bench.seen_last().max_tokens
    expect(seen == 7, "7 tokens", seen)


async def options_by_the_providers_names_reach_the_wire(bench: Bench) -> None:
    await bench.hear_whole(ChatRequest(messages=_PLAIN, options=FrozenDict(seed=7)))
    seen = bench.seen_last().options
    expect(seen.get("seed") == 7, "the option seed=7", seen)


async def what_nobody_chose_is_left_to_the_provider(bench: Bench) -> None:
    await bench.hear_whole(ChatRequest(messages=_PLAIN))
    seen = bench.seen_last()
    chosen = (seen.system, seen.tools, seen.output, seen.temperature)
    expect(chosen == (None, (), None, None), "no choice that was not made", seen)
    # There are vendors that want a limit.
    wide = seen.max_tokens is None or seen.max_tokens >= _WIDE
    expect(wide, f"no limit, or one of {_WIDE} tokens and more", seen)
