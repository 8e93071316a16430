"""Budget: what is set aside never exceeds the purse, and what a call cost is what counts."""

import asyncio
import sys
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retinue import assistant
from retinue.errors import (
    BadArguments,
    BudgetExceeded,
    MissingExtra,
    ModelOverloaded,
    ModelRejected,
    ModelSilent,
    SettingsError,
    StreamIncomplete,
)
from retinue.messages import Message, ToolCall
from retinue.models import ChatChunk, ChatRequest, Usage
from retinue.models.budget import Amount, Budgeted, Purse
from retinue.models.cached import Answers, Cached
from retinue.models.fallback import Fallback
from retinue.models.prices import Cost
from retinue.models.scripted import Reply, Scripted
from retinue.models.tokens import estimate

from ._probe import END, REQUEST, WAIT, Probe, read, read_a_part_in_each_way, said

SENT = estimate(REQUEST)
"""Tokens of the request, by estimate."""


def pricing(name: str, usage: Usage) -> Cost:
    """A cent for each token sent, one more where it goes into a cache, and another where it stays
    there for an hour; ten for each of the answer.
    """
    cents = usage.input + usage.cache_write + usage.cache_write_1h + 10 * usage.output
    return Cost(dollars=Decimal(cents * (2 if name == "dear" else 1)) / 100, table="test")


def budgeted(inner: Any, **purse: Any) -> Budgeted:
    return Budgeted(inner, Purse(**purse), pricing=pricing)


def asked(max_tokens: int | None = None) -> ChatRequest:
    return ChatRequest(messages=REQUEST.messages, max_tokens=max_tokens)


async def test_the_most_is_set_aside_and_then_the_usage_counts() -> None:
    model = budgeted(Probe(said("hello", input=3, output=2)), cost=Decimal(100), tokens=1000)
    purse = model.purse
    async with model.chat(asked(20)) as chunks:
        assert purse.held == Amount(dollars=Decimal(3 * SENT + 200) / 100, tokens=SENT + 20)
        assert [chunk async for chunk in chunks] == said("hello", input=3, output=2)
    assert purse.held == Amount()
    assert purse.spent == Amount(dollars=Decimal("0.23"), tokens=5)
    assert (purse.dollars_left, purse.tokens_left) == (Decimal("99.77"), 995)
    assert model.name == "probe"


@pytest.mark.parametrize(
    ("wanted", "purse", "lowered"),
    [
        (20, {"tokens": 1000}, 20),
        (20, {"cost": Decimal(100)}, 20),
        (None, {"tokens": SENT + 100}, 100),
        (None, {"tokens": 10**6}, 16_384),
        (500, {"tokens": SENT + 100}, 100),
        (None, {"cost": Decimal("4.00") + Decimal(3 * SENT) / 100}, 40),
        (None, {"cost": Decimal("4.09") + Decimal(3 * SENT) / 100}, 40),
        (None, {"cost": Decimal("4.00") + Decimal(3 * SENT) / 100, "tokens": SENT + 30}, 30),
        (500, {"cost": Decimal("4.00") + Decimal(3 * SENT) / 100, "tokens": 10**6}, 40),
        (3, {"tokens": SENT + 3}, 3),
    ],
)
async def test_a_request_is_lowered_to_what_the_rest_affords(
    wanted: int | None, purse: dict[str, Any], lowered: int
) -> None:
    probe = Probe(said("hello", input=1, output=1))
    await read(budgeted(probe, **purse), asked(wanted))
    assert probe.requests == [asked(lowered)]


