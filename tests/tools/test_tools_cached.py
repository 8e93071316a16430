"""Cached: equal calls of one owner get one result, while it is young; errors are not kept."""

import asyncio
import gc
from typing import Any, cast

import pytest

from retinue import Scope, assistant
from retinue.errors import ToolDenied, ToolError, ToolFailed
from retinue.messages import Image, Text, ToolCall, ToolResult, ToolSpec
from retinue.promise.kept import ENTRY
from retinue.steps import Effect
from retinue.testing import MemoryJournal, Scripted
from retinue.tools import Approved, Cached, Limited, Results, Risk, Tool, ToolSet, tool

pytestmark = pytest.mark.timeout(20)


def call(name: str = "weather", id: str = "1", **args: Any) -> ToolCall:
    return ToolCall(id=id, name=name, args=args)


class Office:
    """Tells the weather; every look at the sky is counted, and may be held up or fail."""

    def __init__(self, name: str = "weather", description: str = "The weather.") -> None:
        self.looked: list[Any] = []
        self.open = asyncio.Event()
        self.open.set()
        self.fails = 0

        @tool(name=name, description=description, effect="none", risk="read")
        async def weather(city: Any = "Turku") -> str:
            self.looked.append(city)
            await self.open.wait()
            if self.fails:
                self.fails -= 1
                raise OSError("fog")
            return f"rain in {city}, look {len(self.looked)}"

        self.tool = weather

    def cached(self, results: Results | None = None, *, owner: str = "ada") -> Cached:
        return Cached(self.tool, Results() if results is None else results, owner=owner)

    async def looks(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.looked) < count:
                await asyncio.sleep(0)


async def at_once(cached: Tool, count: int) -> list[asyncio.Task[ToolResult]]:
    """Equal calls, each waiting as far as it can get."""
    tasks = [asyncio.create_task(cached.use(call(id=str(n)))) for n in range(count)]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_an_equal_call_gets_the_same_result_as_its_own_and_can_see_that() -> None:
    office = Office()
    cached = office.cached()
    first = await cached.use(call(id="1", city="Turku"))
    again = await cached.use(call(id="2", city="Turku"))
    assert first == ToolResult(
        call_id="1", name="weather", content="rain in Turku, look 1", source="tool:weather"
    )
    assert again == ToolResult(
        call_id="2", name="weather", content="rain in Turku, look 1", source="tool:weather:cached"
    )
    assert office.looked == ["Turku"]


async def test_a_repeated_result_is_not_marked_twice() -> None:
    cached = Office().cached()
    sources = [(await cached.use(call())).source for _ in range(3)]
    assert sources == ["tool:weather", "tool:weather:cached", "tool:weather:cached"]


async def test_it_is_a_tool_like_the_one_inside() -> None:
    office = Office()
    cached = office.cached()
    assert (cached.spec, cached.effect, cached.risk) == (office.tool.spec, "none", "read")
    box = ToolSet(cached)
    assert (await box.use(call())).text == (await box.use(call())).text


async def test_other_arguments_are_another_call_also_where_python_calls_them_equal() -> None:
    office = Office()
    cached = office.cached()
    cities: list[Any] = [1, True, 1.0, "1", None, "", [1], ["1"], {"a": 1, "b": 2}, {"a": 1}]
    for city in (*cities, *cities):
        await cached.use(call(city=city))
    await cached.use(call(city={"b": 2, "a": 1}))  # the order of keys is not said
    assert [*map(repr, office.looked)] == [*map(repr, cities)]
    await cached.use(call())  # nor is what stands in for what is left out
    assert len(office.looked) == len(cities) + 1


async def test_nobody_sees_what_another_owner_was_answered() -> None:
    office, results = Office(), Results()
    ada, bob = [office.cached(results, owner=owner) for owner in ("ada", "bob")]
    office.open.clear()
    uses = [asyncio.create_task(one.use(call())) for one in (ada, bob)]
    await office.looks(2)  # not even while both are under way
    office.open.set()
    await asyncio.gather(*uses)
    assert [(await one.use(call())).source for one in (ada, bob)] == ["tool:weather:cached"] * 2
    assert len(office.looked) == 2


@pytest.mark.parametrize(
    "other", [{"name": "forecast"}, {"description": "Of tomorrow."}], ids=["name", "version"]
)
async def test_a_tool_that_is_told_otherwise_is_another_tool(other: dict[str, str]) -> None:
    results = Results()
    one, two = Office(), Office(**other)
    await one.cached(results).use(call())
    result = await two.cached(results).use(call(name=other.get("name", "weather")))
    assert result.source == f"tool:{result.name}"
    assert len(two.looked) == 1


