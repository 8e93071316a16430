"""What an answer costs, what it may cost, and who answers where the model cannot."""

import asyncio
import json
import os
from collections.abc import Container, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retinue.messages import ToolCall
from retinue.models import Usage
from retinue.testing.mock_llm import Answer, MockLLM, Refusal

from .conftest import Retinue, Said, Script

pytest.importorskip("genai_prices", reason="needs the extra: uv sync --group vendors")

KEY = "sk-0123456789abcdef"
MODEL = "openai:gpt-4o-mini"
"""15 cents for a million tokens read; it is asked over Chat Completions."""
DEAR = "openai:gpt-4o"
"""2.50 dollars."""

WATCHING = """
import asyncio, sys


class Watching:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "genai_prices":
            on_a_loop = asyncio._get_running_loop() is not None
            print(name, "on a loop" if on_a_loop else "beside a loop", file=sys.stderr)


sys.meta_path.insert(0, Watching())
"""
"""Says of each module of the table where it is imported."""


async def test_json_says_what_it_cost_and_that_it_is_an_estimate(retinue: Retinue) -> None:
    said, _ = await ask(retinue, "-o", "json")
    cost = json.loads(said.out)["cost"]
    assert (Decimal(cost["dollars"]), cost["estimate"]) == (Decimal("0.15"), True)
    assert cost["table"].startswith("genai-prices ")


async def test_each_answer_of_a_stream_says_what_it_cost_and_by_which_table(
    retinue: Retinue,
) -> None:
    said, _ = await ask(retinue, "-o", "stream-json")
    answered = answered_in(said)
    assert (Decimal(answered["cost"]), answered["estimate"]) == (Decimal("0.15"), True)
    assert answered["table"].startswith("genai-prices ")


async def test_of_what_nobody_knows_the_price_a_stream_says_nothing(retinue: Retinue) -> None:
    said, _ = await ask(retinue, "-o", "stream-json", model="openai:of-our-own")
    assert not answered_in(said).keys() & {"cost", "table", "estimate"}


@pytest.mark.parametrize("form", ["json", "stream-json"])
async def test_who_answers_instead_is_paid_its_own_price(retinue: Retinue, form: str) -> None:
    said, _ = await ask(retinue, "--fallback", DEAR, "-o", form, reply=Refusal(529))
    if form == "json":
        answer = json.loads(said.out)
        (message,) = answer["messages"]
        cost = answer["cost"]["dollars"]
    else:
        answered = answered_in(said)
        (message,) = [line["message"] for line in lines_of(said) if line["type"] == "message_ended"]
        cost = answered["cost"]
        assert answered["model"] == DEAR
    assert Decimal(cost) == Decimal("2.50")
    assert message["model"] == DEAR
    assert [part["source"] for part in message["parts"]] == [f"model:{DEAR}"]


def test_what_runs_here_costs_nothing(retinue: Retinue, script: Script) -> None:
    counted = script({"lines": "A.", "usage": {"input": 9}})
    for model in ("demo", counted):
        said = retinue("-p", "hi", "-m", model, "-o", "json", "--max-cost", "0")
        assert said.code == 0
        assert json.loads(said.out)["cost"] == {"dollars": "0", "table": "local", "estimate": True}


async def test_prices_are_loaded_only_where_one_is_needed(retinue: Retinue, script: Script) -> None:
    traced = {"PYTHONPROFILEIMPORTTIME": "1"}
    said, _ = await ask(retinue, **traced)
    assert (said.code, "genai_prices" in said.err) == (0, False)
    local = {"lines": "A.", "usage": {"input": 9}}
    said = retinue("-p", "hi", "-m", script(local), "-o", "json", "--max-cost", "1", **traced)
    assert (said.code, "genai_prices" in said.err) == (0, False)
    said, _ = await ask(retinue, "-o", "json", **traced)
    assert (said.code, "genai_prices" in said.err) == (0, True)


@pytest.mark.parametrize(
    "options",
    [
        ("-o", "json"),
        ("-o", "stream-json"),
        ("-o", "text", "--max-cost", "0.5"),
        ("-o", "stream-json", "--max-cost", "0.5", "--fallback", DEAR),
    ],
    ids=" ".join,
)
async def test_nobody_waits_while_they_are_loaded(
    retinue: Retinue, home: Path, options: tuple[str, ...]
) -> None:
    (home / "sitecustomize.py").write_text(WATCHING)
    path = os.pathsep.join(filter(None, [str(home), os.environ.get("PYTHONPATH")]))
    said, _ = await ask(retinue, *options, PYTHONPATH=path)
    assert said.code == 0
    found = [line for line in said.err.splitlines() if line.startswith("genai_prices")]
    assert {line.partition(" ")[0] for line in found} >= {"genai_prices", "genai_prices.data"}
    assert {line.partition(" ")[2] for line in found} == {"beside a loop"}


