"""Runs: agents that go on after a crash, wait for people for weeks, and do nothing twice."""

from ._embedded import Embedded, Resolver
from ._rehearsal import Rehearsed, rehearse
from ._run import Run

__all__ = ["Embedded", "Rehearsed", "Resolver", "Run", "rehearse"]
