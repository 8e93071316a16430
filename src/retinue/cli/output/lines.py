"""Lines: one JSON object a line for everything that happens, the moment it does."""

import time
from dataclasses import replace
from typing import Any

from retinue.cli._cost import Pricing, unpriced
from retinue.cli._screen import Screen
from retinue.messages.codecs.events import event_to_dict
from retinue.messages.events import Event, ModelAnswered, RunStarted, TextAdded, ThinkingAdded
from retinue.models import Usage
from retinue.telemetry.listening import timestamp

from ._honesty import honesty
from ._json import encoded


class Lines:
    """Writes each event as `retinue.messages.codecs.events` does: {v, type, seq, at, agent, ...}.

    `seq` counts the events. Pieces of what is still being written (text_added, thinking_added) are
    none; they have the `seq` of the event they come after, and their own `offset`. What a model's
    answer cost is an estimate, in US dollars.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._seq = 0
        self._about: dict[str, Any] = {}
        self._agent: str | None = None
        self._pricing: Pricing = unpriced

    def introduce(self, agent: str, model: str, pricing: Pricing) -> None:
        self._agent = agent
        self._pricing = pricing
        self._about = {"model": model, **honesty(model)}

    def tell(self, event: Event) -> None:
        if isinstance(event, ModelAnswered):
            cost = self._pricing(event.model, Usage(**event.usage))
            event = replace(event, cost=None if cost is None else cost.dollars)
        line = event_to_dict(event)
        if not isinstance(event, TextAdded | ThinkingAdded):
            self._seq += 1
        if isinstance(event, RunStarted):
            line |= self._about
        line["seq"] = self._seq
        line["at"] = timestamp(time.time())
        line.setdefault("agent", self._agent)
        self._screen.write(f"{encoded(line)}\n")
        self._screen.flush()
