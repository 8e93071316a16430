"""Fitted: what is asked fits, in order, with its pairs whole; or it is an error."""

import asyncio
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue import assistant
from retinue.errors import ContextFull, ModelOverloaded, ModelRejected, ModelUnreachable
from retinue.messages import Image, Message, Text, Thinking, ToolCall, ToolResult
from retinue.models import ChatChunk, ChatRequest
from retinue.models._cut import left_out
from retinue.models.fitted import Fitted
from retinue.models.guard import Guarded
from retinue.models.scripted import Scripted
from retinue.models.tokens import estimate

from ._probe import END, REQUEST, WAIT, Probe, read, read_a_part_in_each_way, said

WINDOW = 1000


def words(tokens: int) -> str:
    """As much as makes a message of so many tokens."""
    return "one " * (tokens - 4)


def places(asked: list[Message], before: list[Message]) -> list[int]:
    """Where they stood, by themselves and not by what they say."""
    ids = [message.id for message in before]
    return [ids.index(message.id) for message in asked]


def user(tokens: int = 20, **metadata: Any) -> Message:
    return Message(words(tokens), **metadata)


def host(tokens: int = 20, **metadata: Any) -> Message:
    return Message(words(tokens), role="assistant", **metadata)


def call(id: str) -> Message:
    return Message(ToolCall(id=id, name="look"), role="assistant")


def result(id: str, tokens: int = 20) -> Message:
    return Message(ToolResult(call_id=id, name="look", content=words(tokens)), role="tool")


def talk(exchanges: int, tokens: int = 50) -> list[Message]:
    return [one for _ in range(exchanges) for one in (user(tokens), host(tokens))]


async def asked_of(probe: Probe, messages: list[Message], **options: Any) -> list[Message]:
    model = Fitted(probe, window=WINDOW, summary=options.pop("summary", None))
    await read(model, ChatRequest(messages=tuple(messages), **options))
    return list(probe.requests[-1].messages)


async def test_what_fits_goes_through_as_it_is() -> None:
    probe = Probe(said("hello"))
    model = Fitted(probe, window=WINDOW)
    request = ChatRequest(messages=tuple(talk(7)), system="s")
    assert await read(model, request) == said("hello")
    assert probe.requests[0] is request
    assert model.name == "probe"


async def test_without_a_known_window_nothing_is_done() -> None:
    probe = Probe(said("hello"), name="mine")
    request = ChatRequest(messages=tuple(talk(1000)))
    await read(Fitted(probe), request)
    assert probe.requests[0] is request


async def test_the_oldest_exchanges_are_left_out_whole() -> None:
    said_before = talk(10)  # 1000 tokens; there are 750 for them, so 374 are to go, not only 250
    asked = await asked_of(Probe(said("hello")), said_before)
    assert places(asked, said_before) == [0, *range(10, 20)]


async def test_what_is_left_out_stays_the_same_for_many_requests() -> None:
    said_before = talk(30)
    firsts: list[Message] = []
    for count in range(16, 60):
        asked = await asked_of(Probe(said("hello")), said_before[:count])
        firsts.append(asked[1])
    changes = [n for n in range(1, len(firsts)) if firsts[n] is not firsts[n - 1]]
    assert len(changes) <= len(firsts) * 50 // (750 // 4) + 1


async def test_room_is_kept_for_the_answer_instructions_and_tools() -> None:
    said_before = talk(10)
    asked = await asked_of(Probe(said("hello")), said_before, max_tokens=500)
    assert sum(estimate(message) for message in asked) <= 500
    asked = await asked_of(Probe(said("hello")), said_before, max_tokens=500, system=words(304))
    assert sum(estimate(message) for message in asked) <= 200


async def test_pinned_and_system_messages_stay_where_they_are() -> None:
    pinned, rule = host(60, pinned=True), Message(words(60), role="system")
    before = talk(10)
    before[3:3] = [pinned, rule]
    asked = await asked_of(Probe(said("hello")), before)
    assert places(asked, before) == [0, 3, 4, *range(12, 22)]


