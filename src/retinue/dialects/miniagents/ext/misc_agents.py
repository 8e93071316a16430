"""The agents that have no module of their own."""

from .console_user_agent import console_user_agent

__all__ = ["console_user_agent"]
