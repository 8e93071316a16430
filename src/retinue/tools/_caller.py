"""On whose behalf a tool is used now, and under which key."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf tools are used now.

    Args:
        agent: The name of the agent.
        key: Of this one use; the same again when it is repeated after a crash.
    """

    agent: str | None = None
    key: str | None = None


caller: ContextVar[Caller] = ContextVar("retinue.caller", default=Caller())  # noqa: B039 - frozen
"""Whoever runs a model-tool loop sets the agent; the key comes with the recorded step."""
