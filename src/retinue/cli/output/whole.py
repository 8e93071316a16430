"""Whole: one JSON object at the end, with everything that was said and how it ended."""

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from retinue.cli._cost import Prices, Pricing, total
from retinue.cli._screen import Screen
from retinue.messages.codecs import message_to_dict
from retinue.messages.events import (
    ErrorRaised,
    Event,
    MessageEnded,
    MessageStarted,
    ModelAnswered,
    Restarted,
    RunEnded,
    TextAdded,
)

from ._honesty import honesty
from ._json import encoded
from ._prose import Prose

if TYPE_CHECKING:
    from retinue.models.budget import Purse

VERSION: Final = 1
"""It changes when a field goes, or means something else."""


class Whole:
    """Gathers, and writes once: {v, text, messages, stop_reason, usage, tokens, cost, agent,
    model, error}.

    `text` is what the form "text" would have written. The sum of `usage` is of all calls that were
    counted. `tokens` is null without a limit for the run, or {used, limit}. `cost` is null where it
    is not known, or {dollars, table, estimate}. `error` is null, or {type, message, hint}.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._prose = Prose()
        self._text: list[str] = []
        self._begun = 0  # where the text of the present message begins
        self._messages: list[dict[str, Any]] = []
        self._answers: list[ModelAnswered] = []
        self._prices = Prices()
        self._purse: Purse | None = None
        self._about: dict[str, Any] = {"agent": None, "model": None}
        self._error: dict[str, Any] | None = None

    def introduce(
        self, agent: str, model: str, pricing: Pricing, purse: "Purse | None" = None
    ) -> None:
        self._prices = Prices(pricing, model)
        self._purse = purse
        self._about = {"agent": agent, "model": model, **honesty(model)}

    async def prepare(self, event: Event) -> None:
        """It takes no time; prices are wanted when all is over, and no loop runs any more."""
        if isinstance(event, MessageStarted):
            self._prices.begin()

    def tell(self, event: Event) -> None:
        match event:
            case MessageStarted():
                self._prose.start()
                self._begun = len(self._text)
            case Restarted():
                del self._text[self._begun :]
                self._prose = Prose(said=bool(self._text))
            case TextAdded(text=text):
                self._text.append(self._prose.add(text))
            case ModelAnswered():
                self._answers.append(event)
            case MessageEnded(message=message):
                self._messages.append(message_to_dict(message))
            case ErrorRaised(error=kind, text=text, hint=hint):
                self._error = {"type": kind, "message": text, "hint": hint}
            case RunEnded(reason=reason):
                self._write(reason)
            case _:
                pass

    def _write(self, reason: str) -> None:
        answer = {
            "v": VERSION,
            "text": "".join(self._text),
            "messages": self._messages,
            "stop_reason": reason,
            "usage": dict(self._usage()),
            "tokens": self._tokens(),
            "cost": self._cost(),
            **self._about,
            "error": self._error,
        }
        self._screen.write(f"{encoded(answer)}\n")
        self._screen.flush()

    def _usage(self) -> Counter[str]:
        tokens = Counter[str]()
        for answered in self._answers:
            tokens.update(answered.usage)
        return tokens

    def _tokens(self) -> dict[str, int] | None:
        """Those that calls without usage are estimated to have taken count, too."""
        purse = self._purse
        if purse is None or purse.tokens is None:
            return None
        return {"used": purse.spent.tokens, "limit": purse.tokens}

    def _cost(self) -> dict[str, Any] | None:
        cost = total([self._prices(answered) for answered in self._answers])
        if cost is None:
            return None
        return {"dollars": f"{cost.dollars:f}", "table": cost.table, "estimate": True}
