"""Prices: what a call cost, kind by kind of token, or honestly nothing known."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from retinue.models import Usage
from retinue.models.budget import Budgeted, Purse
from retinue.models.prices import Cost, cost_of, is_installed, load, window_listed

from ._probe import Probe, read, said

genai_prices = pytest.importorskip("genai_prices", reason="needs retinue[prices]")

MILLION = 1_000_000


def dollars(name: str, base_url: str | None = None, **usage: int) -> Decimal | None:
    cost = cost_of(name, Usage(**usage), base_url=base_url)
    return None if cost is None else cost.dollars


def test_each_kind_of_token_has_its_price() -> None:
    name = "anthropic:claude-opus-4-5"  # 5, 25, read 0.50, written 6.25 dollars a million
    assert dollars(name, input=MILLION) == Decimal(5)
    assert dollars(name, output=MILLION) == Decimal(25)
    assert dollars(name, input=MILLION, cache_read=MILLION) == Decimal("0.5")
    assert dollars(name, input=MILLION, cache_write=MILLION) == Decimal("6.25")
    assert dollars(
        name, input=1000, cache_read=400, cache_write=100, output=100, thinking=60
    ) == Decimal("0.005825")
    assert dollars(name) == 0


def test_what_a_cache_keeps_for_an_hour_costs_more() -> None:
    name = "anthropic:claude-opus-4-5"  # 5 dollars a million: 6.25 for 5 minutes, 10 for an hour
    written = {"input": MILLION, "cache_write": MILLION}
    assert dollars(name, **written, cache_write_1h=MILLION) == Decimal(10)
    assert dollars(name, **written, cache_write_1h=400_000) == Decimal("7.75")
    assert dollars("claude:claude-opus-4-5", **written, cache_write_1h=MILLION) == Decimal(10)


def test_where_an_hour_has_no_price_of_its_own_it_costs_what_a_write_costs() -> None:
    written = {"input": MILLION, "cache_write": MILLION}
    usual = dollars("openai:gpt-5", **written)
    assert dollars("openai:gpt-5", **written, cache_write_1h=MILLION) == usual


def test_thinking_is_a_part_of_the_output() -> None:
    name = "openai:gpt-5"
    assert dollars(name, output=1000, thinking=900) == dollars(name, output=1000)


def test_usage_that_contradicts_itself_is_counted_at_its_most() -> None:
    name = "anthropic:claude-opus-4-5"
    assert dollars(name, input=1, cache_read=1000) == dollars(name, input=1000, cache_read=1000)
    assert dollars(name, output=1, thinking=1000) == dollars(name, output=1000)
    assert dollars(name, cache_write_1h=1000) == Decimal("0.01")


def test_the_version_of_the_table_is_kept() -> None:
    cost = cost_of("gemini:gemini-2.5-pro", Usage(input=1000))
    assert cost is not None
    assert cost.table == f"genai-prices {genai_prices.__version__}"
    assert cost_of("demo", Usage(input=1000)) == Cost(dollars=Decimal(0), table="local")


@pytest.mark.parametrize(
    ("name", "base_url"),
    [
        ("demo", None),
        ("scripted:x.json", None),
        ("replay:x.jsonl", None),
        ("ollama:qwen3", None),
        ("ollama:qwen3", "http://lab:11434"),
        ("compatible:gpt-5", "http://127.0.0.1:8080/v1"),
        ("compatible:gpt-5", "http://[::1]:8080/v1"),
        ("compatible:gpt-5", "http://localhost:8080/v1"),
        ("compatible:gpt-5", "http://llm.localhost/v1"),
    ],
)
def test_what_runs_on_ones_own_machine_costs_nothing(name: str, base_url: str | None) -> None:
    assert dollars(name, base_url, input=MILLION, output=MILLION) == 0


@pytest.mark.parametrize(
    ("name", "base_url"),
    [
        ("compatible:gpt-5", None),
        ("compatible:gpt-5", "http://lab:8080/v1"),
        ("compatible:gpt-5", "http://127.0.0.1.example.com/v1"),
        ("compatible:gpt-5", "http://localhost.example.com/v1"),
        ("ollama:gpt-oss:120b-cloud", None),
        ("ollama:glm-5:cloud", None),
        ("ollama:gpt-oss", "https://ollama.com"),
        ("openai:nobody-has-heard-of-it", None),
        ("mine:gpt-5", None),
        ("gpt-5", None),
        ("", None),
    ],
)
def test_what_is_not_known_is_none(name: str, base_url: str | None) -> None:
    assert dollars(name, base_url, input=MILLION) is None


def test_the_address_says_who_is_paid() -> None:
    router = "https://openrouter.ai/api/v1"
    assert dollars("compatible:deepseek/deepseek-v3.2", router, input=MILLION) is not None
    own = dollars("openai:gpt-5", input=MILLION)
    assert dollars("openai:gpt-5", "https://proxy.example.com/v1", input=MILLION) == own
    assert dollars("openai:gpt-5", "http://127.0.0.1:1/v1", input=MILLION) == own
    assert dollars("claude:claude-opus-4-5", output=MILLION) == 25


def test_windows_are_in_the_table_too() -> None:
    assert window_listed("anthropic:claude-opus-4-5") == 200_000
    assert window_listed("gemini:nobody-has-heard-of-it") is None
    assert window_listed("ollama:qwen3") is None


async def test_the_table_is_loaded_where_no_loop_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with imports_watched(monkeypatch) as found:
        await load("ollama:qwen3")
        assert found == {}
        await load("openai:gpt-5")
        assert (cost_of("openai:gpt-5", Usage(input=MILLION))) is not None
    assert found.keys() >= {"genai_prices", "genai_prices.data"}
    assert set(found.values()) == {"beside a loop"}


async def test_a_budget_loads_it_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = Probe(said("hello", input=9), name="openai:gpt-5")
    with imports_watched(monkeypatch) as found:
        await read(Budgeted(probe, Purse(tokens=10**6)))
        assert found == {}
        model = Budgeted(probe, Purse(cost=Decimal(1)))
        await read(model)
        await read(model)
    assert found.keys() >= {"genai_prices", "genai_prices.data"}
    assert set(found.values()) == {"beside a loop"}


@contextmanager
def imports_watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The table is imported anew in here: each of its modules, and where."""
    assert dollars("openai:gpt-5", input=1)  # all is loaded that is to be put back
    found: dict[str, str] = {}

    class Watching:
        def find_spec(self, name: str, *_: Any) -> None:
            if name.partition(".")[0] == "genai_prices":
                on_a_loop = asyncio._get_running_loop() is not None
                found[name] = "on a loop" if on_a_loop else "beside a loop"

    with monkeypatch.context() as patch:
        for name in [*sys.modules]:
            if name.partition(".")[0] == "genai_prices":
                patch.delitem(sys.modules, name)
        patch.setattr(sys, "meta_path", [Watching(), *sys.meta_path])
        yield found


def test_without_the_package_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_installed()
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert not is_installed()
    assert cost_of("openai:gpt-5", Usage(input=1)) is None
    assert window_listed("openai:gpt-5") is None
    assert dollars("demo", input=1) == 0
