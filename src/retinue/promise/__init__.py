"""Promises and streams: work that starts by itself and that any number of readers may follow.

A `Promise` is a value on its way, a `StreamedPromise` pieces and then a value. A `StreamAppender`
is the writing end of a stream. A `Scope` owns what is started in it.
"""

from ._appender import NEVER_CAPTURED, StreamAppender
from ._circles import Watch, Work, current
from ._hooks import Hooks
from ._hub import Hub, hub_of
from ._log import Failure, Listener, Log, fail
from ._promise import UNSET, Promise
from ._run import run
from ._scope import Scope, scope_for_new_work
from ._stream import Reader, StreamedPromise

__all__ = [
    "NEVER_CAPTURED",
    "UNSET",
    "Failure",
    "Hooks",
    "Hub",
    "Listener",
    "Log",
    "Promise",
    "Reader",
    "Scope",
    "StreamAppender",
    "StreamedPromise",
    "Watch",
    "Work",
    "current",
    "fail",
    "hub_of",
    "run",
    "scope_for_new_work",
]
