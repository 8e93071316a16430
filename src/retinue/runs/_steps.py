"""Steps: what a turn did that is not done again, and effects, which happen once or are asked about.

An effect that is lost between intent and result cannot be told from one that never happened, so a
person is asked; it is never repeated in silence.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from retinue.errors import BudgetExceeded, Fenced, NothingRecorded
from retinue.messages import ToolResult, content_hash, freeze
from retinue.steps import Effect, Settle, Work
from retinue.storage import Amount, Entry, Reserved, Spent

from ._addresses import address_of
from ._asking import did_it_happen
from ._commits import Fact, all_facts
from ._quiet import turn_is_quiet
from ._records import StepRecord

if TYPE_CHECKING:
    from ._recorder import TurnRecorder


_LOOK: Final = 0.05
"""Seconds between two looks whether a turn, begun anew, comes to what it had done."""


async def step[T](turn: "TurnRecorder", name: str, work: Work[T], args: Any, effect: Effect) -> T:
    """Do it, or give what it gave; see `retinue.steps.Recorder.step`."""
    digest = content_hash(args)
    count = turn.count(
        ("step", name, digest), f"The step {name!r} is done", "Tell them apart by `args=...`."
    )
    address = address_of(turn.address, "step", name, digest, count)
    past = turn.run.past
    known = past.step(address)
    if effect != "none":
        past.claim(turn.address, address)
    if known is not None and known.state == "done":
        return _again(StepRecord.from_json(known.body))
    plan = turn.run.plan
    if plan is not None and plan.offline:
        raise NothingRecorded(
            f"{turn.agent!r} does something that it had not done: {name}",
            hint="The program has changed since; rehearse it from a turn on instead.",
        )
    if effect != "none":
        await all_facts(turn.needs())
        await _all_claimed(turn)
    if known is not None and effect == "once":
        answer = await did_it_happen(turn, address, name, args)
        if answer is not None:
            result = _as_result(name, args, answer)
            return _again(_keep(turn, address, StepRecord(name=name, effect=effect, result=result)))
    if effect != "none":
        await _intend(turn, address, StepRecord(name=name, effect=effect, args=args))
    try:
        result = freeze(await work(address))
    except Exception as error:  # an outcome like any other
        _keep(turn, address, StepRecord(name=name, effect=effect, error=error))
        raise
    _keep(turn, address, StepRecord(name=name, effect=effect, result=result))
    return result


async def reserve(turn: "TurnRecorder", amounts: dict[str, float]) -> Settle:
    """Set amounts aside in every purse that the turn is paid from, or raise BudgetExceeded."""
    run = turn.run
    purses = run.purses(turn.agent)
    address = run.new_reservation(turn)
    wanted = _from(purses, amounts)
    if not wanted:
        return _nothing_aside
    try:
        await run.writer.write(Reserved(address=address, amounts=wanted))
    except BudgetExceeded as error:
        names = " and ".join(sorted({one.unit for one in wanted}))
        raise BudgetExceeded(
            f"The budget of this run does not allow what {turn.agent!r} wants next ({names})",
            hint="Allow the run more, or ask for less.",
        ) from error

    def settle(**spent: float) -> None:
        run.put(Spent(address=address, amounts=_from(purses, spent)))

    return settle


def _from(
    purses: Mapping[str, Mapping[str, float]], amounts: Mapping[str, float]
) -> tuple[Amount, ...]:
    return tuple(
        [
            Amount(purse=purse, unit=unit, amount=amounts[unit], limit=limit)
            for purse, limits in purses.items()
            for unit, limit in limits.items()
            if unit in amounts
        ]
    )


def _nothing_aside(**amounts: float) -> None:
    """There is no limit."""


async def _intend(turn: "TurnRecorder", address: str, record: StepRecord) -> None:
    """An effect waits until all that it depends on is written, and its intent of this time.

    It may happen as long as nobody else can have taken the run up since that was written.
    """
    run = turn.run
    if record.effect == "once":
        run.put(_entry(turn, address, "intent", replace(record, epoch=run.attempt)))
    for check in (run.writer.durable, run.writer.write):
        until = run.held_until()
        await check()
        if run.halted:
            break
        if time.monotonic() < until:
            return
    run.halt()  # this process was silent for long: nothing of it may be done, or recorded
    raise Fenced("This process was silent for so long that others may have taken over its runs")


async def _all_claimed(turn: "TurnRecorder") -> None:
    """A new effect waits until its turn, begun anew, has come again to those it had.

    If it never does, this is another effect in the place of one that happened: a person decides.
    """
    past, run = turn.run.past, turn.run
    if not past.effects(turn.address):
        return
    task = asyncio.current_task()
    assert task is not None
    turn.holding.add(task)
    try:
        while past.effects(turn.address):
            await asyncio.sleep(_LOOK)
            if past.effects(turn.address) and turn_is_quiet(turn, turn.holding):
                decided = asyncio.Event()
                run.diverged(turn, "wants to do something else than it had done", decided.set)
                with run.waiting():
                    await decided.wait()
    finally:
        turn.holding.discard(task)


def _keep(turn: "TurnRecorder", address: str, record: StepRecord) -> StepRecord:
    """An effect that happened is a fact; all else may come of what may never become one."""
    entry = _entry(turn, address, "done", record)
    needs = turn.needs() if record.effect == "none" else ()
    Fact(turn).happened(lambda: turn.run.put(entry), needs)
    return record


def _entry(turn: "TurnRecorder", address: str, state: Any, record: StepRecord) -> Entry:
    return Entry(
        address=address, kind="step", turn=turn.address, state=state, body=record.to_json()
    )


def _as_result(name: str, args: Any, answer: Any) -> Any:
    """What a person says that a step gave, in the form that its caller expects."""
    if name != "tool_call":
        return answer
    tool, _, call_id = args
    return ToolResult(call_id=call_id, name=tool, content=str(answer), source=f"tool:{tool}")


def _again(record: StepRecord) -> Any:
    if record.error is not None:
        raise record.error
    return record.result
