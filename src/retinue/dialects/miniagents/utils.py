"""Loops of agents, and texts joined and split, under their MiniAgents names."""

from collections.abc import Sequence
from typing import Any

from retinue.agents import AWAIT, Agent, chain_loop, dialog_loop
from retinue.messages import MessagePromise, MessageSequencePromise, text

from .messages import Message, MessageSequence, MessageType


async def achain_loop(agents: Sequence[Any]) -> None:
    """Ask the agents one after another, round and round, until one of them raises.

    Raises:
        ValueError: There is no AWAIT among them, so they would be asked for ever at once.
    """
    if AWAIT not in agents:
        raise ValueError("There is no AWAIT in this chain: achain_loop([user, AWAIT, assistant])")
    await chain_loop(agents)


async def adialog_loop(user_agent: Agent, assistant_agent: Agent) -> None:
    """Let two agents talk, the user first, until the input ends or one raises; both see it all."""
    await dialog_loop(user_agent, assistant_agent)


def join_messages(
    messages: MessageType,
    delimiter: str = "\n\n",
    strip_leading_newlines: bool = False,
    reference_original_messages: bool = True,
    start_soon: bool = False,
    **fields: Any,
) -> MessagePromise:
    """One message of all these, token by token while they come, with `delimiter` between.

    Its `original_messages` are the messages it was made of, unless you do not want them.
    """
    return text.join_messages(
        MessageSequence.turn_into_sequence_promise(messages),
        delimiter=delimiter,
        strip_leading_newlines=strip_leading_newlines,
        keep_originals=reference_original_messages,
        eager=start_soon,
        message_class=Message,
        **fields,
    )


def split_messages(messages: MessageType, delimiter: str = "\n\n") -> MessageSequencePromise:
    """The pieces between the delimiters, each a message that streams; code fences stay whole."""
    return text.split_messages(
        MessageSequence.turn_into_sequence_promise(messages), delimiter=delimiter
    )


__all__ = ["achain_loop", "adialog_loop", "join_messages", "split_messages"]
