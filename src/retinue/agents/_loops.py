"""Agents in a circle: each is asked with what the one before it replied."""

from collections.abc import Sequence
from typing import Any, Final

from retinue.errors import AgentError
from retinue.messages import Messages, sequence_of

from ._agent import Agent


class _Await:
    def __repr__(self) -> str:
        return "AWAIT"


AWAIT: Final = _Await()
"""Stands between two agents of a chain: the second is asked when the first has replied in full.

Agents start when they are asked, not when they are read. A chain without it would ask for ever,
faster than anybody can answer.
"""


async def chain_loop(agents: Sequence[Agent | _Await]) -> None:
    """Ask the agents one after another, round and round, until one of them raises.

    Raises:
        AgentError: There is no AWAIT in the chain, so it could never pause.
    """
    if AWAIT not in agents:
        raise AgentError(
            "A chain needs AWAIT somewhere, or it would ask for ever without waiting",
            hint="chain_loop([user, AWAIT, assistant])",
        )
    messages: Any = ()
    while True:
        for link in agents:
            if isinstance(link, Agent):
                messages = link.inquire(messages)
            else:
                messages = await messages


async def dialog_loop(user: Agent, assistant: Agent) -> None:
    """Let two agents talk, the user first, until the input ends or one raises.

    Both see the whole dialog each time; the user sees the answer while it is being written.
    """
    said = Messages()
    answer: Any = ()
    try:
        while True:
            answer = sequence_of(answer)
            words = user.inquire(said, answer)
            said = Messages((*said, *await answer, *await words))
            answer = assistant.inquire(said)
    except EOFError:
        return
