"""find_tools: from names to the tools that come along. Each is loaded only when it is chosen."""

from collections.abc import Iterable
from importlib import import_module

from . import Tool
from ._near import unknown_tool

_SHIPPED = ("calculator", "clock")


def find_tools(names: Iterable[str]) -> list[Tool]:
    """The tools of these names, in order: "calculator", "clock".

    Raises:
        UnknownTool: None of that name comes along.
    """
    return [_find(name) for name in names]


def _find(name: str) -> Tool:
    if name not in _SHIPPED:
        raise unknown_tool(name, _SHIPPED)
    return getattr(import_module(f"retinue.tools.{name}"), name)
