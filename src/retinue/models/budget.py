"""Purse and Budgeted: what one run may spend, set aside before each call and settled after it."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Final, Literal

from retinue.errors import (
    BudgetExceeded,
    ContextFull,
    MissingExtra,
    ModelOverloaded,
    ModelRejected,
    ModelUnauthorized,
    ModelUnreachable,
    SettingsError,
    UnknownModel,
)
from retinue.messages import Message, Part, value
from retinue.models import ChatChunk, ChatRequest, Model, Usage
from retinue.steps import Settle, reserve

from ._within import within
from .prices import Cost, cost_of, is_installed, load
from .tokens import estimate

_LEAST: Final = 16
"""Tokens below which no answer is worth asking for, and OpenAI takes no limit.

Source: `max_output_tokens` of https://platform.openai.com/docs/api-reference/responses/create
"""

_SCALE: Final = 1_000_000
"""Tokens by whose price that of one is found."""

_UNPAID: Final = (
    BudgetExceeded,
    ContextFull,
    MissingExtra,
    ModelOverloaded,
    ModelRejected,
    ModelUnauthorized,
    ModelUnreachable,
    SettingsError,
    UnknownModel,
)
"""Errors of requests that were not sent, or were refused: without an answer, nobody is paid."""

type Limit = Literal["cost", "tokens"]
"""What a purse may run short of."""

type Pricing = Callable[[str, Usage], Cost | None]
"""What a call of the model of that name costs; in proportion to the tokens of its output."""


@value
class Amount:
    """US dollars, and tokens sent and received."""

    dollars: Decimal = Decimal(0)
    tokens: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(dollars=self.dollars + other.dollars, tokens=self.tokens + other.tokens)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(dollars=self.dollars - other.dollars, tokens=self.tokens - other.tokens)


class Purse:
    """What one run may spend; all its models take from one purse. It belongs to one loop.

    `spent` is what calls have cost (in dollars only where there is a limit in dollars), `held` what
    is set aside for those that are not over, `short` what there was too little of for the last one:
    it was not made, or its answer was asked to be shorter.

    Args:
        cost: US dollars; None: any number.
        tokens: Sent and received; None: any number.

    Raises:
        SettingsError: That is no amount.
    """

    def __init__(self, *, cost: Decimal | None = None, tokens: int | None = None) -> None:
        for limit in (cost, tokens):
            if limit is not None and not (Decimal(limit).is_finite() and limit >= 0):
                raise SettingsError(
                    f"A budget of {limit} cannot be kept", hint="Give a number from 0 up."
                )
        self.cost = cost
        self.tokens = tokens
        self.spent = Amount()
        self.held = Amount()
        self.short: tuple[Limit, ...] = ()

    @property
    def limits(self) -> tuple[Limit, ...]:
        """What there is a limit to."""
        limited: tuple[tuple[Limit, bool], ...] = (
            ("cost", self.cost is not None),
            ("tokens", self.tokens is not None),
        )
        return tuple([limit for limit, is_limited in limited if is_limited])

    @property
    def dollars_left(self) -> Decimal | None:
        """What can still be set aside; None where there is no limit."""
        taken = self.spent.dollars + self.held.dollars
        return None if self.cost is None else max(self.cost - taken, Decimal(0))

    @property
    def tokens_left(self) -> int | None:
        """What can still be set aside; None where there is no limit."""
        taken = self.spent.tokens + self.held.tokens
        return None if self.tokens is None else max(self.tokens - taken, 0)

    def hold(self, amount: Amount) -> None:
        """Set it aside."""
        self.held += amount

    def settle(self, held: Amount, spent: Amount) -> None:
        """Put back what was set aside, and take out what it cost."""
        self.held -= held
        self.spent += spent


class Budgeted:
    """A model that asks for no answer that the purse could not pay.

    Before a call, the most that it can take is set aside: what is sent, by estimate, and an answer
    of `max_tokens`, at the price of the model. Where the rest affords no answer so long, the
    request is lowered to what it does afford; where it affords none at all, no call is made. After
    it the usage counts, and the cost if the vendor itself says that; where none came, what was sent
    and received, by estimate, and nothing where the request was refused. Calls side by side each
    set their own part aside.

    Put it around the guard, and around each model of a `Fallback`, which has its own price; inside
    `Fitted`, which makes requests smaller, and `Rated`, which waits before it sends.

    Args:
        inner: The model.
        purse: Of the run.
        answer: The most tokens of an answer where the request does not say, and it matters.
        pricing: What calls cost; by default `cost_of`.
    """

    def __init__(
        self, inner: Model, purse: Purse, *, answer: int = 16_384, pricing: Pricing | None = None
    ) -> None:
        self.inner = inner
        self.purse = purse
        self.answer = answer
        self._base_url: str | None = within(inner, "base_url")
        self._pricing = pricing or partial(cost_of, base_url=self._base_url)
        self._is_at_hand = pricing is not None

    @property
    def name(self) -> str:
        return self.inner.name

    def check_price(self) -> None:
        """Nothing, where the budget can be kept; for who wants to know before anything is asked.

        Raises:
            SettingsError, MissingExtra: The budget is in money, and the price is not known.
        """
        if self.purse.cost is not None:
            self._price(0)

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        """Set aside, ask, settle.

        Raises:
            BudgetExceeded: Too little is left; nothing was sent.
            SettingsError, MissingExtra: The budget is in money, and the price is not known.
            ModelError: What the model raises.
        """
        sent = estimate(request)
        await self._load()
        request, held, settle = await self._set_aside(request, sent)
        answer = _Answer()
        try:
            async with self.inner.chat(request) as chunks:
                answer.is_open = True
                async with aclosing(answer.heard(chunks)) as heard:
                    yield heard
        except _UNPAID:
            answer.is_unpaid = answer.is_unpaid or not answer.is_open
            raise
        finally:
            spent = self._cost(sent, answer, held)
            self.purse.settle(held, spent)
            settle(usd=float(spent.dollars), tokens=spent.tokens)

    async def _set_aside(
        self, request: ChatRequest, sent: int
    ) -> tuple[ChatRequest, Amount, Settle]:
        """What is afforded, held in the purse, and in those of the run: where another process had
        begun it, less is left there than this one knows of.
        """
        while True:
            request, held = self._afforded(request, sent)  # nothing is awaited until it is held
            self.purse.hold(held)
            try:
                settle = await reserve(usd=float(held.dollars), tokens=held.tokens)
            except BudgetExceeded:
                self.purse.settle(held, Amount())
                answer = held.tokens - sent
                self.purse.short = self.purse.limits
                if answer <= _LEAST:
                    raise
                request = replace(request, max_tokens=max(answer // 2, _LEAST))
            except BaseException:
                self.purse.settle(held, Amount())
                raise
            else:
                return request, held, settle

    async def _load(self) -> None:
        """Have the table of prices loaded, if one is needed."""
        if self.purse.cost is not None and not self._is_at_hand:
            await load(self.name, base_url=self._base_url)
            self._is_at_hand = True

    def _afforded(self, request: ChatRequest, sent: int) -> tuple[ChatRequest, Amount]:
        """The request, lowered to what is left, and the most that it can take."""
        wanted = self.answer if request.max_tokens is None else request.max_tokens
        least = min(wanted, _LEAST)
        dollars, tokens = self.purse.dollars_left, self.purse.tokens_left
        first = each = Decimal(0)
        by_dollars = by_tokens = wanted
        if dollars is not None:
            first, each = self._price(sent)
            if first + wanted * each > dollars:
                by_dollars = int((dollars - first) // each) if dollars > first and each else -1
        if tokens is not None:
            by_tokens = tokens - sent
        most = min(wanted, by_dollars, by_tokens)
        if most < least:
            self.purse.short = _short_of(least, by_dollars, by_tokens)
            raise self._exceeded(Amount(dollars=first + least * each, tokens=sent + least))
        self.purse.short = _short_of(wanted, by_dollars, by_tokens)
        held = Amount(dollars=first + most * each, tokens=sent + most)
        if tokens is None and not each:  # an answer of any length is paid for
            return request, held
        return replace(request, max_tokens=most), held

    def _price(self, sent: int) -> tuple[Decimal, Decimal]:
        """What a request of so many tokens costs at most, and each token of the answer."""
        read = self._pricing(self.name, Usage(input=sent))
        if read is None:
            raise self._unpriced()
        kept_longest = Usage(input=sent, cache_write=sent, cache_write_1h=sent)
        written = self._pricing(self.name, kept_longest) or read
        answered = self._pricing(self.name, Usage(input=sent, output=_SCALE)) or read
        each = (answered.dollars - read.dollars) / _SCALE
        return max(read.dollars, written.dollars), each

    def _cost(self, sent: int, answer: "_Answer", held: Amount) -> Amount:
        if answer.is_unpaid:
            return Amount()
        usage = answer.usage or Usage(input=sent)
        if answer.usage is None or not answer.is_whole:
            usage = replace(usage, output=max(usage.output, answer.estimated()))
        tokens = usage.input + usage.output
        if self.purse.cost is None:
            return Amount(tokens=tokens)
        if answer.cost is not None:
            return Amount(dollars=answer.cost, tokens=tokens)
        cost = self._pricing(answer.model or self.name, usage) or self._pricing(self.name, usage)
        return Amount(dollars=held.dollars if cost is None else cost.dollars, tokens=tokens)

    def _exceeded(self, needed: Amount) -> BudgetExceeded:
        purse, why = self.purse, list[str]()
        dollars, tokens = purse.dollars_left, purse.tokens_left
        if purse.cost is not None and dollars is not None and "cost" in purse.short:
            left = f"${_short(dollars)} of ${_short(purse.cost)}"
            why.append(f"it can cost ${_short(needed.dollars)}, and {left} is left")
        if tokens is not None and "tokens" in purse.short:
            left = f"{tokens:,} of {purse.tokens:,} are left"
            why.append(f"it can take {needed.tokens:,} tokens, and {left}")
        under_way = "Other calls are under way; what they do not need comes back. "
        options = " and ".join([f"--max-{limit}" for limit in purse.short])
        return BudgetExceeded(
            f"The budget does not allow another call of {self.name!r}: {'; '.join(why)}",
            hint=(under_way if purse.held != Amount() else "")
            + f"Allow more with {options}, or ask for less.",
        )

    def _unpriced(self) -> SettingsError | MissingExtra:
        if not is_installed():
            return MissingExtra(
                "A budget in money needs the prices of models", hint="pip install 'retinue[prices]'"
            )
        return SettingsError(
            f"The price of {self.name!r} is not known, so its cost cannot be bounded",
            hint="Bound the tokens instead (--max-tokens), or choose a model whose price is known.",
        )


class _Answer:
    """What has come of one answer, and what is known of its cost."""

    def __init__(self) -> None:
        self.is_open = False
        self.is_unpaid = False
        self.is_whole = False
        self.usage: Usage | None = None
        self.cost: Decimal | None = None
        self.model: str | None = None
        self._begun = False
        self._words: list[str] = []
        self._parts: list[Part] = []

    async def heard(self, chunks: AsyncIterator[ChatChunk]) -> AsyncGenerator[ChatChunk]:
        try:
            async for chunk in chunks:
                self._begun = True
                if words := chunk.text or chunk.thinking:
                    self._words.append(words)
                if part := chunk.tool_call or chunk.block:
                    self._parts.append(part)
                self.usage = chunk.usage or self.usage
                self.cost = self.cost if chunk.cost is None else chunk.cost
                self.model = chunk.model or self.model
                self.is_whole = self.is_whole or chunk.stop is not None
                yield chunk
        except _UNPAID:
            self.is_unpaid = not self._begun
            raise

    def estimated(self) -> int:
        """Tokens of what has come."""
        words, parts = "".join(self._words), self._parts
        return estimate(Message(words, *parts)) if words or parts else 0


def _short_of(wanted: int, by_dollars: int, by_tokens: int) -> tuple[Limit, ...]:
    """Which limits do not afford an answer of so many tokens, given how many each does."""
    afforded: tuple[tuple[Limit, int], ...] = (("cost", by_dollars), ("tokens", by_tokens))
    return tuple([limit for limit, most in afforded if most < wanted])


def _short(dollars: Decimal) -> str:
    """Two digits that say something: 12.50, 0.031."""
    return f"{dollars:.{max(2, 1 - dollars.adjusted())}f}"
