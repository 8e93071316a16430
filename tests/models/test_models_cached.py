"""Cached: equal requests get equal chunks, of their own owner, while they are small and young."""

from decimal import Decimal
from typing import Any

import pytest

from retinue.errors import ModelOverloaded, StreamIncomplete
from retinue.messages import Block, Image, Message, ToolCall
from retinue.models import ChatChunk, ChatRequest, Usage
from retinue.models.cached import Answers, Cached

from ._probe import END, REQUEST, WAIT, Probe, read, read_a_part_in_each_way, said

FULL = [
    ChatChunk(model="b"),
    ChatChunk(thinking="hm"),
    ChatChunk(signature="sig"),
    ChatChunk(text="hel"),
    ChatChunk(text="lo\ud800"),
    ChatChunk(block=Block(vendor="v", data={"$a": b"\x00", "b": (1, 2.5, None)})),
    ChatChunk(tool_call=ToolCall(id="1", name="add", args={"a": 1})),
    ChatChunk(usage=Usage(input=9, output=3), stop="tool_calls", cost=Decimal("0.1")),
]


def asked(text: str, **fields: Any) -> ChatRequest:
    return ChatRequest(messages=(Message(text),), **fields)


async def test_the_same_request_gives_the_same_chunks_and_costs_nothing() -> None:
    probe = Probe(FULL)
    model = Cached(probe, Answers(), owner="ada")
    assert await read(model, asked("hi")) == FULL
    again = await read(model, asked("hi"))
    assert again[:-1] == FULL[:-1]
    assert again[-1] == ChatChunk(usage=Usage(), stop="tool_calls")
    assert len(probe.requests) == 1
    assert model.name == "probe"


async def test_anything_that_the_model_is_shown_makes_another_request() -> None:
    probe = Probe(said("hello"))
    model = Cached(probe, Answers(), owner="ada")
    requests = [
        asked("hi"),
        asked("Hi"),
        asked("hi", system="Be brief."),
        asked("hi", agent="host"),
        asked("hi", max_tokens=5),
        asked("hi", temperature=0.0),
        asked("hi", options={"seed": 1}),
        ChatRequest(messages=(Message("hi", Image(data=b"1")),)),
        ChatRequest(messages=(Message("hi", Image(data=b"2")),)),
        ChatRequest(messages=(Message("hi", role="system"),)),
    ]
    for request in (*requests, *requests):
        await read(model, request)
    assert len(probe.requests) == len(requests)


async def test_nobody_sees_what_another_owner_was_answered() -> None:
    probe, answers = Probe(said("for ada"), said("for bob")), Answers()
    ada, bob = [Cached(probe, answers, owner=owner) for owner in ("ada", "bob")]
    for _ in range(2):
        assert (await read(ada))[0].text == "for ada"
        assert (await read(bob))[0].text == "for bob"
    assert len(probe.requests) == 2


async def test_models_of_other_names_have_other_answers() -> None:
    answers = Answers()
    one = Cached(Probe(said("1"), name="a"), answers, owner="ada")
    other = Cached(Probe(said("2"), name="b"), answers, owner="ada")
    assert [(await read(model))[0].text for model in (one, other, one)] == ["1", "2", "1"]


@pytest.mark.parametrize(
    "answer",
    [
        [ChatChunk(text="hal"), ChatChunk(stop="max_tokens")],
        [ChatChunk(stop="refused")],
        [ChatChunk(stop="pause")],
        [ChatChunk(stop="context_full")],
        [ChatChunk(text="hal")],
        [ChatChunk(block=Block(vendor="v", data=1 + 2j)), END],
    ],
    ids=["max_tokens", "refused", "pause", "context_full", "cut", "not to be written"],
)
async def test_only_whole_answers_are_kept(answer: list[ChatChunk]) -> None:
    probe, answers = Probe(answer), Answers()
    for _ in range(2):
        assert await read(Cached(probe, answers, owner="ada")) == answer
    assert len(probe.requests) == 2
    assert len(answers) == answers.size == 0


@pytest.mark.parametrize(
    "script", [[ModelOverloaded("busy")], [ChatChunk(text="a"), StreamIncomplete("cut")]]
)
async def test_errors_are_not_kept(script: list[Any]) -> None:
    probe = Probe(script, said("hello"))
    model = Cached(probe, Answers(), owner="ada")
    with pytest.raises(type(script[-1])):
        await read(model)
    assert await read(model) == said("hello")


async def test_what_is_left_before_its_end_is_not_kept_and_everything_is_closed() -> None:
    probe, answers = Probe([ChatChunk(text="a"), WAIT]), Answers()
    await read_a_part_in_each_way(Cached(probe, answers, owner="ada"), probe)
    assert probe.opened == probe.closed == probe.ended == 3
    assert len(answers) == 0


async def test_a_kept_answer_may_be_left_before_its_end() -> None:
    probe = Probe(said("a", "b"))
    model = Cached(probe, Answers(), owner="ada")
    await read(model)
    async with model.chat(REQUEST) as chunks:
        assert (await anext(chunks)).text == "a"
    assert await read(model) == said("a", "b")
    assert probe.opened == 1


async def test_two_at_once_both_ask() -> None:
    probe = Probe(said("a"))
    model = Cached(probe, Answers(), owner="ada")
    async with model.chat(REQUEST) as one, model.chat(REQUEST) as other:
        assert [chunk async for chunk in one] == [chunk async for chunk in other] == said("a")
    assert (len(probe.requests), len(model.answers)) == (2, 1)
