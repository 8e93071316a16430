"""Errors as JSON: by their class, and by the nearest one that every process knows."""

import builtins
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache, partial
from typing import Any, Final, cast

from retinue import errors
from retinue.errors import ModelError, PromiseCancelled, RetinueError

_KNOWN = {errors.__name__, builtins.__name__}

_SIMPLE: Final = str | int | float | bool | None


def error_to_dict(error: BaseException) -> dict[str, Any]:
    """The error as JSON: `{"type": "ToolFailed", "message": ..., "hint": ...}`.

    `type` is the nearest class of our own tree, or of Python's; `name` and `module` tell its own,
    if that is another; `args` what a class of Python's is made of, where that is more than words;
    `errors` those of a group.
    """
    own = type(error)
    kind = next(kind for kind in own.__mro__ if kind.__module__ in _KNOWN)
    found: dict[str, Any] = {"type": kind.__name__, "message": str(error)}
    if kind is not own:
        found |= {"name": own.__name__, "module": own.__module__}
    if isinstance(error, RetinueError):
        found["hint"] = error.hint
    elif error.args != (str(error),) and all(isinstance(arg, _SIMPLE) for arg in error.args):
        found["args"] = list(error.args)
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        found |= {"message": group.message, "errors": [error_to_dict(e) for e in group.exceptions]}
    if isinstance(error, ModelError):
        found["retry_after"] = error.retry_after
    return {name: value for name, value in found.items() if value is not None}


def error_from_dict(data: Mapping[str, Any]) -> Exception:
    """The error that was written, of its own class if that is imported here; nothing is imported.

    Else it is of a class of the same name below the nearest that is known: the same words, and the
    same name, but only who handles the known class handles it.

    Raises:
        KeyError, TypeError: The data is no error.
    """
    message, fields = data["message"], {n: data[n] for n in ("hint", "retry_after") if n in data}
    known = getattr(errors, data["type"], None) or getattr(builtins, data["type"], None)
    if data["type"] == "CancelledError":
        return PromiseCancelled(message or "cancelled")
    if known is ExceptionGroup:
        return ExceptionGroup(message, [error_from_dict(one) for one in data["errors"]])
    if not isinstance(known, type) or not issubclass(known, Exception):
        return RetinueError(f"{data['type']}: {message}", hint=fields.get("hint"))
    kind = _class_of(known, data["name"], data["module"]) if "name" in data else known
    args = tuple(data.get("args", (message,)))
    error = next(filter(None, (_made(one, args, message) for one in _classes(kind))))
    for name, value in fields.items():
        setattr(error, name, value)
    return error


def _class_of(known: type[Exception], name: str, module: str) -> type[Exception]:
    todo = [known]
    while todo:
        kind = todo.pop()
        if (kind.__name__, kind.__module__) == (name, module):
            return kind
        todo += kind.__subclasses__()
    return _named(name, known)


def _classes(kind: type[Exception]) -> Iterator[type[Exception]]:
    """This one; where none can be made of what was written, one of its name, and of its bases."""
    yield kind
    for base in kind.__mro__[1 : kind.__mro__.index(Exception) + 1]:
        if issubclass(base, Exception):
            yield _named(kind.__name__, base)


@cache
def _named(name: str, base: type[Exception]) -> type[Exception]:
    """A class that stands for one that is not known here."""
    return type(name, (base,), {"__module__": "unknown"})


def _made(kind: type[Exception], args: tuple[Any, ...], message: str) -> Exception | None:
    """An error of that class that says the same, if there can be one."""
    for make in (kind, partial(kind.__new__, kind)):  # one with an `__init__` of its own may refuse
        for given in (args, (message,)):
            with suppress(Exception):
                error = make(*given)
                if str(error) == message:
                    return error
    return None
