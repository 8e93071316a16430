"""Sets of tools: what they offer, who is used, and what is said when there is no such tool."""

from typing import Any

import pytest

from retinue.errors import ToolError, UnknownTool
from retinue.messages import ToolCall, ToolResult, ToolSpec
from retinue.steps import Effect
from retinue.tools import (
    Approved,
    Risk,
    Tool,
    Toolbox,
    ToolSet,
    as_toolbox,
    ask_on_console,
    find_tools,
    tool,
)


@tool
def weather(city: str) -> str:
    return f"rain in {city}"


def double(x: int) -> int:
    return 2 * x


class Foreign:
    """A Tool of somebody else's making."""

    spec = ToolSpec(name="foreign", description="", parameters={"type": "object"})
    effect: Effect = "none"
    risk: Risk = "read"

    async def use(self, call: ToolCall) -> ToolResult:
        return ToolResult(call_id=call.id, name="foreign", content="from afar")


def call(name: str, **args: Any) -> ToolCall:
    return ToolCall(id="1", name=name, args=args)


async def test_tools_functions_and_foreign_tools_are_used_by_name_in_the_order_given() -> None:
    box: Toolbox = ToolSet(weather, double, Foreign())
    assert [one.spec.name for one in box.tools] == ["weather", "double", "foreign"]
    assert (await box.use(call("double", x=4))).content == "8"
    assert (await box.use(call("weather", city="Turku"))).content == "rain in Turku"
    assert (await box.use(call("foreign"))).content == "from afar"


async def test_tools_of_another_box_are_used_through_that_box() -> None:
    asked: list[str] = []

    async def ask(call: ToolCall, tool: Tool) -> bool:
        asked.append(tool.spec.name)
        return True

    box = ToolSet(double, Approved(ToolSet(weather, Foreign()), ask))
    assert [one.spec.name for one in box.tools] == ["double", "weather", "foreign"]
    await box.use(call("double", x=1))
    assert asked == []
    assert (await box.use(call("weather", city="Turku"))).content == "rain in Turku"
    assert asked == ["weather"]


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ToolError, match="Two tools are called 'weather'") as caught:
        ToolSet(weather, ToolSet(weather))
    assert "name=" in (caught.value.hint or "")


@pytest.mark.parametrize("given", ["clock", 5, None, {"name": "x"}])
def test_what_can_be_no_tool_is_refused(given: Any) -> None:
    with pytest.raises(ToolError, match="is no tool") as caught:
        ToolSet(given)
    assert "find_tools" in (caught.value.hint or "")


async def test_an_unknown_name_gets_near_matches_and_all_there_are() -> None:
    box = ToolSet(weather, double)
    with pytest.raises(UnknownTool, match="no tool 'wether'") as caught:
        await box.use(call("wether"))
    assert caught.value.hint == "Did you mean weather? There are: weather, double."
    with pytest.raises(UnknownTool) as caught:
        await box.use(call("WEATHER"))
    assert "Did you mean weather?" in (caught.value.hint or "")
    with pytest.raises(UnknownTool) as caught:
        await box.use(call("zzz"))
    assert caught.value.hint == "There are: weather, double."
    with pytest.raises(UnknownTool) as caught:
        await ToolSet().use(call("zzz"))
    assert caught.value.hint == "There are no tools here."


async def test_whatever_an_assistant_is_given_becomes_a_toolbox() -> None:
    box = ToolSet(weather)
    assert as_toolbox(box) is box
    assert as_toolbox().tools == as_toolbox(None).tools == as_toolbox([]).tools == ()
    assert as_toolbox(weather).tools == (weather,)
    assert as_toolbox([weather, double]).tools[0] is weather
    assert len(as_toolbox({weather, double}).tools) == 2
    assert len(as_toolbox(one for one in (weather, double)).tools) == 2
    assert [one.spec.name for one in as_toolbox(double).tools] == ["double"]
    assert [one.spec.name for one in as_toolbox(Foreign()).tools] == ["foreign"]
    assert [one.spec.name for one in as_toolbox([box, double]).tools] == ["weather", "double"]
    approved = Approved(box, ask_on_console)
    assert as_toolbox(approved) is approved


async def test_tools_that_come_along_are_found_by_name() -> None:
    calculator, clock = find_tools(["calculator", "clock"])
    assert (calculator.spec.name, clock.spec.name) == ("calculator", "clock")
    for one in (calculator, clock):
        assert (one.effect, one.risk) == ("none", "read")
        assert one.spec.description
    assert (await calculator.use(call("calculator", expression="6*7"))).content == "42"


def test_a_name_that_does_not_come_along_is_unknown() -> None:
    with pytest.raises(UnknownTool) as caught:
        find_tools(["clock", "calculater"])
    assert caught.value.hint == "Did you mean calculator? There are: calculator, clock."
