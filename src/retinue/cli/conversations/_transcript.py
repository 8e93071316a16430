"""Transcript: all that was said in a conversation, the oldest first."""

from retinue.app.retinue import Retinue
from retinue.messages import Message, Messages
from retinue.storage import Page

_AT_ONCE = 1_000


async def transcript(retinue: Retinue, conversation: str) -> Messages:
    """What was said to the agent and what it replied."""
    pages: list[Page[Message]] = []
    cursor: str | None = None
    while not pages or cursor is not None:
        page = await retinue.log.messages(conversation, cursor=cursor, limit=_AT_ONCE)
        pages.append(page)
        cursor = page.cursor
    return Messages([message for page in reversed(pages) for message in page.items])
