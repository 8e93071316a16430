"""The MiniAgents document's words for Retinue: every name and module path it has.

Change `miniagents` to `retinue.dialects.miniagents` in the imports, and its programs run here.
docs/miniagents.md says which name is what.
"""

from .messages import Message, MessagePromise, MessageSequencePromise, MessageType
from .miniagents import InteractionContext, MiniAgent, MiniAgents, miniagent, run

__all__ = [
    "InteractionContext",
    "Message",
    "MessagePromise",
    "MessageSequencePromise",
    "MessageType",
    "MiniAgent",
    "MiniAgents",
    "miniagent",
    "run",
]
