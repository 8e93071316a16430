"""Asking: a person is asked through the run that needs the answer, at whichever door they are."""

from dataclasses import replace
from typing import Any, Final

from retinue.messages import FrozenDict, ToolCall
from retinue.steps import ask
from retinue.tools import Ask, Tool, ask_on_console, question_about

SCHEMA: Final = FrozenDict(
    {
        "type": "object",
        "properties": {
            "approved": {"type": "boolean"},
            "args": {"type": "object", "description": "Other arguments, if these are wrong"},
        },
        "required": ["approved"],
    }
)
"""What an approval is answered with; true and false are understood as well."""


def ask_in_run(otherwise: Ask = ask_on_console) -> Ask:
    """Asks whether a call may be made, as an interrupt of the run around.

    Args:
        otherwise: Asks where there is no run.
    """

    async def put(call: ToolCall, tool: Tool) -> bool | ToolCall:
        question = {
            "text": "\n".join(question_about(call, tool)),
            "tool": call.name,
            "risk": tool.risk,
            "schema": SCHEMA,
            "call": call,
        }
        return approved(call, await ask(question, lambda: otherwise(call, tool)))

    return put


def approved(call: ToolCall, answer: Any) -> bool | ToolCall:
    """What an answer means for a call: yes, no, or the call with other arguments."""
    match answer:
        case bool() | ToolCall():
            return answer
        case {"approved": True, "args": {**args}}:
            return replace(call, args=FrozenDict(args))
        case {"approved": bool(yes)}:
            return yes
        case "yes" | "y":
            return True
        case _:
            return False
