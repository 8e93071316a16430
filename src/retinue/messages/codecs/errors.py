"""Errors as JSON: under the name of the nearest class that every process knows."""

import builtins
from collections.abc import Mapping
from typing import Any

from retinue import errors
from retinue.errors import ModelError, PromiseCancelled, RetinueError

_KNOWN = {errors.__name__, builtins.__name__}


def error_to_dict(error: BaseException) -> dict[str, Any]:
    """The error as JSON: `{"type": "ToolFailed", "message": ..., "hint": ...}`.

    `type` is the nearest class of our own tree, or of Python's; `name` its own, if that is another.
    """
    kind = next(kind for kind in type(error).__mro__ if kind.__module__ in _KNOWN)
    found: dict[str, Any] = {"type": kind.__name__, "message": str(error)}
    if kind is not type(error):
        found["name"] = type(error).__name__
    if isinstance(error, RetinueError):
        found["hint"] = error.hint
    if isinstance(error, ModelError):
        found["retry_after"] = error.retry_after
    return {name: value for name, value in found.items() if value is not None}


def error_from_dict(data: Mapping[str, Any]) -> Exception:
    """The error that was written, as far as its class is known here.

    One of a class that only the process knew that raised it is of the nearest class that is known
    here as well, with its own name before the message.

    Raises:
        KeyError, TypeError: The data is no error.
    """
    fields = dict(data)
    name, type_name, message = fields.pop("name", None), fields.pop("type"), fields.pop("message")
    kind = getattr(errors, type_name, None) or getattr(builtins, type_name, None)
    words = f"{name}: {message}" if name is not None else message
    if not isinstance(kind, type) or not issubclass(kind, Exception):
        if type_name == "CancelledError":
            return PromiseCancelled(message or "cancelled")
        return RetinueError(f"{type_name}: {message}", hint=fields.get("hint"))
    if issubclass(kind, RetinueError):
        return kind(words, **fields)
    try:
        return kind(words)
    except TypeError:  # such as UnicodeDecodeError, which is made of five things
        return RetinueError(f"{type_name}: {message}")
