"""For tests of agents, ours and yours: models that say what you tell them, a journal in memory."""

from retinue.models.replay import Recorded, Replay
from retinue.models.scripted import Reply, Scripted

from ._journal import MemoryJournal, TurnRecord

__all__ = ["MemoryJournal", "Recorded", "Replay", "Reply", "Scripted", "TurnRecord"]
