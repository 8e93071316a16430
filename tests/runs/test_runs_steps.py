"""Steps, addresses, budgets, and what turns save for the next."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from retinue import Turn, agent, assistant
from retinue.errors import AmbiguousAddress, BudgetExceeded, CircularWait, RunError
from retinue.messages import Message, MessagePromise, ToolCall
from retinue.messages.events import ErrorRaised, InterruptAsked, MessageEnded
from retinue.models.scripted import Scripted
from retinue.promise import Scope
from retinue.runs import Embedded, Run, rehearse
from retinue.steps import Work, ask, reserve, step
from retinue.storage import Order, Store
from retinue.storage.memory import MemoryStore
from retinue.tools import tool

from ._bench import PATIENCE, Agents, CrashingStore, Notebook, log_of, order, question, replies


async def run_of(agents: Agents, name: str, **fields: Any) -> list[str]:
    async with MemoryStore() as store:
        run = await order(store, name, **fields)
        async with Embedded(store, agents):
            return await replies(run)


def noting(book: Notebook, line: str) -> Work[str]:
    async def work(_: str | None) -> str:
        return f"{line}{book.note(line)}"

    return work


@agent
async def child(turn: Turn) -> None:
    turn.reply("child")


async def test_equal_things_of_two_tasks_cannot_be_told_apart() -> None:
    book = Notebook()

    async def inquires() -> None:
        child.inquire("same")

    async def steps() -> None:
        await step("same", noting(book, "x"))

    async def asks() -> None:
        await ask("same", _nobody)

    async def keyed() -> None:
        await child.inquire(key="same")

    @agent
    async def root(turn: Turn) -> None:
        for what in (inquires, steps, asks, keyed):
            both = [turn.start(what()), turn.start(what())]
            done, rest = await asyncio.wait(both, return_when=asyncio.FIRST_EXCEPTION)
            errors = [task.exception() for task in done if task.exception() is not None]
            assert [type(error) for error in errors] == [AmbiguousAddress], what
            assert getattr(errors[0], "hint", None)
            for task in rest:
                task.cancel()
        turn.reply("told")

    assert await run_of(Agents(root), "root") == ["told"]


async def _nobody() -> None: ...


async def test_one_key_names_one_inquiry() -> None:
    @agent
    async def root(turn: Turn) -> None:
        turn.reply(child.inquire(key="a"), child.inquire(key="b"))
        with pytest.raises(AmbiguousAddress, match="twice"):
            child.inquire(key="a")

    assert await run_of(Agents(root), "root") == ["child", "child"]


async def test_rounds_of_equal_calls_side_by_side_are_told_apart() -> None:
    book = Notebook()

    @tool(effect="once")
    async def bump(what: str) -> str:
        """Count something."""
        return f"{what}{book.note(what)}"

    calls = [ToolCall(id=f"call-{n}", name="bump", args={"what": "x"}) for n in range(2)]
    host = assistant("host", model=Scripted(calls, calls, "done"), tools=[bump])
    texts = await run_of(Agents(host), "host")
    assert texts[-1] == "done"
    assert book.count("x") == 4


async def test_an_effect_behind_itself_is_a_circle_with_a_name() -> None:
    """Each wants to act on what the other has only begun to say."""
    book = Notebook()

    @agent
    async def one(turn: Turn) -> None:
        async def streamed(_: MessagePromise) -> AsyncIterator[str]:
            yield "begun"
            async for promise in turn.messages:
                async for _piece in promise:
                    break
                break
            yield await step("act", noting(book, "effect"), effect="once")

        turn.reply(MessagePromise(streamed))

    @agent
    async def root(turn: Turn) -> None:
        inquiry = one.initiate_inquiry()
        heard = aiter(await anext(aiter(inquiry.replies(finish=False))))
        await anext(heard)

        async def streamed(_: MessagePromise) -> AsyncIterator[str]:
            yield "heard"
            async for piece in heard:
                yield piece

        inquiry.send(MessagePromise(streamed)).finish()
        try:
            turn.reply(str(await inquiry.replies()))
        except CircularWait as error:
            turn.reply(f"circle: {error}")

    texts = await run_of(Agents(root), "root")
    assert texts == ["beguneffect1"] or "circle" in texts[0]


async def test_turns_that_wait_for_one_another_s_words_before_they_act_are_a_circle() -> None:
    book = Notebook()

    def talker(name: str) -> Any:
        async def talk(turn: Turn) -> None:
            mine: list[MessagePromise] = []

            async def streamed(_: MessagePromise) -> AsyncIterator[str]:
                yield "begun"
                async for promise in turn.messages:
                    async for _piece in promise:
                        break
                    break
                await step("act", noting(book, name), effect="once")
                yield "acted"

            mine.append(MessagePromise(streamed))
            turn.reply(*mine)

        talk.__name__ = name
        return agent(talk)

    one, other = talker("one"), talker("other")

    @agent
    async def root(turn: Turn) -> None:
        first = one.initiate_inquiry()
        second = other.inquire(first.replies(finish=False))
        first.send(second).finish()
        errors = 0
        for asked in (first.replies(), second):
            try:
                await asked
            except CircularWait:
                errors += 1
        turn.reply(f"{errors > 0}")

    assert await run_of(Agents(root), "root") == ["True"]
    assert len(book.lines) < 2


async def test_a_run_spends_no_more_than_it_may() -> None:
    @agent
    async def spender(turn: Turn) -> None:
        settle = await reserve(usd=0.6, tokens=10)
        settle(usd=0.2)
        (await reserve(usd=0.6))(usd=0.6)
        with pytest.raises(BudgetExceeded, match="usd"):
            await reserve(usd=0.6)
        (await reserve(tokens=5))()
        raise BudgetExceeded("all is spent")

    async with MemoryStore() as store:
        options = json.dumps({"limits": {"usd": 1.0}, "agents": {"spender": {"usd": 5.0}}})
        run = await order(store, "spender", options=options)
        async with Embedded(store, Agents(spender)):
            async with asyncio.timeout(PATIENCE):
                assert (await run.ended()).reason == "budget"


async def test_turns_are_counted_too() -> None:
    @agent
    async def root(turn: Turn) -> None:
        await child.inquire("one")
        with pytest.raises(BudgetExceeded):
            await child.inquire("two")
        turn.reply("enough")

    assert await run_of(Agents(root), "root", options='{"limits": {"turns": 2}}') == ["enough"]


async def test_what_a_turn_saves_is_there_for_the_next() -> None:
    @agent
    async def counter(turn: Turn) -> None:
        count = (await turn.load() or 0) + 1
        turn.save(count)
        turn.reply(str(count))

    async with MemoryStore() as store:
        first = await order(store, "counter")
        async with Embedded(store, Agents(counter)):
            assert await replies(first) == ["1"]
            wanted = Order(
                conversation=first.conversation, agent="counter", messages=(Message("Again"),)
            )
            second = Run(store, await store.runs("ann").order(wanted))
            assert await replies(second) == ["2"]
            assert await replies(await order(store, "counter")) == ["1"]


async def test_a_step_that_failed_is_not_tried_again() -> None:
    book = Notebook()

    async def fails(_: str | None) -> None:
        raise ZeroDivisionError(f"time {book.note('tried')}")

    def make() -> Agents:
        @agent
        async def root(turn: Turn) -> None:
            try:
                await step("fails", fails, effect="once")
            except ZeroDivisionError as error:
                turn.reply(str(error))
            await step("after", noting(book, "after"))
            turn.reply("done")

        return Agents(root)

    async with MemoryStore() as store:
        run = await order(store, "root")
        async with Embedded(CrashingStore(store, 3, arrives=False), make()) as engine:
            await engine.idle(within=PATIENCE)
        async with Embedded(store, make()):
            assert await replies(run) == ["time 1", "done"]
    assert book.count("tried") == 1


async def test_a_step_of_what_was_only_begun_is_done_again_if_that_comes_otherwise() -> None:
    """It read the beginning of a message that was lost, so what came of it is lost with it."""
    book = Notebook()
    go_on = asyncio.Event()

    def make() -> Agents:
        @agent
        async def writer(turn: Turn) -> None:
            async def streamed(_: MessagePromise) -> AsyncIterator[str]:
                yield f"draft {book.note('draft')}"
                await go_on.wait()

            turn.reply(MessagePromise(streamed))

        @agent
        async def early(turn: Turn) -> None:
            async for promise in turn.messages:
                async for piece in promise:
                    read = piece

                    async def keep(_: str | None, read: str = read) -> str:
                        return read

                    turn.reply(await step("keep", keep))
                    book.note("kept")
                    return

        @agent
        async def root(turn: Turn) -> None:
            draft = writer.inquire()
            turn.reply(early.inquire(draft), draft)

        return Agents(root)

    async with MemoryStore() as store:
        run = await order(store, "root")
        async with Embedded(store, make()):
            async with asyncio.timeout(PATIENCE):
                while not book.count("kept"):
                    await asyncio.sleep(0.002)
            await asyncio.sleep(0.02)
        go_on.set()
        async with Embedded(store, make()):
            assert await replies(run) == ["draft 2", "draft 2"]
        assert not any(isinstance(event, InterruptAsked) for event in await log_of(store, run))


async def test_a_stream_that_comes_otherwise_is_told_to_a_person_and_replaced() -> None:
    book = Notebook()

    def make() -> Agents:
        @agent
        async def root(turn: Turn) -> None:
            async def streamed(_: MessagePromise) -> AsyncIterator[str]:
                yield f"take {book.note('take')}"

            spoken = MessagePromise(streamed)
            turn.reply(spoken)
            await spoken
            await step("wait", lambda _: asyncio.sleep(0.01))
            await step("again", lambda _: asyncio.sleep(0.01))
            turn.reply("the end")

        return Agents(root)

    async with MemoryStore() as store:
        run = await order(store, "root")
        async with Embedded(CrashingStore(store, 3, arrives=False), make()) as engine:
            await engine.idle(within=PATIENCE)
        async with Embedded(store, make(), unload_after=0):
            asked = await question(run)
            assert "take 2" in asked.question["text"]
            assert "take 1" in asked.question["text"]
            await run.answer(asked.id, True)
            texts = await replies(run)
        assert texts[0].startswith("take ")
        assert texts[0] != "take 1"
        ended = [e.message.id for e in await log_of(store, run) if isinstance(e, MessageEnded)]
        assert len(ended) == len(set(ended))


async def test_errors_as_messages_keep_what_is_whole_and_end_what_is_not() -> None:
    @agent
    async def fine(turn: Turn) -> None:
        async def streamed(_: MessagePromise) -> AsyncIterator[str]:
            yield "fine"
            await asyncio.sleep(0.002)

        turn.reply(MessagePromise(streamed))

    @agent
    async def broken(turn: Turn) -> None:
        async def streamed(_: MessagePromise) -> AsyncIterator[str]:
            yield "half"
            await asyncio.sleep(0.002)
            raise ValueError("broke")

        turn.reply(MessagePromise(streamed))

    @agent
    async def hands_on(turn: Turn) -> None:
        turn.reply(fine.inquire(), broken.inquire(), broken.inquire("again"))

    @agent
    async def twice(turn: Turn) -> None:
        handed = hands_on.inquire()
        turn.reply(handed, handed)

    @agent
    async def root(turn: Turn) -> None:
        async with Scope():
            asked = broken.inquire("raw")
            turn.reply(twice.inquire(errors_as_messages=True))
            with pytest.raises(ValueError, match="broke"):
                await asked

    async with MemoryStore() as store:
        run = await order(store, "root")
        async with Embedded(store, Agents(root)):
            texts = await replies(run)
        half = "half\nValueError: broke"
        assert texts == ["fine", half, half] * 2
        ended = [e.message.id for e in await log_of(store, run) if isinstance(e, MessageEnded)]
        assert len(ended) == len(set(ended))


async def _finished(store: Store, book: Notebook) -> tuple[Run, Any]:
    @agent
    async def root(turn: Turn, tone: str = "plain") -> None:
        number = await step("number", noting(book, "number"))
        turn.reply(f"{tone} {number}", child.inquire())

    run = await order(store, "root")
    async with Embedded(store, Agents(root)):
        await replies(run)
    return run, root


async def test_a_run_that_is_over_can_be_rehearsed() -> None:
    book = Notebook()
    async with MemoryStore() as store:
        run, root = await _finished(store, book)
        record = await run.record()
        same = await rehearse(store, record, root)
        assert same.is_same
        assert same.executed == ()
        other = await rehearse(store, record, root, since="root", changes={"tone": "loud"})
        assert [message.text for message in other.replies] == ["loud number2", "child"]
        assert other.executed == ("number",)
        assert not [e for e in await log_of(store, run) if isinstance(e, ErrorRaised)]
        waiting = await order(store, "root")
        with pytest.raises(RunError, match="not over"):
            await rehearse(store, await waiting.record(), root)