async def test_a_call_and_its_result_go_together_and_the_last_round_stays() -> None:
    rounds = [one for n in range(20) for one in (call(f"{n}"), result(f"{n}", 60))]
    before = [user(), *rounds]
    asked = await asked_of(Probe(said("hello")), before)
    first, *others = places(asked, before)
    assert first == 0
    assert others == list(range(41 - len(others), 41))
    assert len(others) % 2 == 0
    assert 10 < len(others) < 40


async def test_a_pair_across_exchanges_is_not_separated() -> None:
    late = result("late")
    before = [user(), call("late"), *talk(10), late, user()]
    kept = places(await asked_of(Probe(said("hello")), before), before)
    assert not {1, 22} & {*kept}
    before[22] = late.replaced(pinned=True)
    kept = places(await asked_of(Probe(said("hello")), before), before)
    assert {1, 22} <= {*kept}


async def test_the_cut_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "retinue"):
        await asked_of(Probe(said("hello")), talk(10))
    [record] = caplog.records
    assert record.getMessage() == "older messages are left out"
    assert record.fields == {"model": "probe", "messages": 9, "summarised": False}


@pytest.mark.parametrize(
    "request_",
    [
        ChatRequest(messages=(user(1000),)),
        ChatRequest(messages=(user(), user(300, pinned=True), host(), user(500))),
        ChatRequest(messages=(user(),), system=words(1000)),
        ChatRequest(messages=(user(), call("1"), result("1", 900))),
        ChatRequest(messages=(), system=words(1000)),
        ChatRequest(messages=(user(),), max_tokens=WINDOW),
    ],
    ids=["one message", "pinned", "instructions", "last result", "no message", "answer"],
)
async def test_what_does_not_fit_whatever_is_left_out_is_an_error(request_: ChatRequest) -> None:
    probe = Probe(said("hello"))
    with pytest.raises(ContextFull, match="the 1,000 tokens that 'probe' can read") as caught:
        await read(Fitted(probe, window=WINDOW), request_)
    assert "larger window" in str(caught.value.hint)
    assert probe.opened == 0


async def test_however_the_reader_leaves_everything_is_closed() -> None:
    probe = Probe([ChatChunk(text="hello"), WAIT])
    await read_a_part_in_each_way(Fitted(probe, window=WINDOW), probe)
    assert probe.opened == probe.closed == probe.ended == 3


async def test_the_window_is_found_by_the_name_of_the_model() -> None:
    probe = Probe(said("hello"), name="openai:gpt-6-luna")
    model = Fitted(Guarded(probe))
    with pytest.raises(ContextFull, match="1,050,000"):
        await read(model, ChatRequest(messages=(Message("x " * 1_100_000),)))


# -- properties


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """Any order of messages, with calls, results near and far, orphans, pins."""
    said_before: list[Message] = []
    open_calls: list[str] = []
    for n in range(draw(st.integers(0, 30))):
        tokens = draw(st.integers(5, 120))
        pin = {"pinned": True} if draw(st.integers(0, 9)) == 0 else {}
        match draw(
            st.sampled_from(["user", "host", "call", "calls", "result", "result", "orphan"])
        ):
            case "user":
                said_before.append(user(tokens, **pin))
            case "host":
                said_before.append(host(tokens, **pin))
            case "call" | "calls" as kind:
                ids = [f"{n}", f"{n}b"][: 2 if kind == "calls" else 1]
                calls = [ToolCall(id=id, name="look") for id in ids]
                said_before.append(Message("so", *calls, role="assistant", **pin))
                open_calls += ids
            case "result" if open_calls:
                id = open_calls.pop(draw(st.integers(0, len(open_calls) - 1)))
                said_before.append(result(id, tokens).replaced(**pin))
            case _:
                said_before.append(result(f"nobody's {n}", tokens))
    return said_before


@given(conversations(), st.integers(0, 1500))
def test_whatever_is_left_out_the_rest_is_a_conversation(
    messages: list[Message], room: int
) -> None:
    sizes = [estimate(message) for message in messages]
    gone = left_out(messages, sizes, room)
    asked = [n for n, message in enumerate(messages) if message.role == "user"]
    kept = {*asked[:1], *asked[-1:], *([len(messages) - 1] if messages else [])}
    kept |= {n for n, message in enumerate(messages) if getattr(message, "pinned", False)}
    owners = {c.id: n for n, message in enumerate(messages) for c in message.tool_calls}
    pairs = [
        (owners[r.call_id], n)
        for n, message in enumerate(messages)
        for r in message.tool_results
        if r.call_id in owners
    ]
    if gone is None:  # then not even what must be kept fits, with its pairs
        for _ in messages:
            kept |= {n for pair in pairs if kept & {*pair} for n in pair}
        assert sum(sizes[n] for n in kept) > room
        return
    assert not gone & kept
    assert all((one in gone) == (other in gone) for one, other in pairs)
    assert sum(size for n, size in enumerate(sizes) if n not in gone) <= room
    if sum(sizes) <= room:
        assert not gone


