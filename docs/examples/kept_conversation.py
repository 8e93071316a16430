"""A conversation that is kept, and read again."""

from retinue import Message
from retinue.messages.events import MessageEnded
from retinue.storage import open_store


async def main(where: str = "memory:") -> list[str]:
    store = await open_store(where)
    log = store.log("ann")
    conversation = await log.begin(title="Tea")
    said = MessageEnded(message=Message("Is there tea?", role="user"))
    await log.append(conversation.id, said)
    transcript = await log.messages(conversation.id)
    await store.close()
    return [message.text for message in transcript.items]
