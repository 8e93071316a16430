"""Facts: nothing is one before all that it depends on; everything that can be one, is."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue.promise import hub_of
from retinue.runs._commits import Fact, all_facts

type Graph = list[set[int]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, list[int], set[int]]:
    """Who needs whom, circles too; in which order they happen; and which only become available."""
    count = draw(st.integers(1, 12))
    numbers = st.integers(0, count - 1)
    needs = [draw(st.sets(numbers, max_size=4)) for _ in range(count)]
    order = draw(st.permutations(range(count)))
    happen = order[: draw(st.integers(0, count))]
    return needs, happen, draw(st.sets(numbers, max_size=3))


def closure(needs: Graph, start: int) -> set[int]:
    seen = {start}
    todo = [start]
    while todo:
        for need in needs[todo.pop()] - seen:
            seen.add(need)
            todo.append(need)
    return seen


@given(graphs())
@settings(max_examples=400, deadline=None)
def test_facts_are_written_after_all_they_need(drawn: tuple[Graph, list[int], set[int]]) -> None:
    needs, order, lazy = drawn
    facts = [Fact() for _ in needs]
    written: list[int] = []
    ready: set[int] = set()
    for number in order:
        ready.add(number)
        before = len(written)
        fact, wanted = facts[number], [facts[need] for need in needs[number]]
        happen = fact.available if number in lazy else fact.happened
        happen(lambda number=number: written.append(number), wanted)
        # What was written just now was written in one go, in the order of its needs ...
        for place, one in enumerate(written[before:], before):
            later = set(written[place + 1 :])
            for need in needs[one] & later:
                assert one in closure(needs, need), "not in its own circle"
            assert needs[one] <= set(written), "before what it depends on"
        # ... and all that can be written, is.
        free = {one for one in ready if closure(needs, one) <= ready}
        wanted_by_eager = {need for one in free - lazy for need in closure(needs, one)}
        assert set(written) == wanted_by_eager
        assert len(written) == len(set(written)), "once"
    assert [facts.index(fact) for fact in facts if fact.committed] == sorted(written)


def test_a_long_chain_that_begins_to_hold_at_its_end_takes_no_stack() -> None:
    chain = [Fact() for _ in range(20_000)]
    written: list[int] = []
    for number in range(len(chain) - 1, -1, -1):
        needs = [chain[number - 1]] if number else []
        chain[number].happened(lambda number=number: written.append(number), needs)
    assert written == list(range(len(chain)))


def test_many_that_wait_for_one_are_not_followed_again_and_again() -> None:
    """2,000 facts in a row behind an open one: quadratic work would be millions of steps."""
    steps = 0

    class Counted(Fact):
        __slots__ = ()

        def __hash__(self) -> int:
            nonlocal steps
            steps += 1
            return id(self)

        def __eq__(self, other: object) -> bool:
            return self is other

    first = last = Counted()
    for _ in range(2_000):
        fact = Counted()
        fact.happened(lambda: None, [last])
        last = fact
    first.happened(lambda: None)
    assert last.committed
    assert steps < 100_000


async def test_whoever_waits_for_facts_goes_on_when_the_last_is_one() -> None:
    first, second, known = Fact(), Fact(), Fact()
    known.known()
    await all_facts([known])
    waiting = asyncio.ensure_future(all_facts([first, second, known]))
    await asyncio.sleep(0)
    first.happened(lambda: None)
    await asyncio.sleep(0)
    assert not waiting.done()
    second.happened(lambda: None, [first])
    async with asyncio.timeout(5):
        await waiting
    assert not hub_of(asyncio.get_running_loop()).watch.waits


async def test_somebody_who_no_longer_waits_for_facts_is_forgotten() -> None:
    fact = Fact()
    waiting = asyncio.ensure_future(all_facts([fact]))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    fact.happened(lambda: None)
    assert fact.committed


async def test_what_is_available_becomes_a_fact_for_whoever_waits_for_it() -> None:
    fact = Fact()
    written: list[str] = []
    fact.available(lambda: written.append("it"))
    assert written == []
    async with asyncio.timeout(5):
        await all_facts([fact])
    assert written == ["it"]
