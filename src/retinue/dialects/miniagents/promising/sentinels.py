"""The marks of the document: AWAIT, and the one its queues end with."""

from typing import Final

from retinue.agents import AWAIT

END_OF_QUEUE: Final = "END_OF_QUEUE"
"""There to be imported only: a stream of Retinue ends by a flag, nothing is sent to end it."""

__all__ = ["AWAIT", "END_OF_QUEUE"]
