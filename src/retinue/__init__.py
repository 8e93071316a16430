"""Retinue: agents that stream to one another, for Python.

    from retinue import Scope, Turn, agent, assistant

Everything a program needs is in this one window; the rooms behind it load when they are looked at.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agents import (
        AWAIT,
        Agent,
        Turn,
        agent,
        assistant,
        chain_loop,
        dialog_loop,
        human,
    )
    from .app.retinue import Retinue
    from .errors import RetinueError
    from .messages import (
        ErrorMessage,
        Message,
        MessagePromise,
        Messages,
        MessageSequencePromise,
    )
    from .messages.history import ChatHistory, MarkdownHistory, MemoryHistory
    from .messages.text import join_messages, split_messages
    from .models import find_model
    from .promise import Promise, Scope, StreamAppender, StreamedPromise, run
    from .tools import tool

__version__ = "0.1.0"

_ROOMS = {
    "app.retinue": "Retinue",
    "agents": "AWAIT Agent Turn agent assistant chain_loop dialog_loop human",
    "errors": "RetinueError",
    "messages": "ErrorMessage Message MessagePromise MessageSequencePromise Messages",
    "messages.history": "ChatHistory MarkdownHistory MemoryHistory",
    "messages.text": "join_messages split_messages",
    "models": "find_model",
    "promise": "Promise Scope StreamAppender StreamedPromise run",
    "tools": "tool",
}
_WHERE = {name: room for room, names in _ROOMS.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    room = _WHERE.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{room}"), name)
    return value


def __dir__() -> list[str]:
    return sorted([*_WHERE, "__version__"])


__all__ = [
    "AWAIT",
    "Agent",
    "ChatHistory",
    "ErrorMessage",
    "MarkdownHistory",
    "MemoryHistory",
    "Message",
    "MessagePromise",
    "MessageSequencePromise",
    "Messages",
    "Promise",
    "Retinue",
    "RetinueError",
    "Scope",
    "StreamAppender",
    "StreamedPromise",
    "Turn",
    "agent",
    "assistant",
    "chain_loop",
    "dialog_loop",
    "find_model",
    "human",
    "join_messages",
    "run",
    "split_messages",
    "tool",
]
