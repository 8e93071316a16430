"""Quiet: whether all that goes on in a run, or in a turn, waits for a person."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from retinue.promise import Watch
from retinue.steps import recorder

if TYPE_CHECKING:
    from ._execution import Execution
    from ._recorder import TurnRecorder

type _Task = asyncio.Task[Any]


def is_quiet(run: "Execution") -> bool:
    """Whether every task of the run waits for a person, or for another task of it."""
    tasks = _tasks(lambda turn: turn is not None and getattr(turn, "run", None) is run)
    return all_wait(run.hub.watch, tasks, run.asking)


def turn_is_quiet(turn: "TurnRecorder", holding: set[_Task]) -> bool:
    """Whether every task of the turn itself is held up, or waits for another task of the run."""
    tasks = _tasks(lambda other: other is turn)
    return all_wait(turn.run.hub.watch, tasks, holding | turn.run.asking)


def all_wait(watch: Watch, tasks: set[_Task], excused: set[_Task]) -> bool:
    """Whether each of these tasks is excused, or waits for a promise or for others of them."""
    for task in tasks - excused:
        awaited = watch.awaited(task)
        if awaited is None or not tasks.issuperset(awaited):
            return False
    return True


def _tasks(fits: Callable[[Any], bool]) -> set[_Task]:
    return {task for task in asyncio.all_tasks() if fits(task.get_context().get(recorder))}
