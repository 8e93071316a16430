"""Wrappers: approval, limits, choice and configuration around any toolbox."""

import asyncio
from typing import Any

import pytest

from retinue.errors import (
    SettingsError,
    ToolDenied,
    ToolError,
    ToolFailed,
    ToolTimeout,
    UnknownTool,
)
from retinue.messages import ToolCall
from retinue.tools import (
    Approved,
    Chosen,
    Configured,
    Limited,
    Policed,
    Tool,
    Toolbox,
    ToolConfig,
    ToolSet,
    tool,
)


def call(name: str, **args: Any) -> ToolCall:
    return ToolCall(id="1", name=name, args=args)


class Bench:
    """Some tools, and what was done with them."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.fails = 0

        @tool
        async def shout(text: str) -> str:
            self.done.append("shout")
            return self._flaky(text.upper())

        @tool(effect="none")
        async def look() -> str:
            self.done.append("look")
            return self._flaky("seen")

        @tool(effect="none", timeout=None)
        async def wait() -> None:
            self.done.append("wait")
            await asyncio.Event().wait()

        self.box = ToolSet(shout, look, wait)

    def _flaky(self, text: str) -> str:
        if len(self.done) <= self.fails:
            raise OSError("flaky")
        return text


async def never(call: ToolCall, tool: Tool) -> bool:
    return False


async def always(call: ToolCall, tool: Tool) -> bool:
    return True


def names(box: Toolbox) -> list[str]:
    return [one.spec.name for one in box.tools]


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda box: Approved(box, always),
        lambda box: Limited(box),
        lambda box: Chosen(box, ["shout", "look", "wait"]),
        lambda box: Configured(box, {}),
    ],
)
async def test_every_wrapper_has_the_face_of_what_it_wraps(wrapped: Any) -> None:
    box: Toolbox = wrapped(Bench().box)
    assert names(box) == ["shout", "look", "wait"]
    assert (await box.use(call("shout", text="a"))).content == "A"
    with pytest.raises(UnknownTool) as caught:
        await box.use(call("shuot", text="a"))
    assert "Did you mean shout?" in (caught.value.hint or "")


async def test_a_wrapper_takes_plain_functions_as_well() -> None:
    def double(x: int) -> int:
        return 2 * x

    for box in (
        Approved(double, always),
        Limited([double]),
        Chosen([double], ["double"]),
        Configured([double], {"double": {}}),
        Policed([double], [], always),
    ):
        assert (await box.use(call("double", x=2))).content == "4"


# -- Approved


async def test_what_is_not_approved_is_denied_and_not_done() -> None:
    bench = Bench()
    with pytest.raises(ToolDenied, match="'shout' was not approved") as caught:
        await Approved(bench.box, never).use(call("shout", text="a"))
    assert caught.value.hint
    assert bench.done == []


async def test_who_is_asked_sees_the_very_call_and_the_tool() -> None:
    seen: list[tuple[ToolCall, Tool]] = []

    async def ask(call: ToolCall, tool: Tool) -> bool:
        seen.append((call, tool))
        return True

    bench = Bench()
    asked = call("shout", text="a")
    await Approved(bench.box, ask).use(asked)
    assert seen == [(asked, bench.box.tools[0])]


async def test_nobody_is_asked_about_a_tool_that_is_not_there() -> None:
    async def ask(call: ToolCall, tool: Tool) -> bool:
        raise AssertionError

    with pytest.raises(UnknownTool):
        await Approved(Bench().box, ask).use(call("other"))


# -- Limited


async def test_uses_beyond_the_limit_are_refused_even_side_by_side() -> None:
    bench = Bench()
    box = Limited(bench.box, calls=2)
    uses = [box.use(call("look")) for _ in range(4)]
    results = await asyncio.gather(*uses, return_exceptions=True)
    refused = [one for one in results if isinstance(one, ToolError)]
    assert len(refused) == 2
    assert "all 2 uses" in str(refused[0])
    assert refused[0].hint
    assert bench.done == ["look", "look"]


async def test_a_use_that_takes_too_long_is_stopped() -> None:
    with pytest.raises(ToolTimeout, match="wait did not end"):
        await Limited(Bench().box, timeout=0.01).use(call("wait"))


# -- Chosen


async def test_only_what_was_chosen_is_offered_and_used() -> None:
    bench = Bench()
    box = Chosen(bench.box, ["look", "shout"])
    assert names(box) == ["look", "shout"]
    with pytest.raises(UnknownTool) as caught:
        await box.use(call("wait"))
    assert caught.value.hint == "There are: look, shout."


def test_choosing_what_is_not_there_is_an_error() -> None:
    with pytest.raises(UnknownTool, match="lok"):
        Chosen(Bench().box, ["lok"])


# -- Configured


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    import retinue.tools._patience as patience

    monkeypatch.setattr(patience, "_PAUSE", 0.0)


async def test_a_tool_that_is_not_enabled_is_not_there() -> None:
    box = Configured(Bench().box, {"look": {"enabled": False}, "wait": {"enabled": True}})
    assert names(box) == ["shout", "wait"]
    with pytest.raises(UnknownTool):
        await box.use(call("look"))


async def test_the_tool_config_of_the_document_is_understood() -> None:
    config: dict[str, ToolConfig] = {"shout": {"enabled": True, "timeout": 30, "retries": 3}}
    box = Configured(Bench().box, config)
    assert (await box.use(call("shout", text="a"))).content == "A"


async def test_retries_are_for_what_may_be_done_twice(no_pause: None) -> None:
    bench = Bench()
    bench.fails = 2
    box = Configured(bench.box, {"look": {"retries": 3}, "shout": {"retries": 3}})
    assert (await box.use(call("look"))).content == "seen"
    assert bench.done == ["look"] * 3
    bench.fails = 99
    with pytest.raises(ToolFailed):
        await box.use(call("shout", text="a"))
    assert bench.done == ["look"] * 3 + ["shout"]  # it acts once, whatever was configured


async def test_a_configured_timeout_holds_for_each_try(no_pause: None) -> None:
    bench = Bench()
    box = Configured(bench.box, {"wait": {"timeout": 0.01, "retries": 1}})
    with pytest.raises(ToolTimeout):
        await box.use(call("wait"))
    assert bench.done == ["wait", "wait"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"enabeld": True}, "enabeld = True"),
        ({"enabled": "yes"}, "enabled = 'yes'"),
        ({"timeout": 0}, "timeout = 0"),
        ({"timeout": "30"}, "timeout = '30'"),
        ({"retries": -1}, "retries = -1"),
        ({"retries": True}, "retries = True"),
        ({"retries": 1.5}, r"retries = 1\.5"),
    ],
)
def test_a_malformed_setting_is_named(settings: Any, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        Configured(Bench().box, {"look": settings})
    assert "retries" in (caught.value.hint or "")


def test_configuring_what_is_not_there_is_an_error() -> None:
    with pytest.raises(UnknownTool) as caught:
        Configured(Bench().box, {"lok": {}})
    assert "Did you mean look?" in (caught.value.hint or "")