@pytest.mark.parametrize(
    ("purse", "why", "short"),
    [
        ({"tokens": SENT + 15}, f"can take {SENT + 16} tokens, and {SENT + 15} of", ("tokens",)),
        ({"tokens": 0}, "0 of 0 are left", ("tokens",)),
        ({"cost": Decimal("0.01")}, "and $0.010 of $0.010 is left", ("cost",)),
        (
            {"cost": Decimal(0), "tokens": 0},
            "and $0.00 of $0.00 is left; it can take",
            ("cost", "tokens"),
        ),
        ({"cost": Decimal("1.6")}, "and $1.60 of $1.60 is left", ("cost",)),
        ({"cost": Decimal(100), "tokens": 9}, "tokens, and 9 of 9 are left", ("tokens",)),
        ({"cost": Decimal(1), "tokens": 10**6}, "and $1.00 of $1.00 is left", ("cost",)),
    ],
)
async def test_where_nothing_is_affordable_no_call_is_made(
    purse: dict[str, Any], why: str, short: tuple[str, ...]
) -> None:
    probe = Probe(said("hello"))
    model = budgeted(probe, **purse)
    with pytest.raises(BudgetExceeded) as caught:
        await read(model)
    assert why in str(caught.value)
    options = " and ".join([f"--max-{limit}" for limit in short])
    assert caught.value.hint == f"Allow more with {options}, or ask for less."
    assert model.purse.short == short
    assert probe.opened == 0
    assert model.purse.spent == model.purse.held == Amount()


@pytest.mark.parametrize(
    ("purse", "short"),
    [
        ({"tokens": SENT + 100}, ("tokens",)),
        ({"cost": Decimal(4) + Decimal(3 * SENT) / 100, "tokens": 10**6}, ("cost",)),
        ({"cost": Decimal(4) + Decimal(3 * SENT) / 100, "tokens": SENT + 30}, ("cost", "tokens")),
        ({"cost": Decimal(100), "tokens": SENT + 500}, ()),
    ],
)
async def test_it_is_known_what_made_a_request_smaller(
    purse: dict[str, Any], short: tuple[str, ...]
) -> None:
    model = budgeted(Probe(said("hello", input=1, output=1)), **purse)
    await read(model, asked(500))
    assert model.purse.short == short
    model.purse.cost = model.purse.tokens = None
    await read(model, asked(500))
    assert model.purse.short == ()


async def test_what_the_vendor_says_it_cost_is_what_it_cost() -> None:
    words = ChatChunk(text="hello")
    end = ChatChunk(usage=Usage(input=3, output=2), cost=Decimal("0.07"), stop="end")
    model = budgeted(Probe([words, end]), cost=Decimal(100), tokens=1000)
    await read(model, asked(20))
    assert model.purse.spent == Amount(dollars=Decimal("0.07"), tokens=5)
    only_tokens = budgeted(Probe([words, end]), tokens=1000)
    await read(only_tokens, asked(20))
    assert only_tokens.purse.spent == Amount(tokens=5)


async def test_calls_side_by_side_share_what_is_there() -> None:
    purse = Purse(tokens=2 * SENT + 100)
    models = [Budgeted(Probe(said("hello", input=SENT, output=9)), purse) for _ in range(3)]
    async with models[0].chat(asked(60)) as one, models[1].chat(asked(60)) as other:
        assert models[1].inner.requests == [asked(40)]
        with pytest.raises(BudgetExceeded) as caught:
            await read(models[2], asked(60))
        assert str(caught.value.hint).startswith("Other calls are under way")
        for chunks in (one, other):
            assert [chunk async for chunk in chunks]
    await read(models[2], asked(60))
    assert purse.spent == Amount(tokens=3 * (SENT + 9))


class Honest:
    """A model that keeps to the limit it is given, and says what it took."""

    name = "honest"

    def __init__(self, share: float) -> None:
        self.share = share

    @asynccontextmanager
    async def chat(self, request: ChatRequest):
        sent = estimate(request)
        output = int((request.max_tokens or 0) * self.share)
        written = int(sent * self.share)

        async def chunks():
            yield ChatChunk(text="x")
            usage = Usage(input=sent, cache_write=written, cache_write_1h=written, output=output)
            yield ChatChunk(usage=usage, stop="end")

        yield chunks()


