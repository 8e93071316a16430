"""The engine in this process: stopping, shutting down, dying, and others beside it."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from retinue import Turn, agent
from retinue.agents import Agent
from retinue.errors import RunError, StoreFailed
from retinue.messages.events import ErrorRaised, RunEnded, TurnEnded, TurnStarted
from retinue.runs import Embedded, Run
from retinue.steps import ask, step
from retinue.storage import Interrupt, Store
from retinue.storage.memory import MemoryStore
from retinue.storage.sqlite import SqliteStore

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
from ._programs import PROGRAMS


class Wrapped:
    """A store as an engine sees it, in which some of the claims' methods are others."""

    def __init__(self, store: Store, **others: Any) -> None:
        self._store = store
        self._others = others
        self.claims: Any = self

    def __getattr__(self, name: str) -> Any:
        if name in self._others:
            return self._others[name]
        return getattr(self._store if hasattr(self._store, name) else self._store.claims, name)


def engine(store: Any, *agents: Agent, **options: Any) -> Embedded:
    return Embedded(store, Agents(*agents), **options)


async def ended(run: Run) -> str | None:
    async with asyncio.timeout(PATIENCE):
        return (await run.ended()).reason


def endless(book: Notebook) -> Agent:
    @agent
    async def endless(turn: Turn) -> None:
        turn.reply("begun")
        book.note("begun")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.02)
            book.note("cleaned up")

    return endless


async def begun(book: Notebook, times: int = 1) -> None:
    async with asyncio.timeout(PATIENCE):
        while book.count("begun") < times:
            await asyncio.sleep(0.002)


# -- stopping


async def test_stopped_means_that_all_of_it_has_ended() -> None:
    book = Notebook()
    async with MemoryStore() as store:
        run = await order(store, "endless")
        async with engine(store, endless(book)):
            await begun(book)
            await run.stop()
            await run.stop()
            assert await ended(run) == "stopped"
            assert book.lines == ["begun", "cleaned up"]
            with pytest.raises(RunError, match="stopped"):
                await run.replies()
        reasons = {e.reason for e in await log_of(store, run) if isinstance(e, TurnEnded)}
        assert reasons == {"stopped"}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_run_can_be_stopped_at_every_write(name: str) -> None:
    def answer(asked: Interrupt) -> Any:
        assert asked.kind == "input"
        return "yes"

    for at in range(1, 200):
        async with MemoryStore() as store:
            run = await order(store, "root")
            writes = 0

            async def write(*args: Any, store: Any = store, run: Run = run, at: int = at) -> Any:
                nonlocal writes
                writes += 1
                if writes == at:
                    await run.stop()
                return await store.claims.write(*args)

            agents = PROGRAMS[name](Notebook())
            wrapped: Any = Wrapped(store, write=write)
            async with Embedded(wrapped, agents, unload_after=0.05), person(run, answer):
                reason = await ended(run)
            events = await log_of(store, run)
        assert reason in {"stopped", "done"}, f"write {at}"
        assert not [e for e in events if isinstance(e, ErrorRaised) and "fault" in e.text]
        assert isinstance(events[-1], RunEnded)
        if writes < at:
            break


async def test_a_stop_is_not_lost_when_the_process_dies() -> None:
    book = Notebook()
    async with MemoryStore() as store:
        run = await order(store, "endless")
        async with engine(store, endless(book)):
            await begun(book)
            record = await run.record()
        held = await store.claims.claim(await run.record(), await store.claims.join(), lease=9)
        assert held is not None
        await run.stop()
        assert (await run.record()).status == "running", record
        await store.claims.leave(held.holder)
        async with engine(store, endless(book)):
            assert await ended(run) == "stopped"
        assert book.count("begun") == 1, "nothing was begun for being stopped at once"
        assert not [e for e in await log_of(store, run) if isinstance(e, ErrorRaised)]


@pytest.mark.parametrize("how", ["stop", "leave"])
async def test_whatever_happens_while_the_journal_is_read_is_heeded(how: str) -> None:
    book = Notebook()
    async with MemoryStore() as store:
        run = await order(store, "endless")
        async with engine(store, endless(book)):
            await begun(book)
        reading = asyncio.Event()

        async def journal(claim: Any) -> Any:
            reading.set()
            await asyncio.sleep(0.02)
            return await store.claims.journal(claim)

        async with engine(Wrapped(store, journal=journal), endless(book)):
            await reading.wait()
            if how == "stop":
                await run.stop()
                assert await ended(run) == "stopped"
        assert book.count("begun") == 1
        assert (await run.record()).status == ("ended" if how == "stop" else "queued")


# -- shutting down, dying


