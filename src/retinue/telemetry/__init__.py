"""Where log lines come from: the one logger of the house, with fields beside the words.

The library only speaks; who listens, and whether as colour or JSON, is decided at the edge.
"""

import logging
from typing import Any

logger = logging.getLogger("retinue")
logger.addHandler(logging.NullHandler())


def event(level: int, name: str, /, *, error: BaseException | None = None, **fields: Any) -> None:
    """Log that `name` happened; `fields` travel as `record.fields` for the renderer at the edge."""
    if logger.isEnabledFor(level):
        logger.log(level, name, exc_info=error, extra={"fields": fields}, stacklevel=2)
