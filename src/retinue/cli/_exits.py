"""Exit codes: what a script may rely on.

2 says that nothing was tried, because what was typed or configured cannot be; 1, that it was tried
and failed.
"""

from typing import Final

from retinue.errors import (
    BudgetExceeded,
    SettingsError,
    ToolDenied,
    UnknownAgent,
    UnknownModel,
    UnknownTool,
    UsageError,
)

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
APPROVAL: Final = 3
LIMIT: Final = 4
INTERRUPTED: Final = 130
CLOSED: Final = 141
"""Nobody reads standard output any more; what a shell says of a program that SIGPIPE ended."""

STOPPED: Final = {
    "done": DONE,
    "failed": FAILED,
    "refused": FAILED,
    "denied": APPROVAL,
    "max_steps": LIMIT,
    "max_tokens": LIMIT,
    "no_progress": LIMIT,
    "context_full": LIMIT,
    "budget": LIMIT,
    "expired": LIMIT,
    "stopped": INTERRUPTED,
}
"""By the reason why an answer ended."""


def code_of(error: BaseException) -> int:
    """The exit code that tells of this error."""
    match error:
        case UsageError() | SettingsError() | UnknownAgent() | UnknownModel() | UnknownTool():
            return USAGE
        case ToolDenied():
            return APPROVAL
        case BudgetExceeded():
            return LIMIT
        case _:
            return FAILED


def code_of_signal(number: int) -> int:
    """What a shell says of a program that this signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + number
