"""A person at the console, with a chat history if there is one."""

from typing import Final

from retinue.agents import human
from retinue.dialects.miniagents.miniagents import InteractionContext, miniagent

from .history_agents import ChatHistory

_PERSON: Final = human("user", prompt="USER: ")


@miniagent
async def console_user_agent(
    ctx: InteractionContext, chat_history: ChatHistory | None = None
) -> None:
    """Shows the messages while they come, then asks for a line.

    With a chat history it keeps what is new: what came after the person's own last line, and the
    next one. Asked with no line of that person, it replies with all of the history before.
    """
    words = _PERSON.inquire(ctx.message_promises)
    if chat_history is None:
        ctx.reply(words)
        return
    said = await ctx.message_promises
    own = [at for at, message in enumerate(said) if message.agent == _PERSON.name]
    await chat_history.aappend(*said[own[-1] + 1 if own else 0 :])
    line = await words
    if not own:
        ctx.reply(await chat_history.aload_chat_history())
    ctx.reply(line)
    await chat_history.aappend(*line)


__all__ = ["console_user_agent"]
