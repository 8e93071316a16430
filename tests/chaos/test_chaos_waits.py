"""A run is unloaded whenever it waits for a person, and goes on in another process each time."""

import asyncio
from pathlib import Path

from retinue.messages.events import InterruptAsked, TurnEnded, TurnStarted
from retinue.runs import Embedded

from ._pace import Sleeping
from ._program import Program, answers_in, noted, split
from ._survival import Person, check, log_of, opened, ordered, until
from ._worker import Job
from ._workers import Workers

ASKERS = 3
QUESTIONS = 3


async def test_each_answer_is_met_by_a_process_of_its_own(
    address: str, workers: Workers, tmp_path: Path
) -> None:
    job = Job(store=address, folder=str(tmp_path), latency=0.002, unload_after=0)
    async with asyncio.timeout(40), opened(address) as store:
        run = await ordered(store, "panel")

        async def is_waiting() -> bool:
            return (await run.record()).status == "waiting"

        for n in range(ASKERS * QUESTIONS):
            async with workers.start(job):
                await until(is_waiting)
            asked = await run.questions()
            assert len(asked) == min(ASKERS, ASKERS * QUESTIONS - n)
            await run.answer(asked[0].id, f"answer {n}")
            assert (await run.record()).status == "queued"
        async with workers.start(job):
            replies = await run.replies()
        assert (await run.record()).epoch == ASKERS * QUESTIONS + 1
        log = await log_of(store, run)
    said = [split(text)[1] for text in answers_in(tuple(replies))]
    assert [text.partition(" answer ")[0] for text in said] == [
        f"asker {asker} {question}" for asker in range(ASKERS) for question in range(QUESTIONS)
    ]
    assert len({text.partition(" answer ")[2] for text in said}) == ASKERS * QUESTIONS
    assert len(noted(tmp_path / "calls")) == ASKERS * QUESTIONS
    asked_for = [event.interrupt for event in log if isinstance(event, InterruptAsked)]
    assert len(asked_for) == len(set(asked_for)) == ASKERS * QUESTIONS
    started = [event.turn for event in log if isinstance(event, TurnStarted)]
    ended = [event.turn for event in log if isinstance(event, TurnEnded)]
    assert len(set(started)) == len(started) == 1 + ASKERS + ASKERS * QUESTIONS
    assert sorted(map(str, started)) == sorted(map(str, ended))
    assert noted(tmp_path / "stderr") == []


async def test_the_whole_program_is_unloaded_at_its_wait(address: str, tmp_path: Path) -> None:
    async with asyncio.timeout(40), opened(address) as store:
        run = await ordered(store, "conductor")
        async with Embedded(store, Program(tmp_path, Sleeping(0.002)), unload_after=0) as engine:

            async def is_waiting() -> bool:
                return (await run.record()).status == "waiting"

            await until(is_waiting)
            await engine.idle()
            await Person(run, tmp_path).attend()
        await check(store, run, tmp_path)
        assert (await run.record()).epoch == 2
