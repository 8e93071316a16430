"""The forms of output: text for people, one JSON object for scripts, JSON lines for programs."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol

from retinue.cli._cost import Pricing
from retinue.cli._screen import Screen
from retinue.messages.events import Event

if TYPE_CHECKING:
    from retinue.models.budget import Purse

FORMS: Final = {"text": "text:Text", "json": "whole:Whole", "stream-json": "lines:Lines"}
"""Where each of them is."""


class Output(Protocol):
    """A form of output. What cannot be written is raised: BrokenPipeError, RetinueError."""

    def introduce(
        self, agent: str, model: str, pricing: Pricing, purse: "Purse | None" = None
    ) -> None:
        """Say who will answer, how to know what it cost, and what it is paid from, if there is a
        limit; comes before any event, unless it fails before that.
        """
        ...

    async def prepare(self, event: Event) -> None:
        """Do what would hold up the loop in `tell`, which comes next; only where a loop runs."""
        ...

    def tell(self, event: Event) -> None:
        """Something happened; a `RunEnded` is the last that does."""
        ...


def open_output(form: str, screen: Screen) -> Output:
    """The output of this form."""
    room, _, name = FORMS[form].partition(":")
    make: Callable[[Screen], Output] = getattr(import_module(f".{room}", __name__), name)
    return make(screen)
