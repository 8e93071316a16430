"""Cost: what answers cost together, which is always an estimate."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from retinue.models import Usage

if TYPE_CHECKING:
    from decimal import Decimal

    from retinue.models.prices import Cost

type Pricing = Callable[[str, Usage], "Cost | None"]
"""What a call of the model of that name cost; loads the table of prices where it needs one."""


def unpriced(model: str, usage: Usage) -> None:
    """Nobody knows what it cost."""


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
