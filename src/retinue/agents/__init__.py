"""Agents: an async function of a `Turn`, asked by `inquire`, answering with `reply`.

A model with tools (`assistant`), a person (`human`), a team, a remote service: all are agents, and
any of them may be asked with the unfinished replies of another.
"""

from ._agent import Agent, Inquiry, agent
from ._assistant import StopReason, assistant
from ._human import human
from ._loops import AWAIT, chain_loop, dialog_loop
from ._turn import Turn

__all__ = [
    "AWAIT",
    "Agent",
    "Inquiry",
    "StopReason",
    "Turn",
    "agent",
    "assistant",
    "chain_loop",
    "dialog_loop",
    "human",
]
