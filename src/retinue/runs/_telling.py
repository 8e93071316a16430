"""Telling: from the words of `steps.emit` to the events of the log."""

from typing import Any

from retinue.messages.events import LogEvent, ModelAnswered, ToolAnswered, ToolAsked


def told(kind: str, fields: dict[str, Any]) -> LogEvent | None:
    """The event; None, for what is of no concern to readers."""
    match kind:
        case "tool_asked":
            return ToolAsked(call=fields["call"])
        case "tool_answered":
            return ToolAnswered(result=fields["result"])
        case "model_answered":
            return ModelAnswered(
                model=fields.get("model") or "",
                usage=dict(fields.get("usage") or {}),
                cost=fields.get("cost"),
                stop=fields.get("stop"),
            )
        case _:
            return None