async def test_leaving_the_engine_gives_the_run_up_and_records_nothing() -> None:
    book = Notebook()
    async with MemoryStore() as store:
        run = await order(store, "endless")
        for times in (1, 2, 3):
            async with engine(store, endless(book)):
                await begun(book, times)
            record = await run.record()
            assert (record.status, record.attempts) == ("queued", 0)
        events = await log_of(store, run)
        assert not [e for e in events if isinstance(e, TurnEnded | RunEnded | ErrorRaised)]
        assert book.count("cleaned up") == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("inside", [True, False])
def test_a_process_that_goes_down_leaves_the_run_to_the_next(
    error: type[BaseException], inside: bool, tmp_path: Path
) -> None:
    book = Notebook()
    path = tmp_path / "retinue.db"
    known: list[str] = []

    @agent
    async def child(turn: Turn) -> None:
        book.note("begun")
        if book.count("begun") == 1:
            if inside:
                raise error
            asyncio.get_running_loop().call_soon(fail)
            await asyncio.Event().wait()
        turn.reply("whole")

    @agent
    async def parent(turn: Turn) -> None:
        turn.reply(child.inquire())

    def fail() -> None:
        raise error

    async def first() -> None:
        store = await SqliteStore.open(path)
        run = await order(store, "parent")
        known.append(run.id)
        async with engine(store, parent):
            await asyncio.sleep(PATIENCE)

    async def second() -> None:
        store = await SqliteStore.open(path)
        run = Run(store, await store.runs("ann").run(known[0]))
        async with engine(store, parent):
            assert await replies(run) == ["whole"]
        assert not [e for e in await log_of(store, run) if isinstance(e, ErrorRaised)]
        await store.close()

    with pytest.raises(error):
        asyncio.run(first())
    asyncio.run(second())


async def test_a_task_that_ends_all_tasks_leaves_the_run_to_the_next() -> None:
    book = Notebook()
    async with MemoryStore() as store:
        run = await order(store, "endless")

        async def serve() -> None:
            async with engine(store, endless(book)):
                await asyncio.Event().wait()

        before = asyncio.all_tasks()
        serving = asyncio.ensure_future(serve())
        await begun(book)
        for task in asyncio.all_tasks() - before:
            task.cancel()
        await asyncio.wait([serving], timeout=PATIENCE)
        assert serving.cancelled()
        assert not [e for e in await log_of(store, run) if isinstance(e, TurnEnded)]
        async with engine(store, endless(book)):
            await begun(book, 2)


async def test_a_turn_that_cancels_its_own_task_ends_its_run_with_an_error() -> None:
    @agent
    async def suicidal(turn: Turn) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async with MemoryStore() as store:
        run = await order(store, "suicidal")
        async with engine(store, suicidal):
            with pytest.raises(RunError, match="suicidal"):
                await replies(run)


async def test_what_kills_its_process_again_and_again_is_given_up() -> None:
    book = Notebook()
    async with MemoryStore() as store:
        run = await order(store, "endless")
        for _ in range(3):
            dying = CrashingStore(store, 1, arrives=False)
            async with engine(dying, endless(book)) as dead:
                await dead.idle(within=PATIENCE)
        assert (await run.record()).attempts == 2
        async with engine(CrashingStore(store, 1, arrives=False), endless(book)) as dead:
            await dead.idle(within=PATIENCE)
        times = book.count("begun")
        async with engine(store, endless(book)):
            assert await ended(run) == "crash_loop"
        assert book.count("begun") == times


async def test_after_the_store_had_failed_for_long_the_run_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("retinue.runs._writer._WAITS", (0.001,))
    monkeypatch.setattr("retinue.runs._embedded._LOOK", 0.02)
    failing = {"write": 5, "journal": 1}

    @agent
    async def simple(turn: Turn) -> None:
        turn.reply("whole")

    async with MemoryStore() as store:
        run = await order(store, "simple")

        def broken(name: str) -> Any:
            async def call(*args: Any) -> Any:
                if failing[name]:
                    failing[name] -= 1
                    raise StoreFailed("The disk is full")
                return await getattr(store.claims, name)(*args)

            return call

        wrapped = Wrapped(store, write=broken("write"), journal=broken("journal"))
        async with engine(wrapped, simple):
            assert await replies(run) == ["whole"]
        assert not any(failing.values())


# -- others beside it


async def test_two_engines_share_what_there_is_to_do() -> None:
    book = Notebook()

    @agent
    async def simple(turn: Turn) -> None:
        book.note(str(await turn.messages))
        await asyncio.sleep(0.005)
        turn.reply("done")

    async with MemoryStore() as store:
        async with engine(store, simple), engine(store, simple):
            runs = [await order(store, "simple", f"run {n}") for n in range(30)]
            assert await asyncio.gather(*map(replies, runs)) == [["done"]] * 30
        assert Counter(book.lines) == {f"run {n}": 1 for n in range(30)}


