"""Sequences that flatten what is put in."""

from retinue.dialects.miniagents.messages import MessageSequence

__all__ = ["MessageSequence"]
