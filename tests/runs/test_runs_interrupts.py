"""Questions to people: asked at once or nested, answered late, twice, never; and unloaded runs."""

import asyncio
import datetime
from typing import Any

import pytest

from retinue import Turn, agent, assistant
from retinue.errors import AlreadyAnswered, RunError
from retinue.messages import ToolCall
from retinue.messages.events import InterruptAnswered, InterruptAsked, RunEnded
from retinue.models.scripted import Scripted
from retinue.runs import Embedded, Run
from retinue.steps import ask
from retinue.storage import Interrupt, Store
from retinue.storage.memory import MemoryStore
from retinue.tools import Approved, tool

from ._bench import PATIENCE, Agents, Notebook, log_of, order, person, question, replies, status


async def nobody() -> Any:
    raise AssertionError("there is a run around")


def asking(text: str, **form: Any) -> Any:
    return ask({"kind": "input", "text": text, **form}, nobody)


@agent
async def one(turn: Turn) -> None:
    turn.reply(f"You said {await asking('What?')}.")


@agent
async def several(turn: Turn) -> None:
    """Two at once in one turn, one in a turn below, and one after all of them."""

    @agent
    async def below(turn: Turn) -> None:
        turn.reply(await asking("C?"))

    asked = below.inquire()
    answers = await asyncio.gather(asking("A?"), asking("B?"))
    answers += [str(await asked)]
    turn.reply("".join(answers) + await asking("D?"))


@agent
async def approved(turn: Turn) -> None:
    call = ToolCall(id="1", name="shell", args={"command": "rm x"})
    answer = await ask({"kind": "approval", "text": "May I?", "call": call}, nobody)
    turn.reply(f"{answer['allow']}: {answer['call']['args']['command']}")


@agent
async def patient(turn: Turn) -> None:
    turn.reply(f"{await asking('Soon?', expires_in=60, default='by default')}")


@agent
async def handles(turn: Turn) -> None:
    """Has a timeout around the question, and goes on without an answer."""
    try:
        async with asyncio.timeout(0.01):
            await asking("Quick?")
    except TimeoutError:
        turn.reply("too late")


CATALOG = Agents(one, several, approved, patient, handles)


async def answer_when_asked(run: Run, answer: Any) -> Interrupt:
    asked = await question(run)
    await run.answer(asked.id, answer, by="ann")
    return asked


@pytest.mark.parametrize("unload_after", [0.0, 60.0])
async def test_an_answer_goes_to_who_asked(unload_after: float) -> None:
    async with MemoryStore() as store:
        run = await order(store, "one")
        async with Embedded(store, CATALOG, unload_after=unload_after):
            asked = await answer_when_asked(run, "tea")
            assert await replies(run) == ["You said tea."]
        assert asked.kind == "input"
        assert asked.agent == "one"
        assert asked.question == {"kind": "input", "text": "What?"}
        assert not await run.questions()
        kinds = [type(event).__name__ for event in await log_of(store, run) if event.run == run.id]
        assert kinds.count("InterruptAsked") == kinds.count("InterruptAnswered") == 1


async def test_a_run_that_waits_is_unloaded_and_answered_while_nobody_has_it() -> None:
    async with MemoryStore() as store:
        run = await order(store, "one")
        async with Embedded(store, CATALOG, unload_after=0):
            await status(run, "waiting")
        asked = await question(run)
        await run.answer(asked.id, "later")
        assert (await run.record()).status == "queued"
        async with Embedded(store, CATALOG):
            assert await replies(run) == ["You said later."]


async def test_an_answer_while_no_process_runs_is_found_by_the_next() -> None:
    async with MemoryStore() as store:
        run = await order(store, "one")
        async with Embedded(store, CATALOG):
            asked = await question(run)
        await run.answer(asked.id, "meanwhile")
        async with Embedded(store, CATALOG):
            assert await replies(run) == ["You said meanwhile."]


@pytest.mark.parametrize("unload_after", [0.0, 60.0])
async def test_several_questions_are_all_there_and_answered_in_any_order(
    unload_after: float,
) -> None:
    async with MemoryStore() as store:
        run = await order(store, "several")
        async with Embedded(store, CATALOG, unload_after=unload_after):
            async with asyncio.timeout(PATIENCE):
                while len(open_ones := await run.questions()) < 3:
                    await asyncio.sleep(0.005)
            for asked in sorted(open_ones, key=lambda one: one.question["text"], reverse=True):
                await run.answer(asked.id, asked.question["text"][0].lower())
            last = await question(run)
            assert last.question["text"] == "D?"
            await run.answer(last.id, "d")
            assert await replies(run) == ["abcd"]


async def test_an_approval_may_change_the_call() -> None:
    async with MemoryStore() as store:
        run = await order(store, "approved")
        async with Embedded(store, CATALOG, unload_after=0):
            asked = await question(run)
            assert asked.call == ToolCall(id="1", name="shell", args={"command": "rm x"})
            edited = {"allow": True, "call": {"args": {"command": "rm y"}}}
            await run.answer(asked.id, edited)
            assert await replies(run) == ["True: rm y"]


