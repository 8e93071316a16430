"""Configured: what an agent's `tool_config` says about each tool."""

from collections.abc import Mapping
from typing import Any, TypedDict

from retinue.errors import SettingsError
from retinue.messages import ToolCall, ToolResult

from . import Tool
from ._chosen import Chosen
from ._patience import persistently, within
from ._toolbox import Tools, as_toolbox, find_in


class ToolConfig(TypedDict, total=False):
    """Whether a tool is offered, seconds for each try, and how often it is tried again."""

    enabled: bool
    timeout: float | None
    retries: int


class Configured:
    """Applies a `ToolConfig` to each tool that has one.

    A timeout only shortens: the tool's own holds too. Tools whose effect is "once" are never tried
    again, whatever `retries` says.

    Raises:
        UnknownTool: The toolbox has no tool of that name.
        SettingsError: A setting is unknown or malformed.
    """

    def __init__(self, inner: Tools, config: Mapping[str, ToolConfig]) -> None:
        box = as_toolbox(inner)
        for name, settings in config.items():
            find_in(box, name)
            _check(name, settings)
        self._config = config
        names = [tool.spec.name for tool in box.tools]
        self._inner = Chosen(box, [n for n in names if config.get(n, {}).get("enabled", True)])

    @property
    def tools(self) -> tuple[Tool, ...]:
        return self._inner.tools

    async def use(self, call: ToolCall) -> ToolResult:
        tool = find_in(self._inner, call.name)
        config = self._config.get(call.name, {})
        timeout = config.get("timeout")
        retries = config.get("retries", 0) if tool.effect != "once" else 0
        return await persistently(
            retries, lambda: within(timeout, call.name, self._inner.use(call))
        )


def _check(name: str, settings: Mapping[str, Any]) -> None:
    for setting, value in settings.items():
        match setting, value:
            case "enabled", bool():
                pass
            case "retries", int() if value >= 0 and value is not True and value is not False:
                pass
            case "timeout", int() | float() | None if value is None or value > 0:
                pass
            case _:
                raise SettingsError(
                    f"tool_config of {name!r}: {setting} = {value!r} is not possible",
                    hint="It knows enabled (true or false), timeout (seconds), retries (0 and up).",
                )
