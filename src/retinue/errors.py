"""Every error of Retinue, in one tree; each says what went wrong and, in its hint, what to do next.

RetinueError
├── PromiseError
│   ├── AppenderNotOpen, AppenderClosed
│   ├── NothingToResolve      a promise without resolver or streamer was awaited
│   ├── PromiseCancelled      the work was stopped on purpose
│   ├── StreamCut             a stream was abandoned before its end
│   ├── CircularWait          turns wait for each other, none can go on
│   └── HookFailed            a message hook failed, also when tried again
├── MessageError              (also ValueError) a value that cannot be part of a message
├── AgentError
│   ├── NotAnAgent, UnknownAgent
│   └── AmbiguousAddress      two inquiries of one turn cannot be told apart
├── ModelError
│   ├── UnknownModel, ModelRejected, ModelUnauthorized, ModelOverloaded, ContextFull
│   ├── ModelUnreachable, ModelSilent, StreamIncomplete
│   ├── BadAnswer             it does not have the form that was asked for
│   └── NothingRecorded       a replay was asked for something it never heard
├── ToolError
│   ├── UnknownTool, BadArguments, ToolDenied, ToolFailed, ToolTimeout
├── RunError                  a run cannot go on, or cannot be had
├── BudgetExceeded            a call could cost more than is left, so it was not made
├── StoreError
│   ├── NotFound, Ambiguous   no such conversation, run, ...; several whose id begins so
│   ├── Busy                  a process still works on it
│   ├── AlreadyAnswered       the question is not open any more
│   ├── TooLarge              a file is larger than may be kept
│   ├── Fenced                somebody else has taken this run up
│   └── StoreFailed           a full disk, a lost connection
│       └── StoreTooNew       a newer release wrote it
├── SettingsError
├── UsageError
└── MissingExtra
"""


class RetinueError(Exception):
    """An error with a hint: `str(error)` is what happened, `error.hint` what to do next."""

    hint: str | None = None

    def __init__(self, message: str = "", *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint


class PromiseError(RetinueError):
    """A promise, stream or scope was used against its rules, or could not keep its word."""


class AppenderNotOpen(PromiseError):
    """Something was appended before the appender was opened."""

    hint = "Open it first: `with appender:`."


class AppenderClosed(PromiseError):
    """Something was appended, or opened, after the appender was closed."""


class NothingToResolve(PromiseError):
    """A promise that has neither a value nor a resolver was awaited."""


class PromiseCancelled(PromiseError):
    """The work behind a promise was stopped on purpose; readers see this where it stopped."""


class StreamCut(PromiseError):
    """A stream was abandoned before its end; what came before is valid, but it is not whole."""


class CircularWait(PromiseError):
    """Every task of some turns waits for another of them, so none can ever go on."""


class HookFailed(PromiseError):
    """A hook failed for some messages, also when it was tried again at the end of the scope."""


class MessageError(RetinueError, ValueError):
    """A value cannot be part of a message, or a text cannot be read as messages."""


class AgentError(RetinueError):
    """An agent was defined or asked in a way that cannot work."""


class NotAnAgent(AgentError):
    """Only an async function, or a class with an async `__call__`, can be an agent."""


class UnknownAgent(AgentError):
    """No agent of that name."""


class AmbiguousAddress(AgentError):
    """Two equal inquiries from different tasks of one turn cannot be told apart after a restart."""

    hint = "Give each of them a key: `agent.inquire(..., key='first')`."


class ModelError(RetinueError):
    """A model could not be found, reached, or did not answer as agreed."""

    retriable = False
    """Whether the same request may succeed if it is sent again."""

    def __init__(
        self, message: str = "", *, hint: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        """Seconds the provider asked us to wait, where it did."""


class UnknownModel(ModelError):
    """No model of that name."""


class ModelRejected(ModelError):
    """The provider refused the request itself (HTTP 400 and the like)."""


class ModelUnauthorized(ModelError):
    """The key is missing, wrong, or not allowed to do this (HTTP 401, 403)."""


class ModelOverloaded(ModelError):
    """Too many requests, or the provider is overloaded (HTTP 429, 503, 529)."""

    retriable = True


class ContextFull(ModelError):
    """The conversation does not fit the model's context window."""


class ModelUnreachable(ModelError):
    """No connection to the provider, or it broke before the first piece of the answer."""

    retriable = True


class ModelSilent(ModelError):
    """No event for longer than the idle limit."""

    retriable = True


class StreamIncomplete(ModelError):
    """The answer ended without the event that marks its end; it is not whole."""

    retriable = True


class BadAnswer(ModelError):
    """The model's answer does not have the form that was asked for, also when asked again."""


class NothingRecorded(ModelError):
    """A replayed model was asked something that is not in its recording."""


class ToolError(RetinueError):
    """A tool could not be found, called, or did not succeed."""


class UnknownTool(ToolError):
    """No tool of that name."""


class BadArguments(ToolError):
    """The arguments do not fit the tool's schema."""


class ToolDenied(ToolError):
    """The call was not approved."""


class ToolFailed(ToolError):
    """The tool was run and raised; the cause is kept as `__cause__`."""


class ToolTimeout(ToolError):
    """The tool ran longer than it may."""


class RunError(RetinueError):
    """A run cannot go on, or cannot be had."""


class BudgetExceeded(RetinueError):
    """A call could cost more than is left of the budget; it was not made."""


class StoreError(RetinueError):
    """The store has not got it, or cannot take it."""


class NotFound(StoreError):
    """The owner has none of that id."""


class Ambiguous(StoreError):
    """Several have an id that begins so."""

    hint = "Give more of its id."


class Busy(StoreError):
    """A process still works on it."""


class AlreadyAnswered(StoreError):
    """The question is not open any more: it was answered, has expired, or its run is over."""


class TooLarge(StoreError):
    """A file is larger than may be kept, or all files together are."""


class Fenced(StoreError):
    """Somebody else has taken the run up; whoever gets this must stop at once and write nothing."""


class StoreFailed(StoreError):
    """The store cannot take it now: the disk is full, the connection is lost."""


class StoreTooNew(StoreFailed):
    """A newer release wrote this store, and this one does not know its form."""

    hint = "Upgrade Retinue, or name another store."


class SettingsError(RetinueError):
    """A setting is missing, malformed, or not trusted."""


class UsageError(RetinueError):
    """The command line was used in a way it does not understand."""


class MissingExtra(RetinueError):
    """An optional package is needed; the hint says how to install it."""