async def test_only_the_first_answer_counts() -> None:
    async with MemoryStore() as store:
        run = await order(store, "one")
        async with Embedded(store, CATALOG):
            asked = await question(run)
            both = [run.answer(asked.id, word) for word in ("first", "second")]
            outcomes = await asyncio.gather(*both, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [type(None), AlreadyAnswered]
            assert await replies(run) == ["You said first."]


@pytest.mark.parametrize("unload_after", [0.0, 60.0])
async def test_who_does_not_answer_in_time_has_given_the_default(unload_after: float) -> None:
    now = datetime.datetime.now(datetime.UTC)
    later = now + datetime.timedelta(hours=1)
    async with MemoryStore() as store:
        run = await order(store, "patient")
        async with Embedded(store, CATALOG, unload_after=unload_after):
            asked = await question(run)
            assert asked.expires_at is not None
            assert asked.default == "by default"
            if unload_after == 0:
                await status(run, "waiting")
        async with Embedded(store, CATALOG, clock=lambda: later):
            assert await replies(run) == ["by default"]


async def test_a_timeout_of_the_program_ends_its_wait() -> None:
    async with MemoryStore() as store:
        run = await order(store, "handles")
        async with Embedded(store, CATALOG):
            assert await replies(run) == ["too late"]
        assert not await run.questions(), "withdrawn with the end of the run"


class Bells:
    """Claims whose bell never rings, as if every hint was lost."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.claims = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store if hasattr(self._store, name) else self._store.claims, name)

    def bell(self) -> Any:
        return Silent()


class Silent:
    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> str:
        await asyncio.Event().wait()
        raise StopAsyncIteration


async def test_an_answer_of_which_no_bell_tells_is_found_by_looking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("retinue.runs._embedded._LOOK", 0.05)
    async with MemoryStore() as store:
        run = await order(store, "one")
        silent: Any = Bells(store)
        async with Embedded(silent, CATALOG, lease=1):
            await answer_when_asked(run, "tea")
            assert await replies(run) == ["You said tea."]


async def test_an_answer_may_come_before_the_one_who_asks_waits_for_it() -> None:
    """As soon as the question is in the store; its writer may not know yet that it is."""

    class Hasty(Bells):
        async def write(self, claim: Any, number: int, *changes: Any) -> Any:
            written = await self._store.claims.write(claim, number, *changes)
            for asked in await run.questions():
                await run.answer(asked.id, "quick")
            await asyncio.sleep(0.02)
            return written

    async with MemoryStore() as store:
        run = await order(store, "one")
        hasty: Any = Hasty(store)
        async with Embedded(hasty, CATALOG):
            assert await replies(run) == ["You said quick."]


@pytest.mark.parametrize("unload_after", [0.0, 60.0])
async def test_a_run_that_waits_can_be_stopped(unload_after: float) -> None:
    async with MemoryStore() as store:
        run = await order(store, "several")
        async with Embedded(store, CATALOG, unload_after=unload_after):
            asked = await question(run)
            if unload_after == 0:
                await status(run, "waiting")
            await run.stop()
            async with asyncio.timeout(PATIENCE):
                assert (await run.ended()).reason == "stopped"
        assert not await run.questions()
        with pytest.raises(AlreadyAnswered):
            await run.answer(asked.id, "late")
        with pytest.raises(RunError, match="stopped"):
            await run.replies()


async def test_a_denied_call_ends_the_run() -> None:
    book = Notebook()

    @tool(effect="once")
    async def burn(what: str) -> str:
        """Burn it."""
        book.note(what)
        return "burnt"

    async def approve(call: ToolCall, _: Any) -> bool:
        answer = await ask({"kind": "approval", "text": "May I?", "call": call}, nobody)
        return bool(answer)

    def make(allowed: str) -> Agents:
        model = Scripted(ToolCall(id="1", name="burn", args={"what": allowed}), "done")
        return Agents(assistant("host", model=model, tools=Approved([burn], approve)))

    for allowed, reason in ((True, "done"), (False, "denied")):
        async with MemoryStore() as store:
            run = await order(store, "host")
            async with Embedded(store, make(str(allowed)), unload_after=0.05):
                await answer_when_asked(run, allowed)
                async with asyncio.timeout(PATIENCE):
                    assert (await run.ended()).reason == reason
    assert book.lines == ["True"]


async def test_questions_are_put_when_what_they_depend_on_is_written() -> None:
    async with MemoryStore() as store:
        run = await order(store, "one")
        async with Embedded(store, CATALOG, unload_after=0), person(run, lambda _: "x"):
            await replies(run)
        events = await log_of(store, run)
        asked = next(n for n, event in enumerate(events) if isinstance(event, InterruptAsked))
        answered = next(n for n, event in enumerate(events) if isinstance(event, InterruptAnswered))
        ended = next(n for n, event in enumerate(events) if isinstance(event, RunEnded))
        assert asked < answered < ended
