"""Keep: how long a conversation is kept after it was last changed."""

import re

from retinue.app.retinue import Retinue
from retinue.cli._screen import Screen
from retinue.cli._store import conversation_of
from retinue.errors import UsageError

_MOST = 36_500
"""Days; nobody needs to say more than a hundred years."""


async def keep(retinue: Retinue, prefix: str, days: str, screen: Screen) -> None:
    """Keep it for so many days.

    Raises:
        UsageError: That is no number of days.
    """
    if re.fullmatch(r"\d{1,5}(\.\d+)?", days, re.ASCII) is None or not 0 < float(days) <= _MOST:
        raise UsageError(
            f"{days!r} is no number of days", hint=f"A number up to {_MOST:,}; 0.5 is half a day."
        )
    thread = await conversation_of(retinue, prefix, screen.program)
    await retinue.log.change(thread.id, keep_days=float(days))
    count = "1 day" if float(days) == 1 else f"{float(days):g} days"
    screen.write(f"{thread.id} is kept for {count} after it was last changed.\n")
