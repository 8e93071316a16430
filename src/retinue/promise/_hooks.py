"""Hooks: who is told when promises resolve. Nothing is called, or even looked at, without one."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from retinue import telemetry
from retinue.errors import PromiseError

if TYPE_CHECKING:
    from ._promise import Promise
    from ._scope import Scope

type ResolvedHandler = Callable[["Promise[Any]", Any], Awaitable[None]]


class Hooks:
    """Handlers for everything that happens in one scope and in the scopes inside it.

    Args:
        on_resolved: Async functions of (promise, outcome); the outcome is its value or its error.
            They run in the background, and the scope waits for them. An error in one is logged
            and harms nobody.
    """

    scope: "Scope"
    outer: "Hooks | None" = None

    def __init__(self, *, on_resolved: Sequence[ResolvedHandler] = ()) -> None:
        self.on_resolved = list(on_resolved)

    def join(self, scope: "Scope") -> None:
        """These hooks are for `scope` from now on.

        Raises:
            PromiseError: They still serve another scope.
        """
        before = getattr(self, "scope", None)
        if before is not None and not before.closed:
            raise PromiseError(
                "These hooks still serve another scope",
                hint="Make hooks of their own for each scope; those of outer scopes go on anyway.",
            )
        self.outer, self.scope = scope.hooks, scope

    def resolved(self, promise: "Promise[Any]", outcome: Any) -> None:
        """Called by a promise when it is done, once; of no use to a scope that was left."""
        if not self.scope.closed:
            for handler in self.on_resolved:
                self.scope.start(_logged(handler, promise, outcome))
        if self.outer is not None:
            self.outer.resolved(promise, outcome)

    async def finish(self) -> None:
        """The scope is about to be left: the last chance to do what is still owed."""


async def _logged(handler: ResolvedHandler, promise: "Promise[Any]", outcome: Any) -> None:
    try:
        await handler(promise, outcome)
    except Exception as error:
        telemetry.event(logging.ERROR, "a hook failed", error=error)
