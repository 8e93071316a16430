"""What readers of the log see of a run: pieces at once, each turn once, what was begun anew."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from retinue import Turn, agent, assistant
from retinue.errors import RunError
from retinue.messages import Message, MessagePromise
from retinue.messages.events import (
    ErrorRaised,
    Event,
    MessageEnded,
    MessageStarted,
    ModelAnswered,
    Restarted,
    RunEnded,
    TextAdded,
    ThinkingAdded,
    TurnEnded,
    TurnStarted,
)
from retinue.models import ChatChunk, ChatRequest
from retinue.models.scripted import Scripted
from retinue.runs import Embedded, Run
from retinue.steps import ask
from retinue.storage import Order, Store
from retinue.storage.memory import MemoryStore

from ._bench import PATIENCE, Agents, Notebook, log_of, order, question, replies


class Dictated:
    """A model that says what it is told, piece by piece; thinking comes first."""

    name = "dictated"

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[str] = asyncio.Queue()

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        yield self._answer()

    async def _answer(self) -> AsyncGenerator[ChatChunk]:
        yield ChatChunk(thinking="hm ")
        while piece := await self.pieces.get():
            yield ChatChunk(text=piece)
        yield ChatChunk(stop="end")


async def until(events: AsyncIterator[Event], wanted: type[Event]) -> list[Event]:
    """What comes until one of that kind does, it included."""
    seen: list[Event] = []
    async with asyncio.timeout(PATIENCE):
        async for event in events:
            seen.append(event)
            if isinstance(event, wanted):
                break
    return seen


def joined(events: list[Event]) -> dict[str, str]:
    """The texts of the messages, as who follows puts them together."""
    texts: dict[str, str] = {}
    for event in events:
        match event:
            case MessageStarted(message=id) | Restarted(message=str() as id):
                texts[id] = ""
            case TextAdded(message=id, offset=offset, text=text):
                assert offset == len(texts[id])
                texts[id] += text
            case _:
                pass
    return texts


async def test_pieces_are_seen_while_they_come() -> None:
    model = Dictated()
    async with MemoryStore() as store:
        run = await order(store, "writer")
        async with Embedded(store, Agents(assistant("writer", model=model))), run.events() as log:
            for piece in ("one ", "two ", "three"):
                model.pieces.put_nowait(piece)
                seen = await until(log, TextAdded)
                assert isinstance(seen[-1], TextAdded)
                assert seen[-1].text == piece
            model.pieces.put_nowait("")
            await until(log, RunEnded)
        async with run.events(after=0) as log:
            kinds = [type(event) for event in await until(log, RunEnded)]
        assert kinds.count(MessageStarted) == 1
        assert kinds.count(ModelAnswered) == 1


async def test_a_message_that_is_begun_anew_is_told_from_its_beginning() -> None:
    async with MemoryStore() as store:
        run = await order(store, "writer")
        first, second = Dictated(), Dictated()
        seen: list[Event] = []
        async with run.events() as log:
            async with Embedded(store, Agents(assistant("writer", model=first))):
                for piece in ("these ", "are ", "lost"):
                    first.pieces.put_nowait(piece)
                    seen += await until(log, TextAdded)
                await asyncio.sleep(0.1)  # they are kept in the store meanwhile
            async with Embedded(store, Agents(assistant("writer", model=second))):
                for piece in ("whole ", "again", ""):
                    second.pieces.put_nowait(piece)
                seen += await until(log, RunEnded)
        assert list(joined(seen).values()) == ["whole again"]
        assert any(isinstance(event, ThinkingAdded) for event in seen)
        assert sum(isinstance(event, MessageStarted) for event in seen) == 1
        ended = [event.message for event in seen if isinstance(event, MessageEnded)]
        assert [message.text for message in ended] == ["whole again"]


async def test_a_message_that_begins_in_a_later_attempt_is_told_live() -> None:
    model = Dictated()

    @agent
    async def patient(turn: Turn) -> None:
        async def nobody() -> None: ...

        await ask("Go on?", nobody)
        turn.reply(assistant("writer", model=model).inquire("go"))

    async with MemoryStore() as store:
        run = await order(store, "patient")
        async with Embedded(store, Agents(patient)):
            asked = await question(run)
        await run.answer(asked.id, "yes")
        async with Embedded(store, Agents(patient)), run.events() as log:
            model.pieces.put_nowait("live")
            seen = await until(log, TextAdded)
            model.pieces.put_nowait("")
            seen += await until(log, RunEnded)
        assert list(joined(seen).values()) == ["live"]


async def test_a_message_that_breaks_is_followed_by_its_error() -> None:
    @agent
    async def breaks(turn: Turn) -> None:
        async def streamed(_: MessagePromise) -> AsyncIterator[str]:
            yield "half "
            raise ValueError("broke")

        turn.reply(MessagePromise(streamed))

    async with MemoryStore() as store:
        run = await order(store, "breaks")
        async with Embedded(store, Agents(breaks)):
            async with asyncio.timeout(PATIENCE):
                await run.ended()
        kinds = [type(event) for event in await log_of(store, run)]
        assert MessageStarted in kinds
        assert kinds.count(MessageEnded) == 1, "that of the person"


async def test_an_error_is_told_once_where_it_happened_however_far_it_travels() -> None:
    @agent
    async def below(turn: Turn) -> None:
        raise ValueError("deep")

    @agent
    async def between(turn: Turn) -> None:
        await below.inquire()

    @agent
    async def root(turn: Turn) -> None:
        try:
            await between.inquire(key="handled")
        except ValueError:
            turn.reply("handled")
        await between.inquire()

    async with MemoryStore() as store:
        run = await order(store, "root")
        async with Embedded(store, Agents(root)):
            with pytest.raises(RunError, match="deep"):
                await replies(run)
        raised = [e for e in await log_of(store, run) if isinstance(e, ErrorRaised)]
        assert [(e.agent, e.text) for e in raised] == [("below", "deep")] * 2


async def test_what_is_replied_from_others_that_are_slow_is_replied() -> None:
    """The turn is over long before what it handed on has come."""

    @agent
    async def slow(turn: Turn) -> None:
        turn.reply("first")
        await asyncio.sleep(0.03)
        turn.reply("last")

    @agent
    async def echo(turn: Turn) -> None:
        turn.reply(turn.messages)

    @agent
    async def root(turn: Turn) -> None:
        turn.reply(echo.inquire(slow.inquire()))

    async with MemoryStore() as store:
        run = await order(store, "root")
        async with Embedded(store, Agents(root)):
            assert await replies(run) == ["first", "last"]
        shown = await store.log("ann").messages(run.conversation)
        assert [message.text for message in shown.items] == ["Go", "first", "last"]


async def test_a_lazy_reply_is_made_for_those_who_read_the_log() -> None:
    book = Notebook()

    @agent
    async def lazy(turn: Turn) -> None:
        async def streamed(_: MessagePromise) -> AsyncIterator[str]:
            book.note("made")
            yield "lazy"

        turn.reply(MessagePromise(streamed, eager=False))

    async with MemoryStore() as store:
        run = await order(store, "lazy")
        async with Embedded(store, Agents(lazy)):
            assert await replies(run) == ["lazy"]
    assert book.lines == ["made"]


async def test_what_was_said_before_is_the_first_that_an_agent_is_given() -> None:
    model = Scripted("first", "second")

    @agent
    async def host(turn: Turn) -> None:
        said = await turn.messages
        turn.reply(" | ".join([message.text for message in said]))

    async with MemoryStore() as store:
        run = await order(store, "host", "one")
        async with Embedded(store, Agents(host)):
            assert await replies(run) == ["one"]
            again = await _order_in(store, run.conversation, "two")
            assert await replies(again) == ["one | one | two"]
    assert model.name


async def _order_in(store: Store, conversation: str, words: str) -> Run:
    wanted = Order(conversation=conversation, agent="host", messages=(Message(words, role="user"),))
    return Run(store, await store.runs("ann").order(wanted))


async def test_a_turn_is_begun_and_ended_once_in_its_order() -> None:
    @agent
    async def child(turn: Turn) -> None:
        turn.reply("child")

    @agent
    async def parent(turn: Turn) -> None:
        turn.reply(child.inquire())

    async with MemoryStore() as store:
        run = await order(store, "parent")
        async with Embedded(store, Agents(parent)):
            await replies(run)
        told = [
            (type(event).__name__, event.agent)
            for event in await log_of(store, run)
            if isinstance(event, TurnStarted | TurnEnded)
        ]
        assert told == [
            ("TurnStarted", "parent"),
            ("TurnStarted", "child"),
            ("TurnEnded", "child"),
            ("TurnEnded", "parent"),
        ]


async def test_a_run_that_hands_on_an_error_has_failed() -> None:
    @agent
    async def bad(turn: Turn) -> None:
        """Fails."""
        raise ValueError("no ink")

    @agent
    async def lead(turn: Turn) -> None:
        """Hands on what it never read."""
        turn.reply(bad.inquire("write"))

    async with MemoryStore() as store:
        run = await order(store, "lead")
        async with Embedded(store, Agents(lead)):
            with pytest.raises(RunError, match="no ink"):
                await replies(run)
        assert (await run.record()).reason == "failed"
