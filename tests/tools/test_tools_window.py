"""The room's window, and the tools of the document this project was created from."""

import json
import subprocess
import sys
from typing import Any, Dict  # noqa: UP035 - as in the document

import pytest

import retinue.tools
from retinue.messages import ToolCall
from retinue.tools import Configured, ToolSet, tool


def test_the_window_shows_what_it_says() -> None:
    for name in retinue.tools.__all__:
        assert getattr(retinue.tools, name) is not None
    assert len(set(retinue.tools.__all__)) == len(retinue.tools.__all__)


def test_what_is_not_there_is_missed_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match=r"retinue\.tools.*'nothing'"):
        _ = retinue.tools.nothing  # type: ignore[attr-defined]


def test_looking_at_the_contract_loads_no_neighbour() -> None:
    code = """
import sys
from retinue.tools import Tool, Toolbox, Risk, as_toolbox
as_toolbox()
print(sorted(m for m in sys.modules if m.startswith("retinue.tools.")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    expected = "['retinue.tools._caller', 'retinue.tools._near', 'retinue.tools._toolbox']"
    assert done.stdout.strip() == expected, done.stderr


@tool
def custom_tool(query: str, options: Dict[str, Any] = None) -> str:  # type: ignore[assignment]  # noqa: RUF013, UP006
    """
    Custom tool for specialized functionality.

    Args:
        query: Input query
        options: Additional options

    Returns:
        Tool execution result
    """
    return f"Custom operation result: {query} {options}"


class APIAgent:
    @tool
    def call_external_api(self, endpoint: str, method: str = "GET", data: Dict = None) -> str:  # type: ignore[assignment]  # noqa: RUF013, UP006
        """Make API calls with proper error handling."""
        return f"{method} {endpoint} {json.dumps(data)}"


async def test_the_custom_tool_of_the_document_works_under_its_tool_config() -> None:
    config: Any = {"custom_tool": {"enabled": True, "timeout": 30, "retries": 3}}
    box = Configured(ToolSet(custom_tool), config)
    (spec,) = [one.spec for one in box.tools]
    assert spec.description == "Custom tool for specialized functionality."
    properties = spec.parameters["properties"]
    assert [properties[name]["description"] for name in ("query", "options")] == [
        "Input query",
        "Additional options",
    ]
    assert spec.parameters["required"] == ("query",)
    call = ToolCall(id="1", name="custom_tool", args={"query": "q", "options": None})
    assert (await box.use(call)).content == "Custom operation result: q None"


async def test_the_tool_methods_of_the_document_work() -> None:
    agent = APIAgent()
    call = ToolCall(id="1", name="x", args={"endpoint": "/a", "data": {"b": [1]}})
    assert (await agent.call_external_api.use(call)).content == 'GET /a {"b": [1]}'
    assert agent.call_external_api("/b", method="PUT") == "PUT /b null"
