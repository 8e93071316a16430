"""Small values of one owner under names, in memory."""

import json
from typing import Any

from ._tables import Tables


class MemoryNotes:
    """See `Notes`."""

    def __init__(self, tables: Tables, owner: str) -> None:
        self._tables = tables
        self._owner = owner

    async def get(self, name: str) -> Any:
        return json.loads(self._tables.of(self._owner).notes.get(name, "null"))

    async def put(self, name: str, value: Any) -> None:
        self._tables.of(self._owner).keep_note(name, value)

    async def names(self, prefix: str = "") -> tuple[str, ...]:
        notes = self._tables.of(self._owner).notes
        return tuple(sorted([name for name in notes if name.startswith(prefix)]))
