"""Lines: one JSON object a line for everything that happens, the moment it does."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from retinue.cli._cost import Prices, Pricing
from retinue.cli._screen import Screen
from retinue.messages.codecs.events import event_to_dict
from retinue.messages.events import (
    Event,
    MessageStarted,
    ModelAnswered,
    RunStarted,
    TextAdded,
    ThinkingAdded,
)
from retinue.telemetry.listening import timestamp

from ._honesty import honesty
from ._json import encoded

if TYPE_CHECKING:
    from retinue.models.budget import Purse


class Lines:
    """Writes each event as `retinue.messages.codecs.events` does: {v, type, seq, at, agent, ...}.

    `seq` counts the events. Pieces of what is still being written (text_added, thinking_added) are
    none; they have the `seq` of the event they come after, and their own `offset`. What a model's
    answer cost is in US dollars, and beside it `table` and `estimate`.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._seq = 0
        self._about: dict[str, Any] = {}
        self._agent: str | None = None
        self._prices = Prices()

    def introduce(
        self, agent: str, model: str, pricing: Pricing, purse: "Purse | None" = None
    ) -> None:
        self._agent = agent
        self._prices = Prices(pricing, model)
        self._about = {"model": model, **honesty(model)}

    async def prepare(self, event: Event) -> None:
        match event:
            case MessageStarted():
                self._prices.begin()
            case ModelAnswered(model=model):
                await self._prices.at_hand(model)
            case _:
                pass

    def tell(self, event: Event) -> None:
        line = event_to_dict(self._priced(event))
        if not isinstance(event, TextAdded | ThinkingAdded):
            self._seq += 1
        if isinstance(event, RunStarted):
            line |= self._about
        if "cost" in line:
            line["estimate"] = True
        line["seq"] = self._seq
        line["at"] = timestamp(time.time())
        line.setdefault("agent", self._agent)
        self._screen.write(f"{encoded(line)}\n")
        self._screen.flush()

    def _priced(self, event: Event) -> Event:
        if not isinstance(event, ModelAnswered):
            return event
        cost = self._prices(event)
        return event if cost is None else replace(event, cost=cost.dollars, table=cost.table)
