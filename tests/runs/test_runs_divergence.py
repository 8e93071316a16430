"""Unlawful programs: a turn that begins anew and does something else is a person's matter."""

import asyncio
from collections.abc import Callable

import pytest

from retinue import Turn, agent
from retinue.errors import RunError
from retinue.messages.events import InterruptAsked, MessageEnded
from retinue.runs import Embedded
from retinue.steps import ask, step
from retinue.storage import Interrupt
from retinue.storage.memory import MemoryStore

from ._bench import (
    PATIENCE,
    Agents,
    CrashingStore,
    Notebook,
    log_of,
    order,
    person,
    question,
    replies,
    status,
)


def talker(book: Notebook) -> Agents:
    """Says a number that is in no step, and then waits for good."""

    @agent
    async def root(turn: Turn) -> None:
        number = book.note("root")
        turn.reply(f"number {number}")
        await step("wait", lambda _: asyncio.sleep(0.02))
        await step("again", lambda _: asyncio.sleep(0.02))
        turn.reply("the end")

    return Agents(root)


def forgetful(book: Notebook) -> Agents:
    """Does another effect each time; and once it did two, only one."""

    @agent
    async def root(turn: Turn) -> None:
        number = book.note("root")

        async def act(_: str | None) -> str:
            book.note(f"effect {number}")
            return f"done {number}"

        turn.reply(await step("act", act, args=number, effect="once"))
        await step("wait", lambda _: asyncio.sleep(0.02))
        turn.reply("the end")

    return Agents(root)


def silent(book: Notebook) -> Agents:
    """Says less the second time."""

    @agent
    async def root(turn: Turn) -> None:
        if book.note("root") == 1:
            turn.reply("something")
            await step("wait", lambda _: asyncio.sleep(0.02))
            await step("again", lambda _: asyncio.sleep(0.02))
        turn.reply("the end")

    return Agents(root)


def asker(book: Notebook) -> Agents:
    """Diverges, and asks a person besides, in another turn that stays lawful."""

    @agent
    async def lawful(turn: Turn) -> None:
        async def nobody() -> str:
            return ""

        turn.reply(await ask("Yes?", nobody))

    @agent
    async def root(turn: Turn) -> None:
        turn.reply(f"number {book.note('root')}")
        turn.reply(lawful.inquire())

    return Agents(root)


@pytest.mark.parametrize("make", [talker, forgetful, silent])
@pytest.mark.parametrize("unload_after", [0.0, 60.0])
async def test_it_goes_on_if_a_person_agrees(
    make: Callable[[Notebook], Agents], unload_after: float
) -> None:
    book = Notebook()
    async with MemoryStore() as store:
        run = await order(store, "root")
        async with Embedded(CrashingStore(store, 2, arrives=True), make(book)) as engine:
            await engine.idle(within=PATIENCE)
        async with Embedded(store, make(book), unload_after=unload_after):
            asked = await question(run)
            assert asked.kind == "divergence"
            assert "'root'" in asked.question["text"]
            if unload_after == 0:
                await status(run, "waiting")
            await run.answer(asked.id, True)
            texts = await replies(run)
        assert texts[-1] == "the end"
        effects = [line for line in book.lines if line.startswith("effect")]
        assert len(effects) == len(set(effects)), "no effect twice"
        events = await log_of(store, run)
        assert sum(isinstance(event, InterruptAsked) for event in events) == 1, "asked once"
        ended = [event.message.id for event in events if isinstance(event, MessageEnded)]
        assert len(ended) == len(set(ended))


@pytest.mark.parametrize("make", [talker, forgetful, silent])
async def test_it_fails_with_a_hint_if_a_person_does_not(
    make: Callable[[Notebook], Agents],
) -> None:
    book = Notebook()
    async with MemoryStore() as store:
        run = await order(store, "root")
        async with Embedded(CrashingStore(store, 2, arrives=True), make(book)) as engine:
            await engine.idle(within=PATIENCE)
        async with Embedded(store, make(book)):
            await run.answer((await question(run)).id, False)
            with pytest.raises(RunError, match="after a restart") as caught:
                await replies(run)
        assert caught.value.hint is not None
        assert "turn.step" in caught.value.hint


async def test_the_engine_can_be_stopped_while_it_is_asked() -> None:
    book = Notebook()
    async with MemoryStore() as store:
        run = await order(store, "root")
        async with Embedded(CrashingStore(store, 2, arrives=True), talker(book)) as engine:
            await engine.idle(within=PATIENCE)
        async with Embedded(store, talker(book)):
            await question(run)
            await run.stop()
            async with asyncio.timeout(PATIENCE):
                assert (await run.ended()).reason == "stopped"


async def test_stopping_what_has_begun_anew_asks_nobody() -> None:
    """It has not come to all that it had done, for it was stopped before."""
    book = Notebook()

    def make() -> Agents:
        @agent
        async def root(turn: Turn) -> None:
            async def act(_: str | None) -> None:
                book.note("effect")

            if book.note("root") > 1:
                await asyncio.Event().wait()
            await step("act", act, effect="once")
            await step("wait", lambda _: asyncio.sleep(0.01))
            turn.reply("the end")

        return Agents(root)

    async with MemoryStore() as store:
        run = await order(store, "root")
        async with Embedded(CrashingStore(store, 3, arrives=False), make()) as engine:
            await engine.idle(within=PATIENCE)
        assert book.count("effect") == 1
        async with Embedded(store, make()):
            async with asyncio.timeout(PATIENCE):
                while book.count("root") < 2:
                    await asyncio.sleep(0.002)
            await run.stop()
            async with asyncio.timeout(PATIENCE):
                assert (await run.ended()).reason == "stopped"
        assert book.count("effect") == 1


async def test_a_divergence_and_a_question_are_both_asked() -> None:
    book = Notebook()
    async with MemoryStore() as store:
        run = await order(store, "root")
        async with Embedded(store, asker(book), unload_after=0):
            await status(run, "waiting")
            first = await question(run)
        async with Embedded(store, asker(book), unload_after=0):
            await run.answer(first.id, "yes")
            kinds: list[str] = []

            def answer(asked: Interrupt) -> bool:
                kinds.append(asked.kind)
                return True

            async with person(run, answer):
                texts = await replies(run)
        assert kinds == ["divergence"]
        assert texts == ["number 2", "yes"]


async def test_replies_on_which_others_have_acted_must_be_just_those() -> None:
    book = Notebook()
    acted = asyncio.Event()

    def make() -> Agents:
        @agent
        async def shifty(turn: Turn) -> None:
            turn.reply("one")
            if book.note("shifty") > 1:
                turn.reply("one more")
            turn.finish_early()
            if book.count("shifty") == 1:
                await asyncio.Event().wait()

        @agent
        async def root(turn: Turn) -> None:
            async def act(_: str | None) -> str:
                book.note("effect")
                return "acted"

            heard = len(await shifty.inquire())
            turn.reply(await step("act", act, effect="once"), f"{heard}")
            acted.set()

        return Agents(root)

    async with MemoryStore() as store:
        run = await order(store, "root")
        async with Embedded(store, make()):
            async with asyncio.timeout(PATIENCE):
                await acted.wait()
            await asyncio.sleep(0.01)
        async with Embedded(store, make()):
            asked = await question(run)
            assert asked.kind == "divergence"
            assert "rely on" in asked.question["text"]
            async with person(run, lambda _: True):
                await replies(run)
        assert book.count("effect") == 1
