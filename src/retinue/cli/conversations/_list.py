"""List: conversations of this folder, or of all; the one that changed last comes first."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from retinue.app.retinue import Retinue
from retinue.cli._brief import age, brief_ids, columns, cut, now, width_of
from retinue.cli._kept import Conversations
from retinue.cli._screen import Screen
from retinue.cli._store import folder_here
from retinue.messages import Message
from retinue.storage import Conversation


async def show_list(retinue: Retinue, line: Conversations, screen: Screen) -> None:
    """What each is about, and what was said last."""
    folder = None if line.all else folder_here()
    page = await retinue.log.conversations(folder=folder, limit=line.limit)
    threads = page.items
    last = {thread.id: await last_message(retinue, thread.id) for thread in threads}
    if line.json:
        found = [as_dict(thread) | {"last": _words(last[thread.id]) or None} for thread in threads]
        written = {"v": 1, "conversations": found}
        screen.write(f"{json.dumps(written, ensure_ascii=False, indent=2)}\n")
        return
    if not threads:
        none = f"no conversation was begun in {folder}. All: {screen.program} conversations --all"
        screen.remark("there are no conversations yet" if line.all else none)
        return
    screen.write("".join(_lines(threads, last, screen, with_folder=line.all)))
    if page.cursor is not None:
        more = f"{screen.program} conversations --limit {line.limit * 2}"
        screen.remark(f"there are more: {more}, or search")


def as_dict(thread: Conversation) -> dict[str, Any]:
    """The conversation for a script."""
    return {
        "id": thread.id,
        "title": thread.title,
        "folder": thread.folder,
        "created_at": thread.created_at.isoformat(),
        "changed_at": thread.changed_at.isoformat(),
        "keep_days": thread.keep_days,
    }


async def last_message(retinue: Retinue, conversation: str) -> Message | None:
    page = await retinue.log.messages(conversation, limit=1)
    return page.items[0] if page.items else None


def _lines(
    threads: Sequence[Conversation],
    last: Mapping[str, Message | None],
    screen: Screen,
    *,
    with_folder: bool,
) -> Iterator[str]:
    paint, width, at = screen.look.paint, width_of(screen), now()
    ids = brief_ids(last)
    rows = [(ids[t.id], age(t.changed_at, at), t.title or "(without a title)") for t in threads]
    for thread, (id, old, title) in zip(threads, columns(rows), strict=True):
        room = width - len(f"{id}  {old}  ")
        shown = cut(title, room)
        rest = (thread.folder or "") if with_folder else _news(title, last[thread.id])
        beside = cut(rest, room - len(f"{shown}  "))
        about = f"{shown}  {paint(beside, 'dim')}" if beside else shown
        yield f"{paint(id, 'bold')}  {paint(old, 'dim')}  {about}\n"


def _news(title: str, last: Message | None) -> str:
    """What was said last, where that is not what the title says."""
    words = _words(last)
    return "" if words.startswith(cut(title, len(title))) else words


def _words(message: Message | None) -> str:
    return "" if message is None else " ".join(message.text.split())