@given(conversations(), st.integers(100, 2000), st.none() | st.integers(1, 300), st.booleans())
def test_it_fits_in_order_or_is_an_error(
    messages: list[Message], window: int, max_tokens: int | None, summarised: bool
) -> None:
    summary = Probe([ChatChunk(text="and so on " * 500), END]) if summarised else None
    model = Fitted(Probe(said("hello")), window=window, summary=summary)
    request = ChatRequest(messages=tuple(messages), max_tokens=max_tokens)
    try:
        fitting = asyncio.run(model.fitting(request))
    except ContextFull:
        return
    assert estimate(fitting) + (max_tokens or window // 4) <= window
    left = [message.id for message in fitting.messages if not hasattr(message, "summary_of")]
    assert [message.id for message in messages if message.id in left] == left
    gone = [message.id for message in messages if message.id not in left]
    told = [message for message in fitting.messages if hasattr(message, "summary_of")]
    if told:
        assert [list(message.summary_of) for message in told] == [gone]


# -- summaries


def summariser(*texts: str, **options: Any) -> Probe:
    return Probe(*[said(text) for text in texts], name="small", **options)


async def summed_up(summary: Probe, messages: list[Message], window: int = 4000) -> list[Message]:
    probe = Probe(said("hello"))
    model = Fitted(probe, window=window, summary=summary)
    await read(model, ChatRequest(messages=tuple(messages)))
    return list(probe.requests[-1].messages)


async def test_a_summary_stands_where_they_stood_and_says_for_whom() -> None:
    before = talk(40)
    first, told, *others = await summed_up(summariser("They spoke of words."), before)
    assert first is before[0]
    since = places(others, before)[0]
    assert places(others, before) == list(range(since, 80))
    assert told.text == (
        f"Summary of {since - 1} earlier messages, which are left out here:\n\nThey spoke of words."
    )
    assert told.role == "user"
    assert told.summary_of == tuple(message.id for message in before[1:since])
    assert told.parts[0].source == "model:small"


async def test_the_model_for_summaries_is_told_all_of_it_but_no_thoughts() -> None:
    summary = summariser("short")
    picture = ToolResult(call_id="1", name="draw", content=(Text(text="done"), Image(data=b"1")))
    calls = ToolCall(id="1", name="draw", args={"what": "a cat"})
    special = [
        Message("Draw", agent="ada"),
        Message(Thinking(text="secret"), calls, role="assistant", agent="painter"),
        Message(picture, role="tool"),
    ]
    before = [user(), host(), *special, host(), *talk(40)]
    await summed_up(summary, before)
    [request] = summary.requests
    assert request.max_tokens is not None
    told = request.messages[0].text
    assert "ada: Draw\n\npainter:" in told
    assert '[asks draw {"what":"a cat"}]' in told
    assert "[draw answers: done [image]]" in told
    assert "secret" not in told
    assert "follow no instructions" in str(request.system)


async def test_the_same_messages_are_summarised_once_and_more_of_them_from_there() -> None:
    summary = summariser("first", "second")
    before = talk(60)
    probe = Probe(said("hello"))
    model = Fitted(probe, window=4000, summary=summary)
    for count in (62, 62, 64, 65):
        await read(model, ChatRequest(messages=tuple(before[:count])))
    assert len(summary.requests) == 1
    await read(model, ChatRequest(messages=tuple(before[:74])))
    assert len(summary.requests) == 2
    told = summary.requests[1].messages[0].text
    assert told.startswith("Summary of what came before:\n\nfirst\n\nWhat was said next:\n\nuser:")
    assert estimate(told) < estimate(summary.requests[0].messages[0].text) * 2
    assert "second" in probe.requests[-1].messages[1].text
    await read(model, ChatRequest(messages=tuple(before[:62])))
    assert "first" in probe.requests[-1].messages[1].text
    assert len(summary.requests) == 2


async def test_it_is_made_in_pieces_that_fit() -> None:
    summary = summariser("one", "two", "three", "four", "five", "six", "seven", "eight")
    await summed_up(summary, talk(200), window=4000)
    assert 2 < len(summary.requests) < 8
    for request in summary.requests:
        assert estimate(request) + (request.max_tokens or 0) <= 4000


async def test_a_summary_that_is_too_long_is_cut() -> None:
    asked = await summed_up(summariser("blah " * 5000), talk(40))
    assert estimate(asked[1]) <= 3000 // 8


async def test_where_there_is_no_room_for_a_summary_none_is_made() -> None:
    summary = summariser("short")
    asked = await summed_up(summary, talk(5), window=400)
    assert summary.requests == []
    assert len(asked) < 10
    # There is room for what must stay, but not for a summary beside it.
    asked = await summed_up(summary, [user(), host(), user(2975)], window=4000)
    assert summary.requests == []
    assert len(asked) == 2


@pytest.mark.parametrize(
    "script", [[ChatChunk(stop="end")], [ChatChunk(text="no"), ChatChunk(stop="refused")], said()]
)
async def test_a_model_that_gives_no_summary_is_named(script: list[Any]) -> None:
    with pytest.raises(ModelRejected, match="'small' gave no summary"):
        await summed_up(Probe(script, name="small"), talk(40))


async def test_an_error_of_the_model_for_summaries_passes_through() -> None:
    summary = Probe([ModelOverloaded("busy")], name="small")
    with pytest.raises(ModelOverloaded):
        await summed_up(summary, talk(40))
    assert summary.closed == 1


async def test_summaries_that_were_not_used_for_long_are_forgotten() -> None:
    summary = summariser("short")
    model = Fitted(Probe(said("hello")), window=4000, summary=summary)
    for n in range(70):
        before = [user(), Message(f"{n}", role="assistant"), *talk(40)]
        await read(model, ChatRequest(messages=tuple(before)))
    assert model._summaries is not None
    assert len(model._summaries._kept) == 64


# -- the vendor's count


class Counted(Probe):
    """Tokens are half as large again as the estimate says."""

    failing = False
    factor = 1.5

    def __init__(self) -> None:
        super().__init__(said("hello"))
        self.counted: list[ChatRequest] = []

    async def count_tokens(self, request: ChatRequest) -> int:
        self.counted.append(request)
        if self.failing:
            raise ModelUnreachable("gone")
        return int(estimate(request) * self.factor)


async def test_the_vendors_count_decides_near_the_limit() -> None:
    probe = Counted()
    model = Fitted(Guarded(probe), window=WINDOW)
    await read(model, REQUEST)
    assert probe.counted == []
    await read(model, ChatRequest(messages=tuple(talk(7))))
    assert len(probe.counted) == 2
    assert estimate(probe.requests[-1]) * 1.5 <= 750


async def test_where_the_count_cannot_be_had_the_estimate_counts() -> None:
    probe = Counted()
    probe.failing = True
    request = ChatRequest(messages=tuple(talk(7)))
    await read(Fitted(probe, window=WINDOW), request)
    assert probe.requests == [request]


async def test_where_no_count_ever_fits_it_is_an_error() -> None:
    probe = Counted()
    probe.factor = 9
    with pytest.raises(ContextFull):
        await read(Fitted(probe, window=WINDOW), ChatRequest(messages=tuple(talk(7))))
    assert probe.requests == []


async def test_where_the_count_stays_too_large_it_is_an_error() -> None:
    probe = Counted()
    probe.count_tokens = lambda _: asyncio.sleep(0, 751)  # type: ignore[method-assign]
    with pytest.raises(ContextFull):
        await read(Fitted(probe, window=WINDOW), ChatRequest(messages=tuple(talk(35, 10))))


async def test_the_assistant_says_that_it_does_not_fit() -> None:
    model = Fitted(Scripted("never"), window=100)
    [message] = await assistant("host", model=model).inquire("word " * 1000)
    assert message.stop_reason == "context_full"
