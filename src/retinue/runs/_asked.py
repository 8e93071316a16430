"""Asked: what a run has to answer."""

import json
from typing import Final

from retinue.messages import Message
from retinue.storage import Log, RunRecord

_HISTORY: Final = 2_000
"""So many messages of its conversation a run is given, at most."""


async def asked(log: Log, run: RunRecord) -> tuple[Message, ...]:
    """Its conversation to what it was ordered with, without what it was ordered to leave out."""
    page = await log.messages(run.conversation, until=run.seq, limit=_HISTORY)
    without = frozenset(json.loads(run.options).get("without", ()))
    return tuple([message for message in page.items if message.id not in without])
