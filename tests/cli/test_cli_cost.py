"""What an answer costs, what it may cost, and who answers where the model cannot."""

import asyncio
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from retinue.models import Usage
from retinue.testing.mock_llm import Answer, MockLLM, Refusal

from .conftest import Retinue, Said, Script

pytest.importorskip("genai_prices", reason="needs the extra: uv sync --group vendors")

KEY = "sk-0123456789abcdef"
MODEL = "openai:gpt-4o-mini"
"""15 cents for a million tokens read; it is asked over Chat Completions."""


async def test_json_says_what_it_cost_and_that_it_is_an_estimate(retinue: Retinue) -> None:
    said, _ = await ask(retinue, "-o", "json")
    cost = json.loads(said.out)["cost"]
    assert (Decimal(cost["dollars"]), cost["estimate"]) == (Decimal("0.15"), True)
    assert cost["table"].startswith("genai-prices ")


async def test_each_answer_of_a_stream_says_what_it_cost(retinue: Retinue) -> None:
    said, _ = await ask(retinue, "-o", "stream-json")
    lines = [json.loads(line) for line in said.out.splitlines()]
    (answered,) = [line for line in lines if line["type"] == "model_answered"]
    assert Decimal(answered["cost"]) == Decimal("0.15")


def test_what_runs_here_costs_nothing(retinue: Retinue, script: Script) -> None:
    said = retinue("-p", "hi", "-m", script("A."), "-o", "json", "--max-cost", "0")
    assert said.code == 0
    assert json.loads(said.out)["cost"] in (
        None,  # nothing was counted
        {"dollars": "0", "table": "local", "estimate": True},
    )


async def test_prices_are_loaded_only_where_one_is_needed(retinue: Retinue, script: Script) -> None:
    traced = {"PYTHONPROFILEIMPORTTIME": "1"}
    said, _ = await ask(retinue, **traced)
    assert (said.code, "genai_prices" in said.err) == (0, False)
    local = {"lines": "A.", "usage": {"input": 9}}
    said = retinue("-p", "hi", "-m", script(local), "-o", "json", "--max-cost", "1", **traced)
    assert (said.code, "genai_prices" in said.err) == (0, False)
    said, _ = await ask(retinue, "-o", "json", **traced)
    assert (said.code, "genai_prices" in said.err) == (0, True)


@pytest.mark.parametrize("form", ["text", "json", "stream-json"])
async def test_the_call_that_would_cost_too_much_is_not_made(retinue: Retinue, form: str) -> None:
    said, mock = await ask(retinue, "-o", form, "--max-cost", "0.0000001")
    assert said.code == 4
    assert mock.requests == []
    assert "before it could cost more" in said.err
    assert "--max-cost" in said.err
    if form == "json":
        answer = json.loads(said.out)
        assert (answer["stop_reason"], answer["cost"]) == ("budget", None)


async def test_what_may_cost_enough_is_asked(retinue: Retinue) -> None:
    said, _ = await ask(retinue, RETINUE_MAX_COST="0.5")
    assert (said.code, said.out, said.err) == (0, "A.\n", "")


async def test_without_a_price_nothing_is_asked_that_may_only_cost_so_much(
    retinue: Retinue,
) -> None:
    said, mock = await ask(retinue, "--max-cost", "1", model="openai:of-our-own")
    assert (said.code, said.out) == (2, "")
    assert "The price of 'openai:of-our-own' is not known" in said.err
    assert mock.requests == []


async def test_that_is_so_for_those_that_may_answer_instead_too(retinue: Retinue) -> None:
    said, mock = await ask(retinue, "--fallback", "openai:of-our-own", "--max-cost", "1")
    assert (said.code, said.out) == (2, "")
    assert "The price of 'openai:of-our-own' is not known" in said.err
    assert mock.requests == []


@pytest.mark.parametrize("wrong", ["-1", "much", "nan", "1e9"])
def test_what_is_no_amount_is_refused(retinue: Retinue, wrong: str) -> None:
    said = retinue("-p", "hi", "-m", "demo", f"--max-cost={wrong}")
    assert said.code == 2
    assert "--max-cost" in said.err
    assert "a number of dollars from 0 to 1,000,000" in said.err


async def test_another_answers_where_the_model_cannot_and_the_log_says_why(
    retinue: Retinue, script: Script
) -> None:
    said, _ = await ask(
        retinue, "--fallback", f"{script('From here.')},demo", "-o", "json", reply=Refusal(529)
    )
    assert said.code == 0
    answer = json.loads(said.out)
    assert answer["text"] == "From here."
    assert answer["model"] == MODEL
    assert answer["messages"][0]["model"] == "scripted:script.json"
    assert "model is replaced" in said.err
    assert "scripted:script.json" in said.err


async def test_all_that_may_answer_are_paid_from_one_purse(retinue: Retinue) -> None:
    said, mock = await ask(retinue, "--fallback", MODEL, "--max-cost", "0.5", reply=Refusal(529))
    assert said.code == 1
    assert {request.model for request in mock.requests} == {"gpt-4o-mini"}
    said, mock = await ask(retinue, "--fallback", MODEL, "--max-cost", "0.0000001")
    assert (said.code, mock.requests) == (4, [])


def test_an_unknown_one_that_was_to_answer_says_who_chose_it(retinue: Retinue) -> None:
    said = retinue("-p", "hi", "-m", "demo", "--fallback", "nobody")
    assert said.code == 2
    assert "No model 'nobody' (chosen by --fallback)" in said.err


async def ask(
    retinue: Retinue,
    *options: str,
    model: str = MODEL,
    reply: Any = None,
    **environ: str,
) -> tuple[Said, MockLLM]:
    """A model that costs money is asked, which has read a million tokens."""
    async with MockLLM() as mock:
        answer = Answer(["A."], usage=Usage(input=1_000_000))
        mock.script("gpt-4o-mini", *([reply] * 9 if reply else [answer]))
        known: Mapping[str, str] = {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": f"{mock.url}/v1",
            **environ,
        }
        line = ["-p", "hi", "-m", model, "--tools", "none", *options]
        return await asyncio.to_thread(lambda: retinue(*line, **known)), mock
