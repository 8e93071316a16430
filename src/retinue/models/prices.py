"""Prices: what a call cost, as far as that can be known. Always an estimate: the bill counts.

The table comes with the package genai-prices (`pip install 'retinue[prices]'`), works offline, and
is loaded when a price is first asked for, as that takes longer than the rest of a cold start: half
a second, for which no loop need wait that says `await load(name)` before.
"""

import asyncio
from decimal import Decimal
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlsplit

from retinue.messages import value
from retinue.models import Model, Usage

from ._addresses import is_loopback
from ._within import within

_TABLES: Final = {"gemini": "google", "claude": "anthropic", "claude_agent": "anthropic"}
"""How providers are called in the table, where that is otherwise than by us."""

LOCAL: Final = "local"


@value
class Cost:
    """What a call cost; an estimate.

    Args:
        dollars: US dollars.
        table: Where the price comes from, with its version: "genai-prices 0.2.3"; "local" where
            nobody is paid.
    """

    dollars: Decimal
    table: str


def cost_of(name: str, usage: Usage, *, base_url: str | None = None) -> Cost | None:
    """What a call of that model cost; None where the price is not known.

    Tokens read from a cache or written to one are counted at their own price, which depends on how
    long they are kept (an hour costs 2 times the price of input at Anthropic, 5 minutes 1.25 times:
    https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing), thinking as the
    output that it is. What runs on one's own machine costs nothing: the demo, scripts, recordings,
    models of Ollama that do not run in its cloud, and `compatible:` at a loopback address. Of any
    other `compatible:` only the address says who is paid.

    Args:
        name: Of the model: "provider:name".
        usage: Of the call.
        base_url: Where it was asked, if that is known.
    """
    if is_local(name, base_url):
        return Cost(dollars=Decimal(0), table=LOCAL)
    table = _table()
    if table is None:
        return None
    written = max(usage.cache_write, usage.cache_write_1h)
    tokens = table.Usage(
        input_tokens=max(usage.input, usage.cache_read + written),
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=written,
        cache_write_1h_tokens=usage.cache_write_1h,
        output_tokens=max(usage.output, usage.thinking),
        output_reasoning_tokens=usage.thinking,
    )
    for where in _places(name, base_url):
        try:
            price = table.calc_price(tokens, name.partition(":")[2], **where)
        except LookupError:
            continue
        return Cost(dollars=price.total_price, table=f"genai-prices {table.__version__}")
    return None


def price_of(model: Model, usage: Usage) -> Cost | None:
    """What a call of this very model cost, as `cost_of` says; it knows where it was asked."""
    return cost_of(model.name, usage, base_url=within(model, "base_url"))


async def load(name: str, *, base_url: str | None = None) -> None:
    """Load the table in a thread, if a price of that model needs it; then `cost_of` is quick."""
    if not is_local(name, base_url):
        await asyncio.to_thread(cost_of, name, Usage(), base_url=base_url)


def window_listed(name: str, *, base_url: str | None = None) -> int | None:
    """How many tokens the model can read, as the table of prices has it."""
    table = None if is_local(name, base_url) else _table()
    if table is None:
        return None
    snapshot = table.data_snapshot.get_snapshot()
    for where in _places(name, base_url):
        provider, url = where.get("provider_id"), where.get("provider_api_url")
        try:
            _, model = snapshot.find_provider_model(name.partition(":")[2], None, provider, url)
        except LookupError:
            continue
        return model.context_window
    return None


def is_installed() -> bool:
    """Whether there is a table at all."""
    return _table() is not None


def is_local(name: str, base_url: str | None = None) -> bool:
    """Whether nobody is paid for this model."""
    provider, _, model = name.partition(":")
    match provider:
        case "demo" | "scripted" | "replay":
            return True
        case "ollama":
            in_cloud = model.endswith(("-cloud", ":cloud")) or _host(base_url) == "ollama.com"
            return not in_cloud
        case "compatible":
            return is_loopback(_host(base_url))
        case _:
            return False


def _places(name: str, base_url: str | None) -> list[dict[str, str]]:
    """Where the table may have it: under who answers at that address, then under its provider."""
    provider = name.partition(":")[0]
    by_address = [{"provider_api_url": base_url}] if base_url else []
    return [*by_address, {"provider_id": _TABLES.get(provider, provider)}]


def _host(address: str | None) -> str:
    return (urlsplit(address).hostname or "") if address else ""


def _table() -> Any:
    try:
        return import_module("genai_prices")
    except ImportError:
        return None