@given(
    calls=st.lists(
        st.tuples(
            st.sampled_from(["open", "open", "read", "leave"]),
            st.none() | st.integers(1, 400),
            st.floats(0, 1),
            st.integers(0, 200),
        ),
        max_size=25,
    ),
    cost=st.none() | st.decimals(0, 60, places=3),
    tokens=st.none() | st.integers(0, 3000),
)
@example(  # all that it may take is taken
    calls=[("open", None, 1.0, 40), ("read", None, 0.0, 0)], cost=Decimal(30), tokens=None
)
def test_the_sum_never_exceeds_the_purse(
    calls: list[Any], cost: Decimal | None, tokens: int | None
) -> None:
    purse = Purse(cost=cost, tokens=tokens)

    def check() -> None:
        assert cost is None or purse.spent.dollars + purse.held.dollars <= cost
        assert tokens is None or purse.spent.tokens + purse.held.tokens <= tokens
        assert purse.held.dollars >= 0
        assert purse.held.tokens >= 0

    async def play() -> None:
        opened: list[tuple[AsyncExitStack, Any]] = []
        for action, wanted, share, length in calls:
            if action == "open":
                request = ChatRequest(messages=(Message("x" * length),), max_tokens=wanted)
                stack = AsyncExitStack()
                model = Budgeted(Honest(share), purse, pricing=pricing)
                try:
                    chunks = await stack.enter_async_context(model.chat(request))
                except BudgetExceeded:
                    continue
                opened.append((stack, chunks))
            elif opened:
                stack, chunks = opened.pop(length % len(opened))
                if action == "read":
                    assert [chunk async for chunk in chunks]
                await stack.aclose()
            check()
        for stack, _ in opened:
            await stack.aclose()
        check()
        assert purse.held == Amount()

    asyncio.run(play())


TOKENS = SENT + estimate(Message("hello"))


@pytest.mark.parametrize(
    ("script", "spent"),
    [
        ([ModelRejected("no")], 0),
        ([ModelOverloaded("busy")], 0),
        ([ModelSilent("nothing came")], SENT),
        ([BadArguments("unreadable")], SENT),
        ([ChatChunk(text="hello"), StreamIncomplete("cut")], TOKENS),
        ([ChatChunk(thinking="hello"), ModelOverloaded("busy")], TOKENS),
        ([ChatChunk(text="hello"), ChatChunk(usage=Usage(input=9)), StreamIncomplete("cut")], 15),
        ([ChatChunk(text="hello"), END], TOKENS),
        ([ChatChunk(tool_call=ToolCall(id="1", name="add")), END], SENT + 4 + 2),
    ],
    ids=[
        "refused",
        "overloaded",
        "silent",
        "unreadable",
        "cut",
        "overloaded while it thought",
        "cut after its usage",
        "whole without usage",
        "a call without usage",
    ],
)
async def test_without_usage_what_was_sent_and_received_counts(
    script: list[Any], spent: int
) -> None:
    model = budgeted(Probe(script), tokens=10_000, cost=Decimal(10_000))
    failing = isinstance(script[-1], Exception)
    with pytest.raises(type(script[-1])) if failing else nullcontext():
        await read(model)
    assert model.purse.spent.tokens == spent
    assert (model.purse.spent.dollars > 0) == (spent > 0)
    assert model.purse.held == Amount()


async def test_an_error_of_the_reader_is_none_of_the_model() -> None:
    model = budgeted(Probe(said("hello")), tokens=10_000)
    with pytest.raises(ModelRejected):
        async with model.chat(REQUEST):
            raise ModelRejected("of another model")
    assert model.purse.spent.tokens == SENT


async def test_a_refusal_while_it_is_opened_costs_nothing() -> None:
    purse = Purse(tokens=10_000)
    inner = Budgeted(Probe(said("hello")), Purse(tokens=0))
    with pytest.raises(BudgetExceeded):
        await read(Budgeted(inner, purse))
    assert purse.spent == purse.held == Amount()


async def test_however_the_reader_leaves_it_is_settled_and_closed() -> None:
    probe = Probe([ChatChunk(text="hello"), WAIT])
    model = budgeted(probe, tokens=10_000)
    await read_a_part_in_each_way(model, probe)
    assert probe.opened == probe.closed == probe.ended == 3
    assert model.purse.held == Amount()
    assert model.purse.spent.tokens == 3 * TOKENS


