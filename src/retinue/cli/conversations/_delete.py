"""Delete: erase conversations, once a person has said yes to exactly these."""

import sys
from collections.abc import Sequence
from typing import NamedTuple

from retinue.app.retinue import Retinue
from retinue.cli._brief import cut, width_of
from retinue.cli._kept import Conversations
from retinue.cli._screen import Screen
from retinue.cli._store import conversation_of, in_store
from retinue.errors import Busy, UsageError
from retinue.settings import Settings
from retinue.telemetry.terminal import is_live

from ._transcript import transcript


class _Doomed(NamedTuple):
    """A conversation that is to be erased, and what is in it."""

    id: str
    title: str
    messages: int
    files: int


def delete(line: Conversations, settings: Settings, screen: Screen) -> None:
    """Erase them: what was said, runs and what they ask, and files nobody else uses.

    Raises:
        Busy: An answer in one of them is not finished. None is erased then.
        UsageError: Nobody can be asked.
    """

    async def find(retinue: Retinue) -> list[_Doomed]:
        return await _found(retinue, line.words, screen)

    async def erase(retinue: Retinue) -> None:
        for one in doomed:
            await retinue.log.delete(one.id)
            screen.write(f"Deleted: {_name(one, screen)}\n")

    doomed = in_store(settings, find)
    if line.yes or _is_wanted(doomed, screen):  # while nothing is open, and Ctrl-C just ends it
        in_store(settings, erase)
    else:
        screen.remark("nothing was deleted")


async def _found(retinue: Retinue, prefixes: Sequence[str], screen: Screen) -> list[_Doomed]:
    threads = [await conversation_of(retinue, prefix, screen.program) for prefix in prefixes]
    doomed: list[_Doomed] = []
    for thread in {thread.id: thread for thread in threads}.values():
        await _refuse_unfinished(retinue, thread.id, screen)
        messages = len(await transcript(retinue, thread.id))
        files = len(await retinue.blobs.blobs(thread.id))
        doomed.append(_Doomed(thread.id, thread.title or "(without a title)", messages, files))
    return doomed


async def _refuse_unfinished(retinue: Retinue, conversation: str, screen: Screen) -> None:
    unfinished = ("queued", "running", "waiting")
    page = await retinue.runs.runs(conversation=conversation, status=unfinished, limit=1)
    for run in page.items:
        raise Busy(
            f"An answer in {conversation} is not finished, so nothing was deleted",
            hint=f"Stop it first: {screen.program} tasks stop {run.id}",
        )


def _is_wanted(doomed: Sequence[_Doomed], screen: Screen) -> bool:
    if not (is_live(sys.stdin) and screen.look.live):
        raise UsageError("Nobody can be asked whether that is wanted", hint="Say so with --yes.")
    for one in doomed:
        screen.write(f"  {_name(one, screen)}\n")
    what = "this conversation" if len(doomed) == 1 else f"these {len(doomed)} conversations"
    screen.write(screen.look.paint(f"Delete {what} for good? [y/N]", "bold") + " ")
    screen.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _name(one: _Doomed, screen: Screen) -> str:
    """The conversation and what is in it, on one line."""
    said = _count(one.messages, "message")
    held = f"{said}, {_count(one.files, 'file')}" if one.files else said
    room = width_of(screen) - len(f"Deleted: {one.id}    ({held})")
    return f"{one.id}  {cut(one.title, room)}  ({held})"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
