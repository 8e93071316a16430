"""Cost: what answers cost, also together; always an estimate."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from importlib import import_module
from operator import add
from threading import Thread
from typing import TYPE_CHECKING, Final

from retinue.messages.events import ModelAnswered
from retinue.models import Usage

if TYPE_CHECKING:
    from decimal import Decimal

    from retinue.models.prices import Cost

type Pricing = Callable[[str, Usage], "Cost | None"]
"""What a call of the model of that name cost; loads the table of prices where it needs one."""


_VENDOR: Final = "vendor"
"""In the place of a table, where the vendor itself says what a call cost."""


def unpriced(model: str, usage: Usage) -> None:
    """Nobody knows what it cost."""


class Prices:
    """What calls cost; the table of prices is loaded in a thread, so that no loop waits for it.

    Args:
        pricing: What a call cost.
        model: Who will answer, as far as that is known.
    """

    def __init__(self, pricing: Pricing = unpriced, model: str = "") -> None:
        self._pricing = pricing
        self._model = model
        self._is_begun = False

    def __call__(self, answered: ModelAnswered) -> "Cost | None":
        """What this call cost: as its vendor says, else by the table."""
        if answered.cost is None:
            return self._pricing(answered.model, Usage(**answered.usage))
        cost: type[Cost] = import_module("retinue.models.prices").Cost
        return cost(dollars=answered.cost, table=answered.table or _VENDOR)

    def begin(self) -> None:
        """Begin to load the table, if calls of the model need it; once, and nobody waits."""
        if not self._is_begun:
            self._is_begun = True
            Thread(target=self._load, name="prices").start()

    async def at_hand(self, model: str) -> None:
        """Wait until what calls of this model cost can be said at once."""
        await asyncio.to_thread(self._pricing, model, Usage())

    def _load(self) -> None:
        with suppress(Exception):  # whoever asks for a price is told
            self._pricing(self._model, Usage())


def total(costs: "Sequence[Cost | None]") -> "Cost | None":
    """All of them together; None where there are none, or one is not known."""
    known = [cost for cost in costs if cost is not None]
    if not known or len(known) < len(costs):
        return None
    # What costs nothing has no table worth naming.
    largest = max(known, key=lambda cost: cost.dollars)
    return replace(largest, dollars=reduce(add, [cost.dollars for cost in known]))


def in_dollars(costs: "Sequence[Cost | None]", *, source: bool = False) -> str:
    """The same in words, as far as it is known; perhaps with where the prices come from."""
    known = [cost for cost in costs if cost is not None]
    cost = total(known)
    if cost is None:
        return "price unknown"
    words = [f"${_short(cost.dollars)}"]
    if source and cost.dollars:
        words.append(f"estimated with {cost.table}")
    if len(known) < len(costs):
        words.append("without the answers whose price is unknown")
    return ", ".join(words)


def _short(dollars: "Decimal") -> str:
    """Two digits that say something: 12.50, 0.031."""
    return f"{dollars:.{max(2, 1 - dollars.adjusted())}f}" if dollars else "0"
