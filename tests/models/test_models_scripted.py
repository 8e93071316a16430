"""Scripted: what is written is said, faults included; and what a script on disk looks like."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import (
    BadArguments,
    MessageError,
    ModelOverloaded,
    ModelRejected,
    ModelSilent,
    StreamIncomplete,
    UnknownModel,
)
from retinue.messages import Block, Text, Thinking, ToolCall, ToolSpec
from retinue.models import ChatChunk, ChatRequest, Usage
from retinue.models.guard import Guarded
from retinue.models.scripted import Cut, Reply, Scripted, Silence, WrittenCall

CALL = ToolCall(id="1", name="weather", args={"city": "Turku"})
WEATHER = ToolSpec(
    name="weather",
    description="The weather.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
)


async def test_each_request_gets_the_next_reply(hear) -> None:
    model = Scripted(CALL, "Take a coat.")
    assert await hear(model, "hi") == [ChatChunk(tool_call=CALL), ChatChunk(stop="tool_calls")]
    assert await hear(model, "and?") == [
        ChatChunk(text="Take"),
        ChatChunk(text=" a"),
        ChatChunk(text=" coat."),
        ChatChunk(stop="end"),
    ]


async def test_it_keeps_what_it_was_asked(hear) -> None:
    model = Scripted("one", "two", name="parrot")
    await hear(model, "hi", system="be short")
    await hear(model, "ho")
    assert [request.messages[0].text for request in model.requests] == ["hi", "ho"]
    assert model.requests[0].system == "be short"
    assert model.name == "parrot"


async def test_asked_more_often_than_it_has_replies_it_says_how_many(hear) -> None:
    model = Scripted("one", "two")
    await hear(model, "1")
    await hear(model, "2")
    with pytest.raises(ModelRejected, match=r"request 3, .* has 2 replies") as caught:
        await hear(model, "3")
    assert caught.value.hint


async def test_one_answer_may_have_many_parts(hear) -> None:
    block = Block(vendor="lab", data={"sealed": "x"})
    thought = Thinking(text="let me see", signature="s")
    [*chunks, end] = await hear(Scripted([thought, Text(text="So be"), " it", CALL, block]), "hi")
    assert chunks == [
        ChatChunk(thinking="let"),
        ChatChunk(thinking=" me"),
        ChatChunk(thinking=" see"),
        ChatChunk(signature="s"),
        ChatChunk(text="So"),
        ChatChunk(text=" be"),
        ChatChunk(text=" it"),
        ChatChunk(tool_call=CALL),
        ChatChunk(block=block),
    ]
    assert end.stop == "tool_calls"


@given(st.text())
async def test_the_pieces_of_a_text_joined_are_the_text(hear, text: str) -> None:
    chunks = await hear(Scripted(text), "hi")
    assert "".join(chunk.text or "" for chunk in chunks) == text
    assert all(chunk.text for chunk in chunks[:-1])
    assert chunks[-1].stop == "end"


async def test_a_reply_says_what_it_cost_and_why_it_stopped(hear) -> None:
    usage = Usage(input=3, output=1)
    chunks = await hear(Scripted(Reply("cut", usage=usage, stop="max_tokens")), "hi")
    assert chunks[-1] == ChatChunk(usage=usage, stop="max_tokens")


async def test_delays_stand_before_the_first_chunk_and_between_the_others(
    hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("retinue.models.scripted.asyncio.sleep", sleep)
    await hear(Scripted(Reply("a b c", first_delay=2, token_delay=0.5)), "hi")
    assert slept == [2, 0.5, 0.5, 0.5]
    slept.clear()
    with pytest.raises(ModelOverloaded):
        await hear(Scripted(Reply(ModelOverloaded("busy", hint="wait"), first_delay=2)), "hi")
    assert slept == [2]
    slept.clear()
    await hear(Scripted("a b c"), "hi")
    assert slept == []


async def test_an_error_is_raised_in_its_place(hear) -> None:
    model = Scripted(["one two", ConnectionResetError("gone"), "never"])
    heard = []
    with pytest.raises(ConnectionResetError, match="gone"):
        async with model.chat(ChatRequest(messages=())) as chunks:
            async for chunk in chunks:
                heard.append(chunk.text)
    assert heard == ["one", " two"]


async def test_under_guard_errors_before_the_first_word_cost_a_reply_each(hear) -> None:
    async def no_time(_: float) -> None: ...

    model = Scripted(ModelOverloaded("busy", hint="wait"), "now")
    chunks = await hear(Guarded(model, sleep=no_time), "hi")
    assert chunks[0].text == "now"
    assert len(model.requests) == 2


async def test_a_cut_answer_lacks_its_last_chunk(hear) -> None:
    assert await hear(Scripted(["half of", Cut(), "it"]), "hi") == [
        ChatChunk(text="half"),
        ChatChunk(text=" of"),
    ]
    with pytest.raises(StreamIncomplete):
        await hear(Guarded(Scripted(["half of", Cut()])), "hi")


async def test_silence_lasts_until_somebody_has_enough(hear) -> None:
    with pytest.raises(ModelSilent):
        await hear(Guarded(Scripted(["well", Silence()]), idle_timeout=0.01), "hi")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await hear(Scripted(Silence()), "hi")


async def test_silence_may_end(hear) -> None:
    assert (await hear(Scripted([Silence(0.001), "well"]), "hi"))[0].text == "well"


async def test_a_sloppy_call_is_repaired_by_the_schema_of_its_tool(hear) -> None:
    model = Scripted(WrittenCall(id="1", name="weather", args="{'city': 'Turku',}"))
    chunks = await hear(model, "hi", tools=(WEATHER,))
    assert chunks[0].tool_call == CALL


async def test_a_broken_call_is_refused_and_never_empty(hear) -> None:
    model = Scripted(WrittenCall(id="1", name="weather", args='{"city": "Tur'))
    with pytest.raises(BadArguments):
        await hear(model, "hi", tools=(WEATHER,))


def test_what_no_model_can_say_is_refused_at_once() -> None:
    with pytest.raises(MessageError, match="int is nothing a model can say"):
        Scripted("one", [2])  # pyright: ignore[reportArgumentType]


async def test_leaving_early_ends_the_answer() -> None:
    async with Scripted("one two three").chat(ChatRequest(messages=())) as chunks:
        assert (await anext(chunks)).text == "one"
    with pytest.raises(StopAsyncIteration):
        await anext(chunks)


async def test_a_script_on_disk_says_the_same(tmp_path: Path, hear) -> None:
    path = tmp_path / "fixture.json"
    replies = [
        "plain words",
        ["two", {"text": " lines"}],
        {
            "lines": {"thinking": "hm", "signature": "s"},
            "first_delay": 0,
            "token_delay": 0.0,
            "usage": {"input": 9, "output": 2},
            "stop": "max_tokens",
        },
        {"tool_call": {"id": "1", "name": "weather", "args": {"city": "Turku"}}},
        {"tool_call": {"id": "1", "name": "weather", "args": "{city: 'Turku'}"}},
        {"tool_call": {"id": "2", "name": "now"}},
        {"block": {"vendor": "lab", "data": [1]}},
        ["x", {"cut": True}],
        {"thinking": "hm"},
        [{"silence": 0.001}, "y"],
    ]
    path.write_text(json.dumps(replies))
    model = Scripted.load(path)
    assert model.name == f"scripted:{path}"
    heard = [await hear(model, "hi", tools=(WEATHER,)) for _ in replies]
    end, asks = ChatChunk(stop="end"), ChatChunk(stop="tool_calls")
    assert heard == [
        [ChatChunk(text="plain"), ChatChunk(text=" words"), end],
        [ChatChunk(text="two"), ChatChunk(text=" lines"), end],
        [
            ChatChunk(thinking="hm"),
            ChatChunk(signature="s"),
            ChatChunk(usage=Usage(input=9, output=2), stop="max_tokens"),
        ],
        [ChatChunk(tool_call=CALL), asks],
        [ChatChunk(tool_call=CALL), asks],
        [ChatChunk(tool_call=ToolCall(id="2", name="now")), asks],
        [ChatChunk(block=Block(vendor="lab", data=(1,))), end],
        [ChatChunk(text="x")],
        [ChatChunk(thinking="hm"), end],
        [ChatChunk(text="y"), end],
    ]


async def test_faults_on_disk_are_the_same_faults(tmp_path: Path, hear) -> None:
    path = tmp_path / "faults.json"
    path.write_text(
        json.dumps(
            [
                {"error": "ModelOverloaded", "message": "busy", "hint": "wait", "retry_after": 2},
                {"error": "ModelRejected"},
                {"disconnect": "peer went away"},
                {"silence": None},
            ]
        )
    )
    model = Scripted.load(path)
    with pytest.raises(ModelOverloaded, match="busy") as caught:
        await hear(model, "hi")
    assert (caught.value.hint, caught.value.retry_after) == ("wait", 2.0)
    with pytest.raises(ModelRejected):
        await hear(model, "hi")
    with pytest.raises(ConnectionResetError, match="peer went away"):
        await hear(model, "hi")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await hear(model, "hi")


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("{", "no JSON"),
        ('{"lines": "x"}', "a list of replies"),
        ("[7]", "[0] is nothing a model can say: 7"),
        ('["a", {"speech": "x"}]', "[1] is nothing a model can say"),
        ('[["a", 7]]', "[0][1] is nothing a model can say"),
        ('[{"text": 7}]', "[0].text must be a text"),
        ('[{"text": "a", "tone": "b"}]', "[0].tone is not known; known are text"),
        ('[{"thinking": "a", "signature": 1}]', "[0].signature must be a text"),
        ('[{"tool_call": "x"}]', "[0].tool_call must be an object"),
        ('[{"tool_call": {"name": "x"}}]', "[0].tool_call.id must be a text"),
        ('[{"tool_call": {"id": "1"}}]', "[0].tool_call.name must be a text"),
        ('[{"tool_call": {"id": "1", "name": "x", "args": 3}}]', "[0].tool_call.args must be an"),
        ('[{"tool_call": {"id": "1", "name": "x", "arg": 3}}]', "[0].tool_call.arg is not known"),
        ('[{"block": {"data": 1}}]', "[0].block.vendor must be a text"),
        ('[{"error": "Oops"}]', "[0].error must be the name of a ModelError"),
        ('[{"error": "ToolError"}]', "[0].error must be the name of a ModelError"),
        ('[{"error": 3}]', "[0].error must be the name of a ModelError"),
        ('[{"error": "ModelSilent", "message": 3}]', "[0].message must be a text"),
        ('[{"error": "ModelSilent", "retry_after": "x"}]', "[0].retry_after must be a number"),
        ('[{"silence": -1}]', "[0].silence must be a number of seconds"),
        ('[{"silence": true}]', "[0].silence must be a number of seconds"),
        ('[{"lines": "a", "speed": 3}]', "[0].speed is not known"),
        ('[{"lines": [1]}]', "[0].lines[0] is nothing a model can say"),
        ('[{"lines": "a", "first_delay": "x"}]', "[0].first_delay must be a number"),
        ('[{"lines": "a", "stop": "x"}]', "[0].stop must be one of end, tool_calls"),
        ('[{"lines": "a", "usage": 3}]', "[0].usage must be an object"),
        ('[{"lines": "a", "usage": {"input": 1.5}}]', "[0].usage.input must be a whole number"),
        ('[{"lines": "a", "usage": {"cost": 1}}]', "[0].usage.cost is not known"),
    ],
)
def test_what_is_wrong_in_a_script_is_named_with_file_and_field(
    tmp_path: Path, written: str, place: str
) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(written)
    with pytest.raises(UnknownModel) as caught:
        Scripted.load(path)
    assert str(path) in str(caught.value)
    assert place in str(caught.value)
    assert caught.value.hint
