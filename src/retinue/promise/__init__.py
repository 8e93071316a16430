"""Promises and streams: work that starts by itself and that any number of readers may follow.

A `Promise` is a value on its way, a `StreamedPromise` pieces and then a value. A `StreamAppender`
is the writing end of a stream. A `Scope` owns what is started in it.
"""

from ._hooks import Hooks
from ._hub import Work, current
from ._log import Failure, Log
from ._promise import UNSET, Promise, Reader, StreamAppender, StreamedPromise, fail
from ._scope import Scope, run, scope_for_new_work

__all__ = [
    "UNSET",
    "Failure",
    "Hooks",
    "Log",
    "Promise",
    "Reader",
    "Scope",
    "StreamAppender",
    "StreamedPromise",
    "Work",
    "current",
    "fail",
    "run",
    "scope_for_new_work",
]
