"""Offer: our tools, as Claude Code is told of them: a server in this process that has them.

Its model may ask for them, and that is all. They are used by who asked the model, under its own
policy and approval, and what they answer goes into the next question.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from claude_agent_sdk import McpSdkServerConfig, SdkMcpTool, create_sdk_mcp_server

from retinue.messages import ToolSpec
from retinue.models._wire import Json, written

NAME: Final = "retinue"
"""Of the server."""
PLAIN_NAMES: Final = {"CLAUDE_AGENT_SDK_MCP_NO_PREFIX": "1", "ENABLE_TOOL_SEARCH": "false"}
"""What makes Claude Code show its model all of our tools at once, by the names they have here."""


def offer(tools: Sequence[ToolSpec]) -> McpSdkServerConfig:
    """The server of these tools."""
    return create_sdk_mcp_server(NAME, tools=[tool_of(one) for one in tools])


def tool_of(spec: ToolSpec) -> SdkMcpTool[Any]:
    """A tool that can be asked for, and answers nothing but that it is not used there."""
    # Without properties the package would take the schema for a list of names and types.
    schema: Json = {"type": "object", "properties": {}, **json.loads(written(spec.parameters))}
    return SdkMcpTool(spec.name, spec.description, schema, _unused)


async def _unused(_: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": "It is not used here."}], "is_error": True}
