"""Retry: a run that is over is ordered again, with the same question."""

from retinue.app.retinue import Retinue
from retinue.cli._store import run_of
from retinue.errors import Busy
from retinue.messages import Message
from retinue.messages.events import MessageEnded
from retinue.storage import Order, RunRecord


async def order_again(retinue: Retinue, prefix: str, *, program: str) -> RunRecord:
    """Order it, in the same conversation; the new run.

    Raises:
        UsageError: There is no such run, or there are several.
        Busy: It is not over.
    """
    old = await run_of(retinue, prefix, program)
    if old.status != "ended":
        raise Busy(f"{old.id} is not over", hint=f"Stop it first: {program} tasks stop {old.id}")
    order = Order(
        conversation=old.conversation,
        agent=old.agent,
        version=old.version,
        messages=await _asked(retinue, old),
        options=old.options,
        background=True,
    )
    return await retinue.runs.order(order)


async def _asked(retinue: Retinue, run: RunRecord) -> tuple[Message, ...]:
    """What the run was ordered with, as if it were said anew."""
    after = await _seq_of_the_one_before(retinue, run)
    events = await retinue.log.events(run.conversation, after=after, limit=run.seq - after)
    return tuple(
        [
            event.message.replaced()
            for event in events
            if isinstance(event, MessageEnded) and event.run is None
        ]
    )


async def _seq_of_the_one_before(retinue: Retinue, run: RunRecord) -> int:
    """Up to where the log has what runs before this one were ordered with; 0 where it has none."""
    found, cursor = 0, None
    while True:
        page = await retinue.runs.runs(conversation=run.conversation, cursor=cursor)
        found = max([found, *[one.seq for one in page.items if one.seq < run.seq]])
        if page.cursor is None:
            return found
        cursor = page.cursor
