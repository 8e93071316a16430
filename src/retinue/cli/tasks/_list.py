"""List: the background runs, where each of them stands, and what it waits for."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from retinue.app.retinue import Retinue
from retinue.cli._answers import interrupt_as_dict, open_questions, words_of
from retinue.cli._brief import age, brief_ids, columns, cut, now, width_of
from retinue.cli._screen import Screen
from retinue.storage import Interrupt, RunRecord

_COLOURS: Final = {"done": "green", "running": "cyan", "asks": "yellow", "queued": "dim"}

type _Asked = Mapping[str, Sequence[Interrupt]]


async def show_tasks(retinue: Retinue, screen: Screen, *, limit: int, as_json: bool) -> None:
    """The newest first."""
    page = await retinue.runs.runs(background=True, limit=limit)
    tasks = page.items
    asked: defaultdict[str, list[Interrupt]] = defaultdict(list)
    for one in await open_questions(retinue.runs):
        asked[one.run].append(one)
    words = {task.id: await _words(retinue, task) for task in tasks}
    if as_json:
        found = [_as_dict(task, words[task.id], asked[task.id]) for task in tasks]
        screen.write(f"{json.dumps({'v': 1, 'tasks': found}, ensure_ascii=False, indent=2)}\n")
        return
    if not tasks:
        hint = f'To start one: {screen.program} run AGENT "task" --background'
        screen.remark(f"there are no tasks. {hint}")
        return
    screen.write("".join(_lines(tasks, words, asked, screen)))
    if any(asked[task.id] for task in tasks):
        screen.remark(f"to answer: {screen.program} inbox")
    if page.cursor is not None:
        screen.remark(f"there are more: {screen.program} tasks --limit {limit * 2}")


async def _words(retinue: Retinue, task: RunRecord) -> str:
    """What it was asked."""
    page = await retinue.log.messages(task.conversation, until=task.seq, limit=1)
    return page.items[0].text if page.items else ""


def _lines(
    tasks: Sequence[RunRecord], words: Mapping[str, str], asked: _Asked, screen: Screen
) -> Iterator[str]:
    paint, width, at = screen.look.paint, width_of(screen), now()
    ids = brief_ids([*words, *[one.id for some in asked.values() for one in some]])
    states = {task.id: _state(task, asked[task.id]) for task in tasks}
    rows = [
        (ids[task.id], states[task.id], age(task.created_at, at), task.agent, words[task.id])
        for task in tasks
    ]
    for task, (id, state, old, agent, said) in zip(tasks, columns(rows), strict=True):
        used = len(f"{id}  {state}  {old}  {agent}  ")
        colour = _COLOURS.get(states[task.id], "red")
        about = f"{paint(old, 'dim')}  {agent}  {cut(said, width - used)}"
        yield f"{paint(id, 'bold')}  {paint(state, colour)}  {about}".rstrip() + "\n"
        for one in asked[task.id]:
            indent = " " * (len(id) + 2)
            wants = f"{_wants(one)} ({ids[one.id]})"
            yield f"{indent}{paint(cut(wants, width - len(indent)), 'yellow')}\n"


def _wants(asked: Interrupt) -> str:
    """What it asks, on one line."""
    if asked.call is not None:
        return f"may it use {asked.call.name}?"
    return words_of(asked)[0]


def _state(task: RunRecord, asked: Sequence[Interrupt]) -> str:
    if task.status == "ended":
        return task.reason or "done"
    return "asks" if asked else task.status


def _as_dict(task: RunRecord, words: str, asked: Sequence[Interrupt]) -> dict[str, Any]:
    return {
        "id": task.id,
        "conversation": task.conversation,
        "agent": task.agent,
        "status": task.status,
        "reason": task.reason,
        "asked": words,
        "created_at": task.created_at.isoformat(),
        "changed_at": task.changed_at.isoformat(),
        "questions": [interrupt_as_dict(one) for one in asked],
    }