class Foreign:
    """A tool of somebody else's making, whose description is plain dicts and may change."""

    effect: Effect = "none"
    risk: Risk = "read"

    def __init__(self, *answers: ToolResult) -> None:
        self.spec = ToolSpec(name="weather", description="", parameters={"type": "object"})
        self.answers = list(answers)

    async def use(self, call: ToolCall) -> ToolResult:
        return self.answers.pop(0)


def says(content: Any, **fields: Any) -> ToolResult:
    return ToolResult(call_id="1", name="weather", content=content, **fields)


async def test_a_tool_that_changes_its_schema_is_asked_again() -> None:
    foreign = Foreign(says("old"), says("new"))
    cached = Cached(foreign, Results(), owner="ada")
    assert [(await cached.use(call())).text for _ in range(2)] == ["old", "old"]
    foreign.spec = ToolSpec(name="weather", description="", parameters={"type": "object", "x": [1]})
    assert [(await cached.use(call())).text for _ in range(2)] == ["new", "new"]


async def test_a_result_without_a_source_gets_one_when_it_is_repeated() -> None:
    cached = Cached(Foreign(says("rain")), Results(), owner="ada")
    assert [(await cached.use(call())).source for _ in range(2)] == [None, "tool:weather:cached"]


@pytest.mark.parametrize("effect", ["once", "idempotent"])
def test_what_has_an_effect_is_refused(effect: Effect) -> None:
    @tool(effect=effect)
    def send(to: str) -> None: ...

    with pytest.raises(ToolError, match=f"send has an effect \\('{effect}'\\)") as caught:
        Cached(send, Results(), owner="ada")
    assert "effect='none'" in (caught.value.hint or "")


def test_a_plain_function_may_have_any_effect_so_it_is_refused() -> None:
    def look() -> None: ...

    with pytest.raises(ToolError, match="look has an effect"):
        Cached(look, Results(), owner="ada")


def test_a_toolbox_is_refused_and_told_where_it_belongs() -> None:
    with pytest.raises(ToolError, match="only the tools in it") as caught:
        Cached(cast("Any", ToolSet()), Results(), owner="ada")
    assert "Approved([Cached(" in (caught.value.hint or "")


# -- what is kept


async def test_errors_are_not_kept() -> None:
    office = Office()
    office.fails = 1
    cached = office.cached()
    with pytest.raises(ToolFailed, match="fog"):
        await cached.use(call())
    assert (await cached.use(call())).text == "rain in Turku, look 2"


async def test_results_that_say_they_are_errors_are_not_kept() -> None:
    cached = Cached(Foreign(says("busy", error=True), says("rain")), Results(), owner="ada")
    assert [(await cached.use(call())).text for _ in range(3)] == ["busy", "rain", "rain"]


async def test_results_are_bounded_by_size_and_age() -> None:
    now = 0.0
    results = Results(max_bytes=ENTRY + 200, max_age=60, clock=lambda: now)
    contents = [
        "x" * 201,
        "\N{SNOWMAN}\ud800" * 34,  # 6 bytes each
        (Text(text="x" * 101), Image(data=b"y" * 100)),
        (Image(url="https://example.org/" + "z" * 181),),
        "x" * 200,
        (Text(text="x" * 100), Image(data=b"y" * 100), Image()),
    ]
    foreign = Foreign(*[says(content) for content in contents for _ in range(2)])
    cached = Cached(foreign, results, owner="ada")
    marked: list[bool] = []
    for n in range(len(contents)):
        left = len(foreign.answers)
        for _ in range(2):
            await cached.use(call(n=n))
        marked.append(len(foreign.answers) == left - 1)
        del foreign.answers[: len(foreign.answers) % 2]
    assert marked == [False, False, False, False, True, True]
    assert len(results) == 1
    now = 60.0
    foreign.answers.append(says("later"))
    assert (await cached.use(call(n=5))).text == "later"


# -- at once


async def test_equal_calls_at_once_share_one_use() -> None:
    office = Office()
    office.open.clear()
    tasks = await at_once(office.cached(), 5)
    office.open.set()
    results = await asyncio.gather(*tasks)
    assert office.looked == ["Turku"]
    assert [result.call_id for result in results] == ["0", "1", "2", "3", "4"]
    assert [result.source for result in results] == ["tool:weather", *["tool:weather:cached"] * 4]


async def test_who_shares_a_use_that_fails_sees_the_same_error() -> None:
    office = Office()
    office.fails = 1
    office.open.clear()
    cached = office.cached()
    tasks = await at_once(cached, 3)
    office.open.set()
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(errors[0], ToolFailed)
    assert errors == [errors[0]] * 3
    assert office.looked == ["Turku"]
    assert (await cached.use(call())).text == "rain in Turku, look 2"


