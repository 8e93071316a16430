"""Recorded and Replay: what was said once is said again, exactly; and what was never asked."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import (
    BadArguments,
    MessageError,
    ModelError,
    ModelOverloaded,
    NothingRecorded,
    RetinueError,
    StreamIncomplete,
    UnknownModel,
)
from retinue.messages import (
    Audio,
    Block,
    File,
    Image,
    Message,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from retinue.models import ChatChunk, ChatRequest, Usage
from retinue.models._codec import decode_chunk, decode_error, encode_chunk, encode_error
from retinue.models.guard import Guarded
from retinue.models.replay import Recorded, Replay, request_key
from retinue.models.scripted import Cut, Reply, Scripted, Silence, WrittenCall

CALL = ToolCall(id="1", name="weather", args={"city": "Turku"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "heard.jsonl"


async def test_a_recorded_conversation_is_replayed_as_it_was(path: Path, hear) -> None:
    usage = Usage(input=3, output=2, thinking=1)
    thought = Thinking(text="hm hm", signature="s")
    model = Recorded(Scripted(CALL, Reply([thought, "It rains."], usage=usage)), path)
    first = await hear(model, "weather?")
    second = await hear(model, "and now?")
    replay = Replay(path)
    assert await hear(replay, "and now?") == second
    assert await hear(replay, "weather?") == first
    assert model.name == "scripted"
    assert replay.name == f"replay:{path}"


async def test_a_line_is_neutral_json(path: Path, hear) -> None:
    await hear(Recorded(Scripted("Hyvää yötä"), path), "hi", system="be short")
    [line] = path.read_text().splitlines()
    record = json.loads(line)
    assert record["v"] == 1
    assert record["model"] == "scripted"
    assert record["request"]["system"] == "be short"
    assert record["request"]["messages"][0]["parts"] == ["hi"]
    assert record["chunks"] == [{"text": "Hyvää"}, {"text": " yötä"}, {"stop": "end"}]
    assert "yötä" in line


async def test_equal_requests_get_their_answers_in_recorded_order(path: Path, hear) -> None:
    model = Recorded(Scripted("one", "two"), path)
    for _ in range(2):
        await hear(model, "again")
    replay = Replay(path)
    heard = [(await hear(replay, "again"))[0].text for _ in range(2)]
    assert heard == ["one", "two"]
    with pytest.raises(NothingRecorded, match="so often") as caught:
        await hear(replay, "again")
    assert caught.value.hint


@pytest.mark.parametrize(
    "error",
    [
        ModelOverloaded("busy", hint="wait", retry_after=2.5),
        StreamIncomplete("half", hint="ask again"),
        BadArguments("no JSON", hint="ask again"),
    ],
)
async def test_a_failure_is_replayed_as_the_same_failure(path: Path, hear, error) -> None:
    model = Recorded(Scripted(["so far", error]), path)
    with pytest.raises(type(error)):
        await hear(model, "hi")
    heard = []
    with pytest.raises(type(error)) as caught:
        async with Replay(path).chat(ChatRequest(messages=(Message("hi"),))) as chunks:
            async for chunk in chunks:
                heard.append(chunk.text)
    assert heard == ["so", " far"]
    assert str(caught.value) == str(error)
    assert caught.value.hint == error.hint
    assert getattr(caught.value, "retry_after", None) == getattr(error, "retry_after", None)


async def test_a_failure_to_open_is_recorded(path: Path, hear) -> None:
    with pytest.raises(RetinueError):
        await hear(Recorded(Scripted(), path), "hi")
    with pytest.raises(RetinueError, match="request 1"):
        await hear(Replay(path), "hi")


async def test_what_the_guard_makes_of_a_stream_is_recorded(path: Path, hear) -> None:
    with pytest.raises(StreamIncomplete):
        await hear(Recorded(Guarded(Scripted(["half", Cut()])), path), "hi")
    with pytest.raises(StreamIncomplete):
        await hear(Replay(path), "hi")


async def test_a_malformed_call_is_recorded_as_refused(path: Path, hear) -> None:
    model = Recorded(Scripted(WrittenCall(id="1", name="x", args="{")), path)
    with pytest.raises(BadArguments):
        await hear(model, "hi")
    with pytest.raises(BadArguments):
        await hear(Replay(path), "hi")


async def test_an_answer_that_was_cut_short_is_not_recorded(path: Path, hear) -> None:
    request = ChatRequest(messages=(Message("hi"),))
    silent = ["one", Silence()]
    scripted = Scripted("one two", silent, "one two", ["half", Cut()], OSError("bug"))
    model = Recorded(scripted, path)
    async with model.chat(request) as chunks:
        await anext(chunks)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await hear(model, "hi")
    with pytest.raises(ModelError, match="the reader's own"):
        async with model.chat(request) as chunks:
            await anext(chunks)
            raise ModelError("the reader's own", hint="none")
    await hear(model, "hi")
    with pytest.raises(OSError, match="bug"):
        await hear(model, "hi")
    assert not path.exists()


async def test_an_answer_heard_to_its_last_chunk_is_whole(path: Path) -> None:
    request = ChatRequest(messages=(Message("hi"),))
    with pytest.raises(ZeroDivisionError):
        async with Recorded(Scripted("one"), path).chat(request) as chunks:
            async for chunk in chunks:
                if chunk.stop:
                    raise ZeroDivisionError
    async with Replay(path).chat(request) as chunks:
        assert [chunk.text async for chunk in chunks] == ["one", None]


async def test_a_recording_that_cannot_be_written_says_so(tmp_path: Path, hear) -> None:
    path = tmp_path / "nowhere" / "heard.jsonl"
    with pytest.raises(ModelError, match="cannot be written: No such file") as caught:
        await hear(Recorded(Scripted("one"), path), "hi")
    assert caught.value.hint


async def test_what_was_never_asked_is_told_with_the_nearest_request(path: Path, hear) -> None:
    model = Recorded(Scripted("one", "two"), path)
    await hear(model, "hi", system="be long")
    await hear(model, "hi", system="be short")
    with pytest.raises(NothingRecorded) as caught:
        await hear(Replay(path), "hello", system="be short")
    assert caught.value.hint == (
        'Nearest is answer 2; it differs in messages[0].parts[0]: "hello" now, "hi" then.'
    )


async def test_many_differences_are_counted_and_long_ones_cut(path: Path, hear) -> None:
    await hear(Recorded(Scripted("one"), path), "hi", "ho")
    with pytest.raises(NothingRecorded) as caught:
        await hear(Replay(path), "x" * 100, system="s", max_tokens=5, temperature=0.5)
    hint = caught.value.hint or ""
    assert '"' + "x" * 56 + "... now" in hint
    assert "and " in hint
    assert hint.endswith("more.")


async def test_an_empty_recording_says_that_it_is_empty(path: Path, hear) -> None:
    path.write_text("")
    with pytest.raises(NothingRecorded) as caught:
        await hear(Replay(path), "hi")
    assert caught.value.hint == "The recording is empty."


async def test_a_last_line_that_was_torn_is_ignored(path: Path, hear) -> None:
    await hear(Recorded(Scripted("one"), path), "hi")
    with path.open("a") as file:
        file.write('\n{"v": 1, "key": "ab')
    assert (await hear(Replay(path), "hi"))[0].text == "one"


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "7",
        '{"v": 2}',
        '{"v": 1, "key": "k", "request": {}, "chunks": [{"colour": 1}]}',
        '{"v": 1, "key": "k", "request": {}, "chunks": [], "error": {"type": "Nope"}}',
    ],
)
def test_a_line_that_is_no_answer_is_named(path: Path, line: str) -> None:
    path.write_text(f"\n{line}\n")
    with pytest.raises(UnknownModel, match="line 2") as caught:
        Replay(path)
    assert str(path) in str(caught.value)


TOOL = ToolSpec(name="weather", description="Weather.", parameters={"type": "object"})
BASE = ChatRequest(messages=(Message("hi"),), agent="ada")


@pytest.mark.parametrize(
    "other",
    [
        ChatRequest(messages=(Message("ho"),), agent="ada"),
        ChatRequest(messages=(Message("hi", role="assistant"),), agent="ada"),
        ChatRequest(messages=(Message("hi", agent="bob"),), agent="ada"),
        ChatRequest(messages=(Message("hi"),), agent="bob"),
        ChatRequest(messages=(Message("hi"),), agent="ada", system="be short"),
        ChatRequest(messages=(Message("hi"),), agent="ada", tools=(TOOL,)),
        ChatRequest(messages=(Message("hi"),), agent="ada", tool_choice="none"),
        ChatRequest(messages=(Message("hi"),), agent="ada", output={"type": "string"}),
        ChatRequest(messages=(Message("hi"),), agent="ada", options={"seed": 1}),
        ChatRequest(messages=(Message("hi"),), agent="ada", temperature=0.0),
        ChatRequest(messages=(Message("hi"),), agent="ada", max_tokens=1),
    ],
)
def test_everything_a_model_sees_makes_another_key(other: ChatRequest) -> None:
    assert request_key(other) != request_key(BASE)


def test_ids_provenance_and_metadata_make_no_other_key() -> None:
    message = Message(Text(text="hi", source="user"), id="01J", usage=Usage(input=1))
    assert request_key(ChatRequest(messages=(message,), agent="ada")) == request_key(BASE)


def test_every_kind_of_part_counts() -> None:
    parts = [
        Text(text="x"),
        Image(data=b"x"),
        Image(data=b"y"),
        Image(url="x"),
        Audio(data=b"x"),
        File(name="x", data=b"x"),
        Thinking(text="x"),
        Thinking(text="x", signature="s"),
        ToolCall(id="1", name="x"),
        ToolCall(id="1", name="x", args={"a": 1}),
        ToolResult(call_id="1", name="x", content="x"),
        ToolResult(call_id="1", name="x", content=[Text(text="x")]),
        ToolResult(call_id="1", name="x", content="x", error=True),
        Block(vendor="x", data={"a": 1}),
    ]
    keys = {request_key(ChatRequest(messages=(Message(part),))) for part in parts}
    assert len(keys) == len(parts)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("$bytes"), inner),
    max_leaves=8,
)
frozen_values = st.recursive(
    json_values | st.binary(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)
sources = st.none() | st.just("model:x")
chunks = st.builds(
    ChatChunk,
    text=st.none() | st.text(),
    thinking=st.none() | st.text(),
    signature=st.none() | st.text(),
    tool_call=st.none()
    | st.builds(
        ToolCall,
        id=st.text(),
        name=st.text(),
        args=st.dictionaries(st.text(), json_values),
        source=sources,
    ),
    block=st.none() | st.builds(Block, vendor=st.text(), data=frozen_values, source=sources),
    usage=st.none() | st.builds(Usage, input=st.integers(0), cache_read=st.integers(0)),
    cost=st.none() | st.decimals(0, allow_nan=False, allow_infinity=False),
    stop=st.sampled_from([None, "end", "pause"]),
)


@given(chunks)
def test_a_chunk_comes_back_from_json_exactly(chunk: ChatChunk) -> None:
    again = decode_chunk(json.loads(json.dumps(encode_chunk(chunk))))
    assert again == chunk
    assert repr(again) == repr(chunk)


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_numbers_that_json_does_not_have_come_back(number: float) -> None:
    chunk = ChatChunk(block=Block(vendor="x", data={"n": number}))
    line = json.dumps(encode_chunk(chunk), allow_nan=False)
    assert repr(decode_chunk(json.loads(line))) == repr(chunk)


def test_what_json_cannot_express_is_refused() -> None:
    with pytest.raises(MessageError, match="PosixPath cannot be recorded"):
        encode_chunk(ChatChunk(block=Block(vendor="x", data=Path("a"))))


def test_an_error_of_another_s_class_comes_back_as_the_nearest_of_ours() -> None:
    class Exotic(ModelOverloaded): ...

    again = decode_error(encode_error(Exotic("busy", retry_after=1)))
    assert type(again) is ModelOverloaded
    assert again.retry_after == 1


@given(st.text(st.characters(exclude_categories=())))
async def test_any_text_survives_the_file(hear, tmp_path_factory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "heard.jsonl"
    request = {"system": text}
    whole = await hear(Recorded(Scripted(text), path), text, **request)
    assert await hear(Replay(path), text, **request) == whole