async def test_a_run_of_an_unknown_agent_is_left_to_others() -> None:
    @agent
    async def known(turn: Turn) -> None:
        turn.reply("here")

    async with MemoryStore() as store:
        strange, usual = await order(store, "endless"), await order(store, "known")
        book = Notebook()
        async with engine(store, known):
            assert await replies(usual) == ["here"]
            assert (await strange.record()).status == "queued"
            async with engine(store, endless(book)):
                await begun(book)


async def test_an_engine_that_cannot_find_agents_at_all_goes_on_looking() -> None:
    class Broken:
        def agent(self, name: str, version: str | None) -> Agent:
            raise ZeroDivisionError

    async with MemoryStore() as store:
        run = await order(store, "endless")
        book = Notebook()
        async with Embedded(store, Broken()) as broken:
            await asyncio.sleep(0.01)
            async with engine(store, endless(book)):
                await begun(book)
            assert broken.holder
        assert (await run.record()).status == "queued"


async def test_idle_looks_for_what_nobody_told_of() -> None:
    @agent
    async def simple(turn: Turn) -> None:
        turn.reply("done")

    async with MemoryStore() as store, engine(store, simple) as one:
        await one.idle(within=PATIENCE)
        run = await order(store, "simple")
        await one.idle(within=PATIENCE)
        assert (await run.record()).status == "ended"


async def test_an_effect_waits_for_proof_that_nobody_else_has_taken_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = Notebook()

    @agent
    async def acts(turn: Turn) -> None:
        async def act(_: str | None) -> str:
            book.note("effect")
            return "acted"

        book.note("begun")
        turn.reply(await step("act", act, effect="once"))

    def held_until(_: Embedded) -> float:
        return 0.0 if book.count("begun") < 2 else time.monotonic() + 60

    monkeypatch.setattr(Embedded, "_held_until", held_until)
    async with MemoryStore() as store:
        run = await order(store, "acts")
        async with engine(store, acts):
            asked = await question(run)
            assert asked.kind == "unknown_outcome"
            assert book.count("effect") == 0
            await run.answer(asked.id, {"happened": False})
            assert await replies(run) == ["acted"]
        assert book.count("effect") == 1
        assert not [e for e in await log_of(store, run) if isinstance(e, ErrorRaised)]


async def test_turns_that_are_not_begun_are_not_in_the_log_of_a_run_that_ends() -> None:
    @agent
    async def child(turn: Turn) -> None:
        turn.reply("never")

    @agent
    async def parent(turn: Turn) -> None:
        child.inquire(eager=False)
        turn.reply("done")

    async with MemoryStore() as store:
        run = await order(store, "parent")
        async with engine(store, parent):
            assert await replies(run) == ["done"]
        events = await log_of(store, run)
        assert sum(isinstance(event, TurnStarted) for event in events) == 1


async def test_a_run_that_is_asked_twice_about_is_shown_as_it_stands() -> None:
    async with MemoryStore() as store:
        run = await order(store, "endless")
        assert "endless" in repr(run)
        await status(run, "queued")


async def test_a_thousand_runs_at_once_all_come_to_their_end() -> None:
    @agent
    async def child(turn: Turn) -> None:
        await step("pause", lambda _: asyncio.sleep(0.01))
        turn.reply(turn.messages)

    @agent
    async def parent(turn: Turn) -> None:
        turn.reply(child.inquire(turn.messages), child.inquire("and"))

    async with MemoryStore() as store, engine(store, parent):
        runs = [await order(store, "parent", f"run {n}") for n in range(1_000)]
        async with asyncio.timeout(3 * PATIENCE):
            done = [[message.text for message in await run.replies()] for run in runs]
        assert done == [[f"run {n}", "and"] for n in range(1_000)]


async def test_runs_that_wait_do_not_fill_the_place_of_those_that_could_go_on() -> None:
    """More than one look takes up, all of which wait for a person."""
    book = Notebook()

    @agent
    async def waits(turn: Turn) -> None:
        async def nobody() -> None: ...

        book.note("asked")
        turn.reply(str(await ask("Well?", nobody)))

    async with MemoryStore() as store, engine(store, waits, unload_after=0):
        runs = [await order(store, "waits") for _ in range(250)]
        async with asyncio.timeout(3 * PATIENCE):
            for run in runs:
                await question(run)
                await status(run, "waiting")
        for run in runs:
            await run.answer((await question(run)).id, "yes")
        assert await asyncio.gather(*map(replies, runs)) == [["yes"]] * 250