async def test_where_the_first_is_cancelled_the_next_takes_over() -> None:
    office = Office()
    office.open.clear()
    tasks = await at_once(office.cached(), 3)
    tasks[0].cancel()
    await office.looks(2)
    office.open.set()
    _, *results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [getattr(result, "text", result) for result in results] == ["rain in Turku, look 2"] * 2
    assert tasks[0].cancelled()


async def test_who_stops_waiting_stops_nobody_else() -> None:
    office = Office()
    office.open.clear()
    tasks = await at_once(office.cached(), 3)
    tasks[1].cancel()
    await asyncio.wait(tasks[1:2])
    office.open.set()
    assert (await tasks[0]).text == (await tasks[2]).text == "rain in Turku, look 1"
    assert tasks[1].cancelled()


async def test_a_tool_that_comes_to_call_itself_does_not_wait_for_itself() -> None:
    depth = 0

    @tool(effect="none")
    async def weather() -> str:
        nonlocal depth
        depth += 1
        inner = await asyncio.create_task(cached.use(call())) if depth < 3 else None
        return f"{inner.text}." if inner else "rain"

    cached = Cached(weather, Results(), owner="ada")
    async with asyncio.timeout(5):
        assert (await cached.use(call())).text == "rain.."
        assert (await cached.use(call())).text == "rain.."


async def test_two_tools_that_come_to_call_each_other_do_not_wait_for_each_other() -> None:
    both = asyncio.Barrier(2)
    boxes: dict[str, Cached] = {}
    depth = 0

    async def ask(other: str) -> str:
        nonlocal depth
        depth += 1
        if depth > 2:
            return "rain"
        await both.wait()
        return (await boxes[other].use(call(other))).text

    @tool(effect="none")
    async def one() -> str:
        return await ask("two")

    @tool(effect="none")
    async def two() -> str:
        return await ask("one")

    results = Results()
    boxes |= {t.spec.name: Cached(t, results, owner="ada") for t in (one, two)}
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*[boxes[name].use(call(name)) for name in boxes])
    assert [answer.text for answer in answers] == ["rain", "rain"]


async def test_an_error_that_nobody_shares_is_not_reported_as_unread() -> None:
    reported: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: reported.append(told))
    office = Office()
    office.fails = 1
    with pytest.raises(ToolFailed):
        await office.cached().use(call())
    gc.collect()
    assert reported == []


# -- within other things


async def test_who_approves_and_who_counts_is_asked_each_time() -> None:
    asked = 0

    async def ask(call: ToolCall, tool: Tool) -> bool:
        nonlocal asked
        asked += 1
        return asked < 3

    office = Office()
    approved = Approved(office.cached(), ask)
    for _ in range(2):
        await approved.use(call())
    with pytest.raises(ToolDenied):
        await approved.use(call())
    assert len(office.looked) == 1
    limited = Limited([office.cached()], calls=1)
    await limited.use(call())
    with pytest.raises(ToolError, match="all 1 uses"):
        await limited.use(call())


async def test_a_resumed_run_gets_what_it_was_given_whatever_is_kept_by_then() -> None:
    office, results, journal = Office(), Results(), MemoryJournal()

    async def run_once(results: Results) -> list[str]:
        box = ToolSet(office.cached(results))
        with journal.listening():
            return [(await box.use(call(id=str(n)))).text for n in range(2)]

    before = await run_once(results)
    assert before == ["rain in Turku, look 1"] * 2
    assert await run_once(Results()) == before  # nothing is kept any more
    newer = Results()
    assert (await office.cached(newer).use(call())).text == "rain in Turku, look 2"
    assert await run_once(newer) == before  # something else is kept
    old = Results()
    await run_once(old)
    assert len(old) == 0  # what was recorded is not taken for new


async def test_an_assistant_uses_it_as_it_uses_any_tool() -> None:
    office, results = Office(), Results()
    asks = ToolCall(id="c", name="weather", args={"city": "Turku"})
    async with Scope():
        for n in range(2):
            model = Scripted(asks, "It rains.")
            host = assistant("host", model=model, tools=[office.cached(results)])
            assert [message.text for message in await host.inquire("go")][-1] == "It rains."
            [result] = model.requests[1].messages[-1].parts
            assert isinstance(result, ToolResult)
            assert (result.text, result.source) == (
                "rain in Turku, look 1",
                ("tool:weather", "tool:weather:cached")[n],
            )
    assert len(office.looked) == 1
