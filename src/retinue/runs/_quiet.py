"""Quiet: whether all that goes on in a run, or in a turn, waits for a person."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from retinue.promise import Watch
from retinue.steps import recorder

if TYPE_CHECKING:
    from ._execution import Execution
    from ._recorder import TurnRecorder

type _Task = asyncio.Task[Any]


def is_quiet(run: "Execution") -> bool:
    """Whether every task of the run waits for a person, or for another task of it."""
    tasks = _tasks(run)
    return all_wait(run.hub.watch, tasks, among=set(tasks), excused=run.asking)


def turn_is_quiet(turn: "TurnRecorder", holding: set[_Task]) -> bool:
    """Whether every task of the turn is held up, or waits for a person, or for such a task."""
    run = turn.run
    tasks = _tasks(run)
    own = {task for task, its in tasks.items() if its is turn}
    return all_wait(run.hub.watch, own, among=set(tasks), excused=holding | run.asking)


def all_wait(
    watch: Watch, tasks: Iterable[_Task], *, among: set[_Task], excused: set[_Task]
) -> bool:
    """Whether each of these tasks, and whatever it waits for, is excused or waits.

    Args:
        watch: Knows what they wait for.
        tasks: Which.
        among: What they may wait for.
        excused: Those of which nothing is asked.
    """
    seen = set(tasks)
    todo = list(seen)
    while todo:
        task = todo.pop()
        if task in excused:
            continue
        awaited = watch.awaited(task)
        if awaited is None or not among.issuperset(awaited):
            return False
        todo += set(awaited) - seen
        seen.update(awaited)
    return True


def _tasks(run: "Execution") -> "dict[_Task, Any]":
    """All tasks of the run, and the recorder of the turn that each belongs to."""
    found = {task: task.get_context().get(recorder) for task in asyncio.all_tasks()}
    return {task: its for task, its in found.items() if getattr(its, "run", None) is run}
