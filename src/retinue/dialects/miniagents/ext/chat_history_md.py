"""The chat history in a Markdown file."""

from .history_agents import ChatHistoryMD

__all__ = ["ChatHistoryMD"]
