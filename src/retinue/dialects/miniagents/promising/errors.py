"""The errors of promises under their MiniAgents names."""

from typing import Self

from retinue.errors import AppenderClosed, MessageError, PromiseError
from retinue.errors import AppenderNotOpen as AppenderNotOpenError

PromisingError = PromiseError


class AppenderClosedError(AppenderClosed):
    """Something was appended, sent or replied after the end."""

    @classmethod
    def of(cls, error: AppenderClosed) -> Self:
        """The same error under this name."""
        return cls(f"{error}", hint=error.hint)


class NotAMessageError(MessageError, TypeError):
    """Something was sent or replied that cannot be a message, or part of one."""

    hint = "Use text, dicts, messages, promises, exceptions, or iterables of them."


class NoActiveContextError(PromiseError):
    """The current context was asked for outside of any."""

    hint = "Be inside `async with MiniAgents():`."


__all__ = [
    "AppenderClosedError",
    "AppenderNotOpenError",
    "NoActiveContextError",
    "NotAMessageError",
    "PromisingError",
]