async def test_a_repeated_answer_costs_nothing() -> None:
    model = budgeted(
        Cached(Probe(said("hello", input=5, output=5)), Answers(), owner="ada"), tokens=10**6
    )
    await read(model)
    await read(model)
    assert model.purse.spent.tokens == 10


async def test_who_answers_instead_is_paid_its_own_price() -> None:
    busy = Probe([ModelOverloaded("busy")], name="cheap")
    dear = Probe(said("hello", input=100), name="dear")
    model = budgeted(Fallback(busy, dear), cost=Decimal(1000))
    await read(model)
    assert model.purse.spent.dollars == 2


async def test_what_costs_nothing_is_not_lowered() -> None:
    probe = Probe(said("hello", input=9, output=9), name="demo")
    model = Budgeted(probe, Purse(cost=Decimal(0)))
    await read(model)
    assert probe.requests == [REQUEST]
    assert model.purse.spent == Amount(tokens=18)


async def test_without_limits_it_only_counts() -> None:
    probe = Probe(said("hello", input=9, output=9), name="mine")
    model = Budgeted(probe, Purse())
    await read(model)
    assert probe.requests == [asked(None)]
    assert model.purse.spent == Amount(tokens=18)
    assert model.purse.dollars_left is model.purse.tokens_left is None


async def test_an_unknown_price_is_an_error_and_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = Probe(said("hello"), name="mine:secret")
    model = Budgeted(probe, Purse(cost=Decimal(1)))
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    with pytest.raises(MissingExtra) as missing:
        await read(model)
    assert missing.value.hint == "pip install 'retinue[prices]'"
    monkeypatch.undo()
    pytest.importorskip("genai_prices", reason="needs retinue[prices]")
    with pytest.raises(SettingsError, match="'mine:secret' is not known") as unknown:
        await read(model)
    assert "--max-tokens" in str(unknown.value.hint)
    assert probe.opened == 0


async def test_a_price_that_is_lost_meanwhile_is_the_most_it_could_be() -> None:
    known = True

    def forgetful(name: str, usage: Usage) -> Cost | None:
        return pricing(name, usage) if known else None

    model = Budgeted(Probe(said("hello", input=1)), Purse(cost=Decimal(9)), pricing=forgetful)
    async with model.chat(asked(20)) as chunks:
        held = model.purse.held
        known = False
        assert [chunk async for chunk in chunks]
    assert model.purse.spent.dollars == held.dollars


async def test_the_table_is_asked_by_name_and_address() -> None:
    pytest.importorskip("genai_prices", reason="needs retinue[prices]")
    probe = Probe(said("hello", input=1000, output=1000), name="compatible:deepseek/deepseek-v3.2")
    probe.base_url = "https://openrouter.ai/api/v1"  # type: ignore[attr-defined]
    model = Budgeted(Budgeted(probe, Purse()), Purse(cost=Decimal(1)))
    await read(model)
    assert 0 < model.purse.spent.dollars < Decimal("0.01")


@pytest.mark.parametrize(
    "limits", [{"cost": Decimal(-1)}, {"tokens": -1}, {"cost": Decimal("NaN")}]
)
def test_what_is_no_amount_is_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        Purse(**limits)
    assert caught.value.hint


async def test_the_assistant_stops_before_the_call_that_would_cross_it() -> None:
    def look() -> str:
        """Look."""
        return "rain " * 40

    call = ToolCall(id="1", name="look", args={})
    script = Scripted(Reply(call, usage=Usage(input=60, output=20)), "never asked for")
    host = assistant("host", model=Budgeted(script, Purse(tokens=150)), tools=[look])
    replies = await host.inquire("What is the weather?")
    assert [message.role for message in replies] == ["assistant", "tool", "assistant"]
    last = replies[-1]
    assert last.stop_reason == "budget"
    assert last.text.startswith("I stopped. The budget does not allow another call of 'scripted'")
    assert len(script.requests) == 1
