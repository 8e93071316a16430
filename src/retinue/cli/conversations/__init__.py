"""Conversations: what is kept of what was said: listed, read, searched, taken along, deleted."""

from retinue.app.retinue import Retinue
from retinue.cli._exits import DONE
from retinue.cli._kept import Conversations
from retinue.cli._opening import open_settings
from retinue.cli._screen import Screen
from retinue.cli._store import in_store

from ._delete import delete
from ._export import export
from ._keep import keep
from ._list import show_list
from ._search import search
from ._show import show


def run(line: Conversations, screen: Screen) -> int:
    """Do what was said about conversations; the exit code."""
    settings = open_settings(line.flags, screen)
    if line.do == "delete":
        delete(line, settings, screen)
        return DONE

    async def work(retinue: Retinue) -> None:
        match line.do:
            case "list":
                await show_list(retinue, line, screen)
            case "show":
                await show(retinue, line.words[0], screen, as_json=line.json)
            case "search":
                await search(retinue, line, screen)
            case "export":
                await export(retinue, line, screen)
            case _:
                id, days = line.words
                await keep(retinue, id, days, screen)

    in_store(settings, work)
    return DONE
