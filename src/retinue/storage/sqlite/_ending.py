"""What goes when a run is over, however it ended."""

from ._budget import settle
from ._readers import Execute


def over(execute: Execute, run: int) -> None:
    """Nobody waits for an answer, or for the rest of a message, any more."""
    settle(execute, run)
    execute("UPDATE interrupts SET status = 'withdrawn' WHERE run = ? AND status = 'open'", (run,))
    execute(
        "DELETE FROM writing WHERE run = ? AND conversation ="
        " (SELECT conversation FROM runs WHERE n = ?)",
        (run, run),
    )