async def test_a_run_stops_before_the_step_that_would_cost_too_much(retinue: Retinue) -> None:
    call = ToolCall(id="1", name="calculator", args={"expression": "1+1"})
    first = Answer([call], usage=Usage(input=1_000_000))
    said, mock = await ask(
        retinue, "--tools", "calculator", "--max-cost", "0.15", "-o", "json", reply=first
    )
    assert said.code == 4
    assert len(mock.requests) == 1
    answer = json.loads(said.out)
    assert answer["stop_reason"] == "budget"
    assert Decimal(answer["cost"]["dollars"]) == Decimal("0.15")


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (("--answer-tokens", "50"), {50}),
        (("--answer-tokens", "50", "--max-cost", "0.001"), {50}),
        (("--max-tokens", "1000"), range(900, 1_000)),
        (("--max-tokens", "100000"), {16_384}),
        (("--max-tokens", "1000", "--answer-tokens", "50"), {50}),
        (("--max-cost", "0.5"), {16_384}),
        (("--max-cost", "0.001"), range(1_500, 1_667)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
async def test_no_longer_an_answer_is_asked_for_than_may_come(
    retinue: Retinue, options: tuple[str, ...], asked: Container[int]
) -> None:
    _, mock = await ask(retinue, *options)
    (request,) = mock.requests
    assert request.body["max_completion_tokens"] in asked


def test_an_answer_that_reaches_the_limit_of_tokens_is_one_at_a_limit(
    retinue: Retinue, script: Script
) -> None:
    model = script({"lines": "A.", "stop": "max_tokens"})
    said = retinue("-p", "hi", "-m", model)
    assert said.code == 4
    assert said.err.endswith("cut at the limit of tokens. Allow more with --answer-tokens.\n")
    said = retinue("-p", "hi", "-m", model, "--max-tokens", "900", "--answer-tokens", "9")
    assert said.err.endswith("Allow more with --answer-tokens.\n")
    said = retinue("-p", "hi", "-m", model, "--max-tokens", "900")  # so the answer was cut short
    assert said.err.endswith("Allow more with --max-tokens.\n")


def test_a_run_stops_before_the_step_that_would_take_too_many_tokens(
    retinue: Retinue, script: Script
) -> None:
    """Also where models cost nothing."""
    call = {"tool_call": {"id": "1", "name": "calculator", "args": {"expression": "1+1"}}}
    model = script({"lines": [call], "usage": {"input": 800, "output": 60}}, "Never said.")
    said = retinue("-p", "hi", "-m", model, "-o", "json", "--max-tokens", "900")
    assert said.code == 4
    answer = json.loads(said.out)
    assert answer["stop_reason"] == "budget"
    assert answer["tokens"] == {"used": 860, "limit": 900}
    assert "before it could take more than it may. Allow more with --max-tokens.\n" in said.err
    said = retinue("-p", "hi", "-m", model, "-o", "json", "--max-tokens", "90000")
    assert said.code == 0
    assert json.loads(said.out)["tokens"]["limit"] == 90_000
    assert json.loads(retinue("-p", "hi", "-m", model, "-o", "json").out)["tokens"] is None


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        (("--max-cost", "5", "--max-tokens", "20"), "--max-tokens"),
        (("--max-cost", "0.0000001", "--max-tokens", "90000"), "--max-cost"),
        (("--max-cost", "0.0000001", "--max-tokens", "20"), "--max-cost and --max-tokens"),
    ],
)
async def test_of_two_limits_the_one_is_named_that_was_reached(
    retinue: Retinue, limits: tuple[str, ...], named: str
) -> None:
    said, mock = await ask(retinue, *limits)
    assert (said.code, mock.requests) == (4, [])
    assert f"Allow more with {named}.\n" in said.err


@pytest.mark.parametrize("form", ["text", "json", "stream-json"])
async def test_the_call_that_would_cost_too_much_is_not_made(retinue: Retinue, form: str) -> None:
    said, mock = await ask(retinue, "-o", form, "--max-cost", "0.0000001")
    assert said.code == 4
    assert mock.requests == []
    assert "before it could take more" in said.err
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
    (logged,) = [line for line in said.err.splitlines() if "model is replaced" in line]
    event = json.loads(logged)
    assert (event["model"], event["by"]) == (MODEL, "scripted:script.json")
    assert event["why"] == f"{MODEL!r} has too much to do: The script says so"


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
        mock.script("gpt-4o", answer)
        mock.script("of-our-own", answer)
        known: Mapping[str, str] = {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": f"{mock.url}/v1",
            **environ,
        }
        line = ["-p", "hi", "-m", model, "--tools", "none", *options]
        return await asyncio.to_thread(lambda: retinue(*line, **known)), mock


def lines_of(said: Said) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.out.splitlines()]


def answered_in(said: Said) -> dict[str, Any]:
    """The only answer of a model in a stream."""
    (answered,) = [line for line in lines_of(said) if line["type"] == "model_answered"]
    return answered
