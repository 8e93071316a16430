"""A model of your own is ten lines, and works wherever ours do."""

from contextlib import asynccontextmanager
from pathlib import Path

from retinue.messages import Message
from retinue.models import ChatChunk, ChatRequest, Model
from retinue.models.guard import Guarded
from retinue.models.replay import Recorded, Replay


class Echo:
    name = "echo"

    @asynccontextmanager
    async def chat(self, request: ChatRequest):
        async def chunks():
            for word in request.messages[-1].text.split():
                yield ChatChunk(text=word)
            yield ChatChunk(stop="end")

        yield chunks()


async def test_ten_lines_make_a_model(tmp_path: Path, hear) -> None:
    path = tmp_path / "echo.jsonl"
    mine: Model = Echo()
    models: list[Model] = [
        mine,
        Guarded(mine),
        Guarded(Guarded(mine)),
        Recorded(Guarded(mine), path),
        Recorded(mine, tmp_path / "other.jsonl"),
    ]
    expected = [ChatChunk(text="hello"), ChatChunk(text="there"), ChatChunk(stop="end")]
    for model in models:
        assert await hear(model, "hello there") == expected
        assert model.name == "echo"
    assert await hear(Replay(path), "hello there") == expected


async def test_one_model_may_be_asked_many_times_at_once() -> None:
    guarded = Guarded(Echo())
    first = ChatRequest(messages=(Message("a b"),))
    second = ChatRequest(messages=(Message("c d"),))
    async with guarded.chat(first) as one, guarded.chat(second) as other:
        heard = [(await anext(one)).text, (await anext(other)).text]
        heard += [(await anext(one)).text, (await anext(other)).text]
    assert heard == ["a", "c", "b", "d"]
