"""Chat histories, and agents that keep them."""

from functools import cached_property
from pathlib import Path

from retinue.dialects.miniagents.messages import Message, MessageType
from retinue.dialects.miniagents.miniagents import InteractionContext, MiniAgent, miniagent
from retinue.dialects.miniagents.promising.ext.frozen import Frozen
from retinue.messages import Messages, history


class ChatHistory:
    """A conversation that is kept, and the agents that read and write it.

    Args:
        kept: Where it is kept: anything with `load` and `append`. Extend this class to choose.
    """

    def __init__(self, kept: history.ChatHistory) -> None:
        self._kept = kept

    async def aload_chat_history(self) -> Messages:
        """All messages that are kept, oldest first."""
        return await self._kept.load()

    async def aappend(self, *messages: MessageType) -> None:
        """Keep these after all others, each when it is whole; keeping one twice changes nothing."""
        await self._kept.append(*messages)

    @cached_property
    def logging_agent(self) -> MiniAgent:
        """Keeps what it is asked with, and hands the same on, while it comes."""

        @miniagent
        async def logging_agent(ctx: InteractionContext) -> None:
            ctx.reply(ctx.message_promises)
            await self.aappend(ctx.message_promises)

        return logging_agent

    @cached_property
    def history_agent(self) -> MiniAgent:
        """Keeps what it is asked with, and replies with everything that is kept."""

        @miniagent
        async def history_agent(ctx: InteractionContext) -> None:
            await self.aappend(ctx.message_promises)
            ctx.reply(await self.aload_chat_history())

        return history_agent


class InMemoryChatHistory(ChatHistory):
    """A chat history that is gone with the program."""

    def __init__(self) -> None:
        super().__init__(history.MemoryHistory())


class ChatHistoryMD(ChatHistory):
    """A chat history in a Markdown file that a person can read and edit.

    Args:
        chat_md_file: Where it is; made with its first message.
    """

    def __init__(self, chat_md_file: str | Path) -> None:
        super().__init__(history.MarkdownHistory(chat_md_file, classes=(Message, Frozen)))


__all__ = ["ChatHistory", "ChatHistoryMD", "InMemoryChatHistory"]
